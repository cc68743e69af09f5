//! Notes that a team shares.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{MessageError, pack, unpack_small};

/// A note as the server holds it, or that it was removed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoteOnServer {
    /// The text, or `None` if the mark was removed.
    pub text: Option<String>,
    /// When that was, by the clock of that machine.
    pub at: Timestamp,
    /// Who did it: the user and the host.
    pub by: String,
}

/// What to do about a note that is on this machine, on the server, and was equal on both at some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Merged {
    /// Both are equal.
    Same,
    /// The server's text is newer.
    TakeTheirs,
    /// This machine's text is newer.
    SendOurs,
    /// Both were changed. This text has both.
    Conflict(String),
}

/// Compares a note on this machine with the one on the server. `base` is the text that both had last. `None` stands for
/// no mark. `longest` is the maximum length of a note in characters.
///
/// A removal on one side never wins over a new text on the other.
pub fn merge(base: Option<&str>, ours: Option<&str>, theirs: Option<&str>, longest: usize) -> Merged {
    match (ours == base, theirs == base) {
        _ if ours == theirs => Merged::Same,
        (true, _) => Merged::TakeTheirs,
        (false, true) => Merged::SendOurs,
        (false, false) => match (ours, theirs) {
            (Some(ours), Some(theirs)) => Merged::Conflict(joined(theirs, ours, longest)),
            (Some(_), None) => Merged::SendOurs,
            (None, _) => Merged::TakeTheirs,
        },
    }
}

/// Puts two texts together, each at least half of what fits.
fn joined(theirs: &str, ours: &str, longest: usize) -> String {
    const BETWEEN: &str = " // ";
    match (theirs.is_empty(), ours.is_empty()) {
        (true, _) => return ours.to_owned(),
        (_, true) => return theirs.to_owned(),
        _ if theirs.contains(ours) => return theirs.to_owned(),
        _ if ours.contains(theirs) => return ours.to_owned(),
        _ => {}
    }
    let room = longest.saturating_sub(BETWEEN.len());
    let (len, own) = (theirs.chars().count(), ours.chars().count());
    let theirs_room = len.min((room / 2).max(room.saturating_sub(own)));
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    format!("{}{BETWEEN}{}", cut(theirs, theirs_room), cut(ours, room - theirs_room))
}

impl NoteOnServer {
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
        serde_json::from_slice(&unpack_small(body)?).map_err(MessageError::Body)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_two_changes_are_a_conflict() {
        let merge = |base, ours, theirs| super::merge(base, ours, theirs, 100);
        assert_eq!(merge(Some("a"), Some("a"), Some("b")), Merged::TakeTheirs);
        assert_eq!(merge(Some("a"), Some("b"), Some("a")), Merged::SendOurs);
        assert_eq!(merge(None, Some("b"), None), Merged::SendOurs);
        assert_eq!(merge(Some("a"), None, Some("a")), Merged::SendOurs);
        assert_eq!(merge(Some("a"), None, Some("b")), Merged::TakeTheirs);
        assert_eq!(merge(Some("a"), Some("b"), None), Merged::SendOurs);
        assert_eq!(merge(None, Some("b"), Some("b")), Merged::Same);
        assert_eq!(merge(None, Some("mine"), Some("hers")), Merged::Conflict("hers // mine".to_owned()));
        assert_eq!(merge(None, Some(""), Some("hers")), Merged::Conflict("hers".to_owned()));
    }

    proptest! {
        #[test]
        fn a_conflict_keeps_both_as_far_as_they_fit(ours in "[a-m]{1,40}", theirs in "[n-z]{1,40}") {
            let joined = joined(&theirs, &ours, 50);
            prop_assert!(joined.chars().count() <= 50);
            prop_assert!(joined.contains(&theirs.chars().take(23).collect::<String>()));
            prop_assert!(joined.contains(&ours.chars().take(23).collect::<String>()));
            if ours.len() + theirs.len() <= 46 {
                prop_assert!(joined.contains(&ours) && joined.contains(&theirs));
            }
        }
    }
}
