//! Stored consents to a file or standard output; no network, no lock.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Marked;
use super::lines::{matches, note};
use crate::consent::Seq;
use crate::exit::Exit;
use crate::export::Lines;
use crate::journal::Reader;
use crate::model::Query;
use crate::okta;

/// What `export` writes, and where.
#[derive(Debug)]
pub struct ExportOptions {
    /// The folder of the org's journal.
    pub dir: PathBuf,
    /// The form of a line.
    pub format: Lines,
    /// Only consents published from here on.
    pub since: Option<Timestamp>,
    /// Only consents published before.
    pub until: Option<Timestamp>,
    /// Only what matches.
    pub filter: Option<Query>,
    /// Only what is marked.
    pub marked_only: bool,
    /// What is marked.
    pub marked: Marked,
    /// A new file; standard output if there is none.
    pub output: Option<PathBuf>,
}

/// Rows read at a time.
const BATCH: usize = 1000;

/// Writes what is stored, in journal order.
///
/// # Errors
/// The journal cannot be read, or the output not be written: the reason to end and a sentence for stderr.
pub fn export(options: ExportOptions) -> Result<Exit, (Exit, String)> {
    let failed = |words: String| (Exit::Failed, words);
    let mut reader = Reader::open(&options.dir).map_err(|error| failed(error.fault().to_string()))?;
    let Some(path) = options.output.clone() else {
        let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        return match write_all(&options.into_parts(), &mut reader, out) {
            Ok(_) | Err(Stop::Pipe) => Ok(Exit::Done),
            Err(Stop::Words(words)) => Err(failed(words)),
        };
    };
    if path.symlink_metadata().is_ok() {
        return Err((
            Exit::Usage,
            format!(
                "{} exists. Nothing was written. Name a new file.",
                crate::consent::visible(&path.to_string_lossy())
            ),
        ));
    }
    let shown = crate::consent::visible(&path.to_string_lossy()).into_owned();
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let trouble =
        |error: io::Error| failed(format!("{shown} cannot be written: {error}. Nothing was left behind."));
    let beside = tempfile::NamedTempFile::new_in(folder).map_err(trouble)?;
    let out = io::BufWriter::with_capacity(1 << 16, beside.as_file());
    let count = match write_all(&options.into_parts(), &mut reader, out) {
        Ok(count) => count,
        Err(Stop::Pipe) => return Err(failed(format!("{shown} cannot be written: its reader is gone."))),
        Err(Stop::Words(words)) => return Err(failed(words)),
    };
    beside.as_file().sync_all().map_err(trouble)?;
    beside.persist_noclobber(&path).map_err(|error| trouble(error.error))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(trouble)?;
    note(&format!("{count} consents written to {shown}."));
    Ok(Exit::Done)
}

struct Parts {
    format: Lines,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    filter: Option<Query>,
    marked_only: bool,
    marked: Marked,
    /// Whether a person looks at the lines; a file and a pipe get them exactly.
    to_terminal: bool,
}

impl ExportOptions {
    fn into_parts(self) -> Parts {
        let to_terminal = self.output.is_none() && io::stdout().is_terminal();
        Parts {
            format: self.format,
            since: self.since,
            until: self.until,
            filter: self.filter,
            marked_only: self.marked_only,
            marked: self.marked,
            to_terminal,
        }
    }
}

enum Stop {
    Pipe,
    Words(String),
}

fn write_all(parts: &Parts, reader: &mut Reader, mut out: impl Write) -> Result<u64, Stop> {
    let written = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::Pipe,
        _ => Stop::Words(format!("The output cannot be written: {error}. Nothing stored is lost.")),
    };
    let mut seen = Seq(0);
    let mut count = 0;
    let mut line = Vec::new();
    loop {
        let records =
            reader.records_after(seen, BATCH).map_err(|error| Stop::Words(error.fault().to_string()))?;
        let Some(last) = records.last() else { break };
        seen = last.seq;
        for stored in &records {
            let published = stored.key.published_ms;
            let early = parts.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
            let late = parts.until.is_some_and(|until| published >= until.as_millisecond());
            if early || late {
                continue;
            }
            let mark = parts.marked.note(&stored.key);
            if parts.marked_only && mark.is_none() {
                continue;
            }
            let consent = okta::restore(stored);
            if parts.filter.as_ref().is_some_and(|filter| !matches(filter, stored.seq, &consent, mark)) {
                continue;
            }
            line.clear();
            if parts.to_terminal {
                parts.format.line_for_terminal(stored.seq, &consent, &mut line);
            } else {
                parts.format.line(stored.seq, &consent, &mut line);
            }
            out.write_all(&line).map_err(written)?;
            count += 1;
        }
    }
    out.flush().map_err(written)?;
    Ok(count)
}
