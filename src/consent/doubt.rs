//! Reasons to doubt an event.

use serde::{Deserialize, Serialize};

/// A reason to doubt an event: the log or the hook should have brought it too and did not, the two contradict
/// each other, or another event has the same uuid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Doubt {
    /// A hook brought it, and the log has not shown it although the log was read long after.
    Unconfirmed,
    /// The log showed it, and the hook did not bring it although it was verified and the listener was up.
    Missed,
    /// Another event with the same uuid and different content came the same way.
    SharedId,
    /// Both brought it, and the hook's copy contradicts the log's.
    Altered,
}

impl Doubt {
    /// Every doubt.
    pub const ALL: [Self; 4] = [Self::Unconfirmed, Self::Missed, Self::SharedId, Self::Altered];

    /// Returns `unconfirmed`, `missed`, `shared_id` or `altered`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Missed => "missed",
            Self::SharedId => "shared_id",
            Self::Altered => "altered",
        }
    }

    /// Returns a clause that says what the doubt means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Unconfirmed => {
                "the log has not shown it, though the log was read to its end ten minutes after the event came; it may be forged"
            }
            Self::Missed => {
                "the hook did not bring it within an hour, though it was verified and the listener was up"
            }
            Self::SharedId => {
                "another event with the same uuid and different content came the same way; one of them may be altered \
                 or forged"
            }
            Self::Altered => {
                "the hook's copy contradicts the log's; the row is the log's, and the copy may have been altered on its way"
            }
        }
    }
}
