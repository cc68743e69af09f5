//! `collect`: the feed as a service, without a screen. It reports to systemd, answers health checks and metrics, and
//! reads its configuration again on SIGHUP.

mod counts;
mod health;
mod listener;
mod metrics;
mod systemd;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use super::standing::{is_fresh, named};
use super::stdio::note;
use super::{Feed, FeedPlan, Source, feed};
use crate::clock::Clock;
use crate::consent::{OrgId, Seq};
use crate::exit::Exit;
use crate::journal::ReadError;
use crate::report::{Board, Part, Pulse};
use crate::tasks::Tasks;
use crate::tui::{Reloads, Signals};
use counts::Counts;
use health::Health;
use systemd::Systemd;

/// How often the loop goes around if nothing happens. Health checks tell from this that it still does.
const TURN: Duration = Duration::from_secs(10);
/// The time that tasks get to end when the configuration is read again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many new rows are counted at a time.
const BATCH: usize = 1000;

/// Why a feed ends.
enum End {
    /// A signal asks the process to end.
    Stop,
    /// The configuration was read again, and this is what to start now.
    Reload(Box<FeedPlan>),
}

/// Collects until a signal ends it. `again` reads the configuration and the secrets again and returns the new plan; its
/// error is a sentence, and everything goes on as before.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if the address cannot be used, or if the journal cannot be opened or
/// read.
pub async fn collect(
    first: FeedPlan,
    again: impl Fn() -> Result<FeedPlan, String>,
    listen: SocketAddr,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, (Exit, String)> {
    let failed =
        |error: std::io::Error| (Exit::Failed, format!("Signal handlers cannot be installed: {error}."));
    let mut signals = Signals::listen().map_err(failed)?;
    let mut reloads = Reloads::listen().map_err(failed)?;
    let (tell, health) = watch::channel(Health::default());
    let address = listener::start(listen, health, clock, tasks).map_err(|words| (Exit::Failed, words))?;
    note(&format!("Health checks and metrics are at http://{address}."));
    let mut collector =
        Collector { tell, counts: Counts::default(), seen: Seq(0), systemd: Systemd::new(), told: None };
    let mut plan = first;
    loop {
        let parts = Tasks::new();
        plan.org.label().clone_into(&mut collector.counts.org);
        let (feed, mut source) =
            feed::open(plan, clock, &parts).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        collector.seen = feed.last_before;
        let end = collector.run(&feed, &mut source, (&mut signals, &mut reloads), &again, clock).await;
        if matches!(end, Ok(End::Stop) | Err(_)) {
            Systemd::is_stopping();
        }
        // Everything that was received is stored before the journal is closed.
        let all_ended = parts.finish(PATIENCE).await;
        let end = end
            .and_then(|end| collector.count(&mut source).map(|()| end).map_err(|error| unreadable(&error)));
        drop(source);
        feed.close().await;
        tracing::info!(all_ended, "The journal is closed.");
        match end? {
            End::Stop => return Ok(Exit::Done),
            End::Reload(next) => plan = *next,
        }
    }
}

/// What outlives a feed.
struct Collector {
    tell: watch::Sender<Health>,
    counts: Counts,
    /// The newest row that is counted.
    seen: Seq,
    systemd: Systemd,
    /// What standard error was told last.
    told: Option<String>,
}

impl Collector {
    /// Goes around until a signal comes.
    async fn run(
        &mut self,
        feed: &Feed,
        source: &mut Source,
        (signals, reloads): (&mut Signals, &mut Reloads),
        again: &impl Fn() -> Result<FeedPlan, String>,
        clock: &Clock,
    ) -> Result<End, (Exit, String)> {
        let mut is_ready = false;
        loop {
            let board = source.board();
            let holder = feed.holder();
            self.count(source).map_err(|error| unreadable(&error))?;
            let health = self.look(board, holder, source, clock).map_err(|error| unreadable(&error))?;
            let (words, is_hung) = (health.sentence(), health.is_hung);
            // Before it is told elsewhere, so that who hears of a state finds it in the health checks too.
            self.tell.send_replace(health);
            if self.told.as_deref() != Some(&words) {
                note(&words);
            }
            self.systemd.tell(&words, !is_ready, !is_hung);
            is_ready = true;
            self.told = Some(words);
            let turn = clock.uptime() + self.systemd.alive_every().map_or(TURN, |every| TURN.min(every));
            tokio::select! {
                biased;
                _ = signals.stop() => return Ok(End::Stop),
                () = reloads.asked() => {
                    Systemd::is_reloading();
                    match again() {
                        Ok(plan) => {
                            note("The configuration is read again; the parts start anew.");
                            return Ok(End::Reload(Box::new(plan)));
                        }
                        Err(words) => {
                            note(&format!("The configuration is not used, and the one before stays in force: {words}"));
                            // The service manager waits for this after each reload.
                            is_ready = false;
                        }
                    }
                }
                () = source.moved() => {}
                _ = clock.sleep_until(turn) => {}
            }
        }
    }

    /// Counts the rows that are not counted yet, by kind and way.
    fn count(&mut self, source: &mut Source) -> Result<(), ReadError> {
        if source.head().last <= self.seen {
            return Ok(());
        }
        loop {
            let page = source.reader().after(self.seen, BATCH)?;
            let Some(last) = page.rows.last() else { return Ok(()) };
            self.seen = last.seq;
            for row in &page.rows {
                *self.counts.events.entry((row.kind.word(), row.via.word())).or_default() += 1;
            }
        }
    }

    /// Puts together what health checks and metrics say.
    fn look(
        &self,
        board: Board,
        holder: Option<String>,
        source: &mut Source,
        clock: &Clock,
    ) -> Result<Health, ReadError> {
        let reader = source.reader();
        let coverage = reader.coverage(OrgId::default())?;
        let counts = reader.counts()?;
        let polls = matches!(board.get(Part::Poll), Pulse::Live | Pulse::Catching);
        let is_hung = holder.is_none()
            && polls
            && !is_fresh(board.traffic.last_good, board.traffic.interval, clock.sure());
        Ok(Health {
            not_writing: holder.map(|holder| format!("{} writes this journal", named(&holder))),
            is_hung,
            rows: counts.rows,
            bytes: journal_bytes(&reader.dir()),
            coverage,
            board,
            counts: self.counts.clone(),
            looked: Some(clock.uptime()),
        })
    }
}

fn unreadable(error: &ReadError) -> (Exit, String) {
    (Exit::Failed, error.fault().to_string())
}

/// Returns the size of the journal's files in bytes.
fn journal_bytes(dir: &std::path::Path) -> u64 {
    ["journal.sqlite3", "journal.sqlite3-wal"]
        .into_iter()
        .filter_map(|name| dir.join(name).metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
