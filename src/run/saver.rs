//! Writes one file at a time on a thread of its own, and tells how far it is.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::Records;
use super::save::{FileForm, SaveError, Taker, save, told};
use crate::export::{About, Form, Lines};
use crate::model::{self, Msg, SaveOrder};

/// The file that is being written, and what it tells.
#[derive(Debug)]
pub struct Saver {
    stop: Arc<AtomicBool>,
    answers: mpsc::Receiver<Msg>,
}

/// Consents between two words of how far it is.
const STEP: usize = 2000;
/// Words that wait until the loop takes them.
const ANSWERS: usize = 4;

impl Saver {
    /// Starts to write a file.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(path: PathBuf, order: SaveOrder, about: About, records: Records) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        std::thread::Builder::new().name("save".to_owned()).spawn(move || {
            let result = write(&path, &order, &about, records, &asked, &tell);
            let (words, is_bad) = told(&path, &result);
            tracing::info!(words, "A file was to be written.");
            if tell.blocking_send(Msg::Saved(words, is_bad)).is_err() {
                tracing::debug!("Nobody waits for the file any more.");
            }
        })?;
        Ok(Self { stop, answers })
    }

    /// Asks it to stop; nothing of the file is left then.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Waits for how far it is, or what came of it; nothing once all was told.
    pub async fn heard(&mut self) -> Option<Msg> {
        self.answers.recv().await
    }
}

fn write(
    path: &Path,
    order: &SaveOrder,
    about: &About,
    mut records: Records,
    stop: &AtomicBool,
    tell: &mpsc::Sender<Msg>,
) -> Result<(u64, Option<String>), SaveError> {
    let form = form(order.form);
    let passes = if matches!(form, FileForm::Report(_)) { 2 } else { 1 };
    let (mut done, all) = (0, order.seqs.len() * passes);
    save(path, form, about, &mut |take: &mut Taker<'_>| {
        for seq in &order.seqs {
            if stop.load(Ordering::SeqCst) {
                return Err(SaveError::Stopped);
            }
            // A row that was removed meanwhile is missing, and the count says so.
            if let Some(consent) = records(*seq).map_err(SaveError::Read)? {
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

fn form(form: model::Form) -> FileForm {
    match form {
        model::Form::Json => FileForm::Snapshot,
        model::Form::Jsonl => FileForm::Lines(Lines::Json),
        model::Form::Csv => FileForm::Lines(Lines::Csv),
        model::Form::Markdown => FileForm::Report(Form::Markdown),
        model::Form::Html => FileForm::Report(Form::Html),
        model::Form::Card => FileForm::Lines(Lines::Card),
        model::Form::Raw => FileForm::Lines(Lines::Raw),
    }
}

/// Returns a name that is not taken: `consents-20260304T101500Z.json`.
///
/// # Errors
/// The folder cannot be made: a sentence.
pub fn name(folder: &Path, at: jiff::Timestamp, ending: &str) -> Result<PathBuf, String> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        format!(
            "{} cannot be made: {error}. Nothing was written.",
            crate::consent::visible(&folder.to_string_lossy())
        )
    })?;
    let stem = format!("consents-{}", at.strftime("%Y%m%dT%H%M%SZ"));
    let names =
        (1..1000).map(|n| if n == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{n}.{ending}") });
    let free = names.map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_err());
    free.ok_or_else(|| "There are a thousand files of this second already. Nothing was written.".to_owned())
}
