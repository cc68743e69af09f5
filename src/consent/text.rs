//! Remote text that cannot be printed raw.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};
use unicode_segmentation::UnicodeSegmentation;

/// Text that came from outside: an event, an answer, a file.
///
/// It has no `Display`. What a person sees goes through [`Untrusted::visible`]; what a machine reads (JSON, a filter,
/// a comparison) takes [`Untrusted::exact`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(Box<str>);

impl Untrusted {
    /// Takes text in at the door.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text as it came, for machines: JSON escapes it, a filter compares it.
    pub fn exact(&self) -> &str {
        &self.0
    }

    /// Returns the text with every hidden character made visible, for people.
    pub fn visible(&self) -> Cow<'_, str> {
        visible(&self.0)
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.visible())
    }
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Marks beyond this many on one base character are left out, and a `+` says so: a name with a hundred accents would
/// otherwise climb over the rows around it.
const COMBINING_MAX: usize = 4;

/// Makes hidden characters of `text` visible: controls in caret notation (`^[`), others by number (`<U+202E>`).
///
/// Text without any is returned as it is, without a copy.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    if !text.chars().any(|c| is_hidden(c) || c == JOINER) && !has_flood(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for cluster in text.graphemes(true) {
        push_cluster(&mut out, cluster);
    }
    Cow::Owned(out)
}

const JOINER: char = '\u{200d}';

fn push_cluster(out: &mut String, cluster: &str) {
    let mut marks = 0;
    let mut chars = cluster.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(c) = chars.next() {
        if c == JOINER {
            // A joiner between two pictures makes one picture (a family, a flag); anywhere else it only hides.
            let joins = before.is_some_and(is_picture) && chars.peek().copied().is_some_and(is_picture);
            if joins { out.push(c) } else { push_number(out, c) }
        } else if is_hidden(c) {
            push_hidden(out, c);
        } else if is_combining(c) {
            marks += 1;
            match marks.cmp(&(COMBINING_MAX + 1)) {
                std::cmp::Ordering::Less => out.push(c),
                std::cmp::Ordering::Equal => out.push('+'),
                std::cmp::Ordering::Greater => {}
            }
        } else {
            out.push(c);
        }
        before = Some(c);
    }
}

fn push_hidden(out: &mut String, c: char) {
    match c {
        '\0'..='\x1f' => {
            out.push('^');
            out.push(char::from(c as u8 + 0x40));
        }
        '\x7f' => out.push_str("^?"),
        _ => push_number(out, c),
    }
}

fn push_number(out: &mut String, c: char) {
    use fmt::Write as _;
    write!(out, "<U+{:04X}>", c as u32).expect("a String takes whatever is written");
}

/// Whether a terminal would act on `c`, or draw nothing for it. A joiner counts as hidden by itself, whatever stands
/// around it.
pub fn is_hidden_alone(c: char) -> bool {
    is_hidden(c) || c == JOINER
}

/// Whether a terminal would act on `c`, or draw nothing for it.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

fn has_flood(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        run = if is_combining(c) { run + 1 } else { 0 };
        run > COMBINING_MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(visible("ada@example.test"), Cow::Borrowed(_)));
        assert!(matches!(visible("Zoë 李明"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\x1b[31mb\x07\n"), "a^[[31mb^G^J");
        assert_eq!(visible("pay\u{202e}fdp.exe"), "pay<U+202E>fdp.exe");
        assert_eq!(visible("Goo\u{200b}gle"), "Goo<U+200B>gle");
        assert_eq!(visible("x\u{9b}2J"), "x<U+009B>2J");
        assert_eq!(visible("tag\u{e0041}"), "tag<U+E0041>");
    }

    #[test]
    fn a_joiner_stays_only_inside_a_picture() {
        assert_eq!(visible("👩\u{200d}💻"), "👩\u{200d}💻");
        assert_eq!(visible("pay\u{200d}pal"), "pay<U+200D>pal");
    }

    #[test]
    fn a_flood_of_accents_is_cut() {
        let flood = format!("a{}", "\u{301}".repeat(50));
        assert_eq!(visible(&flood), format!("a{}+", "\u{301}".repeat(4)));
    }

    #[test]
    fn debug_is_harmless_too() {
        assert_eq!(format!("{:?}", Untrusted::new("\x1b]0;x\x07")), "\"^[]0;x^G\"");
    }
}
