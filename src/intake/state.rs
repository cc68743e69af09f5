//! Carries what the journal says of itself to whoever looks at the board.

use tokio::sync::watch;

use crate::journal::Journal;
use crate::report::Board;

/// Tells until the journal ends; in the log a sentence once, when it comes.
pub async fn tell(journal: Journal, board: watch::Sender<Board>) {
    let mut said = journal.notes();
    // A handle would keep the journal from ending.
    drop(journal);
    loop {
        let notes = said.borrow_and_update().clone();
        board.send_if_modified(|board| {
            for note in notes.iter().filter(|note| !board.notes.journal.contains(note)) {
                tracing::warn!("{note}");
            }
            let before = std::mem::replace(&mut board.notes.journal, notes);
            before != board.notes.journal
        });
        if said.changed().await.is_err() {
            return;
        }
    }
}
