//! Writes one file at a time on a separate thread, and reports progress.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::Records;
use super::save::{FileLayout, SaveError, Taker, save, told};
use crate::export::About;
use crate::model::{Msg, SaveOrder};
use crate::safe_file;
use crate::tasks::start_thread;

/// A handle to a file that is being written.
#[derive(Debug)]
pub struct Saver {
    stop: Arc<AtomicBool>,
    answers: mpsc::Receiver<Msg>,
}

/// Consents between two progress messages.
const STEP: usize = 2000;
/// The capacity of the progress channel.
const ANSWERS: usize = 4;

impl Saver {
    /// Starts to write a file.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub fn start(
        path: PathBuf,
        order: SaveOrder,
        about: About,
        records: Box<dyn Records>,
    ) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        start_thread("save", move || {
            let result = write(&path, &order, &about, records, &asked, &tell);
            let outcome = told(&path, &result);
            tracing::info!(words = outcome.text, "A file was to be written.");
            if tell.blocking_send(Msg::Saved(outcome)).is_err() {
                tracing::debug!("Nobody waits for the file any more.");
            }
        })?;
        Ok(Self { stop, answers })
    }

    /// Asks the thread to stop. It leaves nothing of the file behind.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Waits for the next progress message or the result. Returns `None` once the result was returned.
    pub async fn heard(&mut self) -> Option<Msg> {
        self.answers.recv().await
    }
}

fn write(
    path: &Path,
    order: &SaveOrder,
    about: &About,
    mut records: Box<dyn Records>,
    stop: &AtomicBool,
    tell: &mpsc::Sender<Msg>,
) -> Result<(u64, Option<String>), SaveError> {
    let layout = FileLayout::of(order.format);
    let passes = if matches!(layout, FileLayout::Report(_)) { 2 } else { 1 };
    let (mut done, all) = (0, order.seqs.len() * passes);
    save(path, layout, about, &mut |take: &mut Taker<'_>| {
        for seq in &order.seqs {
            if stop.load(Ordering::SeqCst) {
                return Err(SaveError::Stopped);
            }
            // A row that was removed meanwhile is left out, and the count shows it.
            if let Some(consent) = records.record(*seq).map_err(SaveError::Read)? {
                take(*seq, &consent, order.notes.get(seq).map(String::as_str))?;
            }
            done += 1;
            if done % STEP == 0 && tell.try_send(Msg::Saving(done, all)).is_err() {
                tracing::trace!("The loop is busy; it hears the next word.");
            }
        }
        Ok(())
    })
}

/// The prefix of the names of automatic snapshots.
const AUTO: &str = "auto-";
/// The format of the time in file names.
const NAMED: &str = "%Y%m%dT%H%M%SZ";

/// Removes the oldest automatic snapshots so that at most `keep` are left. Files with other names stay. The age is
/// taken from the name. A name more than a day in the future comes from a clock that was wrong, so that snapshot goes
/// first. Call it only while the clocks agree.
pub fn thin_out(folder: &Path, keep: usize, now: jiff::Timestamp) -> io::Result<()> {
    let tomorrow = now.checked_add(jiff::SignedDuration::from_hours(24)).unwrap_or(now);
    let tomorrow = format!("{AUTO}{}", tomorrow.strftime(NAMED));
    let mut ours = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours =
            name.strip_prefix(AUTO).and_then(|rest| rest.strip_suffix(".json")).is_some_and(|time| {
                time.len() >= "20260304T101500Z".len()
                    && time.bytes().all(|b| b.is_ascii_digit() || b"TZ-".contains(&b))
            });
        if is_ours && entry.file_type()?.is_file() {
            ours.push(name);
        }
    }
    ours.sort_unstable_by_key(|name| (*name <= tomorrow, name.clone()));
    let old = ours.len().saturating_sub(keep);
    for name in ours.into_iter().take(old) {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

/// Returns an unused path for an automatic snapshot.
///
/// # Errors
/// Returns a sentence for people if the folder cannot be created, or if it has a thousand files of this second.
pub fn auto_name(folder: &Path, at: jiff::Timestamp) -> Result<PathBuf, String> {
    free(folder, &format!("{AUTO}{}", at.strftime(NAMED)), "json")
}

/// Returns an unused path such as `consents-20260304T101500Z.json`.
///
/// # Errors
/// Returns a sentence for people if the folder cannot be created, or if it has a thousand files of this second.
pub fn name(folder: &Path, at: jiff::Timestamp, ending: &str) -> Result<PathBuf, String> {
    free(folder, &format!("consents-{}", at.strftime(NAMED)), ending)
}

/// Returns a name that is not taken for a recording: `recording-20260304T101500Z.jsonl`.
///
/// # Errors
/// The folder cannot be made: a sentence.
pub fn recording_name(folder: &Path, at: jiff::Timestamp) -> Result<PathBuf, String> {
    free(folder, &format!("recording-{}", at.strftime(NAMED)), "jsonl")
}

fn free(folder: &Path, stem: &str, ending: &str) -> Result<PathBuf, String> {
    safe_file::create_folder(folder).map_err(|error| {
        format!(
            "{} cannot be made: {error}. Nothing was written.",
            crate::consent::visible(&folder.to_string_lossy())
        )
    })?;
    let names =
        (1..1000).map(|n| if n == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{n}.{ending}") });
    let free = names.map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| "There are a thousand files of this second already. Nothing was written.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_of_a_wrong_clock_cost_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            ["auto-20260304T101500Z.json", "auto-20260304T111500Z.json", "auto-20360304T101500Z.json"];
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        thin_out(folder.path(), 2, "2026-03-04T11:20:00Z".parse().unwrap()).unwrap();
        let left: Vec<&str> = names.into_iter().filter(|name| folder.path().join(name).exists()).collect();
        assert_eq!(left, names[..2]);
    }

    #[test]
    fn only_the_oldest_of_our_own_go() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "auto-20260304T101500Z.json",
            "auto-20260304T111500Z.json",
            "auto-20260304T121500Z-2.json",
            "auto-x.json",
            "consents-20200304T101500Z.json",
            "auto-20200304T101500Z.csv",
        ];
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("auto-20190304T101500Z.json")).unwrap();
        let now = "2026-03-04T13:00:00Z".parse().unwrap();
        thin_out(folder.path(), 2, now).unwrap();
        let left: Vec<&str> = names.into_iter().filter(|name| folder.path().join(name).exists()).collect();
        assert_eq!(left, names[1..]);
        assert!(thin_out(&folder.path().join("no"), 2, now).is_err());
        let at = "2026-03-04T12:15:00Z".parse().unwrap();
        std::fs::write(auto_name(folder.path(), at).unwrap(), "").unwrap();
        let second = auto_name(folder.path(), at).unwrap();
        assert!(
            second.ends_with("auto-20260304T121500Z-2.json")
                || second.ends_with("auto-20260304T121500Z-3.json")
        );
    }
}
