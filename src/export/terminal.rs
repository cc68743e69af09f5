//! Makes JSON and text safe for a terminal.

use std::borrow::Cow;

use crate::consent::{in_ascii, replace_hidden};

/// Escapes control characters and invisible characters in the line of JSON that begins at `start`. In valid JSON they
/// occur only inside strings, where a `\u` escape means the same.
pub(super) fn escape(out: &mut Vec<u8>, start: usize) {
    let Some(Ok(line)) = out.get(start..).map(std::str::from_utf8) else {
        debug_assert!(false, "a line of JSON is text");
        out.truncate(start);
        return;
    };
    let json = line.strip_suffix('\n').unwrap_or(line);
    if let Cow::Owned(mut escaped) = replace_hidden(json, push_escape) {
        escaped.push('\n');
        out.truncate(start);
        out.extend_from_slice(escaped.as_bytes());
    }
}

/// Escapes everything that is not ASCII in the lines of JSON that begin at `start`. The JSON values stay the same.
pub(super) fn escape_to_ascii(out: &mut Vec<u8>, start: usize) {
    rewrite(out, start, |json| {
        let mut escaped = String::with_capacity(json.len() + 16);
        for c in json.chars() {
            if c.is_ascii() { escaped.push(c) } else { push_escape(&mut escaped, c) }
        }
        escaped
    });
}

/// Rewrites the lines for people that begin at `start` in ASCII, with the numbers of other characters.
pub(super) fn number(out: &mut Vec<u8>, start: usize) {
    rewrite(out, start, |text| in_ascii(text).into_owned());
}

fn rewrite(out: &mut Vec<u8>, start: usize, change: impl FnOnce(&str) -> String) {
    let Some(text) = out.get(start..).filter(|text| !text.is_ascii()) else { return };
    // The buffer holds only text. Invalid UTF-8 would become U+FFFD and not be sent raw.
    let changed = change(&String::from_utf8_lossy(text));
    out.truncate(start);
    out.extend_from_slice(changed.as_bytes());
}

/// Appends the `\u` escapes of a character, one for each UTF-16 unit.
fn push_escape(out: &mut String, c: char) {
    use std::fmt::Write as _;
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(out, "\\u{unit:04x}").expect("a String takes whatever is written");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::consent::{Consent, Orgs, Seq, Untrusted};
    use crate::export::unseen::unseen;
    use crate::export::{Lines, sample};

    const HOSTILE: &str = "a\u{9b}2J\u{7f}\u{202e}b\u{200b}\u{200d}\u{feff}\u{e0041}é";

    fn hostile() -> Consent {
        let mut hostile = sample::both_ways();
        hostile.client.label = Some(Untrusted::new(HOSTILE));
        hostile.message = Some(Untrusted::new(HOSTILE));
        let raw = format!(r#"{{"{HOSTILE}":1,"debugContext":{{"debugData":{{"x":"{HOSTILE}"}}}}}}"#);
        Consent { raw: Arc::from(raw), ..hostile }
    }

    #[test]
    fn nothing_reaches_a_terminal_raw_and_the_values_stay() {
        for form in [Lines::Json, Lines::Card, Lines::Raw] {
            let (mut exact, mut shown) = (b"before\xff\n".to_vec(), b"before\xff\n".to_vec());
            form.line(Seq(1), &hostile(), &Orgs::default(), &mut exact);
            form.line_for_terminal(Seq(1), &hostile(), &Orgs::default(), &mut shown);
            let (exact, shown) = (exact.split_off(8), shown.split_off(8));
            let shown = String::from_utf8(shown).unwrap();
            assert!(
                shown.contains("a\\u009b2J\\u007f\\u202eb\\u200b\\u200d\\ufeff\\udb40\\udc41é"),
                "{shown}"
            );
            assert_eq!(unseen(shown.trim_end_matches('\n'), false), None, "{shown}");
            let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
            assert_eq!(read(shown.as_bytes()), read(&exact));
        }
    }

    #[test]
    fn ascii_keeps_the_values_of_json_and_numbers_the_rest() {
        let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        for form in [Lines::Json, Lines::Card, Lines::Raw, Lines::Ecs, Lines::Ocsf] {
            let (mut exact, mut shown) = (Vec::new(), b"before\xff\n".to_vec());
            form.line(Seq(1), &hostile(), &Orgs::default(), &mut exact);
            form.line_for_terminal(Seq(1), &hostile(), &Orgs::default(), &mut shown);
            form.to_ascii(&mut shown, 8);
            assert!(shown[8..].is_ascii());
            assert_eq!(read(&shown[8..]), read(&exact));
        }
        let mut text = Vec::new();
        Lines::Text.line(Seq(1), &hostile(), &Orgs::default(), &mut text);
        Lines::Text.to_ascii(&mut text, 0);
        let text = String::from_utf8(text).unwrap();
        assert!(text.is_ascii() && text.contains("<U+00E9>"), "{text}");
    }

    #[test]
    fn a_plain_line_stays_as_it_is() {
        for form in [Lines::Json, Lines::Card, Lines::Raw, Lines::Text] {
            let (mut exact, mut shown) = (Vec::new(), Vec::new());
            form.line(Seq(1), &sample::both_ways(), &Orgs::default(), &mut exact);
            form.line_for_terminal(Seq(1), &sample::both_ways(), &Orgs::default(), &mut shown);
            assert_eq!(shown, exact);
        }
    }
}
