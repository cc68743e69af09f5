//! Consents as lines on standard output: the same feed without a screen.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::coverage::Watcher;
use super::matching::matches;
use super::source::damaged_words;
use super::standing::{FIRST_POLL, is_fresh, named, patience};
use super::stdio::{note, say};
use super::{AutoPlan, Feed, Marked, Source, charset};
use crate::clock::Clock;
use crate::consent::{Evidence, Seq, Stored};
use crate::exit::{Exit, Signal};
use crate::export::Lines;
use crate::journal::{Polling, ReadError};
use crate::model::Query;
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
    /// The same as a length back from now. It takes the place of `since` once Okta has said what time it is, or cannot
    /// be asked.
    pub ago: Option<Duration>,
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
    /// Whether records that cannot be read leave the exit code of `once` at 0.
    pub allow_unreadable: bool,
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
/// `--once` waits this long for the persons of consents that name nobody, once the log is read.
const PERSONS_PATIENCE: Duration = Duration::from_secs(30);

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
        note(&plan.take(clock).0);
    }
    ended
}

/// Takes snapshots as they are due, for ever.
async fn take_snapshots(plan: &AutoPlan, clock: &Clock) -> Infallible {
    let Some(every) = plan.auto.every else { return std::future::pending().await };
    loop {
        clock.sleep(every).await;
        let (clock, work) = (clock.clone(), plan.clone());
        match tokio::task::spawn_blocking(move || work.take(&clock)).await {
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
    let mut damaged_told = 0;
    let mut hook_told = None;
    // Those of files were said at the start.
    let mut noted = source.board().notes.files;
    let mut coverage = (printer.options.format == Lines::Json).then(Watcher::default);
    let mut had_answer = follows.is_some();
    let mut hold = Hold::new(printer.options.once && feed.looks_up_persons());
    // Whether the process that is followed had read and stored all that this one prints.
    let mut is_whole = false;
    let mut is_nudged = false;
    // Whether the log was read up to the time of the start. What goes wrong later is no matter of `--once`.
    let mut is_read = false;
    let mut unreadable = Unread::new(feed.unreadable_before);
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
        is_read |= printer.options.once && matches!(board.get(Part::Poll), Pulse::Live);
        let given_up = worst(&board)
            .filter(|_| !is_read)
            .and_then(|fault| Some((gives_up(&printer.options, &fault, had_answer)?, fault)));
        // Whoever gives up prints what came, as far as it is known.
        hold.look(&board, source.head().last, is_read || is_whole, given_up.is_some(), clock.uptime());
        let printed = if printer.is_early(&board, clock) {
            Ok(true)
        } else {
            printer.print_new(&mut source, hold.held_from(holder.is_some(), clock))
        };
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
        if !printer.options.once && matches!(board.get(Part::Poll), Pulse::Live | Pulse::Elsewhere(_)) {
            let told = unreadable.tell(&mut source, clock.sure());
            told.map_err(|error| (Exit::Failed, error.fault().to_string()))?;
        }
        for sentence in board.notes.all().filter(|sentence| !noted.iter().any(|old| old == sentence)) {
            note(sentence);
        }
        noted = board.notes.all().map(ToOwned::to_owned).collect();
        note(&hook_news(&board, &mut hook_told).unwrap_or_default());
        let pulse = board.get(Part::Poll).clone();
        had_answer |= matches!(pulse, Pulse::Live | Pulse::Catching);
        let is_end = match (&holder, polling) {
            (Some(holder), Some(polling)) => {
                let asked = (printer.options.once, printer.options.until);
                is_whole = follower_ends(asked, holder, &pulse, polling, began, clock)?;
                is_whole
            }
            _ => is_read || ends(&printer.options, &board),
        };
        let damaged = source.reader().damaged();
        if damaged.len() > damaged_told {
            damaged_told = damaged.len();
            note(&damaged_words(&damaged).unwrap_or_default());
        }
        // Wait only if a row is held back.
        if is_end && !(hold.is_held && printer.is_blocked) {
            if printer.options.once && damaged_told > 0 {
                let words = "This run ends with 1, since damaged rows were left out.";
                return Err((Exit::Failed, words.to_owned()));
            }
            return unreadable.end(&mut source, &printer.options);
        }
        if let Some(holder) = holder.as_ref().filter(|holder| follows.as_ref() != Some(holder)) {
            note(&format!("{} writes this journal now; its rows are followed read-only.", named(holder)));
        }
        follows = holder;
        if let Some((exit, fault)) = given_up {
            let words = [fault.what.as_str(), "Given up; what is stored stays.", fault.remedy.as_str()];
            return Err((exit, words.join(" ").trim_end().to_owned()));
        }
        if let Some(fault) = worst(&board).filter(|_| !is_read) {
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
        if !is_nudged && printer.options.until.is_some_and(|until| clock.sure() >= until) {
            // The last look at the log was before that time.
            is_nudged = true;
            feed.nudge.notify_one();
        }
        if printer.options.once && clock.uptime().saturating_sub(progress_at) >= PATIENCE {
            return Err((
                Exit::Failed,
                "No progress for 60 seconds; given up. What came is stored.".to_owned(),
            ));
        }
        let wake = wake_at(&printer.options, clock, progress_at, follows.is_some().then_some(began));
        if is_end {
            // The next look begins the wait for the persons.
            hold.begin(clock.uptime());
        }
        let wake = [wake, hold.until].into_iter().flatten().min();
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
fn ends(options: &TailOptions, board: &Board) -> bool {
    // The log was read well at or after that time, and what it had then is stored.
    let has_read = |until: Timestamp| board.traffic.last_good.is_some_and(|at| at >= until);
    matches!(board.get(Part::Poll), Pulse::Live) && options.until.is_some_and(has_read)
}

/// The same where another process polls: only what it has stored of its polls says how far the log was read. Takes
/// `--once` and `--until`.
///
/// # Errors
/// That process reads the log no more, so what was printed may not be all.
fn follower_ends(
    (once, until): (bool, Option<Timestamp>),
    holder: &str,
    pulse: &Pulse,
    polling: Polling,
    began: Duration,
    clock: &Clock,
) -> Result<bool, (Exit, String)> {
    let now = clock.now();
    let is_past = until.is_some_and(|until| clock.sure() >= until);
    if !once && !is_past {
        return Ok(false);
    }
    let has_read = |at: Option<Timestamp>| is_fresh(at, polling.interval, now);
    let is_whole = match until {
        // That time is one of Okta's.
        Some(until) if is_past => polling.of_okta(polling.caught_up).is_some_and(|read| read >= until),
        _ => has_read(polling.caught_up),
    };
    if is_whole {
        return Ok(true);
    }
    // Nobody polls unless a person does something.
    if let Pulse::Down(fault) = pulse {
        return Err((
            Exit::Failed,
            format!("{} What was printed may not be all. {}", fault.what, fault.remedy),
        ));
    }
    // It may have begun a moment ago, or have much to read before it reaches the end of the log. Where nobody polls any
    // more, this process takes over or the board says why not.
    let is_new = clock.uptime().saturating_sub(began) < FIRST_POLL && pulse.fault().is_none();
    let Some(last) = polling.last_good.filter(|at| !is_new && !has_read(Some(*at))) else {
        return Ok(false);
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

/// Holds back what `--once` prints from the first consent that names nobody on, until its person was looked up. Where
/// another process polls, that process looks the persons up.
struct Hold {
    is_held: bool,
    /// The uptime at which it ends in any case; set when the log is read.
    until: Option<Duration>,
}

impl Hold {
    fn new(is_held: bool) -> Self {
        Self { is_held, until: None }
    }

    /// Sets when it ends in any case, once the log is read.
    fn begin(&mut self, up: Duration) {
        if self.is_held {
            self.until.get_or_insert(up.saturating_add(PERSONS_PATIENCE));
        }
    }

    /// Returns the time from which on rows that name nobody are held back, or `None` if none is. A follower cannot see
    /// how far the other process is, and waits for the persons of the newest rows alone: it has looked at the older
    /// ones.
    fn held_from(&self, is_follower: bool, clock: &Clock) -> Option<Timestamp> {
        if !self.is_held {
            return None;
        }
        let patience = SignedDuration::try_from(PERSONS_PATIENCE).unwrap_or_default();
        let newest = clock.sure().saturating_sub(patience).unwrap_or(Timestamp::MIN);
        Some(if is_follower { newest } else { Timestamp::MIN })
    }

    /// Looks whether it ends now. `last` is the newest row, read after the board.
    fn look(&mut self, board: &Board, last: Seq, is_read: bool, is_given_up: bool, up: Duration) {
        if !self.is_held {
            return;
        }
        if is_read {
            self.begin(up);
        }
        let is_found = is_read && board.persons.seen >= last.0 && board.persons.open == 0;
        let is_over = self.until.is_some_and(|until| up >= until);
        if is_over && !is_found {
            let left = match board.persons.open {
                0 => "Not every consent that names nobody was looked at within 30 seconds".to_owned(),
                1 => "The person of 1 consent was not found within 30 seconds".to_owned(),
                open => format!("The persons of {open} consents were not found within 30 seconds"),
            };
            note(&format!(
                "{left}; their lines name nobody. watch, and tail without --once, go on looking; export then prints who \
                 was found."
            ));
        }
        if is_found || is_over || is_given_up {
            *self = Self::new(false);
        }
    }
}

/// Tells of records that could not be read.
struct Unread {
    /// How many there were before this run.
    before: u64,
    told: Option<u64>,
}

impl Unread {
    fn new(before: u64) -> Self {
        Self { before, told: None }
    }

    /// Without `--once`: reports the unreadable records of the last day, and then each new one.
    fn tell(&mut self, source: &mut Source, now: Timestamp) -> Result<(), ReadError> {
        let found = source.reader().coverage()?.unreadable;
        let is_first = self.told.is_none() && found.is_recent(now);
        if (is_first || found.count > self.told.unwrap_or(self.before))
            && let Some(words) = found.sentence()
        {
            note(&words);
        }
        self.told = Some(found.count);
        Ok(())
    }

    /// The end of a run that has printed all there was, but for what could not be read.
    fn end(&self, source: &mut Source, options: &TailOptions) -> Result<Exit, (Exit, String)> {
        let found =
            source.reader().coverage().map_err(|error| (Exit::Failed, error.fault().to_string()))?.unreadable;
        let Some(words) = found.sentence().filter(|_| options.once && found.count > self.before) else {
            return Ok(Exit::Done);
        };
        if options.allow_unreadable {
            note(&words);
            return Ok(Exit::Done);
        }
        let ended = "This run ends with 1, since what it printed may not be all; with --allow-unreadable it ends with 0.";
        Err((Exit::Failed, format!("{words} {ended}")))
    }
}

/// Whether a fault ends the run: a refusal of the very first request, or, for `--once`, what does not pass.
fn gives_up(options: &TailOptions, fault: &Fault, had_answer: bool) -> Option<Exit> {
    if fault.refused && (options.once || !had_answer) {
        return Some(Exit::Refused);
    }
    (options.once && !fault.passes && !fault.refused).then_some(Exit::Failed)
}

/// Returns what is wrong with the hook's listener when that changes, and that it is over. The poll brings everything
/// all the same, so nothing ends because of it.
fn hook_news(board: &Board, told: &mut Option<String>) -> Option<String> {
    let pulse = board.get(Part::Hook);
    if let Some(fault) = pulse.fault() {
        if told.as_ref() == Some(&fault.brief) {
            return None;
        }
        *told = Some(fault.brief.clone());
        return Some(fault.to_string());
    }
    let is_well = matches!(pulse, Pulse::Live | Pulse::Elsewhere(_));
    (is_well && told.take().is_some()).then(|| "The event hook is well again.".to_owned())
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
        let left = until.duration_since(clock.sure());
        clock.uptime() + Duration::try_from(left).unwrap_or_default()
    });
    // A time in the past would wake the loop without end, so it is left out; the poller's next state wakes it
    // then. For a follower no state may ever come, so the end of its first wait wakes it.
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
    was_held: bool,
    /// Whether a row is held back.
    is_blocked: bool,
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
            was_held: false,
            is_blocked: false,
            printed: 0,
            buffer: Vec::new(),
            to_terminal: io::stdout().is_terminal(),
        }
    }

    /// Returns whether a length for `--since` cannot be counted back yet, because Okta has not said what time
    /// it is.
    fn is_early(&mut self, board: &Board, clock: &Clock) -> bool {
        let Some(ago) = self.options.ago else { return false };
        if *board.get(Part::Poll) == Pulse::Starting {
            return true;
        }
        self.options.ago = None;
        self.options.since = clock.sure().checked_sub(ago).ok();
        false
    }

    /// Prints what was committed since the last look; where that is held, up to the first consent that names nobody and
    /// was taken in after `held_from`. Returns false when the limit is reached.
    fn print_new(&mut self, source: &mut Source, held_from: Option<Timestamp>) -> Result<bool, Trouble> {
        let head = source.head();
        let is_held = held_from.is_some();
        self.is_blocked = false;
        'all: loop {
            let records = source.reader().records_after(self.seen, BATCH).map_err(Trouble::Read)?;
            if records.is_empty() {
                break;
            }
            for stored in &records {
                if held_from.is_some_and(|from| stored.received > from)
                    && self.is_wanted(stored)
                    && okta::restore(stored).who.evidence == Evidence::Unknown
                {
                    self.is_blocked = true;
                    self.flush()?;
                    break 'all;
                }
                self.seen = stored.seq;
                if !self.print(stored)? {
                    return self.flush().map(|()| false);
                }
            }
            self.flush()?;
        }
        if is_held || self.was_held {
            // What changed meanwhile is printed once, as it is now.
            self.was_held = is_held;
            self.changes = head.change;
        } else if self.options.updates && head.change > self.changes {
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
        if !self.is_wanted(stored) {
            return Ok(true);
        }
        let consent = okta::restore(stored);
        if let Some(filter) = &self.filter
            && !matches(filter, stored.seq, &consent, self.options.marked.note(&stored.key))
        {
            return Ok(true);
        }
        let format = self.options.format;
        let start = self.buffer.len();
        if self.to_terminal {
            format.line_for_terminal(stored.seq, &consent, &mut self.buffer);
        } else {
            format.line(stored.seq, &consent, &mut self.buffer);
        }
        charset::settle(format, self.to_terminal, &mut self.buffer, start);
        self.printed += 1;
        if self.buffer.len() > 1 << 16 {
            self.flush()?;
        }
        Ok(self.options.limit.is_none_or(|limit| self.printed < limit))
    }

    /// Whether a row is of the time that was asked for.
    fn is_wanted(&self, stored: &Stored) -> bool {
        let published = stored.key.published_ms;
        let early = self.options.after.is_none()
            && self.options.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
        let late = self.options.until.is_some_and(|until| published >= until.as_millisecond());
        !early && !late
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read_at(when: Timestamp) -> Polling {
        Polling { last_good: Some(when), caught_up: Some(when), ..Polling::default() }
    }

    fn elsewhere() -> Pulse {
        Pulse::Elsewhere("42".to_owned())
    }

    #[test]
    fn a_follower_ends_with_a_failure_where_nobody_reads_up_to_the_time() {
        let clock = Clock::manual(at("2026-05-06T08:00:00Z"));
        let down = Pulse::Down(Fault::new(Part::Poll, "stopped", "Process 42 is stopped.", "", "End it."));
        let asked = (false, Some(at("2026-05-06T08:00:10Z")));
        let ends =
            |pulse: &Pulse, polling| follower_ends(asked, "42", pulse, polling, Duration::ZERO, &clock);
        let read = read_at(at("2026-05-06T07:59:50Z"));
        assert_eq!(ends(&down, read), Ok(false), "that time has not come");
        clock.advance(Duration::from_secs(10));
        assert_eq!(ends(&elsewhere(), read), Ok(false), "it may read on");
        for polling in [read, Polling::default()] {
            let (exit, words) = ends(&down, polling).unwrap_err();
            assert_eq!(exit, Exit::Failed);
            assert_eq!(words, "Process 42 is stopped. What was printed may not be all. End it.");
        }
        assert_eq!(ends(&down, read_at(at("2026-05-06T08:00:10Z"))), Ok(true), "it was read in time");
    }

    #[test]
    fn a_follower_with_a_wrong_clock_ends_by_oktas_time() {
        let ahead = SignedDuration::from_hours(48);
        let (clock, until) = (Clock::manual(at("2026-05-08T08:00:00Z")), at("2026-05-06T08:00:10Z"));
        clock.hear(at("2026-05-06T08:00:00Z"));
        let ends = |seconds: u64| {
            let read = at("2026-05-08T08:00:00Z") + SignedDuration::from_secs(seconds as i64);
            let polling = Polling { ahead, ..read_at(read) };
            follower_ends((false, Some(until)), "42", &elsewhere(), polling, Duration::ZERO, &clock)
        };
        assert_eq!(ends(0), Ok(false), "that time has not come");
        clock.advance(Duration::from_secs(10));
        assert_eq!(ends(9), Ok(false), "nor was the log read up to it");
        assert_eq!(ends(10), Ok(true));
    }

    #[test]
    fn a_follower_waits_for_the_persons_of_the_newest_rows_alone_and_not_for_ever() {
        let clock = Clock::manual(at("2026-05-06T08:00:00Z"));
        let mut hold = Hold::new(true);
        assert_eq!(hold.held_from(false, &clock), Some(Timestamp::MIN));
        assert_eq!(hold.held_from(true, &clock), Some(at("2026-05-06T07:59:30Z")));
        let look = |hold: &mut Hold, is_read: bool| {
            hold.look(&Board::default(), Seq(9), is_read, false, clock.uptime());
            hold.held_from(true, &clock).is_some()
        };
        clock.advance(PERSONS_PATIENCE);
        assert!(look(&mut hold, false), "the log is not read");
        assert!(look(&mut hold, true));
        clock.advance(PERSONS_PATIENCE);
        assert!(!look(&mut hold, true));
    }

    #[test]
    fn the_hook_is_told_each_time_that_it_falls_ill_and_is_well_again() {
        let (mut board, mut told) = (Board::default(), None);
        let fault = Fault::new(Part::Hook, "nobody listens", "Nobody listens.", "", "");
        for well in [elsewhere(), Pulse::Live] {
            board.set(Part::Hook, Pulse::Down(fault.clone()));
            assert_eq!(hook_news(&board, &mut told).as_deref(), Some("Nobody listens."));
            assert_eq!(hook_news(&board, &mut told), None);
            board.set(Part::Hook, well);
            assert_eq!(hook_news(&board, &mut told).as_deref(), Some("The event hook is well again."));
            assert_eq!(hook_news(&board, &mut told), None);
        }
    }
}
