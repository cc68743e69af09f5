//! The doors in: sockets that bring consents to the journal.

pub mod backfill;
pub mod hook;
pub mod http;
pub mod mending;
pub mod names;
pub mod poll;
pub mod probe;
pub mod state;

use tokio::sync::watch;

pub use http::{Client, ClientError};

use crate::report::{Board, Notes};

/// Tells what a person should know of one matter; in the log once, when it comes.
fn tell_notes(
    board: &watch::Sender<Board>,
    place: impl FnOnce(&mut Notes) -> &mut Vec<String>,
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
