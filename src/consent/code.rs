//! Okta's open word lists, stored as numbers in rows. The raw event keeps the exact word.

macro_rules! open_words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $code:literal $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[repr(u8)]
        pub enum $name {
            /// The event has none.
            None = 0,
            $(#[doc = concat!("`", $word, "`")] $variant = $code,)*
            /// A word that Okta had not published when this was written.
            Unlisted = 255,
        }

        impl $name {
            /// Returns the number of Okta's word.
            pub fn of(word: Option<&str>) -> Self {
                match word {
                    None => Self::None,
                    $(Some($word) => Self::$variant,)*
                    Some(_) => Self::Unlisted,
                }
            }

            /// Returns Okta's word, `-` for none and `unlisted` for a word not in the list.
            pub fn word(self) -> &'static str {
                match self {
                    Self::None => "-",
                    $(Self::$variant => $word,)*
                    Self::Unlisted => "unlisted",
                }
            }

            /// Returns the number that the journal stores.
            pub fn code(self) -> u8 {
                self as u8
            }

            /// Returns the word of a stored number.
            pub fn from_code(code: u8) -> Self {
                match code {
                    0 => Self::None,
                    $($code => Self::$variant,)*
                    _ => Self::Unlisted,
                }
            }
        }
    };
}

open_words! {
    /// `outcome.result` (Okta management API, LogOutcome).
    Outcome {
        Success = 1 "SUCCESS", Failure = 2 "FAILURE", Skipped = 3 "SKIPPED", Allow = 4 "ALLOW", Deny = 5 "DENY",
        Challenge = 6 "CHALLENGE", Unknown = 7 "UNKNOWN", RateLimit = 8 "RATE_LIMIT", Deferred = 9 "DEFERRED",
        Scheduled = 10 "SCHEDULED", Abandoned = 11 "ABANDONED", Unanswered = 12 "UNANSWERED",
    }
}

open_words! {
    /// `severity` (Okta management API, LogSeverity).
    Severity { Debug = 1 "DEBUG", Info = 2 "INFO", Warn = 3 "WARN", Error = 4 "ERROR" }
}
