//! Copies the notes and faults of the journal to the boards.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::report::{Board, Part, Pulse};

/// How often to check that the journal's files are in their place. Each delivery and each poll checks it too.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Copies notes and faults to the board of each org until the journal ends. Each new note is logged once.
pub async fn tell(journal: Journal, boards: Vec<watch::Sender<Board>>, clock: Clock) {
    let mut said = journal.notes();
    let mut was_gone = false;
    loop {
        let notes = said.borrow_and_update().clone();
        for (at, board) in boards.iter().enumerate() {
            if at == 0 {
                super::tell_notes(board, |notes| &mut notes.journal, notes.clone());
            } else {
                board.send_if_modified(|board| {
                    std::mem::replace(&mut board.notes.journal, notes.clone()) != notes
                });
            }
        }
        let set = |pulse: &Pulse| {
            for board in &boards {
                board.send_if_modified(|board| board.set(Part::Journal, pulse.clone()));
            }
        };
        match journal.in_place() {
            Err(error) => {
                let fault = error.fault();
                if !was_gone {
                    tracing::error!("{fault}");
                }
                was_gone = true;
                set(&Pulse::Down(fault));
            }
            Ok(()) if was_gone => {
                was_gone = false;
                tracing::warn!("The journal's files are in their place again.");
                set(&Pulse::Live);
            }
            Ok(()) => {}
        }
        tokio::select! {
            changed = said.changed() => if changed.is_err() { return },
            _ = clock.sleep(LOOK_EVERY) => {}
        }
    }
}
