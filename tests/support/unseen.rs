//! An independent check for invisible characters. It shares no code with the program: its tables are written by hand
//! from the Unicode Standard, version 16 (DerivedCoreProperties.txt, PropList.txt, UnicodeData.txt, Blocks.txt), and
//! its rules are coarser than the program's.

/// Code points that control a terminal or are invisible in any context.
const UNSEEN: [(u32, u32); 42] = [
    // C0 and C1 controls.
    (0x00, 0x1f),
    (0x7f, 0x9f),
    // Default ignorable: soft hyphen, grapheme joiner, Arabic letter mark, fillers of Hangul and Khmer, Mongolian.
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    // Zero-width characters, direction marks, separators, invisible operators. Joiners have their own rules.
    (0x200b, 0x200b),
    (0x200e, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    // Blank characters that are not spaces.
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0d),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    // Reserved and used specials, the object replacement.
    (0xfff0, 0xfffc),
    // Format controls of Egyptian, Kaithi's have a shape; Duployan, music, tags and selectors.
    (0x13430, 0x1345f),
    (0x16fe4, 0x16fe4),
    (0x1bca0, 0x1bca3),
    (0x1d159, 0x1d159),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
    // Noncharacters.
    (0xfdd0, 0xfdef),
    (0xfffe, 0xffff),
    (0x1fffe, 0x1ffff),
    (0x2fffe, 0x2ffff),
    (0x3fffe, 0x3ffff),
    (0x4fffe, 0x4ffff),
    (0x5fffe, 0x5ffff),
    (0x6fffe, 0x6ffff),
    (0x7fffe, 0x7ffff),
    (0x8fffe, 0x8ffff),
    (0x9fffe, 0x9ffff),
    (0xafffe, 0xaffff),
    (0xbfffe, 0xbffff),
    (0xcfffe, 0xcffff),
    (0xdfffe, 0xdffff),
    (0xefffe, 0xeffff),
    (0xffffe, 0xfffff),
    (0x10_fffe, 0x10_ffff),
];

/// The ranges of emoji and other pictographs.
const PICTURES: [(u32, u32); 8] = [
    (0xa9, 0xa9),
    (0xae, 0xae),
    (0x203c, 0x203c),
    (0x2049, 0x2049),
    (0x2122, 0x2bff),
    (0x3030, 0x303d),
    (0x3297, 0x3299),
    (0x1f000, 0x1faff),
];

/// Viramas and the letters of the scripts that have them.
const INDIC: [(u32, u32); 4] = [(0x900, 0xdff), (0x1000, 0x109f), (0x1b00, 0x1bff), (0xa800, 0xabff)];
/// Letters that join: Arabic, Syriac, N'Ko, Mandaic, Mongolian, Phags-pa and others.
const JOINING: [(u32, u32); 4] = [(0x620, 0x8ff), (0x1807, 0x18af), (0xa840, 0xa871), (0x10ac0, 0x10aef)];

/// Marks of the scripts whose floods the tests use.
const MARKS: [(u32, u32); 18] = [
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x591, 0x5bd),
    (0x610, 0x61a),
    (0x64b, 0x65f),
    (0x93a, 0x93c),
    (0x93e, 0x94f),
    (0xe31, 0xe31),
    (0xe34, 0xe3a),
    (0xe47, 0xe4e),
    (0xf71, 0xf84),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x20d0, 0x20ff),
    (0x3099, 0x309a),
    (0xfe20, 0xfe2f),
    (0x1e8d0, 0x1e8d6),
    (0x1f3fb, 0x1f3ff),
];

fn is_in(c: char, ranges: &[(u32, u32)]) -> bool {
    ranges.iter().any(|(from, to)| (*from..=*to).contains(&(c as u32)))
}

/// Returns whether a character is invisible by itself.
pub(crate) fn is_unseen(c: char) -> bool {
    is_in(c, &UNSEEN) || matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// Returns the first invisible character of a text, or the fifth mark on a character, with its code point. Joiners and
/// selectors are allowed where scripts use them. `is_torn` allows a text that begins or ends next to one, as a cell
/// may.
pub(crate) fn unseen(text: &str, is_torn: bool) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut marks = 0;
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let after = chars.get(at + 1).copied();
        let beside = |ranges: &[(u32, u32)]| {
            before.is_some_and(|c| is_in(c, ranges)) && after.map_or(is_torn, |c| is_in(c, ranges))
        };
        let is_picture = before.is_some_and(|c| is_in(c, &PICTURES));
        let is_written = match c {
            '\u{200c}' => beside(&INDIC) || beside(&JOINING),
            '\u{200d}' => {
                let is_styled = before == Some('\u{fe0f}') && after.is_some_and(|c| is_in(c, &PICTURES));
                beside(&INDIC) || beside(&PICTURES) || is_styled || before.is_some_and(|c| is_in(c, &INDIC))
            }
            '\u{fe0e}' => is_picture,
            '\u{fe0f}' => is_picture || after == Some('\u{20e3}'),
            c => !is_in(*c, &UNSEEN),
        };
        marks = if is_in(*c, &MARKS) { marks + 1 } else { 0 };
        if !is_written || marks > 4 {
            let around: String = chars[at.saturating_sub(8)..].iter().take(24).collect();
            return Some(format!("U+{:04X} in {around:?}", *c as u32));
        }
    }
    None
}
