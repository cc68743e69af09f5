//! `doctor --check`: looks for damage in every row of the journal.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use serde::Serialize;

use super::stdio::{note, print};
use crate::exit::Exit;
use crate::journal::{Damage, ReadError, Reader};

/// The report as JSON.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    rows: u64,
    damaged_rows: Vec<i64>,
    missing_rows: u64,
    others: Vec<String>,
    exit: u8,
}

/// Rows between two progress messages, which is a few seconds of work.
const STEP: u64 = 200_000;
/// Says how damaged rows are recovered.
pub(super) const MENDING: &str =
    "A minute after they start, watch and tail fetch damaged rows again that Okta still keeps (90 days).";

/// Checks the whole journal in a folder and prints what is damaged. Another process may write the journal meanwhile.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if the journal cannot be read at all or standard output cannot be
/// written.
pub fn check_journal(dir: &Path, is_json: bool) -> Result<Exit, (Exit, String)> {
    let failed = |error: &ReadError| (Exit::Failed, error.fault().to_string());
    let mut reader = Reader::open(dir).map_err(|error| (Exit::Failed, error.fault().to_string()))?;
    let has_person = io::stderr().is_terminal();
    let mut told = 0;
    let mut rows = 0;
    let damage = reader.check(|looked| {
        rows = looked;
        if has_person && looked >= told + STEP {
            told = looked;
            note(&format!("{looked} rows so far."));
        }
    });
    let damage = damage.map_err(|error| failed(&error))?;
    let exit = if damage.is_none() { Exit::Done } else { Exit::Failed };
    let text = if is_json { json(&damage, rows, exit) } else { text(&damage, rows) };
    match print(text.as_bytes()) {
        Ok(()) => Ok(exit),
        Err(error) => Err((Exit::Failed, format!("Standard output cannot be written: {error}."))),
    }
}

fn text(damage: &Damage, rows: u64) -> String {
    match damage.sentence() {
        None => format!("The journal is intact: {rows} rows were checked.\n"),
        Some(sentence) => format!(
            "{sentence} {rows} rows were checked; nothing was changed. {MENDING} Check the disk. If rows are lost \
             that Okta no longer keeps, restore the journal from a backup.\n"
        ),
    }
}

fn json(damage: &Damage, rows: u64, exit: Exit) -> String {
    let report = Report {
        schema: "consentwatch.check/1",
        rows,
        damaged_rows: damage.rows.iter().map(|seq| seq.0).collect(),
        missing_rows: damage.missing,
        others: damage.others.clone(),
        exit: exit.code(),
    };
    let json = serde_json::to_string(&report).expect("texts and numbers always have a JSON form");
    format!("{json}\n")
}
