//! The ways by which an event comes: the System Log, an event hook or a file.

use serde::{Deserialize, Serialize};

use super::Doubt;

/// The set of ways by which an event came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Via(u8);

impl Via {
    /// The System Log.
    pub const POLL: Self = Self(1);
    /// An event hook.
    pub const HOOK: Self = Self(2);
    /// No way yet, for a row read from a file.
    pub const FILE: Self = Self(0);

    /// Returns both ways together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether every way of `other` is among these.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns `poll`, `hook`, `poll+hook` or `file`.
    pub fn word(self) -> &'static str {
        match self.0 & 3 {
            1 => "poll",
            2 => "hook",
            3 => "poll+hook",
            _ => "file",
        }
    }

    /// Returns the word with the doubt, such as `hook only, unconfirmed`.
    pub fn told(self, doubt: Option<Doubt>) -> &'static str {
        match doubt {
            Some(Doubt::Unconfirmed) => "hook only, unconfirmed",
            Some(Doubt::Missed) => "poll only, missed",
            Some(Doubt::SharedId) => match self.0 & 3 {
                1 => "poll, shared id",
                2 => "hook, shared id",
                3 => "poll+hook, shared id",
                _ => "file, shared id",
            },
            Some(Doubt::Altered) if self.has(Self::POLL) => "poll+hook, altered?",
            // The log's copy came from a file.
            Some(Doubt::Altered) => "file+hook, altered?",
            None => self.word(),
        }
    }

    /// Returns the ways one by one, as the JSON form lists them.
    pub fn words(self) -> &'static [&'static str] {
        match self.0 & 3 {
            1 => &["poll"],
            2 => &["hook"],
            3 => &["poll", "hook"],
            _ => &["file"],
        }
    }

    /// Returns the kind of doubt for a doubted event that came these ways. Never returns [`Doubt::SharedId`],
    /// which is stored separately.
    pub fn doubt(self, is_doubted: bool) -> Option<Doubt> {
        match self {
            Self::HOOK if is_doubted => Some(Doubt::Unconfirmed),
            Self::POLL if is_doubted => Some(Doubt::Missed),
            both if is_doubted && both.has(Self::POLL.with(Self::HOOK)) => Some(Doubt::Altered),
            _ => None,
        }
    }

    /// Returns the number that the journal stores.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Returns the ways of a stored number.
    pub fn from_code(code: u8) -> Self {
        Self(code & 3)
    }
}
