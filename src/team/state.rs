//! What a collector says of itself, and a watcher of itself.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::{MessageError, pack, unpack, unpack_small};
use crate::consent::visible;
use crate::report::{Board, Gap};

/// The state of an org as its collector knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    /// When it was sent, by Okta's clock as the collector knows it.
    pub at: Timestamp,
    /// The number of the lease under which the collector polls. A later one is higher.
    pub epoch: u64,
    /// The host and the process of the collector.
    pub collector: String,
    /// What people call the org.
    pub label: String,
    /// The last message of the stream of events before this state. Whoever has read up to it may apply the rest.
    pub events: u64,
    /// The last message of the stream of labels before this state.
    pub labels: u64,
    /// Where the poller resumes.
    pub bookmark: Option<TeamBookmark>,
    /// Since when the collector's journal is complete.
    pub complete_since: Option<Timestamp>,
    /// Periods in which events may be missing.
    pub gaps: Vec<Gap>,
    /// The last good poll.
    pub polled: Option<TeamPoll>,
    /// The period in which the collector listens for the hook.
    pub listening: Option<TeamListening>,
    /// The status of the collector's parts.
    pub board: Board,
}

/// Where a poller resumes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamBookmark {
    /// The event kinds that were asked for.
    pub query: String,
    /// The path and query of the `next` link.
    pub next: String,
    /// When the newest event was published.
    pub last_published: Option<Timestamp>,
    /// Since when the log was read.
    pub since: Timestamp,
    /// Whether there was nothing more.
    pub caught_up: bool,
}

/// A good poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamPoll {
    /// When the log was read.
    pub at: Timestamp,
    /// Whether it was read to its end.
    pub caught_up: bool,
    /// The wait between two polls, in milliseconds.
    pub interval_ms: u64,
}

/// A period of listening.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamListening {
    /// Its start.
    pub since: Timestamp,
    /// Its end so far.
    pub until: Timestamp,
    /// When the hook was verified.
    pub verified: Option<Timestamp>,
}

/// How far an org's streams are stored here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TeamProgress {
    /// Whether everything that was on the server at the last look is stored here, with the collector's bookmark.
    pub is_whole: bool,
    /// The last message of the stream of events that is stored here.
    pub events: u64,
}

/// Who polls an org.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The id of the collector's journal.
    pub journal: String,
    /// The host and the process of the collector.
    pub collector: String,
    /// The event kinds that it asks for.
    pub query: String,
    /// When it was renewed, by the clock of that machine. People see it; nothing is decided by it.
    pub at: Timestamp,
}

/// How far a watcher has read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lag {
    /// The host and the process of the watcher.
    pub watcher: String,
    /// The last message of the stream of events that it has stored.
    pub events: u64,
    /// How many older messages it has not loaded yet.
    pub backlog: u64,
    /// When it said so, by the clock of that machine.
    pub at: Timestamp,
}

macro_rules! bodies {
    ($($kind:ident $unpack:ident)*) => {$(
        impl $kind {
            /// Returns the body of a message.
            ///
            /// # Errors
            /// The library has no memory left.
            pub fn to_body(&self) -> std::io::Result<Vec<u8>> {
                pack(&serde_json::to_vec(self)?)
            }

            /// Reads the body of a message.
            ///
            /// # Errors
            /// It is something else.
            pub fn of_body(body: &[u8]) -> Result<Self, MessageError> {
                let mut value = serde_json::from_slice(&$unpack(body)?).map_err(MessageError::Body)?;
                make_visible(&mut value, 0);
                serde_json::from_value(value).map_err(MessageError::Body)
            }
        }
    )*};
}

bodies! { State unpack Lease unpack_small Lag unpack_small }

/// Makes characters visible that a terminal would act on. The texts come from whoever may publish.
fn make_visible(value: &mut Value, depth: usize) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = visible(text) {
                *text = shown;
            }
        }
        // serde_json reads no deeper than this.
        _ if depth > 200 => {}
        Value::Array(items) => items.iter_mut().for_each(|item| make_visible(item, depth + 1)),
        Value::Object(members) => members.values_mut().for_each(|item| make_visible(item, depth + 1)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_writes_into_a_state_cannot_reach_the_terminal() {
        let mut board = Board::default();
        board.notes.poll = vec!["\u{1b}]0;x\u{7}".to_owned()];
        let state = State {
            at: "2026-03-04T09:15:38.951Z".parse().unwrap(),
            epoch: 3,
            collector: "a\u{9b}".to_owned(),
            label: "prod".to_owned(),
            events: 7,
            labels: 0,
            bookmark: None,
            complete_since: None,
            gaps: Vec::new(),
            polled: None,
            listening: None,
            board,
        };
        let read = State::of_body(&state.to_body().unwrap()).unwrap();
        assert_eq!((read.events, read.label.as_str()), (7, "prod"));
        let shown = format!("{}{}", read.collector, read.board.notes.poll[0]);
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}
