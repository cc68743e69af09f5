//! Decides which characters of a text people can see, by the properties of the Unicode Character Database.
//!
//! The data are those of `icu_properties`. The only hand-written code points are [`BLANK`], for which Unicode has no
//! property.

use icu_properties::props::{
    Block, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiComponent, EmojiModifier,
    ExtendedPictographic, GeneralCategory, GeneralCategoryGroup, GraphemeClusterBreak, GraphemeExtend,
    JoiningType, NoncharacterCodePoint, PrependedConcatenationMark,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_segmentation::UnicodeSegmentation as _;

/// What happens to a character when it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is visible, or has a visible effect on its neighbors.
    Shown,
    /// It is invisible, or a terminal would act on it.
    Hidden,
    /// It is beyond the limit for its cluster.
    Surplus,
}

/// The most combining marks that a cluster keeps. Ordinary words have at most four. A name with a hundred would cover
/// the rows around it.
const MARKS_MAX: usize = 4;
/// The most characters of any kind that a cluster keeps. The longest emoji sequences have eleven.
const CLUSTER_MAX: usize = 16;
/// The most joiners that a cluster of emoji keeps. A family of four has three.
const JOINERS_MAX: usize = 3;
/// The most characters that are searched on each side of a joiner for the letter or picture next to it.
const LOOK_MAX: usize = 8;

/// Characters that are blank although they are letters, marks or symbols by their properties: the blank braille
/// pattern, the Khitan filler, the null note head, and the object replacement character.
const BLANK: [char; 4] = ['\u{2800}', '\u{16fe4}', '\u{1d159}', '\u{fffc}'];

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// Returns whether every character is shown regardless of its neighbors. Costs a comparison for each Latin character,
/// and a few table look-ups for each other one.
pub(super) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| match c {
        ' '..='~' | '\u{a0}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => true,
        '\0'..='\u{9f}' => false,
        _ => {
            let is_alone = matches!(
                CodePointMapData::<GraphemeClusterBreak>::new().get(c),
                GraphemeClusterBreak::Other
                    | GraphemeClusterBreak::LV
                    | GraphemeClusterBreak::LVT
                    | GraphemeClusterBreak::RegionalIndicator
            );
            is_alone && !is_hidden(c)
        }
    })
}

/// Calls `tell` with the fate of each character and the character, in order.
pub(super) fn judge(text: &str, mut tell: impl FnMut(Fate, char)) {
    for (start, cluster) in text.grapheme_indices(true) {
        let (mut shown, mut marks, mut joiners) = (0, 0, 0);
        let mut last = Fate::Hidden;
        for (offset, c) in cluster.char_indices() {
            let (before, rest) = text.split_at(start + offset);
            let beside = Beside { before, after: rest.split_at(c.len_utf8()).1 };
            let follows = offset > 0 && last == Fate::Shown;
            let mut fate = match c {
                ZWJ if follows && beside.joins_emoji() => {
                    joiners += 1;
                    if joiners > JOINERS_MAX { Fate::Hidden } else { Fate::Shown }
                }
                ZWJ if follows && beside.is_by_virama() => Fate::Shown,
                ZWNJ if follows && (beside.is_by_virama() || beside.parts_letters()) => Fate::Shown,
                TEXT_STYLE | EMOJI_STYLE if follows && beside.styles_emoji(c) => Fate::Shown,
                _ if is_hidden(c) => Fate::Hidden,
                // A mark without a base would be drawn over whatever precedes the text.
                _ if offset == 0 && is_mark(c) => Fate::Hidden,
                _ if offset > 0 && stands_on_another(c) => {
                    marks += 1;
                    if marks > MARKS_MAX { Fate::Surplus } else { Fate::Shown }
                }
                _ => Fate::Shown,
            };
            if fate == Fate::Shown {
                shown += 1;
                if shown > CLUSTER_MAX {
                    fate = Fate::Surplus;
                }
            }
            last = fate;
            tell(fate, c);
        }
    }
}

/// Returns whether a terminal would act on a character, or would draw nothing for it on its own.
fn is_hidden(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let obeyed = matches!(
        category,
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    );
    // Some characters of category Format are drawn, for example the Arabic number sign.
    let formats = category == GeneralCategory::Format
        && !CodePointSetData::new::<PrependedConcatenationMark>().contains(c);
    obeyed
        || formats
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        || CodePointMapData::<Block>::new().get(c) == Block::EgyptianHieroglyphFormatControls
        || BLANK.contains(&c)
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Returns whether a character is drawn on the one before it.
fn stands_on_another(c: char) -> bool {
    is_mark(c)
        || CodePointSetData::new::<GraphemeExtend>().contains(c)
        || CodePointSetData::new::<EmojiModifier>().contains(c)
}

fn is_picture(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// The text on both sides of a character.
struct Beside<'a> {
    before: &'a str,
    after: &'a str,
}

impl Beside<'_> {
    /// Returns whether a joiner here combines two emoji into one (UAX #29, GB11).
    fn joins_emoji(&self) -> bool {
        let is_part = |c: &char| *c == EMOJI_STYLE || CodePointSetData::new::<EmojiModifier>().contains(*c);
        let before = self.before.chars().rev().take(LOOK_MAX).find(|c| !is_part(c));
        before.is_some_and(is_picture) && self.after.chars().next().is_some_and(is_picture)
    }

    /// Returns whether a joiner here affects a conjunct of an Indic script: after a virama (RFC 5892, A.1 and A.2), or
    /// between a letter and its virama, as in Bengali.
    fn is_by_virama(&self) -> bool {
        let is_virama = |c: char| {
            CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
        };
        let is_letter = |c: char| {
            GeneralCategoryGroup::Letter.contains(CodePointMapData::<GeneralCategory>::new().get(c))
        };
        let before = self.before.chars().next_back();
        before.is_some_and(is_virama)
            || before.is_some_and(is_letter) && self.after.chars().next().is_some_and(is_virama)
    }

    /// Returns whether a non-joiner here separates two letters that would join, as in Persian (RFC 5892, A.1).
    fn parts_letters(&self) -> bool {
        let joining = |c| CodePointMapData::<JoiningType>::new().get(c);
        let letter = |chars: &mut dyn Iterator<Item = char>| {
            chars.take(LOOK_MAX).map(joining).find(|joining| *joining != JoiningType::Transparent)
        };
        let before = letter(&mut self.before.chars().rev());
        let after = letter(&mut self.after.chars());
        matches!(before, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
            && matches!(after, Some(JoiningType::RightJoining | JoiningType::DualJoining))
    }

    /// Returns whether a variation selector here selects the style of an emoji, or belongs to a keycap.
    fn styles_emoji(&self, selector: char) -> bool {
        let Some(before) = self.before.chars().next_back() else { return false };
        let is_keycap = selector == EMOJI_STYLE
            && matches!(before, '0'..='9' | '#' | '*')
            && self.after.starts_with(KEYCAP);
        let is_emoji = CodePointSetData::new::<Emoji>().contains(before)
            && !CodePointSetData::new::<EmojiComponent>().contains(before);
        is_keycap || is_emoji
    }
}
