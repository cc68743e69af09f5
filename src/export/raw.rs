//! The LogEvent alone.

use serde_json::value::RawValue;

use crate::consent::{Consent, Seq};

/// Appends the LogEvent on one line. `null` where the kept text is no JSON, which only a damaged journal can bring.
pub(super) fn line(_seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    match one_line(&consent.raw) {
        Some(raw) => out.extend_from_slice(raw.get().as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'\n');
}

/// Takes the white space between tokens out of a JSON text and checks it. Tokens stay byte for byte: numbers, escapes,
/// the order of keys and keys that come twice.
pub(super) fn one_line(json: &str) -> Option<Box<RawValue>> {
    let mut text = String::with_capacity(json.len());
    let mut in_string = false;
    let mut escaped = false;
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            in_string = c == '"';
        }
        text.push(c);
    }
    // Two tokens that only white space kept apart are no JSON before either, but would be one token now.
    let is_json = serde_json::from_str::<&RawValue>(json).is_ok();
    if is_json { RawValue::from_string(text).ok() } else { None }
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
    fn deep_nesting_does_not_overflow() {
        let deep = format!("{}{}", "[ ".repeat(100_000), "]".repeat(100_000));
        assert_eq!(joined(&deep).map(|text| text.len()), Some(200_000));
    }
}
