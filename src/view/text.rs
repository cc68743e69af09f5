//! Display widths of text, and functions to truncate, pad and wrap it.
//!
//! Widths are in columns, counted by grapheme cluster as ratatui's buffer does, so that both agree on what fits. Text
//! from outside must have been made visible before ([`crate::consent::visible`]): a cluster with a control character
//! has width 0 here, and ratatui omits it.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

pub use crate::model::width;
use crate::model::{cluster_width, is_plain};

/// Returns `text` if it fits into `width` columns, or as much of it as fits before `mark`.
///
/// The mark shows that the text was truncated. It is one column wide (see [`crate::view::theme::Glyph::Cut`]).
pub fn cut<'a>(text: &'a str, width: u16, mark: &str) -> Cow<'a, str> {
    let (whole, _) = fitting(text, width);
    if whole.len() == text.len() {
        return Cow::Borrowed(text);
    }
    if width == 0 {
        return Cow::Borrowed("");
    }
    let (kept, _) = fitting(text, width - 1);
    Cow::Owned(format!("{kept}{mark}"))
}

/// Returns `text` if it fits into `columns` columns, or as much of its end as fits after `mark`.
pub fn keep_end<'a>(text: &'a str, columns: u16, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut left = columns.saturating_sub(1);
    let mut start = text.len();
    for (at, cluster) in text.grapheme_indices(true).rev() {
        let Some(rest) = left.checked_sub(cluster_width(cluster)) else { break };
        (left, start) = (rest, at);
    }
    match columns {
        0 => Cow::Borrowed(""),
        _ => Cow::Owned(format!("{mark}{}", text.get(start..).unwrap_or_default())),
    }
}

/// Returns `text` in exactly `width` columns: truncated as by [`cut`], or padded with spaces at its end.
pub fn pad<'a>(text: &'a str, width: u16, mark: &str) -> Cow<'a, str> {
    let text = cut(text, width, mark);
    match missing(&text, width) {
        0 => text,
        spaces => Cow::Owned(format!("{text}{:spaces$}", "")),
    }
}

/// Returns `text` in exactly `width` columns: truncated as by [`cut`], or padded with spaces at its start, as for
/// numbers.
pub fn pad_left<'a>(text: &'a str, width: u16, mark: &str) -> Cow<'a, str> {
    let text = cut(text, width, mark);
    match missing(&text, width) {
        0 => text,
        spaces => Cow::Owned(format!("{:spaces$}{text}", "")),
    }
}

/// Wraps `text` into lines of at most `width` columns, between words if possible.
///
/// A word longer than a line is broken between clusters. Spaces at a break are omitted, and so is a cluster wider than
/// a line. An empty text gives one empty line. A width of 0 gives no lines.
pub fn wrap(text: &str, width: u16) -> Vec<&str> {
    let mut lines = Vec::new();
    if width == 0 {
        return lines;
    }
    for paragraph in text.split('\n') {
        wrap_paragraph(paragraph, width, &mut lines);
    }
    lines
}

fn wrap_paragraph<'a>(paragraph: &'a str, width: u16, lines: &mut Vec<&'a str>) {
    let mut rest = paragraph;
    loop {
        let (line, after) = fitting(rest, width);
        if after.is_empty() {
            lines.push(line);
            return;
        }
        if line.is_empty() {
            // The first cluster is wider than a line, so it is omitted.
            let first = after.graphemes(true).next().map_or(after.len(), str::len);
            rest = after.get(first..).unwrap_or_default();
            if rest.is_empty() {
                return;
            }
            continue;
        }
        let (line, next) = match line.rfind(' ').map(|space| rest.split_at(space)) {
            _ if after.starts_with(' ') => (line, after),
            // A break within the indent would leave the line empty.
            Some((before, word)) if !before.trim_start_matches(' ').is_empty() => (before, word),
            _ => (line, after),
        };
        lines.push(line.trim_end_matches(' '));
        rest = next.trim_start_matches(' ');
        if rest.is_empty() {
            return;
        }
    }
}

/// Splits off as many clusters as fit into `width` columns.
fn fitting(text: &str, width: u16) -> (&str, &str) {
    if is_plain(text) {
        let at = text.len().min(usize::from(width));
        return text.split_at(at);
    }
    let mut used = 0_u16;
    for (at, cluster) in text.grapheme_indices(true) {
        used = used.saturating_add(cluster_width(cluster));
        if used > width {
            return text.split_at(at);
        }
    }
    (text, "")
}

fn missing(text: &str, columns: u16) -> usize {
    usize::from(columns.saturating_sub(width(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const WOMAN_WITH_LAPTOP: &str = "👩\u{200d}💻";

    #[test]
    fn the_end_is_kept_where_it_says_more() {
        for (columns, kept) in [
            (20, "cases/大阪.json"),
            (15, "cases/大阪.json"),
            (11, "…/大阪.json"),
            (9, "…阪.json"),
            (1, "…"),
            (0, ""),
        ] {
            assert_eq!(keep_end("cases/大阪.json", columns, "…"), kept, "{columns}");
            assert!(width(kept) <= columns);
        }
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (text, columns) in [
            ("", 0),
            ("ada", 3),
            ("Zoë", 3),
            ("Zoe\u{308}", 3),
            ("李明", 4),
            (WOMAN_WITH_LAPTOP, 2),
            ("🇳🇱", 2),
            ("❤\u{fe0f}", 2),
            ("·…▌", 3),
            ("a\u{7}b", 2),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
        assert_eq!(width(&"x".repeat(70_000)), u16::MAX);
        assert_eq!(width(&"é".repeat(70_000)), u16::MAX);
    }

    #[test]
    fn a_cut_says_that_it_is_one() {
        assert!(matches!(cut("ada", 3, "…"), Cow::Borrowed("ada")));
        assert_eq!(cut("ada@example.test", 6, "…"), "ada@e…");
        assert_eq!(cut("ada@example.test", 6, "~"), "ada@e~");
        assert_eq!(cut("ada", 1, "…"), "…");
        assert_eq!(cut("ada", 0, "…"), "");
        assert_eq!(cut("", 0, "…"), "");
    }

    #[test]
    fn a_cut_never_splits_what_is_one_to_the_eye() {
        assert_eq!(cut("李明李", 4, "…"), "李…");
        assert_eq!(cut("李明", 3, "…"), "李…");
        assert_eq!(cut("Zoe\u{308}y", 3, "…"), "Zo…");
        assert_eq!(cut("Zoe\u{308}yy", 4, "…"), "Zoe\u{308}…");
        let two = format!("{WOMAN_WITH_LAPTOP}{WOMAN_WITH_LAPTOP}");
        assert_eq!(cut(&two, 3, "…"), format!("{WOMAN_WITH_LAPTOP}…"));
        assert_eq!(cut(&two, 2, "…"), "…");
    }

    #[test]
    fn padding_fills_exactly() {
        assert_eq!(pad("李", 5, "…"), "李   ");
        assert_eq!(pad("李明", 3, "…"), "李…");
        assert_eq!(pad("李明", 2, "…"), "… ");
        assert_eq!(pad_left("1,204", 7, "…"), "  1,204");
        assert_eq!(pad_left("1,204", 3, "…"), "1,…");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("the next poll is at noon", 10), ["the next", "poll is at", "noon"]);
        assert_eq!(wrap("the next", 8), ["the next"]);
        assert_eq!(wrap("the  next", 4), ["the", "next"]);
        assert_eq!(wrap("offline_access", 6), ["offlin", "e_acce", "ss"]);
        assert_eq!(wrap("an offline_access", 6), ["an", "offlin", "e_acce", "ss"]);
        assert_eq!(wrap("  indented words", 10), ["  indented", "words"]);
        assert_eq!(wrap("      indented", 8), ["      in", "dented"]);
        assert_eq!(wrap("one\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("anything", 0), [""; 0]);
        assert_eq!(wrap("李明李", 4), ["李明", "李"]);
        assert_eq!(wrap("a李b", 1), ["a", "b"]);
        assert_eq!(wrap("李", 1), [""; 0]);
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{0,24}", "[a-d 李é\u{301}👩\u{200d}💻🇳🇱\u{fe0f}ﾞ]{0,24}"]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ratatui_counts_the_same(text in any_text()) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 1));
            let (end, _) = buffer.set_stringn(0, 0, &text, 200, Style::new());
            prop_assert_eq!(end, width(&text));
        }

        #[test]
        fn what_is_cut_fits_and_what_is_padded_fills(text in any_text(), columns in 0_u16..30) {
            let kept = cut(&text, columns, "…");
            prop_assert!(width(&kept) <= columns);
            prop_assert_eq!(kept == text, width(&text) <= columns);
            prop_assert_eq!(width(&pad(&text, columns, "…")), columns);
            prop_assert_eq!(width(&pad_left(&text, columns, "…")), columns);
        }

        #[test]
        fn lines_fit_and_lose_only_spaces(text in any_text(), columns in 2_u16..30) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns));
            let ink = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            if text.graphemes(true).all(|cluster| cluster_width(cluster) <= columns) {
                prop_assert_eq!(ink(&lines.concat()), ink(&text));
            }
        }
    }
}
