//! Looks up names of ids and persons behind consents: finds rows that lack them, asks Okta and stores the answers.
//!
//! Look-ups are optional. They run while the poller is live and caught up, and pause otherwise.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::http::OktaClient;
use crate::clock::Clock;
use crate::consent::{Evidence, Label, OrgId, Rev, Row, RowPage, Seq, Sym, Symbol, Thing, Via};
use crate::journal::{Batch, OrgJournal, ReadError, Reader};
use crate::okta::{self, CorrelationStep, Correlations, LookupStep, Lookups};
use crate::report::{Answer, Board, Part, Persons, Pulse};
use crate::tasks::Tasks;

/// How many of the org's newest rows are checked at the start. An id that occurs only in older rows is looked up once a new
/// or changed row contains it.
const FIRST: usize = 1000;
const STEP: usize = 1000;
/// How long a name counts as fresh. Then it is looked up again, since labels change and things are deleted.
const FRESH: Duration = Duration::from_hours(24);
/// The largest age of a consent, in milliseconds, for which its person is looked up. Okta's events of an older session
/// may be incomplete.
const OPEN_MS: i64 = 24 * 60 * 60 * 1000;

/// The handles that the look-up task works with.
#[derive(Debug)]
pub struct NamesDoors {
    /// Reads rows with the ids that events contain, without resolved names.
    pub reader: Reader,
    /// The client for Okta.
    pub client: OktaClient,
    /// Stores the answers.
    pub journal: OrgJournal,
    /// Shows the poller's status, and gets notes on missing rights.
    pub board: watch::Sender<Board>,
    /// The clock.
    pub clock: Clock,
    /// Marked as busy while there is work.
    pub tasks: Tasks,
    /// Rows for which the user wants the other events of the session.
    pub asked: mpsc::Receiver<Seq>,
    /// Gets the results for those rows: a sentence, and whether it reports a failure.
    pub answers: mpsc::Sender<Answer>,
    /// Whether to look up only persons, and no names.
    pub persons_only: bool,
}

/// Looks up names and persons until the journal is closed or cannot be read, or the task is canceled.
pub async fn run(lookups: Lookups, correlations: Correlations, doors: NamesDoors) {
    let NamesDoors { reader, client, journal, board, clock, tasks, mut asked, answers, persons_only } = doors;
    let mut worker = Worker {
        lookups,
        correlations,
        org: journal.org(),
        reader,
        clock,
        seen: Seq(0),
        seen_change: Rev(0),
        begun: None,
        answers,
        persons_only,
    };
    let (mut head, mut seen_board) = (journal.head(), board.subscribe());
    loop {
        let busy = tasks.busy();
        let is_well = *seen_board.borrow_and_update().get(Part::Poll) == Pulse::Live;
        head.borrow_and_update();
        let step = if is_well { worker.step() } else { Ok(worker.pause()) };
        worker.tell(&board);
        let batch = match step {
            Ok(Next::Ask(question)) => worker.ask(question, &client).await,
            Ok(Next::Wait(until)) => {
                drop(busy);
                tokio::select! {
                    changed = head.changed() => if changed.is_err() { return },
                    changed = seen_board.changed() => if changed.is_err() { return },
                    _ = worker.clock.sleep_until(until), if until < Duration::MAX => {}
                    Some(seq) = asked.recv() => worker.ask_session(seq, is_well),
                }
                continue;
            }
            Err(error) => {
                // The screen reads the same journal, and reports the error.
                tracing::warn!(%error, "Names are no longer looked up.");
                return;
            }
        };
        super::tell_notes(&board, |notes| &mut notes.names, worker.lookups.notes());
        if batch != Batch::default()
            && let Err(error) = journal.append(batch).await
        {
            tracing::warn!(%error, "A name could not be stored; it is looked up again at the next start.");
        }
    }
}

struct Worker {
    lookups: Lookups,
    correlations: Correlations,
    org: OrgId,
    reader: Reader,
    clock: Clock,
    /// The newest row that was checked.
    seen: Seq,
    /// The newest change that was checked.
    seen_change: Rev,
    /// The uptime of the last check from the start.
    begun: Option<Duration>,
    answers: mpsc::Sender<Answer>,
    persons_only: bool,
}

enum Next {
    Ask(Question),
    Wait(Duration),
}

enum Question {
    Name(okta::Request),
    Person(okta::Request),
}

impl Worker {
    /// Pauses while the poller is not live. Rights that were missing before may have been granted afterwards, so they
    /// are tried again.
    fn pause(&mut self) -> Next {
        self.lookups.retry_silenced();
        Next::Wait(Duration::MAX)
    }

    fn step(&mut self) -> Result<Next, ReadError> {
        let up = self.clock.uptime();
        if self.begun.is_none_or(|begun| begun + FRESH <= up) {
            self.begin(up)?;
        }
        while self.take_new()? {}
        while self.take_changed()? {}
        let first = match self.correlations.step(up) {
            CorrelationStep::Send(request) => return Ok(Next::Ask(Question::Person(request))),
            CorrelationStep::Wait(until) => until,
        };
        Ok(match self.lookups.step(up) {
            LookupStep::Send(request) => Next::Ask(Question::Name(request)),
            LookupStep::Wait(until) => Next::Wait(until.min(first)),
        })
    }

    fn begin(&mut self, up: Duration) -> Result<(), ReadError> {
        self.begun = Some(up);
        self.lookups.begin_anew();
        self.reader.forget_given();
        let since = self.clock.sure().checked_sub(FRESH).unwrap_or_default();
        for (thing, id) in self.reader.labels_asked_since(self.org, since)? {
            self.lookups.knows(thing, &id);
        }
        let head = self.reader.head()?;
        self.seen_change = head.change;
        let page = self.reader.newest_of(self.org, FIRST)?;
        self.take(&page)?;
        self.seen = head.last;
        Ok(())
    }

    /// Checks the next new rows, and returns whether there may be more.
    fn take_new(&mut self) -> Result<bool, ReadError> {
        let page = self.reader.after(self.seen, STEP)?;
        self.take(&page)?;
        Ok(page.rows.len() == STEP)
    }

    /// Checks the next changed rows, for example those that the log has shown after the hook, and returns whether there
    /// may be more.
    fn take_changed(&mut self) -> Result<bool, ReadError> {
        let page = self.reader.changed(self.seen_change, STEP)?;
        self.want(&page);
        // Other rows were checked when they came.
        let org = self.org;
        let is_both = |row: &&Row| row.via.has(Via::HOOK.with(Via::POLL)) && row.org == org;
        for row in page.rows.iter().filter(is_both) {
            self.open(row)?;
        }
        self.seen_change = page.rows.iter().map(|row| row.rev).max().unwrap_or(self.seen_change);
        Ok(page.rows.len() == STEP)
    }

    fn want(&mut self, page: &RowPage) {
        // The newest texts come last, and the last one added is looked up first.
        let own = page.rows.iter().filter(|row| row.org == self.org);
        // An id means nothing in another org, and other orgs must not learn it.
        let own: HashSet<Sym> = own.flat_map(|row| [row.who, row.actor, row.client, row.server]).collect();
        let unnamed = page.symbols.iter().filter(|(sym, _)| !self.persons_only && own.contains(sym));
        for (thing, id) in unnamed.filter_map(|(_, symbol)| unnamed_in(symbol)) {
            self.lookups.want(thing, id);
        }
    }

    fn take(&mut self, page: &RowPage) -> Result<(), ReadError> {
        self.want(page);
        for row in &page.rows {
            // What was seen is compared with the newest row of the journal, whatever its org.
            self.seen = self.seen.max(row.seq);
            if row.org == self.org {
                self.open(row)?;
            }
        }
        Ok(())
    }

    /// Starts the look-up of the person of a row that names nobody. A row that only the hook brought waits for the log,
    /// since the person must not be derived from an unconfirmed hook delivery.
    fn open(&mut self, row: &Row) -> Result<(), ReadError> {
        let now_ms = self.clock.sure().as_millisecond();
        if row.via == Via::HOOK {
            return Ok(());
        }
        if row.evidence != Evidence::Unknown || row.published_ms.saturating_add(OPEN_MS) < now_ms {
            return Ok(());
        }
        if let Some(stored) = self.reader.record(row.seq)? {
            self.correlations.open(row.seq, &okta::restore(&stored));
        }
        Ok(())
    }

    /// Starts fetching the events of a row's session at the user's request.
    fn ask_session(&mut self, seq: Seq, is_well: bool) {
        if !is_well {
            return self.answer("Okta is not asked while the poll is not live; press e again later.", true);
        }
        match self.reader.record(seq) {
            Ok(Some(stored)) if self.correlations.ask(seq, &okta::restore(&stored)) => {}
            Ok(Some(_)) => self.answer("This event names no session and no transaction.", true),
            Ok(None) => self.answer("This consent is no longer in the journal.", true),
            Err(error) => self.answer(&error.fault().to_string(), true),
        }
    }

    /// Puts the progress on the board. Persons found so far are in the journal.
    fn tell(&self, board: &watch::Sender<Board>) {
        let persons = Persons { seen: self.seen.0, open: self.correlations.left() };
        board.send_if_modified(|board| std::mem::replace(&mut board.persons, persons) != persons);
    }

    fn answer(&self, words: &str, is_bad: bool) {
        if self.answers.try_send(Answer::new(words, is_bad)).is_err() {
            tracing::debug!(words, "Nobody hears this answer.");
        }
    }

    async fn ask(&mut self, question: Question, client: &OktaClient) -> Batch {
        let result = match &question {
            Question::Name(request) | Question::Person(request) => client.send(request).await,
        };
        let (now, up) = (self.clock.sure(), self.clock.uptime());
        match question {
            Question::Name(_) => {
                let label: Option<Label> = self.lookups.take(now, up, result);
                Batch { labels: label.into_iter().collect(), ..Batch::default() }
            }
            Question::Person(_) => {
                let found = self.correlations.take(now, up, result);
                match found.asked {
                    Some((_, Ok(()))) => {
                        self.answer(&fetched(found.sides.len(), found.has_more), false);
                    }
                    Some((_, Err(why))) => self.answer(&format!("The session was not fetched: {why}"), true),
                    None => {}
                }
                Batch {
                    attributions: found.person.into_iter().collect(),
                    sides: found.sides,
                    ..Batch::default()
                }
            }
        }
    }
}

fn unnamed_in(symbol: &Symbol) -> Option<(Thing, &str)> {
    Thing::unnamed_in(symbol.as_str())
}

/// Returns a sentence about how many events of a session were found, and whether Okta has more.
fn fetched(events: usize, has_more: bool) -> String {
    let more = if has_more { " Okta has more of them, which were not fetched." } else { "" };
    match events {
        0 if has_more => {
            "The first page of this session holds no other events. Okta has more pages, which were not fetched."
                .to_owned()
        }
        0 => "Okta has no other events of this session.".to_owned(),
        1 => format!("1 event of this session is in the story.{more}"),
        count => format!("{count} events of this session are in the story.{more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_which_okta_has_more_is_not_told_as_whole() {
        for (events, has_more, wanted) in [
            (0, false, "Okta has no other events of this session."),
            (1, false, "1 event of this session is in the story."),
            (7, false, "7 events of this session are in the story."),
            (
                7,
                true,
                "7 events of this session are in the story. Okta has more of them, which were not fetched.",
            ),
        ] {
            assert_eq!(fetched(events, has_more), wanted);
        }
        assert!(fetched(0, true).contains("Okta has more"));
    }
}
