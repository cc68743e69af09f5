//! Writes the LogEvent as Okta sent it.

use serde_json::value::RawValue;

use crate::consent::{Consent, Seq};
use crate::json_scan::end_of_string;

/// Appends the LogEvent on one line.
pub(super) fn line(_seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    out.extend_from_slice(embedded(&consent.raw).get().as_bytes());
    out.push(b'\n');
}

/// Returns the LogEvent as JSON without line breaks. Text that is not JSON, which only a damaged journal can contain,
/// becomes a JSON string, so that it is kept as evidence without breaking the line.
pub(super) fn embedded(kept: &str) -> Box<RawValue> {
    one_line(kept)
        .or_else(|| serde_json::value::to_raw_value(kept).ok())
        .expect("every text has a form as a JSON string")
}

/// Returns JSON without white space between tokens, or `None` if it is invalid. Tokens stay byte for byte the same:
/// numbers, escapes, the order of keys and repeated keys.
fn one_line(json: &str) -> Option<Box<RawValue>> {
    let bytes = json.as_bytes();
    let (mut text, mut kept, mut at) = (String::new(), 0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at + 1).map_or(bytes.len(), |quote| quote + 1),
            b' ' | b'\t' | b'\n' | b'\r' => {
                text.push_str(json.get(kept..at)?);
                at += 1;
                kept = at;
            }
            _ => at += 1,
        }
    }
    if kept == 0 {
        return RawValue::from_string(json.to_owned()).ok();
    }
    // Two tokens separated only by white space are invalid JSON, but could become one valid token without it.
    serde_json::from_str::<&RawValue>(json).ok()?;
    text.push_str(json.get(kept..)?);
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(json: &str) -> Option<String> {
        one_line(json).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        assert_eq!(
            joined("{ \"b\" : 1.50e+2,\r\n\t\"a b\\\" \" : [ true , null ],\"b\":\"\\ud800 \\\\\" }")
                .as_deref(),
            Some("{\"b\":1.50e+2,\"a b\\\" \":[true,null],\"b\":\"\\ud800 \\\\\"}")
        );
        assert_eq!(
            joined("123456789012345678901234567890").as_deref(),
            Some("123456789012345678901234567890")
        );
    }

    #[test]
    fn what_is_no_json_is_not_passed_on() {
        for broken in ["", "{", "1 2", "\"a\nb\"", "{\"a\":1}x"] {
            assert_eq!(joined(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_damaged_event_is_passed_on_as_a_text() {
        use crate::export::sample;
        let damaged = Consent { raw: "{\"a\":1\r\n\u{1b}[2J".into(), ..sample::bare() };
        let mut out = Vec::new();
        line(Seq(1), &damaged, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"{\\\"a\\\":1\\r\\n\\u001b[2J\"\n");
    }

    #[test]
    fn deep_nesting_does_not_overflow() {
        let deep = format!("{}{}", "[ ".repeat(100_000), "]".repeat(100_000));
        assert_eq!(joined(&deep).map(|text| text.len()), Some(200_000));
    }
}
