//! Copies the notes and faults of the journal to the board.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::report::{Board, Part, Pulse};

/// How often to check that the journal's files are in their place. Each delivery and each poll checks it too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Copies notes and faults to the board until the journal ends. Each new note is logged once.
pub async fn tell(journal: Journal, board: watch::Sender<Board>, clock: Clock) {
    let mut said = journal.notes();
    let mut was_gone = false;
    loop {
        let notes = said.borrow_and_update().clone();
        super::tell_notes(&board, |notes| &mut notes.journal, notes);
        match journal.in_place() {
            Err(error) => {
                let fault = error.fault();
                if !was_gone {
                    tracing::error!("{fault}");
                }
                was_gone = true;
                board.send_if_modified(|board| board.set(Part::Journal, Pulse::Down(fault)));
            }
            Ok(()) if was_gone => {
                was_gone = false;
                tracing::warn!("The journal's files are in their place again.");
                board.send_if_modified(|board| board.set(Part::Journal, Pulse::Live));
            }
            Ok(()) => {}
        }
        tokio::select! {
            changed = said.changed() => if changed.is_err() { return },
            _ = clock.sleep(LOOK_EVERY) => {}
        }
    }
}
