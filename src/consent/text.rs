//! Untrusted text, and its forms that are safe to print.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::unicode::{self, Fate};

/// Text from outside: an event, an answer, a file.
///
/// It has no `Display`. Use [`Untrusted::visible`] for people, and [`Untrusted::exact`] for machines (JSON, a filter, a
/// comparison).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(CompactString);

impl Untrusted {
    /// Wraps a text from outside.
    pub fn new(text: impl Into<CompactString>) -> Self {
        Self(text.into())
    }

    /// Returns the text as it came, for machines, for example to be escaped as JSON or compared by a filter.
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

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Makes hidden characters of `text` visible: controls in caret notation (`^[`), others by number (`<U+202E>`), and
/// combining marks beyond four on one character by their count (`<+46>`).
///
/// Unicode's properties decide what is hidden. Joiners and variation selectors stay where scripts need them: inside
/// emoji, next to the viramas of Indic scripts, between Persian letters. Text without hidden characters is returned as
/// it is, without a copy.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text) || unicode::is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut surplus = 0_usize;
    unicode::judge(text, |fate, c| {
        if fate == Fate::Surplus {
            surplus += 1;
            return;
        }
        push_surplus(&mut out, &mut surplus);
        match fate {
            Fate::Shown => out.push(c),
            _ => push_hidden(&mut out, c),
        }
    });
    push_surplus(&mut out, &mut surplus);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Replaces every character of `text` that [`visible`] would not show unchanged with what `put` writes for it.
pub fn replace_hidden(text: &str, mut put: impl FnMut(&mut String, char)) -> Cow<'_, str> {
    if is_printable_ascii(text) || unicode::is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    unicode::judge(text, |fate, c| if fate == Fate::Shown { out.push(c) } else { put(&mut out, c) });
    Cow::Owned(out)
}

/// Returns `text` in ASCII, for terminals that do not read UTF-8. `…`, `·`, `‹` and `›`, which this program
/// writes itself, become `...`, `|`, `<` and `>`. Every other character becomes its number (`<U+00E9>`).
pub fn in_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '…' => out.push_str("..."),
            '·' => out.push('|'),
            '‹' => out.push('<'),
            '›' => out.push('>'),
            c if c.is_ascii() => out.push(c),
            c => push_number(&mut out, c),
        }
    }
    Cow::Owned(out)
}

fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn push_surplus(out: &mut String, surplus: &mut usize) {
    if *surplus > 0 {
        write!(out, "<+{surplus}>").expect("a String takes whatever is written");
        *surplus = 0;
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
    write!(out, "<U+{:04X}>", c as u32).expect("a String takes whatever is written");
}

#[cfg(test)]
mod tests {
    use unicode_segmentation::UnicodeSegmentation as _;

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
    fn joiners_and_selectors_stay_where_writing_needs_them() {
        for text in [
            "👩\u{200d}💻",
            "👨🏽\u{200d}👩🏽\u{200d}👧🏽\u{200d}👦🏽",
            "👩🏻\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏻",
            "🏳\u{fe0f}\u{200d}🌈",
            "❤\u{fe0f} ✂\u{fe0e} ⭐\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            // Persian, Hindi, Bengali, Sinhala, Malayalam, Kannada.
            "می\u{200c}خواهم",
            "क्\u{200d}ष क्\u{200c}ष",
            "র\u{200d}\u{9cd}যাব",
            "ශ්\u{200d}රී",
            "ന്\u{200d}",
            "ರ\u{200d}\u{ccd}ಯ",
            // A character of category Format that is drawn.
            "\u{600}١٢",
        ] {
            assert!(matches!(visible(text), Cow::Borrowed(_)), "{text:?}: {}", visible(text));
        }
        assert_eq!(visible("pay\u{200d}pal"), "pay<U+200D>pal");
        assert_eq!(visible("zero\u{200c}width"), "zero<U+200C>width");
        assert_eq!(visible("क्\u{200d}\u{200d}ष"), "क्\u{200d}<U+200D>ष");
        assert_eq!(visible("a\u{fe0f}b\u{fe00}1\u{fe0f}"), "a<U+FE0F>b<U+FE00>1<U+FE0F>");
        assert_eq!(visible("❤\u{fe0f}\u{fe0f}"), "❤\u{fe0f}<U+FE0F>");
    }

    #[test]
    fn a_flood_of_marks_is_counted_whatever_the_script() {
        for (base, mark) in [
            ('a', '\u{301}'),
            ('क', '\u{93c}'),
            ('क', '\u{94d}'),
            ('ก', '\u{e49}'),
            ('ب', '\u{64e}'),
            ('ש', '\u{5b0}'),
            ('ཀ', '\u{f71}'),
            ('か', '\u{3099}'),
            ('ｶ', '\u{ff9e}'),
            ('a', '\u{20dd}'),
            ('a', '\u{1e8d0}'),
            ('👍', '🏽'),
        ] {
            let flood: String = std::iter::once(base).chain(std::iter::repeat_n(mark, 100_000)).collect();
            let kept: String = std::iter::once(base).chain(std::iter::repeat_n(mark, 4)).collect();
            assert_eq!(visible(&flood), format!("{kept}<+99996>"), "{mark:?}");
        }
        assert_eq!(visible("\u{301}alone"), "<U+0301>alone");
    }

    #[test]
    fn no_cluster_is_long() {
        for text in
            ["ᄀ", "\u{600}", "\u{d4e}", "\u{e33}", "👩\u{200d}", "क्", "क्\u{200d}", "র\u{200d}\u{9cd}"]
        {
            let flood = format!("ก{}", text.repeat(10_000));
            let shown = visible(&flood);
            let longest = shown.graphemes(true).map(|cluster| cluster.chars().count()).max();
            assert!(longest.is_some_and(|longest| longest <= 20), "{text:?}: {longest:?}");
        }
    }

    #[test]
    fn ascii_numbers_the_rest() {
        assert!(matches!(in_ascii("ada\n"), Cow::Borrowed(_)));
        assert_eq!(in_ascii("ě 李 … · \u{9b}"), "<U+011B> <U+674E> ... | <U+009B>");
        assert_eq!(in_ascii("‹hidden, 3 characters›"), "<hidden, 3 characters>");
    }

    #[test]
    fn debug_is_harmless_too() {
        assert_eq!(format!("{:?}", Untrusted::new("\x1b]0;x\x07")), "\"^[]0;x^G\"");
    }
}
