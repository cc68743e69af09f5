//! Marks that the user puts on consents.

use jiff::Timestamp;

use super::{EventId, EventKey};

/// A consent that the user marked, with an optional note.
///
/// It is identified by the keys of its org and of the event, and not by its row, so it stays valid if the journal is
/// created anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Marked {
    /// The key of the org, as in [`KnownOrg::key`](super::KnownOrg::key).
    pub org: Box<str>,
    /// The event.
    pub key: EventKey,
    /// When it was marked or its note was last written.
    pub at: Timestamp,
    /// The note, or empty. It is untrusted text, since it may have been pasted.
    pub note: Box<str>,
}

impl EventKey {
    /// Returns the key as one word: time, id in hexadecimal, part.
    pub fn to_word(&self) -> String {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
        let halves = self.id.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let hex: String = halves.map(digit).collect();
        format!("{}/{hex}/{}", self.published_ms, self.part)
    }

    /// Parses the form of [`EventKey::to_word`].
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.split('/');
        let (time, hex, part) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = hex.as_bytes().as_chunks::<2>().0;
        let bytes: Option<Vec<u8>> =
            digits.iter().map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect();
        let id = EventId::from_bytes(&bytes?)?;
        let is_whole = parts.next().is_none() && hex.len() % 2 == 0;
        is_whole.then_some(Self { published_ms: time.parse().ok()?, id, part: part.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_word() {
        for id in [EventId::Uuid([0xa5; 16]), EventId::Digest([7; 32])] {
            let key = EventKey { published_ms: 1_767_600_000_123, id, part: 2 };
            assert_eq!(EventKey::from_word(&key.to_word()), Some(key));
        }
        for bad in ["", "1/zz/0", "1/aa/0", "x/00/0", "1/0/0", "1//2/3", "1/é1/0"] {
            assert_eq!(EventKey::from_word(bad), None, "{bad}");
        }
    }
}
