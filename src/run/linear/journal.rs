//! The linear mode's source for a journal that is being written.

use std::path::Path;

use super::book::{Book, Go, News, Noted, Trouble};
use crate::consent::{Consent, OrgId, Orgs, Seq, Stored};
use crate::report::{Board, Part, Pulse};
use crate::run::standing::named;
use crate::run::{Feed, MarkedEvents, Source};

/// A journal, its marks and the feed that writes or follows it.
pub struct JournalBook<'a> {
    feed: &'a Feed,
    source: Source,
    marked: MarkedEvents,
    seen: Seq,
    /// Whether the rows from before the start have been passed.
    has_begun: bool,
    /// The states of the sources that were reported last.
    told: Vec<String>,
}

/// Rows read from the journal at a time.
const BATCH: usize = 200;

impl<'a> JournalBook<'a> {
    /// Creates a source for the journal in `dir`, which `feed` writes or follows.
    ///
    /// # Errors
    /// Returns a sentence for people if the marks beside the journal cannot be read.
    pub fn new(dir: &Path, feed: &'a Feed, source: Source) -> Result<Self, String> {
        let marked = MarkedEvents::beside(dir)?;
        Ok(Self { feed, source, marked, seen: Seq(0), has_begun: false, told: Vec::new() })
    }

    fn noted(&self, stored: &Stored) -> Noted {
        let note = self.marked.note(self.source.orgs(), stored).map(str::to_owned);
        Noted { seq: stored.seq, consent: self.source.restored(stored), note }
    }

    /// Returns sentences for the sources whose state changed since the last call. Faults are compared by their short
    /// form, because the full text contains numbers from Okta that differ with each refusal.
    fn changed(&mut self, boards: &[Board]) -> Vec<String> {
        let mut states = Vec::new();
        for (org, board) in self.source.in_use().zip(boards) {
            let prefix = self.source.heading(org).map_or(String::new(), |label| format!("{label}: "));
            for part in [Part::Poll, Part::Hook, Part::Journal, Part::Team] {
                let pulse = board.get(part);
                let (brief, words) = match pulse.fault() {
                    Some(fault) => (fault.brief.clone(), format!("{}: {fault}", part.word())),
                    None if matches!(pulse, Pulse::Off | Pulse::Starting) => continue,
                    None => (String::new(), format!("{} is {}.", part.word(), pulse.word())),
                };
                // All orgs share the journal.
                let prefix = if matches!(part, Part::Journal | Part::Team) { "" } else { prefix.as_str() };
                let state = format!("{prefix}{} {} {brief}", part.word(), pulse.word());
                if !states.iter().any(|(told, _)| *told == state) {
                    states.push((state, format!("{prefix}{words}")));
                }
            }
            states.extend(board.notes.writer.iter().map(|sentence| (sentence.clone(), sentence.clone())));
        }
        let new: Vec<String> = states
            .iter()
            .filter(|(state, _)| !self.told.contains(state))
            .map(|(_, words)| words.clone())
            .collect();
        self.told = states.into_iter().map(|(state, _)| state).collect();
        new
    }

    fn stored(&mut self) -> Result<String, Trouble> {
        Ok(format!("{} consents are stored.", self.source.reader().counts()?.rows))
    }
}

impl Book for JournalBook<'_> {
    fn orgs(&self) -> &Orgs {
        self.source.orgs()
    }

    fn news(&mut self) -> Result<Vec<News>, Trouble> {
        // The board is read before the rows, so rows that it counts as caught up are certainly among them.
        let boards = self.source.boards();
        let mut news: Vec<News> = self.changed(&boards).into_iter().map(News::Words).collect();
        if !self.has_begun {
            let has_result = |board: &Board| {
                let pulse = board.get(Part::Poll);
                matches!(pulse, Pulse::Live) || pulse.fault().is_some()
            };
            if self.feed.holder().is_none() && !boards.iter().all(has_result) {
                return Ok(news);
            }
            self.has_begun = true;
            self.seen = self.source.head().last;
            if let Some(holder) = self.feed.holder() {
                let words =
                    format!("{} writes this journal; it is followed here, read-only.", named(&holder));
                news.push(News::Words(words));
            }
            news.push(News::Words(self.stored()?));
            news.push(News::Begun);
            return Ok(news);
        }
        self.marked.refresh();
        let records = self.source.records_after(self.seen, BATCH)?;
        self.seen = records.last().map_or(self.seen, |last| last.seq);
        let listed = records.iter().filter(|stored| self.source.lists(stored.org));
        news.extend(listed.map(|stored| News::Came(Box::new(self.noted(stored)))));
        Ok(news)
    }

    async fn moved(&mut self) {
        self.source.moved().await;
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn latest(&mut self, most: usize, look: &mut dyn FnMut(Noted) -> Go) -> Result<usize, Trouble> {
        let (mut before, mut looked) = (Seq(i64::MAX), 0);
        while looked < most {
            let page = self.source.reader().before(before, BATCH)?;
            let Some(first) = page.rows.first() else { break };
            before = first.seq;
            for row in page.rows.iter().rev() {
                if !self.source.lists(row.org) {
                    continue;
                }
                looked += 1;
                let Some(stored) = self.source.reader().record(row.seq)? else { continue };
                if look(self.noted(&stored)) == Go::Home {
                    return Ok(looked);
                }
            }
        }
        Ok(looked)
    }

    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, Trouble> {
        Ok(self.source.reader().record(seq)?.map(|stored| self.source.restored(&stored)))
    }

    fn status(&mut self) -> Result<Vec<String>, Trouble> {
        let mut out = vec![self.stored()?];
        let orgs: Vec<OrgId> = self.source.in_use().collect();
        for org in orgs {
            let prefix = self.source.heading(org).map_or(String::new(), |label| format!("{label}: "));
            let coverage = self.source.coverage(org)?;
            let complete = match coverage.complete_since {
                Some(since) if coverage.gaps.is_empty() => format!("Complete since {since:.0}."),
                Some(since) => format!("Complete since {since:.0}, possible gaps: {}.", coverage.gaps.len()),
                None => "It is not known yet how far back the journal is complete.".to_owned(),
            };
            let words = std::iter::once(complete).chain(coverage.unreadable.sentence());
            out.extend(words.map(|words| format!("{prefix}{words}")));
        }
        self.told.clear();
        let boards = self.source.boards();
        out.extend(self.changed(&boards));
        for board in &boards {
            // The writer's notes are already among the changes.
            let is_other = |note: &&str| !board.notes.writer.iter().any(|told| told == note);
            for note in board.notes.all().filter(is_other) {
                if !out.iter().any(|told| told == note) {
                    out.push(note.to_owned());
                }
            }
        }
        Ok(out)
    }

    fn poll(&mut self) -> &'static str {
        self.feed.poll_now().unwrap_or("Asking Okta now.")
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::clock::Clock;
    use crate::journal::{self, Head, Opened, Reader, Settings};

    #[tokio::test]
    async fn status_says_each_sentence_once() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("org");
        let clock = Clock::manual("2026-05-06T08:00:00Z".parse().unwrap());
        let Opened::Writer(journal) = journal::open(&dir, Settings::default(), clock).unwrap() else {
            panic!("somebody else writes")
        };
        let (board, seen) = watch::channel(Board::default());
        let (feed, _heard) = Feed::following("42", seen.clone());
        let org = crate::consent::KnownOrg::unnamed("org");
        let head = watch::channel(Head::default()).1;
        let source = Source::new(Reader::open(&dir).unwrap(), head, vec![(org, seen)]);
        let mut book = JournalBook::new(&dir, &feed, source).unwrap();
        board.send_modify(|board| {
            board.notes.writer = vec!["Process 42 has ended.".to_owned()];
            board.notes.poll = vec!["No rate limit is named.".to_owned()];
        });
        for _ in 0..2 {
            let Ok(told) = book.status() else { panic!("it cannot be read") };
            for note in board.borrow().notes.all() {
                assert_eq!(told.iter().filter(|words| *words == note).count(), 1, "{told:?}");
            }
        }
        journal.close().await;
    }
}
