//! What is said of records that could be read, but not as Okta sends them.

use super::time::Spelling;

/// Something that a reader of a file should know of an event in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Remark {
    /// It stood inside another record, under these keys; made visible.
    Held(String),
    /// Its keys were spelled in another way and were put back as Okta spells them.
    Respelled,
    /// Its time was that of this key beside it; made visible.
    TimeOf(String),
    /// `published` was spelled in another way.
    Time(Spelling),
    /// It has no time that could be read.
    NoTime,
}

impl Remark {
    /// Returns a sentence about so many events, of which the first lies at a byte of the file.
    pub(super) fn sentence(&self, count: u64, first: u64) -> String {
        let is_one = count == 1;
        let events = if is_one { "1 event".to_owned() } else { format!("{count} events") };
        let (was, is, has) = if is_one { ("was", "is", "has") } else { ("were", "are", "have") };
        match self {
            Self::Held(path) => format!("{events} {was} found under {path}."),
            Self::Respelled => format!(
                "{events} {has} keys that are not spelled as Okta spells them, such as eventtype. The keys were put \
                 back, so what is shown as the raw event is not what Okta sent byte for byte."
            ),
            Self::TimeOf(key) => {
                format!("{events} {has} no published time of their own; {key} beside it was taken.")
            }
            Self::Time(spelling) => format!("The published time of {events} is {}.", spelling.words()),
            Self::NoTime => format!(
                "{events} {has} no published time that can be read, the first at byte {first}; {} shown as \"no \
                 time\".",
                if is_one { "it is".to_owned() } else { format!("they {is}") }
            ),
        }
    }
}
