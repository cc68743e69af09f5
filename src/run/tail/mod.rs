//! `tail`: prints consents from a feed as lines on standard output.

mod ends;
mod hold;
mod options;
mod printer;
mod unread;

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;

use super::coverage::Watcher;
use super::source::damaged_words;
use super::standing::{Standing, named};
use super::stdio::{note, say};
use super::{AutoPlan, Feed, Source};
use crate::clock::Clock;
use crate::consent::{OrgId, Seq};
use crate::exit::{Exit, Signal};
use crate::export::Lines;
use crate::journal::ReadError;
use crate::report::{Board, Fault, Part, Pulse};
use crate::tui::{Signals, StopSignal};
use ends::{PATIENCE, ends, follower_ends, gives_up, hook_news, is_restriction, wake_at, worst};
use hold::Hold;
use printer::{PrintError, Printer};
use unread::Unread;

pub use options::TailOptions;

/// Prints consents until the run ends, and takes automatic snapshots meanwhile and at exit.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if standard output or the journal cannot be used, or if Okta refuses.
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

/// Takes snapshots at the configured interval, forever.
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

/// How long a process that has just begun to write has to note which orgs it polls.
const NOTED_WITHIN: Duration = Duration::from_secs(2);

/// What a run knows of one org.
struct OrgRun {
    org: OrgId,
    /// What comes before each sentence about the org; empty if it is the only one.
    prefix: String,
    /// The fault that was told last.
    told: Option<Fault>,
    hook_told: Option<String>,
    had_answer: bool,
    /// Whether the log was read up to the time of the start. Later faults do not concern `--once`.
    is_read: bool,
    /// Whether the followed process has read and stored everything that this one must print.
    is_whole: bool,
    /// The fault for which the run gives up on this org now, if any.
    given_up: Option<(Exit, Fault)>,
    /// Why the process that polls this org will not read it to its end, if that is so.
    stuck: Option<(Exit, String)>,
    unreadable: Unread,
}

impl OrgRun {
    /// Prints a sentence about the org.
    fn note(&self, words: &str) {
        if !words.is_empty() {
            note(&format!("{}{words}", self.prefix));
        }
    }

    /// Takes the state of the org's parts.
    fn look(&mut self, board: &Board, is_writer: bool, options: &TailOptions) {
        let pulse = board.get(Part::Poll);
        // A run with other orgs goes on without one that has no way to its log.
        let has_no_way = !self.prefix.is_empty() && is_writer && matches!(pulse, Pulse::Down(_));
        self.is_read |= options.once && matches!(pulse, Pulse::Live);
        let ends_run = |fault: &Fault| !self.is_read && !is_restriction(board, fault);
        self.given_up = worst(board).filter(ends_run).and_then(|fault| {
            let exit = gives_up(options, &fault, self.had_answer);
            Some((exit.or(has_no_way.then_some(Exit::Failed))?, fault))
        });
        self.had_answer |= matches!(pulse, Pulse::Live | Pulse::Catching);
    }

    /// Prints what is new about the hook of the org.
    fn tell_hook(&mut self, board: &Board) {
        let news = hook_news(board, &mut self.hook_told).unwrap_or_default();
        self.note(&news);
    }

    /// Prints what is new about the log of the org.
    fn tell(&mut self, board: &Board) {
        if let Some(fault) = worst(board).filter(|_| !self.is_read) {
            // The full text contains numbers from Okta that differ with each refusal, so the short form is compared.
            let is_told = self
                .told
                .as_ref()
                .is_some_and(|told: &Fault| (told.part, &told.brief) == (fault.part, &fault.brief));
            if !is_told {
                self.note(&fault.to_string());
                self.told = Some(fault);
            }
        } else if matches!(board.get(Part::Poll), Pulse::Live | Pulse::Elsewhere(_))
            && self.told.take().is_some()
        {
            self.note("The System Log is read again.");
        }
    }

    /// Returns whether the run expects nothing more of the org, because of a fault.
    fn is_over(&self) -> bool {
        !self.is_whole && (self.given_up.is_some() || self.stuck.is_some())
    }

    /// Returns the words for an org of which the run expects nothing more.
    fn last_words(&self) -> Option<(Exit, String)> {
        if let Some((exit, words)) = &self.stuck {
            return Some((*exit, format!("{}{words}", self.prefix)));
        }
        let (exit, fault) = self.given_up.as_ref()?;
        let words = [fault.what.as_str(), "Stopped. Nothing stored was lost.", fault.remedy.as_str()];
        Some((*exit, format!("{}{}", self.prefix, words.join(" ").trim_end())))
    }
}

fn unread(error: &ReadError) -> (Exit, String) {
    (Exit::Failed, error.fault().to_string())
}

async fn follow(
    options: TailOptions,
    feed: &Feed,
    mut source: Source,
    clock: &Clock,
) -> Result<Exit, (Exit, String)> {
    let mut signals = Signals::listen()
        .map_err(|error| (Exit::Failed, format!("Signal handlers cannot be installed: {error}.")))?;
    let mut printer = Printer::new(options);
    let mut follows = feed.holder();
    if let Some(holder) = &follows {
        note(&format!("{} writes this journal; its rows are followed read-only.", named(holder)));
    }
    let began = clock.uptime();
    let begun = source.in_use().zip(&feed.unreadable_before).map(|(org, unreadable)| OrgRun {
        org,
        prefix: source.heading(org).map_or(String::new(), |label| format!("{label}: ")),
        told: None,
        hook_told: None,
        had_answer: follows.is_some(),
        is_read: false,
        is_whole: false,
        given_up: None,
        stuck: None,
        unreadable: Unread::new(*unreadable),
    });
    let mut orgs: Vec<OrgRun> = begun.collect();
    tell_start(&printer, &source, &orgs)?;
    let mut damaged_told = 0;
    // Notes about files were printed at the start.
    let mut noted: Vec<String> = source.boards().iter().flat_map(|board| board.notes.files.clone()).collect();
    let mut coverage = (printer.options.format == Lines::Json).then(Watcher::default);
    let mut hold = Hold::new(printer.options.once && feed.looks_up_persons());
    let mut is_nudged = false;
    let mut progress_at = clock.uptime();
    // The newest row and the number of orgs that were read to the end of their log.
    let mut were = (Seq(0), 0);
    loop {
        source.refresh();
        for (org, id) in orgs.iter_mut().zip(source.in_use()) {
            org.org = id;
        }
        // The boards are read before the rows, so rows that they count as caught up are certainly among them. The same
        // holds for a follower's polling state.
        let boards = source.boards();
        let last = source.head().last;
        let holder = feed.holder();
        let pollings = orgs.iter().map(|org| source.reader().polling(org.org)).collect::<Result<Vec<_>, _>>();
        let pollings = pollings.map_err(|error| unread(&error))?;
        let polled = match &holder {
            Some(_) if printer.options.once => source.reader().orgs_of_writer(),
            _ => Ok(Vec::new()),
        };
        let polled = polled.map_err(|error| unread(&error))?;
        // A process that has just begun to write has noted which orgs it polls within a moment.
        let is_asked = printer.options.once && clock.uptime().saturating_sub(began) >= NOTED_WITHIN;
        let before = printer.seen;
        let covered = coverage.as_mut().map_or(Ok(Vec::new()), |watcher| watcher.look(&source, &boards));
        printer.options.marked.refresh();
        for (org, board) in orgs.iter_mut().zip(&boards) {
            org.look(board, holder.is_none(), &printer.options);
        }
        let gives_up = orgs.iter().all(OrgRun::is_over);
        // A run that gives up prints the rows it has, with or without their persons.
        let is_read = orgs.iter().all(|org| org.is_read || org.is_whole || org.is_over());
        let asked = orgs.iter().zip(&boards).filter(|(org, _)| !org.is_over());
        hold.look(asked.map(|(_, board)| board.persons), last, is_read, gives_up, clock.uptime());
        if !printer.is_early(&boards, clock)
            && !print_new(&mut printer, &mut source, hold.held_from(holder.is_some(), clock))?
        {
            return Ok(Exit::Done);
        }
        // The coverage lines come after the rows that they cover.
        covered.map_err(|error| unread(&error))?.iter().for_each(|line| say(line));
        // The hold for persons, once everything is read, has a time limit of its own.
        let now_read = orgs.iter().filter(|org| org.is_read).count();
        // What busy orgs bring is no progress while the others have a fault.
        let is_hopeful = |(org, board): (&OrgRun, &Board)| {
            !org.is_read && !org.is_over() && board.get(Part::Poll).fault().is_none()
        };
        let is_hopeful = orgs.len() == 1 || orgs.iter().zip(&boards).any(is_hopeful);
        let has_more = printer.seen != before || last != were.0;
        if is_hopeful && has_more || now_read != were.1 || now_read == orgs.len() {
            progress_at = clock.uptime();
        }
        were = (last, now_read);
        for (org, board) in orgs.iter_mut().zip(&boards) {
            if !printer.options.once && matches!(board.get(Part::Poll), Pulse::Live | Pulse::Elsewhere(_)) {
                let words =
                    org.unreadable.news(&source, org.org, clock.sure()).map_err(|error| unread(&error))?;
                org.note(&words.unwrap_or_default());
            }
            org.tell_hook(board);
        }
        noted = tell_notes(&orgs, &boards, &noted);
        let mut is_end = true;
        for ((org, board), polling) in orgs.iter_mut().zip(&boards).zip(pollings) {
            let pulse = board.get(Part::Poll);
            is_end &= match &holder {
                Some(_) if printer.options.once && !is_asked && !polled.contains(&org.org) => false,
                Some(holder) if is_asked && !polled.contains(&org.org) => {
                    let fault = Standing::NotThisOrg(holder.clone()).fault(holder, polling);
                    let words = |fault: Fault| {
                        format!("{} The output may be incomplete. {}", fault.what, fault.remedy)
                    };
                    (org.is_whole, org.stuck) =
                        (false, Some((Exit::Failed, fault.map(words).unwrap_or_default())));
                    true
                }
                Some(holder) => {
                    let asked = (printer.options.once, printer.options.until);
                    let ended = follower_ends(asked, holder, pulse, polling, began, clock);
                    (org.is_whole, org.stuck) =
                        ended.map_or_else(|why| (false, Some(why)), |is_whole| (is_whole, None));
                    org.is_whole || org.is_over()
                }
                None => {
                    (org.is_whole, org.stuck) = (false, None);
                    org.is_read || ends(&printer.options, board) || org.is_over()
                }
            };
        }
        let gives_up = orgs.iter().all(OrgRun::is_over);
        let damaged = source.reader().damaged();
        if damaged.len() > damaged_told {
            damaged_told = damaged.len();
            note(&damaged_words(&damaged).unwrap_or_default());
        }
        // Keep waiting only if a row is held back.
        if is_end && !gives_up && !(hold.is_held && printer.is_blocked) {
            let words = "This run exits with 1, because damaged rows were left out.";
            let damaged = printer.options.once && damaged_told > 0;
            return end(&orgs, &source, &printer.options, damaged.then_some(words));
        }
        if let Some(holder) = holder.as_ref().filter(|holder| follows.as_ref() != Some(holder)) {
            note(&format!("{} writes this journal now; its rows are followed read-only.", named(holder)));
        }
        follows = holder;
        if gives_up {
            return end(&orgs, &source, &printer.options, None);
        }
        for (org, board) in orgs.iter_mut().zip(&boards) {
            org.tell(board);
        }
        if !is_nudged && printer.options.until.is_some_and(|until| clock.sure() >= until) {
            // The last poll was before that time, so poll once more.
            is_nudged = true;
            feed.nudge();
        }
        if printer.options.once && clock.uptime().saturating_sub(progress_at) >= PATIENCE {
            let words = "No progress for 60 seconds, so this run stops. What was received is stored.";
            // The rows of the other orgs are printed, with or without their persons.
            if orgs.len() > 1 && !print_new(&mut printer, &mut source, None)? {
                return Ok(Exit::Done);
            }
            return end(&orgs, &source, &printer.options, Some(words));
        }
        let wake = wake_at(&printer.options, clock, progress_at, follows.is_some().then_some(began));
        if is_end {
            // The log is read, so the time limit for the persons starts now.
            hold.begin(clock.uptime());
        }
        let noted_at = Some(began + NOTED_WITHIN).filter(|at| follows.is_some() && *at > clock.uptime());
        let wake = [wake, hold.until, noted_at].into_iter().flatten().min();
        tokio::select! {
            biased;
            stop = signals.stop() => return Ok(Exit::Signal(match stop {
                StopSignal::Interrupt => Signal::Interrupt,
                StopSignal::Terminate => Signal::Terminate,
                StopSignal::Hangup => Signal::HangUp,
            })),
            () = source.moved() => {}
            _ = clock.sleep_until(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {}
        }
    }
}

/// Prints rows as [`Printer::print_new`] does. Returns `false` if nobody wants more of them: the limit is reached, or the
/// reader of standard output is gone.
fn print_new(
    printer: &mut Printer,
    source: &mut Source,
    held_from: Option<Timestamp>,
) -> Result<bool, (Exit, String)> {
    match printer.print_new(source, held_from) {
        Ok(wants_more) => Ok(wants_more),
        Err(PrintError::Pipe) => Ok(false),
        Err(PrintError::Write(error)) => {
            let words = format!("Standard output cannot be written: {error}. Nothing stored is lost.");
            Err((Exit::Failed, words))
        }
        Err(PrintError::Read(error)) => Err(unread(&error)),
    }
}

/// Prints the notes that are new, and returns all notes.
fn tell_notes(orgs: &[OrgRun], boards: &[Board], before: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for (org, board) in orgs.iter().zip(boards) {
        let of_org = board.notes.of_org().map(|words| format!("{}{words}", org.prefix));
        for words in of_org.chain(board.notes.of_journal().map(str::to_owned)) {
            if !all.contains(&words) {
                all.push(words);
            }
        }
    }
    all.iter().filter(|words| !before.contains(words)).for_each(|words| note(words));
    all
}

/// Returns the result of a run: a refusal before another failure, and that before success. `why` says why the output is
/// not whole, if it is not.
fn end(
    orgs: &[OrgRun],
    source: &Source,
    options: &TailOptions,
    why: Option<&str>,
) -> Result<Exit, (Exit, String)> {
    let mut failed: Vec<(Exit, String)> =
        orgs.iter().filter(|org| org.is_over()).filter_map(OrgRun::last_words).collect();
    failed.extend(why.map(|words| (Exit::Failed, words.to_owned())));
    for org in orgs.iter().filter(|org| !org.is_over() && why.is_none()) {
        if let Err((exit, words)) = org.unreadable.end(source, (org.org, &org.prefix), options) {
            failed.push((exit, format!("{}{words}", org.prefix)));
        }
    }
    if failed.is_empty() {
        return Ok(Exit::Done);
    }
    let exit = Exit::worst(failed.iter().map(|(exit, _)| *exit));
    let words: Vec<String> = failed.into_iter().map(|(_, words)| words).collect();
    Err((exit, words.join("\n")))
}

fn tell_start(printer: &Printer, source: &Source, orgs: &[OrgRun]) -> Result<(), (Exit, String)> {
    let Some(since) = printer.options.since else { return Ok(()) };
    for org in orgs {
        let coverage = source.coverage(org.org).map_err(|error| unread(&error))?;
        if let Some(complete) = coverage.complete_since.filter(|complete| *complete > since) {
            org.note(&format!(
                "The journal is complete from {complete:.0} on; earlier events were not polled. consentwatch backfill \
                 fetches them."
            ));
        }
    }
    Ok(())
}
