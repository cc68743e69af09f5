//! Fetches older history into the journal while the live poll goes on.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::standing::named;
use super::stdio::{note, say};
use super::{Feed, Source};
use crate::clock::Clock;
use crate::consent::OrgId;
use crate::exit::{Exit, Signal};
use crate::intake::backfill::Progress;
use crate::report::{Fault, Part, Pulse};
use crate::tasks::Tasks;
use crate::tui::{Signals, StopSignal};

/// How long a temporary fault may last before the backfill stops. Fetched history stays in the journal, and the next
/// run continues from there.
const PATIENCE: Duration = Duration::from_mins(10);
/// The shortest time between two progress lines on a terminal.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Fetches history back to `goal`, and polls for new events meanwhile.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if another process writes the journal, if the journal cannot be used,
/// or if Okta refuses.
pub async fn backfill(
    goal: Timestamp,
    feed: &Feed,
    mut source: Source,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, (Exit, String)> {
    if let Some(holder) = feed.holder() {
        return Err((
            Exit::Failed,
            format!(
                "{} writes this journal, and only that process can fetch history. Nothing was started. End that \
                 process or wait for it to end, then run backfill again.",
                named(&holder)
            ),
        ));
    }
    let mut signals = Signals::listen()
        .map_err(|error| (Exit::Failed, format!("Signal handlers cannot be installed: {error}.")))?;
    let mut exits = Vec::new();
    let orgs: Vec<OrgId> = source.in_use().collect();
    for (place, org) in orgs.into_iter().enumerate() {
        let prefix = source.heading(org).map_or(String::new(), |label| format!("{label}: "));
        let one = OneOrg { place, org, prefix: &prefix, goal, feed, clock, tasks };
        match one.fetch(&mut source, &mut signals).await {
            Ok(Exit::Done) => {}
            Ok(stopped) => return Ok(stopped),
            Err(ended) if prefix.is_empty() => return Err(ended),
            Err((exit, words)) => {
                note(&format!("{prefix}{words}"));
                exits.push(exit);
            }
        }
    }
    Ok(Exit::worst(exits))
}

/// The history of one org. The others are polled meanwhile.
struct OneOrg<'f> {
    /// The place of the org in the plan.
    place: usize,
    org: OrgId,
    /// What comes before each sentence about the org; empty if it is the only one.
    prefix: &'f str,
    goal: Timestamp,
    feed: &'f Feed,
    clock: &'f Clock,
    tasks: &'f Tasks,
}

impl OneOrg<'_> {
    fn note(&self, words: &str) {
        note(&if words.is_empty() { String::new() } else { format!("{}{words}", self.prefix) });
    }

    async fn fetch(&self, source: &mut Source, signals: &mut Signals) -> Result<Exit, (Exit, String)> {
        let Self { place, org, goal, feed, clock, tasks, .. } = *self;
        let failed = |fault: &Fault| (Exit::Failed, fault.to_string());
        let mut teller = Teller::new(self.prefix);
        let mut trouble = Trouble::default();
        let mut progress: Option<watch::Receiver<Progress>> = None;
        loop {
            let board = source.boards().swap_remove(place);
            let coverage = source.coverage(org).map_err(|error| failed(&error.fault()))?;
            // History is joined to the complete range, which exists only once the live poll has caught up.
            if progress.is_none()
                && coverage.complete_since.is_some()
                && *board.get(Part::Poll) == Pulse::Live
            {
                progress = feed
                    .fetch_history(place, goal, source.reader(), tasks)
                    .map_err(|fault| failed(&fault))?;
            }
            let seen = progress.as_mut().map(|progress| progress.borrow_and_update().clone());
            if let Some(seen) = &seen {
                if seen.is_done {
                    teller.end();
                    self.note(&summary(seen, coverage.complete_since, goal));
                    let before = feed.unreadable_before.get(place).copied().unwrap_or_default();
                    if coverage.unreadable.count > before {
                        coverage.unreadable.sentence().iter().for_each(|words| self.note(words));
                    }
                    return Ok(Exit::Done);
                }
                if seen.pages > 0 {
                    teller.tell(seen, clock.uptime());
                }
            }
            let own = seen.as_ref().and_then(|seen| seen.pulse.fault().cloned());
            let fault = board.get(Part::Journal).fault().cloned().or(own).or_else(|| {
                // While history is being fetched, its own faults are more specific than the live poll's.
                board.get(Part::Poll).fault().filter(|_| seen.is_none()).cloned()
            });
            if let Some(words) = trouble.take(fault.as_ref(), clock.uptime()) {
                teller.end();
                match fault {
                    Some(fault) if trouble.is_over(&fault, clock.uptime()) => {
                        let exit = if fault.refused { Exit::Refused } else { Exit::Failed };
                        let given_up = "Stopped. What was fetched is stored, and the next backfill continues from there.";
                        let words = [fault.what.as_str(), given_up, fault.remedy.as_str()];
                        return Err((exit, words.join(" ").trim_end().to_owned()));
                    }
                    _ => self.note(&words),
                }
            }
            let wake = [teller.due(), trouble.due()].into_iter().flatten().min();
            tokio::select! {
                biased;
                stop = signals.stop() => {
                    teller.end();
                    return Ok(Exit::Signal(match stop {
                        StopSignal::Interrupt => Signal::Interrupt,
                        StopSignal::Terminate => Signal::Terminate,
                        StopSignal::Hangup => Signal::HangUp,
                    }));
                }
                () = changed(progress.as_mut()) => {}
                () = source.moved() => {}
                _ = clock.sleep_until(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {}
            }
        }
    }
}

/// Waits until the progress changes.
async fn changed(progress: Option<&mut watch::Receiver<Progress>>) {
    let has_changed = match progress {
        Some(progress) => progress.changed().await.is_ok(),
        None => false,
    };
    if !has_changed {
        // The fetch has not started, or has sent its last update.
        std::future::pending::<()>().await;
    }
}

fn summary(seen: &Progress, complete_since: Option<Timestamp>, goal: Timestamp) -> String {
    let since = complete_since.unwrap_or(goal);
    if seen.pages == 0 {
        return format!("Nothing to fetch: the journal is complete since {since:.0}.");
    }
    let (pages, new) = (counted(seen.pages, "page"), counted(seen.new, "new consent"));
    format!("Fetched {new} in {pages}; the journal is complete since {since:.0}.")
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Tracks a fault for as long as it lasts.
#[derive(Default)]
struct Trouble {
    told: Option<Fault>,
    since: Option<Duration>,
}

impl Trouble {
    /// Records the current fault and returns a sentence if there is something new to report. Returns an empty sentence
    /// once the run must end.
    fn take(&mut self, fault: Option<&Fault>, up: Duration) -> Option<String> {
        let Some(fault) = fault else {
            self.since = None;
            return self.told.take().map(|_| "History is being fetched again.".to_owned());
        };
        self.since.get_or_insert(up);
        if self.is_over(fault, up) {
            return Some(String::new());
        }
        // The full text may contain a counter, such as a request number, so the short form is compared.
        let is_new = self.told.as_ref().is_none_or(|told| told.brief != fault.brief);
        is_new.then(|| {
            self.told = Some(fault.clone());
            fault.to_string()
        })
    }

    /// Returns whether the run must end: at once for a permanent fault, else after [`PATIENCE`].
    fn is_over(&self, fault: &Fault, up: Duration) -> bool {
        !fault.passes || self.since.is_some_and(|since| up.saturating_sub(since) >= PATIENCE)
    }

    fn due(&self) -> Option<Duration> {
        self.since.map(|since| since + PATIENCE)
    }
}

/// Prints the progress: on a terminal one line that is rewritten, elsewhere a new line each time the complete range
/// grows.
struct Teller {
    /// What comes before each line; empty if there is only one org.
    prefix: String,
    to_terminal: bool,
    told: String,
    next_at: Duration,
    is_waiting: bool,
    /// The width in columns of the unfinished line on the terminal, or 0 if there is none.
    open: usize,
}

impl Teller {
    fn new(prefix: &str) -> Self {
        let (prefix, to_terminal) = (prefix.to_owned(), io::stderr().is_terminal());
        Self { prefix, to_terminal, told: String::new(), next_at: Duration::ZERO, is_waiting: false, open: 0 }
    }

    fn tell(&mut self, seen: &Progress, up: Duration) {
        let how_far = format!("{}backfill: complete since {:.0}", self.prefix, seen.whole_from);
        if !self.to_terminal {
            if self.told != how_far {
                say(&format!("consentwatch: {how_far}, {}", counted(seen.new, "new consent")));
                self.told = how_far;
            }
            return;
        }
        let line =
            format!("{how_far}, {} in {}", counted(seen.new, "new consent"), counted(seen.pages, "page"));
        self.is_waiting = line != self.told && up < self.next_at;
        if line == self.told || self.is_waiting {
            return;
        }
        let line = super::charset::for_people(&line).into_owned();
        let mut err = io::stderr().lock();
        // Spaces overwrite the rest of a longer line, which works on every terminal.
        let width = line.chars().count();
        let blanks = self.open.saturating_sub(width);
        if let Err(error) = write!(err, "\r{line}{:blanks$}", "").and_then(|()| err.flush()) {
            tracing::warn!(%error, "Standard error cannot be written.");
        }
        (self.told, self.open, self.next_at) = (line, width, up + TELL_EVERY);
    }

    /// Returns the uptime at which a delayed line is due, or `None` if no line is delayed.
    fn due(&self) -> Option<Duration> {
        self.is_waiting.then_some(self.next_at)
    }

    /// Ends the unfinished line, so that other output starts on a new one.
    fn end(&mut self) {
        if self.open > 0 {
            say("");
            self.open = 0;
            self.told.clear();
        }
    }
}
