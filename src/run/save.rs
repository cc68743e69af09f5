//! Writes consents to a file of any format, atomically and never over an existing file.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, IsTerminal as _, Read as _, Seek, SeekFrom, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use thiserror::Error;

use super::charset;
use super::fresh::Fresh;
use crate::consent::{Consent, ExportFormat, Seq, visible};
use crate::export::{About, Lines, Report, Snapshot, Summary, hex, json_line_for_terminal};
use crate::model::Notice;

/// The layout of consents in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileLayout {
    /// One consent per line.
    Lines(Lines),
    /// One JSON object with a description of its source and a digest.
    Snapshot,
    /// A case file for people.
    Report(Report),
}

impl FileLayout {
    /// Returns the layout of a format.
    pub fn of(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Snapshot => Self::Snapshot,
            ExportFormat::Jsonl => Self::Lines(Lines::Json),
            ExportFormat::Csv => Self::Lines(Lines::Csv),
            ExportFormat::CsvMarked => Self::Lines(Lines::CsvMarked),
            ExportFormat::Markdown => Self::Report(Report::Markdown),
            ExportFormat::Html => Self::Report(Report::Html),
            ExportFormat::Card => Self::Lines(Lines::Card),
            ExportFormat::Raw => Self::Lines(Lines::Raw),
            ExportFormat::Ecs => Self::Lines(Lines::Ecs),
            ExportFormat::Ocsf => Self::Lines(Lines::Ocsf),
        }
    }
}

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum SaveError {
    /// The reader of the output has closed it.
    #[error("the reader of the output is gone")]
    Pipe,
    /// The user asked to stop.
    #[error("it was stopped")]
    Stopped,
    /// A file of that name exists.
    #[error("it exists already")]
    Exists,
    /// The output cannot be written.
    #[error("{0}")]
    Write(io::Error),
    /// The consents cannot be read. The string is a sentence for people.
    #[error("{0}")]
    Read(String),
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Pipe } else { Self::Write(error) }
    }
}

/// A function that takes one consent and its note.
pub(super) type Taker<'a> = dyn FnMut(Seq, &Consent, Option<&str>) -> Result<(), SaveError> + 'a;
/// A function that passes every consent of a file to a taker, in order. A report calls it twice.
pub(super) type Giver<'a> = dyn FnMut(&mut Taker<'_>) -> Result<(), SaveError> + 'a;

/// Bytes buffered before they are written.
const BUFFER: usize = 1 << 18;

/// Writes a new file that only its owner may read. Afterwards the file is complete or does not exist. Returns the
/// number of consents in it, and its digest if the layout has one.
///
/// # Errors
/// Returns why the file was not written. Nothing was left behind.
pub fn save(
    path: &Path,
    layout: FileLayout,
    about: &About,
    give: &mut Giver<'_>,
) -> Result<(u64, Option<String>), SaveError> {
    let exists = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => SaveError::Exists,
        _ => SaveError::Write(error),
    };
    let fresh = Fresh::create(path).map_err(exists)?;
    let written = write(layout, about, give, fresh.file())?;
    fresh.finish().map_err(exists)?;
    Ok(written)
}

/// Writes a whole file to standard output, by way of a temporary file. Layouts other than lines need that, because
/// their count and digest are known only at the end.
///
/// # Errors
/// Returns why writing failed. Part of the output may have been written.
pub(super) fn print_whole(layout: FileLayout, about: &About, give: &mut Giver<'_>) -> Result<u64, SaveError> {
    let mut whole = tempfile::tempfile()?;
    let (count, _) = write(layout, about, give, &whole)?;
    whole.seek(SeekFrom::Start(0))?;
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        let (mut lines, mut piece) = (BufReader::new(whole), Vec::new());
        while lines.read_until(b'\n', &mut piece)? > 0 {
            match layout {
                FileLayout::Lines(lines) => charset::settle(lines, true, &mut piece, 0),
                FileLayout::Snapshot => json_line_for_terminal(&mut piece, charset::is_stdout_ascii()),
                FileLayout::Report(_) => {}
            }
            out.write_all(&charset::for_stdout(&piece))?;
            piece.clear();
        }
        out.flush()?;
        return Ok(count);
    }
    let mut piece = vec![0; BUFFER];
    loop {
        match whole.read(&mut piece)? {
            0 => break,
            length => out.write_all(&piece[..length])?,
        }
    }
    out.flush()?;
    Ok(count)
}

fn write(
    layout: FileLayout,
    about: &About,
    give: &mut Giver<'_>,
    file: &File,
) -> Result<(u64, Option<String>), SaveError> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut count = 0;
    let orgs = about.known_orgs();
    match layout {
        FileLayout::Lines(lines) => {
            let mut line = Vec::new();
            lines.head(&mut line);
            out.write_all(&line)?;
            give(&mut |seq, consent, note| {
                line.clear();
                lines.line_noted(seq, consent, note, &orgs, &mut line);
                count += 1;
                Ok(out.write_all(&line)?)
            })?;
            out.flush()?;
            Ok((count, None))
        }
        FileLayout::Snapshot => {
            let mut snapshot = Snapshot::begin(out, about)?;
            give(&mut |seq, consent, _| Ok(snapshot.add(seq, consent)?))?;
            let (count, digest) = snapshot.finish()?;
            Ok((count, Some(digest)))
        }
        FileLayout::Report(report) => {
            let mut summary = Summary::default();
            let mut digest = Context::new(&SHA256);
            let mut line = Vec::new();
            give(&mut |seq, consent, _| {
                summary.add(consent);
                line.clear();
                Lines::Json.line(seq, consent, &orgs, &mut line);
                let text = line.strip_suffix(b"\n").unwrap_or(&line);
                if summary.count > 1 {
                    digest.update(b"\n");
                }
                digest.update(text);
                Ok(())
            })?;
            let mut text = String::new();
            report.head(about, &summary, &mut text);
            let names_orgs = Report::names_orgs(about, &summary);
            give(&mut |_, consent, note| {
                report.line(consent, note, names_orgs, &mut text);
                count += 1;
                if text.len() > BUFFER {
                    out.write_all(text.as_bytes())?;
                    text.clear();
                }
                Ok(())
            })?;
            let digest = hex(digest.finish().as_ref());
            report.foot(&digest, &mut text);
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok((count, Some(digest)))
        }
    }
}

/// Returns a sentence about the result of writing a file, and whether it is a failure.
pub(super) fn told(path: &Path, result: &Result<(u64, Option<String>), SaveError>) -> Notice {
    let shown = visible(&path.to_string_lossy()).into_owned();
    match result {
        Ok((count, digest)) => {
            let size = path.metadata().map_or(0, |metadata| metadata.len());
            let digest = digest.as_ref().map_or(String::new(), |digest| format!(", SHA-256 {digest}"));
            let consents = if *count == 1 { "consent" } else { "consents" };
            Notice::plain(format!("{count} {consents} written to {shown}, {}{digest}.", bytes(size)))
        }
        Err(SaveError::Exists) => {
            Notice::bad(format!("{shown} exists. Nothing was written. Name a new file."))
        }
        Err(SaveError::Stopped) => {
            Notice::plain(format!("{shown} was not written: it was stopped. Nothing was left behind."))
        }
        Err(error) => Notice::bad(format!("{shown} cannot be written: {error}. Nothing was left behind.")),
    }
}

/// Returns a number of bytes in a form for people.
fn bytes(size: u64) -> String {
    match size {
        0..10_000 => format!("{size} bytes"),
        10_000..10_000_000 => format!("{} kB", size / 1000),
        _ => format!("{} MB", size / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;
    use crate::consent::Via;
    use crate::okta;

    fn about() -> About {
        About {
            orgs: Vec::new(),
            created: "2026-03-04T10:00:00Z".parse().unwrap(),
            filter: None,
            extent: "all",
            since: None,
            until: None,
            screen: None,
        }
    }

    fn consent() -> Consent {
        let raw =
            r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant"}"#;
        okta::event(raw, "2026-03-04T09:15:00Z".parse().unwrap(), Via::POLL).unwrap().remove(0)
    }

    const LAYOUTS: [FileLayout; 5] = [
        FileLayout::Lines(Lines::Json),
        FileLayout::Lines(Lines::Csv),
        FileLayout::Snapshot,
        FileLayout::Report(Report::Markdown),
        FileLayout::Report(Report::Html),
    ];

    #[test]
    fn every_form_is_whole_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        for (index, layout) in LAYOUTS.into_iter().enumerate() {
            let path = folder.path().join(index.to_string());
            let result = save(&path, layout, &about(), &mut |take| {
                take(Seq(1), &consent(), Some("a note"))?;
                take(Seq(2), &consent(), None)
            });
            let told = told(&path, &result);
            assert!(told.text.starts_with("2 consents written to ") && !told.is_bad(), "{told:?}");
            let metadata = path.metadata().unwrap();
            assert_eq!((metadata.permissions().mode() & 0o777, metadata.nlink()), (0o600, 1));
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), LAYOUTS.len());
    }

    #[test]
    fn nothing_is_written_over_and_nothing_half_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::write(&there, "mine").unwrap();
        let link = folder.path().join("link");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        for path in [&there, &link] {
            let result = save(path, FileLayout::Snapshot, &about(), &mut |_| Ok(()));
            assert!(matches!(result, Err(SaveError::Exists)), "{result:?}");
        }
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
        for layout in LAYOUTS {
            let path = folder.path().join("new");
            let result = save(&path, layout, &about(), &mut |take| {
                take(Seq(1), &consent(), None)?;
                Err(SaveError::Stopped)
            });
            assert!(matches!(result, Err(SaveError::Stopped)));
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
        let nowhere = folder.path().join("no/such/folder");
        let result = save(&nowhere, FileLayout::Snapshot, &about(), &mut |_| Ok(()));
        assert!(told(&nowhere, &result).text.contains("cannot be written"));
    }

    /// `tests/headless.rs` checks with the real program that nothing is left of the file.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_in_every_form() {
        for layout in LAYOUTS {
            // Every write to this device fails with `ENOSPC`.
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let result = write(layout, &about(), &mut |take| take(Seq(1), &consent(), None), &full);
            let Err(SaveError::Write(error)) = &result else { panic!("{layout:?}: {result:?}") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{layout:?}");
        }
    }
}
