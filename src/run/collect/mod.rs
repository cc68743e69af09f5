//! `collect`: the feed as a service, without a screen. It reports to systemd, answers health checks and metrics, and
//! reads its configuration again on SIGHUP.

mod health;
mod listener;
mod metrics;
mod systemd;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::standing::named;
use super::stdio::note;
use super::{Feed, FeedPlan, OrgPlan, Source, feed};
use crate::clock::Clock;
use crate::consent::{OrgId, Seq};
use crate::exit::Exit;
use crate::journal::ReadError;
use crate::report::{Coverage, Part, Pulse};
use crate::tasks::Tasks;
use crate::tui::{Reloads, Signals};
use health::{Events, Health, OrgHealth, Polling};
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
/// Returns an exit code and a sentence for stderr if the address cannot be used, or if the journal cannot be opened.
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
    let mut collector = Collector {
        tell,
        events: HashMap::new(),
        seen: None,
        polling: HashMap::new(),
        systemd: Systemd::new(),
        told: Vec::new(),
    };
    let mut plan = first;
    // The plan before the last reload, for the case that the journal cannot be opened with the new one.
    let mut spare: Option<FeedPlan> = None;
    loop {
        let parts = Tasks::new();
        let opened = tokio::select! {
            biased;
            _ = signals.stop() => {
                parts.finish(PATIENCE).await;
                return Ok(Exit::Done);
            }
            opened = feed::open(plan.clone(), clock, &parts) => opened,
        };
        let (feed, mut source) = match (opened, spare.take()) {
            (Ok(opened), _) => opened,
            (Err(fault), Some(before)) => {
                parts.finish(PATIENCE).await;
                note(&format!("{fault} The configuration before stays in force."));
                plan = before;
                continue;
            }
            (Err(fault), None) => return Err((Exit::Failed, fault.to_string())),
        };
        collector.begin(&plan, feed.last_before);
        let end =
            collector.run(&feed, &mut source, (&mut signals, &mut reloads), (&again, &plan), clock).await;
        if matches!(end, End::Stop) {
            Systemd::is_stopping();
        }
        // Everything that was received is stored before the journal is closed.
        let all_ended = parts.finish(PATIENCE).await;
        drop(source);
        feed.close().await;
        tracing::info!(all_ended, "The journal is closed.");
        match end {
            End::Stop => return Ok(Exit::Done),
            End::Reload(next) => spare = Some(std::mem::replace(&mut plan, *next)),
        }
    }
}

/// What outlives a feed.
struct Collector {
    tell: watch::Sender<Health>,
    /// New rows, by org.
    events: HashMap<OrgId, Events>,
    /// The folder of the journal and the newest row that is counted, or `None` before the first journal is open.
    seen: Option<(PathBuf, Seq)>,
    polling: HashMap<OrgId, Polling>,
    systemd: Systemd,
    /// What standard error was told last, a sentence for each org.
    told: Vec<String>,
}

impl Collector {
    /// Prepares for a journal. `last` is its newest row before this process started. If it is the same journal as before,
    /// counting goes on where it ended.
    fn begin(&mut self, plan: &FeedPlan, last: Seq) {
        if self.seen.as_ref().is_none_or(|(dir, _)| *dir != plan.dir) {
            self.seen = Some((plan.dir.clone(), last));
            self.events.clear();
        }
        self.polling.clear();
    }

    /// Goes around until a signal comes.
    async fn run(
        &mut self,
        feed: &Feed,
        source: &mut Source,
        (signals, reloads): (&mut Signals, &mut Reloads),
        (again, before): (&impl Fn() -> Result<FeedPlan, String>, &FeedPlan),
        clock: &Clock,
    ) -> End {
        let mut is_ready = false;
        loop {
            let health = self.look(source, feed.holder(), clock.uptime());
            let (words, sentences, is_hung) = (health.sentence(), health.sentences(), health.is_hung());
            // Before it is told elsewhere, so that who hears of a state finds it in the health checks too.
            self.tell.send_replace(health);
            sentences.iter().filter(|words| !self.told.contains(words)).for_each(|words| note(words));
            self.systemd.tell(&words, !is_ready, !is_hung);
            is_ready = true;
            self.told = sentences;
            let turn = clock.uptime() + self.systemd.alive_every().map_or(TURN, |every| TURN.min(every));
            tokio::select! {
                biased;
                _ = signals.stop() => return End::Stop,
                () = reloads.asked() => {
                    Systemd::is_reloading();
                    match again() {
                        Ok(plan) if let Some(words) = lost_sign_in(before, &plan) => {
                            not_used(&words);
                            is_ready = false;
                        }
                        Ok(plan) => {
                            note("The configuration is read again; the parts start anew.");
                            return End::Reload(Box::new(plan));
                        }
                        Err(words) => {
                            not_used(&words);
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

    /// Puts together what health checks and metrics say. A journal that cannot be read is a fault of the journal, and
    /// collecting goes on.
    fn look(&mut self, source: &mut Source, holder: Option<String>, uptime: Duration) -> Health {
        source.refresh();
        let boards = source.boards();
        let mut health = Health {
            not_writing: holder.map(|holder| format!("{} writes this journal", named(&holder))),
            bytes: journal_bytes(&source.reader().dir()),
            looked: Some(uptime),
            ..Health::default()
        };
        let read = self.read(source, &mut health);
        let is_writer = health.not_writing.is_none();
        for ((id, label), mut board) in source.in_use().zip(source.labels()).zip(boards) {
            let polls = is_writer && matches!(board.get(Part::Poll), Pulse::Live | Pulse::Catching);
            let is_hung = self.polling.entry(id).or_default().is_hung(polls, &board.traffic, uptime);
            let coverage = read.as_ref().map_or(Ok(Coverage::default()), |()| source.coverage(id));
            if let Some(error) = read.as_ref().err().or(coverage.as_ref().err()) {
                board.set(Part::Journal, Pulse::Down(error.fault()));
            }
            health.orgs.push(OrgHealth {
                label: label.to_owned(),
                board,
                is_hung,
                coverage: coverage.unwrap_or_default(),
                events: self.events.get(&id).cloned().unwrap_or_default(),
            });
        }
        health
    }

    /// Reads how many rows the journal holds, and counts new rows by org, kind and way.
    fn read(&mut self, source: &mut Source, health: &mut Health) -> Result<(), ReadError> {
        let head = source.head().last;
        let reader = source.reader();
        health.rows = reader.counted_rows()?;
        let Some((_, seen)) = &mut self.seen else { return Ok(()) };
        while *seen < head {
            let page = reader.after(*seen, BATCH)?;
            // A row that was announced may be removed by now.
            *seen = page.rows.last().map_or(head, |row| row.seq);
            for row in &page.rows {
                let events = self.events.entry(row.org).or_default();
                *events.entry((row.kind.word(), row.via.word())).or_default() += 1;
            }
        }
        Ok(())
    }
}

/// Says why the configuration that was read again is not used.
fn not_used(why: &str) {
    // Everything goes on, so nothing had to be started.
    let why = why.replace(" Nothing was started.", "");
    note(&format!("The configuration is not used, and the one before stays in force: {why}"));
}

/// Returns why an org cannot be polled any more that could be before, if there is one.
fn lost_sign_in(before: &FeedPlan, next: &FeedPlan) -> Option<String> {
    let could =
        |org: &OrgPlan| before.orgs.iter().any(|old| old.org.key == org.org.key && old.sign_in.is_ok());
    let lost = next.orgs.iter().filter(|org| could(org));
    let mut lost =
        lost.filter_map(|org| Some(format!("{}: {}", org.org.label(), org.sign_in.as_ref().err()?.what)));
    lost.next()
}

/// Returns the size of the journal's files in bytes.
fn journal_bytes(dir: &Path) -> u64 {
    ["journal.sqlite3", "journal.sqlite3-wal"]
        .into_iter()
        .filter_map(|name| dir.join(name).metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
