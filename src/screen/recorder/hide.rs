//! Takes secrets, and people if they are hidden, out of a recording before it is written.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::message::{Recorded, RecordedSide};
use crate::consent::redact;
use crate::json_scan::end_of_string;
use crate::model::{Chord, Copied, Key, Mark, Marks, Mask};
use crate::secret::scrub;

/// Characters of keys that are looked at together.
const WINDOW: usize = 32;
/// A secret of so many characters has this many different ones; keys that move have fewer.
const DIFFERENT: usize = 20;

/// Hides what was typed: all of it if `mask` is on, else what looks like a secret. Each character becomes an `x`.
/// Returns how many characters were hidden.
pub(super) fn typed(messages: &mut [Recorded], mask: &Mask) -> usize {
    let mut hidden = 0;
    for line in lines(messages) {
        if mask.is_on() || line.has_secret() {
            for at in line.places {
                hidden += blot(&mut messages[at]);
            }
        }
    }
    for keys in command_keys(messages) {
        let chars: Vec<char> = keys.iter().map(|(_, c)| *c).collect();
        for (at, _) in keys.get(hidden_keys(&chars, mask)).unwrap_or_default() {
            hidden += blot(&mut messages[*at]);
        }
    }
    hidden
}

/// Replaces the characters of a message by `x`, and returns how many they are.
fn blot(message: &mut Recorded) -> usize {
    let chord = Chord::char('x');
    match message {
        Recorded::Typed(typed) => *typed = chord,
        Recorded::Key(key) => *key = chord,
        Recorded::Paste(text) => {
            let length = text.chars().count();
            *text = "x".repeat(length);
            return length;
        }
        _ => return 0,
    }
    1
}

/// A line that was typed, from its first character until Enter or Esc.
#[derive(Default)]
struct Line {
    /// The messages with its characters.
    places: Vec<usize>,
    /// The characters in the order in which they came, without those that Backspace removed.
    left: String,
    /// All of them.
    all: String,
}

impl Line {
    fn has_secret(&self) -> bool {
        [&self.left, &self.all]
            .iter()
            .any(|text| redact::text(text) != text.as_str() || scrub(text) != text.as_str())
    }
}

/// Returns the lines that were typed. Messages that are no keys may come between two keys.
fn lines(messages: &[Recorded]) -> Vec<Line> {
    let (mut lines, mut line) = (Vec::new(), Line::default());
    for (at, message) in messages.iter().enumerate() {
        match message {
            Recorded::Typed(chord) => match plain_char(*chord) {
                Some(c) => {
                    line.places.push(at);
                    line.left.push(c);
                    line.all.push(c);
                }
                None if chord.key == Key::Backspace => drop(line.left.pop()),
                None if matches!(chord.key, Key::Enter | Key::Esc) => lines.push(std::mem::take(&mut line)),
                None => {}
            },
            Recorded::Paste(text) => {
                line.places.push(at);
                line.left.push_str(text);
                line.all.push_str(text);
            }
            // A command ends the line too: it may have been closed by a click.
            Recorded::Key(_) => lines.push(std::mem::take(&mut line)),
            _ => {}
        }
    }
    lines.push(line);
    lines
}

/// Returns the runs of characters that were commands, each with the place of its message.
fn command_keys(messages: &[Recorded]) -> Vec<Vec<(usize, char)>> {
    let (mut runs, mut run) = (Vec::new(), Vec::new());
    for (at, message) in messages.iter().enumerate() {
        match message {
            Recorded::Key(chord) => match plain_char(*chord) {
                Some(c) => run.push((at, c)),
                None => runs.push(std::mem::take(&mut run)),
            },
            Recorded::Typed(_) => runs.push(std::mem::take(&mut run)),
            _ => {}
        }
    }
    runs.push(run);
    runs
}

/// Returns which keys are hidden of those that were commands: somebody may have pasted a text at the wrong place, and
/// the terminal did not say that it was pasted.
fn hidden_keys(run: &[char], mask: &Mask) -> Range<usize> {
    if mask.is_on() && run.contains(&'@') {
        return 0..run.len();
    }
    let is_secret = |window: &[char]| {
        let text: String = window.iter().collect();
        let is_hex = window.len() == WINDOW && window.iter().all(char::is_ascii_hexdigit);
        let is_mixed = window.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT;
        (is_hex || is_mixed) && scrub(&text) != text
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

/// Returns a message without secrets, and without people if `mask` is on. Returns `None` if that cannot be done.
pub(super) fn message(recorded: Recorded, mask: &Mask) -> Option<Recorded> {
    let recorded = match recorded {
        kept @ (Recorded::Marks(_) | Recorded::Marked(..) | Recorded::Place(_) | Recorded::NotCopied(_)) => {
            texts(&kept, &clean)?
        }
        other => other,
    };
    if !mask.is_on() {
        return Some(recorded);
    }
    let hide = |text: &str| mask.text(text).into_owned();
    match recorded {
        // The title shows the hosts too, and a name is what the configuration calls an org.
        kept @ (Recorded::Orgs(_) | Recorded::OrgsInUse(_)) => Some(kept),
        Recorded::Record(seq, Some(mut consent)) => {
            let names = mask.names(&consent.restore());
            let hide = |text: &str| names.hide(mask, text);
            let raw = strings(&std::mem::take(&mut consent.raw), hide)?;
            let hook_copy = match consent.hook_copy.take() {
                Some(copy) => Some(strings(&copy, hide)?),
                None => None,
            };
            let mut consent = texts(&*consent, &hide)?;
            (consent.raw, consent.hook_copy, consent.uuid) = (raw, hook_copy, None);
            Some(Recorded::Record(seq, Some(Box::new(consent))))
        }
        Recorded::Beside(seq, sides, consents) => {
            let sides = sides.into_iter().map(|mut side| {
                let raw = std::mem::take(&mut side.raw);
                let names = mask.names_in(&raw);
                let raw = strings(&raw, |text| names.hide(mask, text))?;
                let mut side: RecordedSide = texts(&side, &hide)?;
                (side.raw, side.uuid) = (raw, None);
                Some(side)
            });
            Some(Recorded::Beside(seq, sides.collect::<Option<_>>()?, consents))
        }
        Recorded::Marked(seq, mark) => Some(Recorded::Marked(seq, mark.map(|mark| without_words(&mark)))),
        Recorded::Marks(marks) => Some(Recorded::Marks(Box::new(all_without_words(&marks)))),
        Recorded::NotCopied(copied) => {
            Some(Recorded::NotCopied(Copied { text: "(hidden)".to_owned(), ..copied }))
        }
        Recorded::Place(mut place) => {
            place.retain(|(name, _)| name != "filter");
            texts(&Recorded::Place(place), &hide)
        }
        other => texts(&other, &hide),
    }
}

/// Returns a text without what looks like a secret.
pub(super) fn clean(text: &str) -> String {
    scrub(&redact::text(text)).into_owned()
}

/// Returns a mark without the words of its note.
fn without_words(mark: &Mark) -> Mark {
    Mark { at: mark.at, note: if mark.note.is_empty() { "".into() } else { "note".into() } }
}

/// Returns marks without the words of their notes.
pub(super) fn all_without_words(marks: &Marks) -> Marks {
    Marks::new(marks.iter().map(|(seq, mark)| (seq, without_words(mark))), marks.elsewhere)
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

/// Changes each string of a JSON text, and nothing else of it. Returns `None` if the text is not JSON.
fn strings(json: &str, change: impl Fn(&str) -> String) -> Option<String> {
    let mut changed = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('"') {
        let end = end_of_string(after.as_bytes(), 0)?;
        let text: String = serde_json::from_str(&format!("\"{}\"", after.get(..end)?)).ok()?;
        changed.push_str(before);
        changed.push_str(&Value::String(change(&text)).to_string());
        rest = after.get(end + 1..)?;
    }
    changed.push_str(rest);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{KnownOrg, OrgId, OrgName, Orgs};

    fn after(text: &str, recorded: fn(Chord) -> Recorded) -> String {
        // A filter that is typed is looked up at each key.
        let keys = text.chars().flat_map(|c| [recorded(Chord::char(c)), Recorded::Work]);
        let mut messages: Vec<Recorded> = keys.collect();
        typed(&mut messages, &Mask::default());
        let chords = messages.iter().filter_map(|message| match message {
            Recorded::Typed(chord) | Recorded::Key(chord) => plain_char(*chord),
            _ => None,
        });
        chords.collect()
    }

    #[test]
    fn a_secret_that_was_typed_key_by_key_is_hidden() {
        assert_eq!(after("who:ada kind:grant", Recorded::Typed), "who:ada kind:grant");
        let url = "\"https://ada:CANARY@example.test/\"";
        assert_eq!(after(url, Recorded::Typed), "x".repeat(url.chars().count()));
    }

    #[test]
    fn orgs_stay_what_they_are() {
        let host = "127.0.0.1:8080";
        let name = OrgName::parse("prod").ok();
        let org = KnownOrg { key: host.into(), host: host.into(), name };
        let in_use = message(Recorded::OrgsInUse(vec![(OrgId(0), org.clone())]), &Mask::of_pseudonyms(true));
        assert!(matches!(in_use, Some(Recorded::OrgsInUse(left)) if left == [(OrgId(0), org.clone())]));
        let orgs = Orgs::new(vec![org]);
        let left = message(Recorded::Orgs(orgs.clone()), &Mask::of_pseudonyms(true));
        assert!(matches!(left, Some(Recorded::Orgs(left)) if left == orgs));
    }

    #[test]
    fn a_secret_in_pieces_is_hidden() {
        let typed_chars =
            |text: &str| text.chars().map(|c| Recorded::Typed(Chord::char(c))).collect::<Vec<_>>();
        let key = |key| Recorded::Typed(Chord::plain(key));
        let (first, second) = ("00Abcdefghijkl", "mnopqrstuvwxyz0123456789ABCD");
        let mut pasted = vec![Recorded::Paste(first.to_owned()), Recorded::Paste(second.to_owned())];
        assert_eq!(typed(&mut pasted, &Mask::default()), 42);
        let mut mixed = typed_chars(first);
        mixed.push(Recorded::Paste(second.to_owned()));
        assert_eq!(typed(&mut mixed, &Mask::default()), 42);
        let mut mended = typed_chars(&format!("{first},"));
        mended.push(key(Key::Backspace));
        mended.extend(typed_chars(second));
        assert_eq!(typed(&mut mended, &Mask::default()), 43);
        let mut two_lines = typed_chars(first);
        two_lines.push(key(Key::Enter));
        two_lines.extend(typed_chars("who:ada"));
        assert_eq!(typed(&mut two_lines, &Mask::default()), 0);
        assert_eq!(
            typed(&mut two_lines, &Mask::of_pseudonyms(true)),
            first.len() + 7,
            "people may be named there"
        );
    }

    #[test]
    fn a_secret_among_commands_is_hidden_and_movement_is_not() {
        for keys in ["jkG".repeat(40), "jjkkGgFhlnN1234oOzHp".repeat(9), "j".to_owned(), String::new()] {
            assert_eq!(after(&keys, Recorded::Key), keys);
        }
        let token = "00Abcdefghijklmnopqrstuvwxyz0123456789ABCD";
        let left = after(&format!("jjjj{token}kkkk"), Recorded::Key);
        assert!(left.starts_with('j') && left.contains(&"x".repeat(token.len())), "{left}");
        assert_eq!(after("5F2D7C41A9E04B6B8C1D3E5F7A9B0C2D", Recorded::Key), "x".repeat(32));
    }

    #[test]
    fn strings_of_json_change_and_nothing_else() {
        let upper = |text: &str| text.to_uppercase();
        assert_eq!(
            strings(r#"{"b": [1.50, "zo\u00eb"], "a": null}"#, upper),
            Some(r#"{"B": [1.50, "ZOË"], "A": null}"#.to_owned())
        );
        assert_eq!(strings(r#"no json: "open"#, upper), None);
    }
}
