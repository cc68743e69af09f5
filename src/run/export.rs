//! Exports stored consents to a file or standard output, without network access and without the journal's lock.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::journal_check::MENDING;
use super::matching::matches;
use super::save::{FileLayout, SaveError, Taker, print_whole, save, told};
use super::source::OrgLabels;
use super::stdio::note;
use super::{MarkedEvents, charset, last_readiness};
use crate::consent::{Consent, KnownOrg, OrgId, Orgs, Seq};
use crate::exit::Exit;
use crate::export::{About, AboutOrg};
use crate::journal::{Damage, ReadError, Reader};
use crate::model::Query;

/// What `export` writes, and where.
#[derive(Debug)]
pub struct ExportOptions {
    /// The orgs of the configuration, as people call them.
    pub orgs: Vec<KnownOrg>,
    /// Whether rows of the journal's other orgs are left out.
    pub only_these_orgs: bool,
    /// The folder of the journal.
    pub dir: PathBuf,
    /// The layout of the output.
    pub layout: FileLayout,
    /// Only consents published at this time or later.
    pub since: Option<Timestamp>,
    /// Only consents published before this time.
    pub until: Option<Timestamp>,
    /// Only consents that match this filter.
    pub filter: Option<Query>,
    /// Only marked consents.
    pub marked_only: bool,
    /// The marks beside the journal.
    pub marked: MarkedEvents,
    /// The new file to write, or `None` for standard output.
    pub output: Option<PathBuf>,
    /// The time at which the export is made.
    pub now: Timestamp,
}

/// Rows read from the journal at a time.
const BATCH: usize = 1000;
/// Rows between two progress messages, which is a few seconds of work.
const STEP: u64 = 200_000;

/// Writes the stored consents in journal order.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if the journal cannot be read or is damaged, or if the output cannot
/// be written.
pub fn export(options: &ExportOptions) -> Result<Exit, (Exit, String)> {
    let failed = |words: String| (Exit::Failed, words);
    let (mut reader, orgs, about) = begin(options).map_err(failed)?;
    let mut read = 0;
    let mut give = |take: &mut Taker<'_>| give(options, &orgs, &mut reader, &mut read, take);
    let Some(path) = &options.output else {
        return match print(options.layout, &about, &mut give) {
            Ok(()) => whole(&reader, read, Exit::Done),
            Err(SaveError::Pipe) => Ok(Exit::Done),
            Err(SaveError::Read(words)) => Err(failed(words)),
            Err(error) => {
                Err(failed(format!("The output cannot be written: {error}. Nothing stored is lost.")))
            }
        };
    };
    let has_person = io::stderr().is_terminal();
    let mut count = 0_u64;
    let mut give = |take: &mut Taker<'_>| {
        give(&mut |seq, consent, noted| {
            count += 1;
            if has_person && count.is_multiple_of(STEP) {
                note(&format!("{count} consents so far; ^C stops it and leaves nothing behind."));
            }
            take(seq, consent, noted)
        })
    };
    let result = save(path, options.layout, &about, &mut give);
    let words = told(path, &result).text;
    match result {
        Ok(_) => {
            note(&words);
            whole(&reader, read, Exit::Done)
        }
        Err(SaveError::Exists) => Err((Exit::Usage, words)),
        Err(_) => Err(failed(words)),
    }
}

/// Returns `well` if all rows that the journal counts were read and are intact, else a failure that names the damage.
fn whole(reader: &Reader, read: u64, well: Exit) -> Result<Exit, (Exit, String)> {
    match damage(reader, read) {
        Ok(None) => Ok(well),
        Ok(Some(words)) | Err(words) => Err((Exit::Failed, words)),
    }
}

/// Returns a sentence about damage in the journal after `read` rows were read, or `None` if it is intact.
fn damage(reader: &Reader, read: u64) -> Result<Option<String>, String> {
    let rows = reader.damaged();
    let look = || Ok::<_, ReadError>((reader.check_tables()?, reader.counted_rows()?));
    let (others, counted) = look().map_err(|error| error.fault().to_string())?;
    let missing = counted.saturating_sub(read + rows.len() as u64);
    let sentence = Damage { rows, missing, others }.sentence();
    Ok(sentence
        .map(|sentence| format!("{sentence} Damaged rows were left out, all others were written. {MENDING}")))
}

/// The orgs of a journal whose rows are written.
struct Listed {
    all: Orgs,
    labels: OrgLabels,
    ids: Vec<OrgId>,
}

/// Opens the journal and collects the facts for the head of the file.
fn begin(options: &ExportOptions) -> Result<(Reader, Listed, About), String> {
    let unread = |error: ReadError| error.fault().to_string();
    let reader = Reader::open(&options.dir).map_err(|error| error.fault().to_string())?;
    // One read transaction, so that counts and rows are from the same moment.
    reader.hold().map_err(unread)?;
    let (all, ours) = reader.orgs().map_err(unread)?.with(&options.orgs);
    let ids: Vec<OrgId> = all.iter().map(|(id, _)| id).collect();
    let ids = if options.only_these_orgs { ours } else { ids };
    let mut orgs = Vec::new();
    for id in &ids {
        let Some(org) = all.get(*id) else { continue };
        orgs.push(AboutOrg {
            org: org.clone(),
            coverage: reader.coverage(*id).map_err(unread)?,
            board: None,
            readiness: last_readiness::read(&options.dir, &org.key, *id)
                .and_then(|readiness| serde_json::value::to_raw_value(&readiness).ok()),
        });
    }
    let about = About {
        orgs,
        created: options.now,
        filter: options.filter.as_ref().map(|filter| filter.text().to_owned()),
        extent: if options.marked_only { "marked" } else { "all" },
        since: options.since,
        until: options.until,
        screen: None,
    };
    let labels = OrgLabels::of(&all);
    Ok((reader, Listed { all, labels, ids }, about))
}

/// Writes a new file. Returns a sentence and whether it reports a failure.
pub(super) fn write(options: &ExportOptions, path: &Path) -> (String, bool) {
    match begin(options) {
        Ok((mut reader, orgs, about)) => {
            let mut read = 0;
            let mut give = |take: &mut Taker<'_>| give(options, &orgs, &mut reader, &mut read, take);
            let saved = save(path, options.layout, &about, &mut give);
            let told = told(path, &saved);
            match damage(&reader, read) {
                Ok(Some(why)) | Err(why) if saved.is_ok() => (format!("{} {why}", told.text), true),
                _ => {
                    let is_bad = told.is_bad();
                    (told.text, is_bad)
                }
            }
        }
        Err(why) => (why, true),
    }
}

/// Writes to standard output, line by line as rows are read if the layout allows that.
fn print(
    layout: FileLayout,
    about: &About,
    give: &mut impl FnMut(&mut Taker<'_>) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let FileLayout::Lines(lines) = layout else {
        return print_whole(layout, about, give).map(drop);
    };
    // A file and a pipe get the exact lines. A terminal gets lines without control characters.
    let to_terminal = io::stdout().is_terminal();
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    let orgs = about.known_orgs();
    lines.head(&mut line);
    charset::settle(lines, to_terminal, &mut line, 0);
    out.write_all(&line)?;
    give(&mut |seq, consent, noted| {
        line.clear();
        if to_terminal {
            lines.line_for_terminal(seq, consent, &orgs, &mut line);
        } else {
            lines.line_noted(seq, consent, noted, &orgs, &mut line);
        }
        charset::settle(lines, to_terminal, &mut line, 0);
        Ok(out.write_all(&line)?)
    })?;
    Ok(out.flush()?)
}

/// Passes the requested consents to `take` in journal order, and counts the rows read.
fn give(
    options: &ExportOptions,
    orgs: &Listed,
    reader: &mut Reader,
    count: &mut u64,
    take: &mut Taker<'_>,
) -> Result<(), SaveError> {
    let mut seen = Seq(0);
    // A report reads everything twice, and the second pass counts again.
    *count = 0;
    loop {
        let read = reader.records_after(seen, BATCH);
        let records = read.map_err(|error| SaveError::Read(error.fault().to_string()))?;
        let Some(last) = records.last() else { return Ok(()) };
        seen = last.seq;
        *count += records.len() as u64;
        for stored in &records {
            let published = stored.key.published_ms;
            let early =
                options.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
            let late = options.until.is_some_and(|until| published >= until.as_millisecond());
            let mark = options.marked.note(&orgs.all, stored);
            let is_listed = orgs.ids.contains(&stored.org);
            if early || late || !is_listed || options.marked_only && mark.is_none() {
                continue;
            }
            let consent: Consent = orgs.labels.restored(stored);
            if options
                .filter
                .as_ref()
                .is_some_and(|filter| !matches(filter, &orgs.all, stored.seq, &consent, mark))
            {
                continue;
            }
            take(stored.seq, &consent, mark.filter(|note| !note.is_empty()))?;
        }
    }
}
