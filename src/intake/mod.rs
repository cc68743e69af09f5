//! Network I/O: the clients and the listener that bring consents into the journal.

pub mod backfill;
pub mod hook;
pub mod http;
pub mod mending;
pub mod names;
pub mod poll;
pub mod probe;
pub mod state;
#[cfg(feature = "team")]
pub mod team;

use tokio::sync::watch;

pub use http::{ClientError, OktaClient};

use crate::report::{Board, BoardNotes};

/// Replaces the notes of one kind on the board, and logs each new one once.
fn tell_notes(
    board: &watch::Sender<Board>,
    place: impl FnOnce(&mut BoardNotes) -> &mut Vec<String>,
    notes: Vec<String>,
) {
    board.send_if_modified(|board| {
        let told = place(&mut board.notes);
        for note in notes.iter().filter(|note| !told.contains(note)) {
            tracing::warn!("{note}");
        }
        let before = std::mem::replace(told, notes);
        before != *told
    });
}
