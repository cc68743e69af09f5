//! Feeds the screen with rows from files, which a separate thread reads while the rows are shown.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::source::{Records, Supply};
use crate::consent::{Beside, Consent, OrgId, RowPage, Seq};
use crate::files::{self, FileIndex, LoadNews, Loader, SnapshotHead, SnapshotOrg};
pub use crate::files::{FileInput, probe_all};
use crate::model::{Loading, Msg, Notice, Offline};
use crate::report::{Board, Coverage};
use crate::tasks::start_thread;

/// A set of files that is being read, and the rows found in them.
#[derive(Debug)]
pub struct Archive {
    file_index: Arc<FileIndex>,
    news: mpsc::Receiver<LoadNews>,
    /// LoadNews received by `moved` that `pull` has not yet handled.
    received: Option<LoadNews>,
    told: Offline,
    /// The labels of the orgs that the heads of snapshots name.
    orgs: Vec<String>,
    /// What snapshots say about orgs, and when each was made.
    described: Vec<(Option<Timestamp>, SnapshotOrg)>,
    has_told: bool,
    /// Errors found in the files, printed after the screen closes.
    troubles: Arc<Mutex<Vec<String>>>,
}

/// The capacity of the channel between the reading thread and the screen.
const WAITING: usize = 16;
/// The most pieces of news handled in one turn of the screen's loop, so that a turn takes only milliseconds.
const TURN: usize = 2;

/// Reads files on a new thread and returns their index and a channel of news about them.
pub(super) fn load(
    inputs: Vec<FileInput>,
    now: Timestamp,
) -> Result<(Arc<FileIndex>, mpsc::Receiver<LoadNews>), String> {
    let file_index = Arc::new(FileIndex::new(now));
    let (tell, news) = mpsc::channel(WAITING);
    let loader = Loader::new(Arc::clone(&file_index));
    let work = move || {
        let stopped = loader.load(&inputs, |news| tell.blocking_send(news).map_err(|_| files::Stop));
        tracing::debug!(?stopped, "The files are read.");
    };
    start_thread("files", work).map_err(|error| format!("The files cannot be read: {error}."))?;
    Ok((file_index, news))
}

impl Archive {
    /// Starts reading the files. `now` is the time of receipt for rows that do not record their own.
    ///
    /// # Errors
    /// Returns a sentence for people if no thread can be started.
    pub fn open(inputs: Vec<FileInput>, now: Timestamp) -> Result<Self, String> {
        let told = Offline { files: inputs.iter().map(FileInput::name).collect(), ..Offline::default() };
        let (file_index, news) = load(inputs, now)?;
        Ok(Self {
            file_index,
            news,
            received: None,
            told,
            orgs: Vec::new(),
            described: Vec::new(),
            has_told: false,
            troubles: Arc::default(),
        })
    }

    /// Returns the shared list of errors found in the files, to be printed after the screen closes.
    pub fn troubles(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.troubles)
    }

    fn tell(&mut self, news: LoadNews, msgs: &mut Vec<Msg>) {
        match news {
            LoadNews::Head(head) => {
                let is_alone = self.told.files.len() == 1;
                self.told.taken = self.told.taken.max(head.created);
                for org in &head.orgs {
                    let label = org.org.label();
                    if !self.orgs.iter().any(|known| known == label) {
                        self.orgs.push(label.to_owned());
                    }
                }
                self.told.org = (!self.orgs.is_empty()).then(|| self.orgs.join(", "));
                if is_alone {
                    // Several snapshots have no common filter to show.
                    self.told.filter.clone_from(&head.filter);
                }
                self.tell_orgs(*head, is_alone, msgs);
                msgs.push(Msg::Offline(Box::new(self.told.clone())));
            }
            LoadNews::Orgs(orgs) => msgs.push(Msg::Orgs(orgs)),
            LoadNews::Rows { page, percent } => msgs.push(Msg::FromFiles(page, Loading::Files(percent))),
            LoadNews::Changed(page) => msgs.push(Msg::Changed(page)),
            LoadNews::Trouble(words) => {
                self.troubles.lock().unwrap_or_else(PoisonError::into_inner).push(words.clone());
                self.told.troubles.push(words.clone());
                msgs.push(Msg::Offline(Box::new(self.told.clone())));
                msgs.push(Msg::Notice(Notice::bad(words)));
            }
            LoadNews::Note(words) => {
                self.told.notes.push(words.clone());
                msgs.push(Msg::Offline(Box::new(self.told.clone())));
                msgs.push(Msg::Notice(Notice::plain(words)));
            }
            LoadNews::Done { repeated, shared } => {
                self.told.repeated = repeated;
                self.told.shared = shared;
                msgs.push(Msg::Offline(Box::new(self.told.clone())));
                msgs.push(Msg::FromFiles(RowPage::default(), Loading::Done));
            }
        }
    }
}

impl Archive {
    /// Tells what a snapshot says about its orgs. Of an org that several snapshots describe, the newest counts. What they
    /// cover is told only if there is one snapshot and no other file.
    fn tell_orgs(&mut self, head: SnapshotHead, is_alone: bool, msgs: &mut Vec<Msg>) {
        for mut org in head.orgs {
            if !is_alone {
                org.coverage = Coverage::default();
            }
            let known = self.described.iter_mut().find(|(_, known)| known.org.key == org.org.key);
            match known {
                Some((created, _)) if *created > head.created => {}
                Some(known) => *known = (head.created, org),
                None => self.described.push((head.created, org)),
            }
        }
        let in_use = self.described.iter().map(|(_, about)| about.org.clone());
        msgs.push(Msg::OrgsInUse((0..=u8::MAX).map(OrgId).zip(in_use).collect()));
        for (id, (_, about)) in (0..=u8::MAX).map(OrgId).zip(&self.described) {
            let mut board = Board::default();
            board.readiness = about.readiness.clone().map(Arc::new);
            msgs.push(Msg::Board(id, Box::new(board)));
            msgs.push(Msg::Coverage(id, about.coverage.clone()));
        }
        if self.described.is_empty() && is_alone {
            msgs.push(Msg::Coverage(OrgId::default(), head.coverage));
        }
    }
}

impl Supply for Archive {
    fn pull(&mut self, msgs: &mut Vec<Msg>) -> bool {
        if !std::mem::replace(&mut self.has_told, true) {
            msgs.push(Msg::Offline(Box::new(self.told.clone())));
        }
        for _ in 0..TURN {
            let Some(news) = self.received.take().or_else(|| self.news.try_recv().ok()) else { return false };
            self.tell(news, msgs);
        }
        true
    }

    async fn moved(&mut self) {
        match self.news.recv().await {
            Some(news) => self.received = Some(news),
            // The files are read to their end. Something else ends the loop.
            None => std::future::pending().await,
        }
    }

    fn records(&self) -> Box<dyn Records> {
        Box::new(FileRecords(Arc::clone(&self.file_index)))
    }
}

/// Reads whole consents from indexed files.
struct FileRecords(Arc<FileIndex>);

impl Records for FileRecords {
    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, String> {
        self.0.consent(seq)
    }

    fn beside(&mut self, seq: Seq, _session: Option<&str>, _transaction: Option<&str>) -> Beside {
        self.0.beside(seq).unwrap_or_default()
    }
}
