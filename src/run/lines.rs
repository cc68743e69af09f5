//! Consents as lines on standard output: the same feed without a screen.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use jiff::Timestamp;

use super::coverage::Watcher;
use super::standing::{FIRST_POLL, is_fresh, named, patience};
use super::{AutoPlan, Feed, Marked, Source};
use crate::clock::Clock;
use crate::consent::{Consent, Seq, Stored};
use crate::exit::{Exit, Signal};
use crate::export::Lines;
use crate::journal::{Polling, ReadError};
use crate::model::{Deep, Query};
use crate::okta;
use crate::report::{Board, Fault, Part, Pulse};
use crate::tui::{Signals, Stop};

/// What `tail` prints, and when it ends.
#[derive(Debug)]
pub struct TailOptions {
    /// The form of a line.
    pub format: Lines,
    /// Only consents published from here on.
    pub since: Option<Timestamp>,
    /// Only consents published before; ends once that time has come and the log is read up to it.
    pub until: Option<Timestamp>,
    /// Only rows after this number; takes the place of `since`.
    pub after: Option<Seq>,
    /// Only what matches.
    pub filter: Option<Query>,
    /// What is marked, for a filter that asks.
    pub marked: Marked,
    /// Ends once the poller has caught up.
    pub once: bool,
    /// Prints a row again when it changes.
    pub updates: bool,
    /// Ends after this many lines.
    pub limit: Option<u64>,
    /// The snapshots that are taken meanwhile.
    pub auto: Option<AutoPlan>,
}

/// Rows read at a time.
const BATCH: usize = 500;
/// `--once` gives up after this long without progress on a fault that may pass.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prints consents until told to stop, and takes the snapshots that are due meanwhile and at the end.
///
/// # Errors
/// Standard output or the journal cannot be used, or Okta refuses: a sentence for stderr and the reason to end.
pub async fn tail(
    mut options: TailOptions,
    feed: &Feed,
    source: Source,
    clock: &Clock,
) -> Result<Exit, (Exit, String)> {
    let Some(plan) = options.auto.take() else { return follow(options, feed, source, clock).await };
    let printed = async {
        tokio::select! {
            ended = follow(options, feed, source, clock) => ended,
            never = take_snapshots(&plan, clock) => match never {},
        }
    };
    let ended = printed.await;
    if plan.auto.on_exit {
        note(&plan.take(clock.now()).0);
    }
    ended
}

/// Takes snapshots as they are due, for ever.
async fn take_snapshots(plan: &AutoPlan, clock: &Clock) -> Infallible {
    let Some(every) = plan.auto.every else { return std::future::pending().await };
    loop {
        clock.sleep(every).await;
        let (now, work) = (clock.now(), plan.clone());
        match tokio::task::spawn_blocking(move || work.take(now)).await {
            Ok((words, true)) => note(&words),
            Ok((words, false)) => tracing::info!(words, "A snapshot was taken."),
            Err(_) => note("A snapshot was not taken."),
        }
    }
}

async fn follow(
    options: TailOptions,
    feed: &Feed,
    mut source: Source,
    clock: &Clock,
) -> Result<Exit, (Exit, String)> {
    let mut signals =
        Signals::listen().map_err(|error| (Exit::Failed, format!("Signals cannot be heard: {error}.")))?;
    let mut printer = Printer::new(options);
    let mut follows = feed.holder();
    if let Some(holder) = &follows {
        note(&format!("{} writes this journal; its rows are followed read-only.", named(holder)));
    }
    let began = clock.uptime();
    tell_start(&printer, &mut source)?;
    let mut told = None;
    // Those of files were said at the start.
    let mut noted = source.board().notes.files;
    let mut coverage = (printer.options.format == Lines::Json).then(Watcher::default);
    let mut had_answer = follows.is_some();
    let mut progress_at = clock.uptime();
    loop {
        // The board is read before the rows: what it calls caught up is then certainly among them. So is what a
        // follower knows of the polling.
        let board = source.board();
        let holder = feed.holder();
        let polling = match &holder {
            Some(_) => {
                Some(source.reader().polling().map_err(|error| (Exit::Failed, error.fault().to_string()))?)
            }
            None => None,
        };
        let before = printer.seen;
        let covered = coverage.as_mut().map_or(Ok(None), |watcher| watcher.look(&mut source, &board));
        printer.options.marked.refresh();
        let printed = printer.print_new(&mut source);
        match printed {
            Ok(true) => {}
            Ok(false) | Err(Trouble::Pipe) => return Ok(Exit::Done),
            Err(Trouble::Write(error)) => {
                return Err((
                    Exit::Failed,
                    format!("Standard output cannot be written: {error}. Nothing stored is lost."),
                ));
            }
            Err(Trouble::Read(error)) => return Err((Exit::Failed, error.fault().to_string())),
        }
        // After the rows that it speaks of.
        match covered {
            Ok(line) => line.iter().for_each(|line| say(line)),
            Err(error) => return Err((Exit::Failed, error.fault().to_string())),
        }
        if printer.seen != before {
            progress_at = clock.uptime();
        }
        for sentence in board.notes.all().filter(|sentence| !noted.iter().any(|old| old == sentence)) {
            note(sentence);
        }
        noted = board.notes.all().map(ToOwned::to_owned).collect();
        let pulse = board.get(Part::Poll).clone();
        had_answer |= matches!(pulse, Pulse::Live | Pulse::Catching);
        let end = match (&holder, polling) {
            (Some(holder), Some(polling)) => {
                follower_ends(&printer.options, holder, &pulse, polling, began, clock)?
            }
            _ => ends(&printer.options, &pulse, clock),
        };
        if let Some(exit) = end {
            return Ok(exit);
        }
        if let Some(holder) = holder.as_ref().filter(|holder| follows.as_ref() != Some(holder)) {
            note(&format!("{} writes this journal now; its rows are followed read-only.", named(holder)));
        }
        follows = holder;
        if let Some(fault) = worst(&board) {
            if let Some(exit) = gives_up(&printer.options, &fault, had_answer) {
                let words = [fault.what.as_str(), "Given up; what is stored stays.", fault.remedy.as_str()];
                return Err((exit, words.join(" ").trim_end().to_owned()));
            }
            // Okta's numbers differ each time it refuses.
            if told.as_ref().is_none_or(|told: &Fault| (told.part, &told.brief) != (fault.part, &fault.brief))
            {
                note(&fault.to_string());
                told = Some(fault);
            }
        } else if matches!(pulse, Pulse::Live | Pulse::Elsewhere(_)) {
            if told.take().is_some() {
                note("The System Log is read again.");
            }
            if pulse == Pulse::Live {
                progress_at = clock.uptime();
            }
        }
        if printer.options.once && clock.uptime().saturating_sub(progress_at) >= PATIENCE {
            return Err((
                Exit::Failed,
                "No progress for 60 seconds; given up. What came is stored.".to_owned(),
            ));
        }
        let wake = wake_at(&printer.options, clock, progress_at, follows.is_some().then_some(began));
        tokio::select! {
            biased;
            stop = signals.stop() => return Ok(Exit::Signal(match stop {
                Stop::Interrupt => Signal::Interrupt,
                Stop::Terminate => Signal::Terminate,
                Stop::Hangup => Signal::HangUp,
            })),
            () = source.moved() => {}
            _ = clock.sleep_until(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {}
        }
    }
}

/// Whether everything that was asked for has been printed.
fn ends(options: &TailOptions, pulse: &Pulse, clock: &Clock) -> Option<Exit> {
    let past_until = options.until.is_some_and(|until| clock.now() >= until);
    (matches!(pulse, Pulse::Live) && (options.once || past_until)).then_some(Exit::Done)
}

/// The same where another process polls: only what it has stored of its polls says how far the log was read.
///
/// # Errors
/// That process reads the log no more, so what was printed may not be all.
fn follower_ends(
    options: &TailOptions,
    holder: &str,
    pulse: &Pulse,
    polling: Polling,
    began: Duration,
    clock: &Clock,
) -> Result<Option<Exit>, (Exit, String)> {
    let now = clock.now();
    let is_past = options.until.is_some_and(|until| now >= until);
    if !options.once && !is_past {
        return Ok(None);
    }
    let has_read = |at: Option<Timestamp>| is_fresh(at, polling.interval, now);
    let is_whole = match options.until {
        Some(until) if is_past => polling.caught_up.is_some_and(|read| read >= until),
        _ => has_read(polling.caught_up),
    };
    if is_whole {
        return Ok(Some(Exit::Done));
    }
    // It may have begun a moment ago, or have much to read before it reaches the end of the log. Where nobody polls any
    // more, this process takes over or the board says why not.
    let is_new = clock.uptime().saturating_sub(began) < FIRST_POLL && pulse.fault().is_none();
    let Some(last) = polling.last_good.filter(|at| !is_new && !has_read(Some(*at))) else {
        return Ok(None);
    };
    Err((
        Exit::Failed,
        format!(
            "{} holds this journal, and the log was last read well at {last:.0}, which is more than {} s from now: what \
             was printed may not be all. Look at that process: it may be stopped, or Okta does not answer it. Let it go \
             on or end it, then start tail again.",
            named(holder),
            patience(polling.interval).as_secs()
        ),
    ))
}

/// Whether a fault ends the run: a refusal of the very first request, or, for `--once`, what does not pass.
fn gives_up(options: &TailOptions, fault: &Fault, had_answer: bool) -> Option<Exit> {
    if fault.refused && (options.once || !had_answer) {
        return Some(Exit::Refused);
    }
    (options.once && !fault.passes && !fault.refused).then_some(Exit::Failed)
}

fn worst(board: &Board) -> Option<Fault> {
    [Part::Journal, Part::Poll].into_iter().find_map(|part| board.get(part).fault()).cloned()
}

fn wake_at(
    options: &TailOptions,
    clock: &Clock,
    progress_at: Duration,
    followed_since: Option<Duration>,
) -> Option<Duration> {
    let patience = options.once.then(|| progress_at + PATIENCE);
    let until = options.until.map(|until| {
        let left = until.duration_since(clock.now());
        clock.uptime() + Duration::try_from(left).unwrap_or_default()
    });
    // A time that has passed would wake at once for ever; the poller's next word wakes then.
    // What a follower waits for may never come.
    let first_poll = followed_since.map(|since| since + FIRST_POLL);
    [patience, until, first_poll].into_iter().flatten().filter(|at| *at > clock.uptime()).min()
}

fn tell_start(printer: &Printer, source: &mut Source) -> Result<(), (Exit, String)> {
    let Some(since) = printer.options.since else { return Ok(()) };
    let coverage = source.reader().coverage().map_err(|error| (Exit::Failed, error.fault().to_string()))?;
    if let Some(complete) = coverage.complete_since.filter(|complete| *complete > since) {
        note(&format!(
            "The journal is complete from {complete:.0} on; what came before was not polled. \
             consentwatch backfill fetches it."
        ));
    }
    Ok(())
}

enum Trouble {
    Pipe,
    Write(io::Error),
    Read(ReadError),
}

struct Printer {
    options: TailOptions,
    filter: Option<Query>,
    seen: Seq,
    changes: crate::consent::Rev,
    printed: u64,
    buffer: Vec<u8>,
    /// Whether a person looks at the lines; a pipe gets them exactly.
    to_terminal: bool,
}

impl Printer {
    fn new(mut options: TailOptions) -> Self {
        let filter = options.filter.take();
        let seen = options.after.unwrap_or(Seq(0));
        Self {
            options,
            filter,
            seen,
            changes: Source::no_change(),
            printed: 0,
            buffer: Vec::new(),
            to_terminal: io::stdout().is_terminal(),
        }
    }

    /// Prints what was committed since the last look. Returns false when the limit is reached.
    fn print_new(&mut self, source: &mut Source) -> Result<bool, Trouble> {
        let head = source.head();
        loop {
            let records = source.reader().records_after(self.seen, BATCH).map_err(Trouble::Read)?;
            let Some(last) = records.last() else { break };
            self.seen = last.seq;
            for stored in &records {
                if !self.print(stored)? {
                    return self.flush().map(|()| false);
                }
            }
            self.flush()?;
        }
        if self.options.updates && head.change > self.changes {
            let page = source.reader().changed(self.changes, usize::MAX >> 1).map_err(Trouble::Read)?;
            self.changes = head.change;
            for row in page.rows {
                if let Some(stored) = source.reader().record(row.seq).map_err(Trouble::Read)?
                    && !self.print(&stored)?
                {
                    return self.flush().map(|()| false);
                }
            }
            self.flush()?;
        } else if !self.options.updates {
            self.changes = head.change;
        }
        Ok(true)
    }

    fn print(&mut self, stored: &Stored) -> Result<bool, Trouble> {
        if self.options.limit.is_some_and(|limit| self.printed >= limit) {
            return Ok(false);
        }
        let published = stored.key.published_ms;
        let early = self.options.after.is_none()
            && self.options.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
        let late = self.options.until.is_some_and(|until| published >= until.as_millisecond());
        if early || late {
            return Ok(true);
        }
        let consent = okta::restore(stored);
        if let Some(filter) = &self.filter
            && !matches(filter, stored.seq, &consent, self.options.marked.note(&stored.key))
        {
            return Ok(true);
        }
        let format = self.options.format;
        if self.to_terminal {
            format.line_for_terminal(stored.seq, &consent, &mut self.buffer);
        } else {
            format.line(stored.seq, &consent, &mut self.buffer);
        }
        self.printed += 1;
        if self.buffer.len() > 1 << 16 {
            self.flush()?;
        }
        Ok(self.options.limit.is_none_or(|limit| self.printed < limit))
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        let mut out = io::stdout().lock();
        let result = out.write_all(&self.buffer).and_then(|()| out.flush());
        self.buffer.clear();
        result.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Trouble::Pipe,
            _ => Trouble::Write(error),
        })
    }
}

/// Whether a whole consent passes a filter.
pub(super) fn matches(filter: &Query, seq: Seq, consent: &Consent, mark: Option<&str>) -> bool {
    let (row, symbols) = consent.row(seq);
    with_deep(consent, |deep| filter.holds(&row, &symbols, Some(&Deep { mark, ..*deep })))
}

/// Which of the filter's conditions on what the list does not hold are met, a bit each.
pub(super) fn deep_bits(filter: &Query, consent: &Consent) -> u64 {
    with_deep(consent, |deep| filter.deep_bits(deep))
}

fn with_deep<T>(consent: &Consent, look: impl FnOnce(&Deep<'_>) -> T) -> T {
    let text = |text: &Option<crate::consent::Untrusted>| {
        text.as_ref().map_or(String::new(), |t| t.exact().to_owned())
    };
    let (uuid, txn, session) =
        (text(&consent.uuid), text(&consent.transaction_id), text(&consent.session_id));
    let (agent, message) = (text(&consent.from.user_agent), text(&consent.message));
    look(&Deep { uuid: &uuid, txn: &txn, session: &session, agent: &agent, message: &message, mark: None })
}

/// Says something on standard error. A standard error that is gone hears nothing, and that is no reason to end.
pub fn note(words: &str) {
    if words.is_empty() {
        return;
    }
    say(&format!("consentwatch: {words}"));
}

/// Writes a line to standard error.
pub(super) fn say(line: &str) {
    if let Err(error) = writeln!(io::stderr().lock(), "{line}") {
        tracing::warn!(%error, "Standard error cannot be written.");
    }
}

/// Writes a text to standard output. A reader that has gone is no fault.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
