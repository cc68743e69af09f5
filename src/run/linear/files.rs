//! The linear mode's source for consents in files.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::book::{Book, Go, News, Noted, Trouble};
use crate::consent::{Consent, Orgs, Row, Seq};
use crate::files::{self, FileIndex, FileInput};
use crate::run::archive;

/// A set of files that is being read. Once all are read, their consents are sorted by time.
#[derive(Debug)]
pub struct FileBook {
    file_index: Arc<FileIndex>,
    news: mpsc::Receiver<files::LoadNews>,
    /// LoadNews received by `moved` that `news` has not yet returned.
    received: Option<files::LoadNews>,
    /// The rows as (time of publication in milliseconds, number), sorted once all files are read.
    order: Vec<(i64, Seq)>,
    percent: Option<u8>,
    is_read: bool,
    orgs: Orgs,
    /// When the snapshot was taken, or the latest of several snapshots.
    taken: Option<Timestamp>,
    troubles: Vec<String>,
    /// Remarks on the files that are not errors.
    notes: Vec<String>,
    /// How many records repeat an event.
    repeated: u64,
    /// How many rows share their uuid with a row of another content.
    shared: u64,
}

impl FileBook {
    /// Starts reading the files. `now` is the time of receipt for rows that do not record their own.
    ///
    /// # Errors
    /// Returns a sentence for people if no thread can be started.
    pub fn open(inputs: Vec<FileInput>, now: Timestamp) -> Result<Self, String> {
        let (file_index, news) = archive::load(inputs, now)?;
        Ok(Self {
            file_index,
            news,
            received: None,
            order: Vec::new(),
            percent: None,
            is_read: false,
            orgs: Orgs::default(),
            taken: None,
            troubles: Vec::new(),
            notes: Vec::new(),
            repeated: 0,
            shared: 0,
        })
    }

    /// Returns the errors found in the files so far.
    pub fn troubles(&self) -> &[String] {
        &self.troubles
    }

    fn take(&mut self, news: files::LoadNews) -> Vec<News> {
        let key = |row: &Row| (row.published_ms, row.seq);
        match news {
            files::LoadNews::Head(head) => self.taken = self.taken.max(head.created),
            files::LoadNews::Orgs(orgs) => self.orgs = orgs,
            files::LoadNews::Rows { page, percent } => {
                self.percent = percent;
                self.order.extend(page.rows.iter().map(key));
            }
            // A further record of an event has the same time, so the order stays.
            files::LoadNews::Changed(_) => {}
            files::LoadNews::Trouble(words) => {
                self.troubles.push(words.clone());
                return vec![News::Words(words)];
            }
            files::LoadNews::Note(words) => {
                self.notes.push(words.clone());
                return vec![News::Words(words)];
            }
            files::LoadNews::Done { repeated, shared } => {
                self.repeated = repeated;
                self.shared = shared;
                self.order.sort_unstable();
                self.is_read = true;
                let mut out: Vec<News> = self.told().into_iter().map(News::Words).collect();
                out.push(News::Begun);
                return out;
            }
        }
        Vec::new()
    }

    fn told(&self) -> Vec<String> {
        let count = self.order.len();
        let mut out = match self.percent {
            Some(percent) if !self.is_read => vec![format!("{count} consents so far, {percent} % are read.")],
            _ if !self.is_read => vec![format!("{count} consents so far.")],
            _ => vec![format!("{count} consents are in the files. This is offline: no new ones will come.")],
        };
        if self.repeated > 0 {
            out.push(format!("{} records repeat an event.", self.repeated));
        }
        if self.shared > 0 {
            out.push(shared_words(self.shared));
        }
        out.extend(self.taken.map(|taken| format!("The snapshot was taken {taken:.0}.")));
        out
    }

    fn consent(&self, seq: Seq) -> Result<Option<Consent>, Trouble> {
        self.file_index.consent(seq).map_err(Trouble::Failed)
    }
}

/// Returns a sentence about events that share their uuid with another event of a different content.
pub(in crate::run) fn shared_words(count: u64) -> String {
    let (events, share) = if count == 1 { ("event", "shares") } else { ("events", "share") };
    format!(
        "{count} {events} {share} an id with an event of different content. Each has its own row with a mark; one may \
         be altered or forged."
    )
}

impl Book for FileBook {
    fn orgs(&self) -> &Orgs {
        &self.orgs
    }

    fn news(&mut self) -> Result<Vec<News>, Trouble> {
        while let Some(news) = self.received.take().or_else(|| self.news.try_recv().ok()) {
            let told = self.take(news);
            if !told.is_empty() {
                return Ok(told);
            }
        }
        Ok(Vec::new())
    }

    async fn moved(&mut self) {
        match self.news.recv().await {
            Some(news) => self.received = Some(news),
            // The files are read to their end. Something else ends the loop.
            None => std::future::pending().await,
        }
    }

    fn is_ready(&self) -> bool {
        self.is_read
    }

    fn latest(&mut self, most: usize, look: &mut dyn FnMut(Noted) -> Go) -> Result<usize, Trouble> {
        let mut looked = 0;
        for (_, seq) in self.order.iter().rev().take(most) {
            looked += 1;
            let Some(consent) = self.consent(*seq)? else { continue };
            if look(Noted { seq: *seq, consent, note: None }) == Go::Home {
                break;
            }
        }
        Ok(looked)
    }

    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, Trouble> {
        self.consent(seq)
    }

    fn status(&mut self) -> Result<Vec<String>, Trouble> {
        let mut out = self.told();
        out.extend(self.troubles.iter().chain(&self.notes).cloned());
        Ok(out)
    }

    fn poll(&mut self) -> &'static str {
        "Files cannot be polled."
    }
}
