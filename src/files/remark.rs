//! Remarks on events whose form differs from what Okta sends.

use super::time::Spelling;

/// A remark on an event in a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Remark {
    /// The event was inside another record, under these keys, with control characters made visible.
    Held(String),
    /// The event's keys had another spelling and were restored to Okta's.
    Respelled,
    /// The event's time was taken from this key beside it, with control characters made visible.
    TimeOf(String),
    /// `published` had another format.
    Time(Spelling),
    /// The event has no readable time.
    NoTime,
}

impl Remark {
    /// Returns a sentence about `count` events, the first at byte `first` of the file.
    pub(super) fn sentence(&self, count: u64, first: u64) -> String {
        let is_one = count == 1;
        let events = if is_one { "1 event".to_owned() } else { format!("{count} events") };
        let (was, is, has) = if is_one { ("was", "is", "has") } else { ("were", "are", "have") };
        match self {
            Self::Held(path) => format!("{events} {was} found under {path}."),
            Self::Respelled => format!(
                "{events} {has} keys that are not spelled as Okta spells them, such as eventtype. The keys were \
                 restored, so the raw event shown is not byte for byte what Okta sent."
            ),
            Self::TimeOf(key) => {
                format!("{events} {has} no published time; {key} beside it was used.")
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
