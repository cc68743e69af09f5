//! Takes secrets, and people if they are hidden, out of a recording before it is written.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::message::{Recorded, RecordedSide};
use crate::consent::redact;
use crate::json_scan::end_of_string;
use crate::model::{Chord, Key, Mask};
use crate::secret::scrub;

/// Characters of keys that are looked at together.
const WINDOW: usize = 32;
/// A secret of so many characters has this many different ones; keys that move have fewer.
const DIFFERENT: usize = 20;

/// Hides what looks like a secret in keys that were typed one after the other, and who is named there if `mask` is on.
/// Each character becomes an `x`. Returns how many characters were hidden.
pub(super) fn typed(messages: &mut [Recorded], mask: &Mask) -> usize {
    let mut hidden = 0;
    for (run, is_text) in runs(messages) {
        let chars: Vec<char> = run.iter().map(|(_, c)| *c).collect();
        let hide = if is_text { hidden_text(&chars, mask) } else { hidden_keys(&chars) };
        hidden += hide.len();
        for (at, _) in run.get(hide).unwrap_or_default() {
            let chord = Chord::char('x');
            messages[*at] = if is_text { Recorded::Typed(chord) } else { Recorded::Key(chord) };
        }
    }
    hidden
}

/// Characters that were typed one after the other, each with the place of its message.
type Run = Vec<(usize, char)>;

/// Returns the runs of characters, and whether each is a text. Messages that are no keys may come between two keys, and
/// within a text keys that move or delete.
fn runs(messages: &[Recorded]) -> Vec<(Run, bool)> {
    let mut runs: Vec<(Run, bool)> = Vec::new();
    let mut is_open = false;
    for (at, message) in messages.iter().enumerate() {
        let (chord, is_text) = match message {
            Recorded::Typed(chord) => (*chord, true),
            Recorded::Key(chord) => (*chord, false),
            _ => continue,
        };
        match plain_char(chord) {
            Some(c) => match runs.last_mut().filter(|(_, other)| is_open && *other == is_text) {
                Some((run, _)) => run.push((at, c)),
                None => runs.push((vec![(at, c)], is_text)),
            },
            None if is_text && !matches!(chord.key, Key::Enter | Key::Esc) => continue,
            None => {}
        }
        is_open = plain_char(chord).is_some();
    }
    runs
}

/// Returns which characters of a text that was typed are hidden: all or none.
fn hidden_text(run: &[char], mask: &Mask) -> std::ops::Range<usize> {
    let text: String = run.iter().collect();
    let is_open = redact::text(&text) == text && scrub(&text) == text && mask.text(&text) == text;
    0..if is_open { 0 } else { run.len() }
}

/// Returns which keys are hidden of those that were commands: somebody may have pasted a secret at the wrong place, and
/// the terminal did not say that it was pasted.
fn hidden_keys(run: &[char]) -> std::ops::Range<usize> {
    let is_secret = |window: &[char]| {
        let text: String = window.iter().collect();
        window.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT && scrub(&text) != text
    };
    let mut windows = run.windows(WINDOW.min(run.len()).max(1)).map(is_secret);
    match (windows.clone().position(|is| is), windows.rposition(|is| is)) {
        (Some(first), Some(last)) => first..(last + WINDOW).min(run.len()),
        _ => 0..0,
    }
}

fn plain_char(chord: Chord) -> Option<char> {
    match chord {
        Chord { key: Key::Char(c), ctrl: false, alt: false, .. } => Some(c),
        _ => None,
    }
}

/// Returns a message without secrets in what was pasted, and without people if `mask` is on. Returns `None` if that
/// cannot be done.
pub(super) fn message(recorded: Recorded, mask: &Mask) -> Option<Recorded> {
    let recorded = match recorded {
        Recorded::Paste(text) => Recorded::Paste(scrub(&redact::text(&text)).into_owned()),
        other => other,
    };
    if !mask.is_on() {
        return Some(recorded);
    }
    match recorded {
        Recorded::Record(seq, Some(mut consent)) => {
            let names = mask.names(&consent.restore());
            let hide = |text: &str| names.hide(mask, text);
            let raw = strings(&std::mem::take(&mut consent.raw), hide);
            let hook_copy = consent.hook_copy.take().map(|copy| strings(&copy, hide));
            let mut consent = texts(&*consent, &hide)?;
            (consent.raw, consent.hook_copy, consent.uuid) = (raw, hook_copy, None);
            Some(Recorded::Record(seq, Some(Box::new(consent))))
        }
        Recorded::Beside(seq, sides, consents) => {
            let hide = |text: &str| mask.text(text).into_owned();
            let sides = sides.into_iter().map(|mut side| {
                let raw = strings(&std::mem::take(&mut side.raw), hide);
                let mut side: RecordedSide = texts(&side, &hide)?;
                (side.raw, side.uuid) = (raw, None);
                Some(side)
            });
            Some(Recorded::Beside(seq, sides.collect::<Option<_>>()?, consents))
        }
        other => texts(&other, &|text| mask.text(text).into_owned()),
    }
}

/// Returns a value with each of its texts changed, or `None` if it is no such value any more.
pub(super) fn texts<T: Serialize + DeserializeOwned>(
    value: &T,
    change: &dyn Fn(&str) -> String,
) -> Option<T> {
    let mut json = serde_json::to_value(value).ok()?;
    walk(&mut json, change);
    serde_json::from_value(json).ok()
}

fn walk(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(values) => values.iter_mut().for_each(|value| walk(value, change)),
        Value::Object(members) => members.values_mut().for_each(|value| walk(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Changes each string of a JSON text, and nothing else of it. What is no JSON is changed as one text.
fn strings(json: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('"') {
        let Some((text, behind)) = end_of_string(after.as_bytes(), 0)
            .and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?)))
        else {
            return change(json);
        };
        let Ok(text) = serde_json::from_str::<String>(&format!("\"{text}\"")) else { return change(json) };
        changed.push_str(before);
        changed.push_str(&Value::String(change(&text)).to_string());
        rest = behind;
    }
    changed.push_str(rest);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, recorded: fn(Chord) -> Recorded) -> String {
        // A filter that is typed is looked up at each key.
        let keys = text.chars().flat_map(|c| [recorded(Chord::char(c)), Recorded::Work]);
        let mut messages: Vec<Recorded> = keys.collect();
        typed(&mut messages, &Mask::default());
        runs(&messages).iter().flat_map(|(run, _)| run).map(|(_, c)| *c).collect()
    }

    #[test]
    fn a_secret_that_was_typed_key_by_key_is_hidden() {
        assert_eq!(after("who:ada kind:grant", Recorded::Typed), "who:ada kind:grant");
        let url = "\"https://ada:CANARY@example.test/\"";
        assert_eq!(after(url, Recorded::Typed), "x".repeat(url.chars().count()));
    }

    #[test]
    fn a_secret_among_commands_is_hidden_and_movement_is_not() {
        for keys in ["jkG".repeat(40), "jjkkGgFhlnN1234oOzHp".repeat(9), "j".to_owned(), String::new()] {
            assert_eq!(after(&keys, Recorded::Key), keys);
        }
        let token = "00Abcdefghijklmnopqrstuvwxyz0123456789ABCD";
        let left = after(&format!("jjjj{token}kkkk"), Recorded::Key);
        assert!(left.starts_with('j') && left.contains(&"x".repeat(token.len())), "{left}");
    }

    #[test]
    fn strings_of_json_change_and_nothing_else() {
        let upper = |text: &str| text.to_uppercase();
        assert_eq!(
            strings(r#"{"b": [1.50, "zo\u00eb"], "a": null}"#, upper),
            r#"{"B": [1.50, "ZOË"], "A": null}"#
        );
        assert_eq!(strings(r#"no json: "open"#, upper), r#"NO JSON: "OPEN"#);
    }
}
