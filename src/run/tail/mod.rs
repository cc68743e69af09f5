//! `tail`: prints consents from a feed as lines on standard output.

mod ends;
mod hold;
mod options;
mod printer;
mod unread;

use std::convert::Infallible;
use std::time::Duration;

use super::coverage::Watcher;
use super::source::damaged_words;
use super::standing::named;
use super::stdio::{note, say};
use super::{AutoPlan, Feed, Source};
use crate::clock::Clock;
use crate::consent::OrgId;
use crate::exit::{Exit, Signal};
use crate::export::Lines;
use crate::report::{Fault, Part, Pulse};
use crate::tui::{Signals, StopSignal};
use ends::{PATIENCE, ends, follower_ends, gives_up, hook_news, wake_at, worst};
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
    tell_start(&printer, &mut source)?;
    let mut told = None;
    let mut damaged_told = 0;
    let mut hook_told = None;
    // Notes about files were printed at the start.
    let mut noted = source.board().notes.files;
    let mut coverage = (printer.options.format == Lines::Json).then(Watcher::default);
    let mut had_answer = follows.is_some();
    let mut hold = Hold::new(printer.options.once && feed.looks_up_persons());
    // Whether the followed process has read and stored everything that this one must print.
    let mut is_whole = false;
    let mut is_nudged = false;
    // Whether the log was read up to the time of the start. Later faults do not concern `--once`.
    let mut is_read = false;
    let mut unreadable = Unread::new(feed.unreadable_before);
    let mut progress_at = clock.uptime();
    loop {
        // The board is read before the rows, so rows that it counts as caught up are certainly among them. The same
        // holds for a follower's polling state.
        let board = source.board();
        let holder = feed.holder();
        let polling = match &holder {
            Some(_) => Some(
                source
                    .reader()
                    .polling(OrgId::default())
                    .map_err(|error| (Exit::Failed, error.fault().to_string()))?,
            ),
            None => None,
        };
        let before = printer.seen;
        let covered = coverage.as_mut().map_or(Ok(None), |watcher| watcher.look(&mut source, &board));
        printer.options.marked.refresh();
        is_read |= printer.options.once && matches!(board.get(Part::Poll), Pulse::Live);
        let given_up = worst(&board)
            .filter(|_| !is_read)
            .and_then(|fault| Some((gives_up(&printer.options, &fault, had_answer)?, fault)));
        // A run that gives up prints the rows it has, with or without their persons.
        hold.look(&board, source.head().last, is_read || is_whole, given_up.is_some(), clock.uptime());
        let printed = if printer.is_early(&board, clock) {
            Ok(true)
        } else {
            printer.print_new(&mut source, hold.held_from(holder.is_some(), clock))
        };
        match printed {
            Ok(true) => {}
            Ok(false) | Err(PrintError::Pipe) => return Ok(Exit::Done),
            Err(PrintError::Write(error)) => {
                return Err((
                    Exit::Failed,
                    format!("Standard output cannot be written: {error}. Nothing stored is lost."),
                ));
            }
            Err(PrintError::Read(error)) => return Err((Exit::Failed, error.fault().to_string())),
        }
        // The coverage line comes after the rows that it covers.
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
        // Keep waiting only if a row is held back.
        if is_end && !(hold.is_held && printer.is_blocked) {
            if printer.options.once && damaged_told > 0 {
                let words = "This run exits with 1, because damaged rows were left out.";
                return Err((Exit::Failed, words.to_owned()));
            }
            return unreadable.end(&mut source, &printer.options);
        }
        if let Some(holder) = holder.as_ref().filter(|holder| follows.as_ref() != Some(holder)) {
            note(&format!("{} writes this journal now; its rows are followed read-only.", named(holder)));
        }
        follows = holder;
        if let Some((exit, fault)) = given_up {
            let words = [fault.what.as_str(), "Stopped. Nothing stored was lost.", fault.remedy.as_str()];
            return Err((exit, words.join(" ").trim_end().to_owned()));
        }
        if let Some(fault) = worst(&board).filter(|_| !is_read) {
            // The full text contains numbers from Okta that differ with each refusal, so the short form is compared.
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
            // The last poll was before that time, so poll once more.
            is_nudged = true;
            feed.nudge.notify_one();
        }
        if printer.options.once && clock.uptime().saturating_sub(progress_at) >= PATIENCE {
            return Err((
                Exit::Failed,
                "No progress for 60 seconds, so this run stops. What was received is stored.".to_owned(),
            ));
        }
        let wake = wake_at(&printer.options, clock, progress_at, follows.is_some().then_some(began));
        if is_end {
            // The log is read, so the time limit for the persons starts now.
            hold.begin(clock.uptime());
        }
        let wake = [wake, hold.until].into_iter().flatten().min();
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

fn tell_start(printer: &Printer, source: &mut Source) -> Result<(), (Exit, String)> {
    let Some(since) = printer.options.since else { return Ok(()) };
    let coverage = source
        .reader()
        .coverage(OrgId::default())
        .map_err(|error| (Exit::Failed, error.fault().to_string()))?;
    if let Some(complete) = coverage.complete_since.filter(|complete| *complete > since) {
        note(&format!(
            "The journal is complete from {complete:.0} on; earlier events were not polled. consentwatch backfill \
             fetches them."
        ));
    }
    Ok(())
}
