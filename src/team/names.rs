//! The names of streams and subjects.

/// The stream of leases, one for all orgs: its name tells nothing about them.
pub const LEASE_STREAM: &str = "CW_LEASE";

/// A stream of an org.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stream {
    /// Pages of rows.
    Events,
    /// The state of the collector.
    State,
    /// Names of ids.
    Labels,
    /// Notes on events.
    Notes,
    /// How far watchers have read.
    Lags,
}

impl Stream {
    /// Every stream of an org.
    pub const ALL: [Self; 5] = [Self::Events, Self::State, Self::Labels, Self::Notes, Self::Lags];

    /// Returns the word in the names of its subjects.
    pub fn word(self) -> &'static str {
        match self {
            Self::Events => "ev",
            Self::State => "state",
            Self::Labels => "label",
            Self::Notes => "notes",
            Self::Lags => "lag",
        }
    }

    /// Returns the name of the stream of an org. `org` is the org's key.
    pub fn name(self, org: &str) -> String {
        format!("CW_{}_{}", self.word().to_ascii_uppercase(), escape(org))
    }

    /// Returns the beginning of every subject of the stream, without a dot at its end.
    pub fn subject(self, org: &str) -> String {
        format!("cw.{}.{}", self.word(), escape(org))
    }

    /// Returns what the server is told that the stream takes.
    pub fn subjects(self, org: &str) -> String {
        match self {
            Self::State => self.subject(org),
            _ => format!("{}.>", self.subject(org)),
        }
    }
}

/// Returns the subject of the lease of an org.
pub fn lease_subject(org: &str) -> String {
    format!("cw.lease.{}", escape(org))
}

const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

/// Returns a text as one word of a subject or of the name of a stream: letters, digits and `-` stay, every other byte
/// becomes `_` and two hexadecimal digits. Two texts never give the same word.
pub fn escape(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            word.push(byte.into());
        } else {
            word.push('_');
            word.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    // An empty word is not allowed in a subject.
    if word.is_empty() { "_".to_owned() } else { word }
}

/// Returns the text of a word of [`escape`], or `None` if it is not one.
pub fn unescape(word: &str) -> Option<String> {
    if word == "_" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'_' {
            let (hex, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = after;
        } else if first.is_ascii_alphanumeric() || *first == b'-' {
            bytes.push(*first);
            rest = after;
        } else {
            return None;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (escape(&text) == word).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_table() {
        assert_eq!(Stream::Events.name("example.okta.com"), "CW_EV_example_2Eokta_2Ecom");
        assert_eq!(Stream::Labels.subjects("a-b"), "cw.label.a-b.>");
        assert_eq!(Stream::State.subjects("a_b"), "cw.state.a_5Fb");
    }

    proptest! {
        #[test]
        fn every_text_has_a_word_of_its_own(text in any::<String>()) {
            let word = escape(&text);
            prop_assert!(!word.is_empty());
            prop_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
            prop_assert_eq!(unescape(&word), Some(text));
        }

        #[test]
        fn any_word_is_read_or_refused(word in any::<String>()) {
            if let Some(text) = unescape(&word) {
                prop_assert_eq!(escape(&text), word);
            }
        }
    }
}
