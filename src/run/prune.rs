//! `prune`: removes rows past the age limit on request, by this machine's clock. The user confirms that the clock is
//! right.

use std::fmt::Write as _;
use std::path::Path;

use super::standing::named;
use super::stdio::{note, print};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::journal::{self, PruneError, Settings};

/// Prints how many rows are past the age limit by this machine's clock, and removes them if `is_meant`.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if the journal cannot be opened, is in use, or cannot be changed.
pub fn prune(dir: &Path, keep: Settings, is_meant: bool, clock: &Clock) -> Result<Exit, (Exit, String)> {
    let now = clock.now();
    let done = journal::prune(dir, keep, now, is_meant).map_err(|error| (Exit::Failed, words(&error)))?;
    let newest = match done.newest {
        Some(at) => format!("the newest was published {at:.0}"),
        None => "none of them has a time".to_owned(),
    };
    let mut text = format!(
        "This machine's clock says {now:.0}. The journal has {} rows; {newest}. {} were published before {:.0}, the limit \
         of journal.keep_days = {}.\n",
        done.rows, done.aged, done.cut, keep.keep_days
    );
    if is_meant {
        let gone = done.rows.saturating_sub(done.left);
        writeln!(text, "{gone} rows were removed, {} are left.", done.left)
            .expect("a text takes whatever is written");
    }
    if let Err(error) = print(text.as_bytes()) {
        return Err((Exit::Failed, format!("Standard output cannot be written: {error}.")));
    }
    if !is_meant {
        note("Nothing was removed. If that time is right, add --yes to remove them.");
    }
    Ok(Exit::Done)
}

fn words(error: &PruneError) -> String {
    match error {
        PruneError::Open(error) => error.fault().to_string(),
        PruneError::InUse(holder) => format!(
            "{} writes this journal. Nothing was removed. End that process, then run prune again.",
            named(holder)
        ),
        PruneError::Storage(error) => error.fault().to_string(),
        PruneError::Marks(error) => {
            let fault = error.fault();
            format!("{} No row was removed, because marked rows must be kept. {}", fault.what, fault.remedy)
        }
    }
}
