//! The handle of a simulated org, which starts its server and controls it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::dice::Dice;
use super::entry::Entry;
use super::event;
use super::fault::{Faults, SimFault};
use super::hook_state::{Hook, HookTold, SimHookPlan};
use super::log::Log;
use super::oauth::OAuth;
use super::org::{Org, Plan, STORIES, SimError, locked};
use super::population::{Population, Variant};
use super::shape::OrgShape;
use super::story::Story;
use super::{connections, hook_sender, registry};
use crate::clock::Clock;
use crate::tasks::Tasks;

/// The span before the start over which the backlog is spread, in milliseconds.
const BACKLOG_SPAN_MS: i64 = 20 * 3_600_000;
/// The first live event happens within this time.
const FIRST_LIVE: Duration = Duration::from_secs(2);

/// A running simulated org. Clones control the same org. It stops with the tasks that it was started on.
#[derive(Clone, Debug)]
pub struct SimOrg(pub(super) Arc<Org>);

impl SimOrg {
    /// Starts an org. When this returns, it listens and has its backlog.
    pub async fn start(
        listen: SocketAddr,
        mut plan: Plan,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Self, SimError> {
        if !STORIES.contains(&plan.story.as_str()) {
            return Err(SimError::UnknownStory(plan.story));
        }
        if !(0.0..=60_000.0).contains(&plan.rate_per_minute) {
            return Err(SimError::BadRate(plan.rate_per_minute));
        }
        if plan.shape.is_quiet {
            // In this variant nobody consents, so the story has no events.
            (plan.backlog, plan.rate_per_minute) = (0, 0.0);
        }
        let oauth = OAuth::new(&plan.apps).map_err(|(client_id, why)| SimError::BadApp { client_id, why })?;
        let refused = |source| SimError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let mut address = listener.local_addr().map_err(refused)?;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        let start_ms = clock.now().as_millisecond();
        let population = Arc::new(Population::new(plan.seed, plan.variant, start_ms));
        let mut story = Story::new(Arc::clone(&population));
        if plan.is_plain {
            story = story.plain();
        }
        let mut log = Log::default();
        for entry in backlog(&mut story, plan.seed, plan.backlog, start_ms) {
            log.push(entry);
        }
        let org = Arc::new(Org {
            url: format!("http://{address}"),
            population,
            clock: clock.clone(),
            log: Mutex::new(log),
            faults: Mutex::new(Faults::new(&plan.faults).with(&plan.spells)),
            shape: Mutex::new(plan.shape.clone()),
            log_window: Mutex::default(),
            token_window: Mutex::default(),
            other_window: Mutex::default(),
            oauth: Mutex::new(oauth),
            deleted: Mutex::default(),
            requests: AtomicUsize::new(0),
            hook: Hook::default(),
            tasks: tasks.clone(),
            story: Mutex::new(story),
            plan,
        });
        tasks.spawn("simulated org", connections::serve(listener, Arc::clone(&org)));
        let handle = Self(org);
        registry::stand(&handle.0, start_ms);
        if let Some(plan) = handle.0.plan.hook.clone() {
            handle.add_hook(plan);
        }
        if handle.0.plan.rate_per_minute > 0.0 {
            tasks.spawn("simulated story", live(handle.clone()));
        }
        Ok(handle)
    }

    /// Adds an event hook to the org. It is verified as soon as its listener answers the challenge, and then delivers.
    pub fn add_hook(&self, plan: SimHookPlan) {
        let org = &self.0;
        let hook = hook_sender::planned(plan, org.plan.seed, org.clock.now().as_millisecond());
        locked(&org.hook.hooks).push(hook.clone());
        org.tasks.spawn("simulated hook", hook_sender::insist(Arc::clone(org), hook));
    }

    /// Returns the org's address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.0.url.clone()
    }

    /// Returns the number of consent events so far by kind: `grant`, `revoke`, `org_grant`, `admin_grant`,
    /// `admin_revoke`. A kind without events is left out.
    pub fn held(&self) -> BTreeMap<String, usize> {
        locked(&self.0.log).held().iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    /// Returns the number of consent events so far.
    pub fn held_total(&self) -> usize {
        locked(&self.0.log).held().values().sum()
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Returns the counts of the org's event hooks, which are updated as they change.
    pub fn hook(&self) -> watch::Receiver<HookTold> {
        self.0.hook.told.subscribe()
    }

    /// Switches a lasting fault on or off. Which paths it affects depends on the fault:
    ///
    /// [`SimFault::NotOkta`], [`SimFault::LoginPage`], [`SimFault::Redirect`] and the two faults of the clock affect every
    /// path.
    /// Faults that replace the whole answer affect all of `/api/`. Faults of tokens affect the token endpoint, and the
    /// others affect the System Log.
    pub fn switch(&self, fault: SimFault, on: bool) {
        if on && fault == SimFault::TokenExpired {
            locked(&self.0.oauth).tokens.kill();
        }
        locked(&self.0.faults).switch(fault, on);
    }

    /// Turns the org into another variant, and logs that an authorization server was updated.
    pub fn reshape(&self, shape: OrgShape) {
        *locked(&self.0.shape) = shape;
        let mut story = locked(&self.0.story);
        let entry = story.tell_drift(self.0.clock.now().as_millisecond());
        locked(&self.0.log).push(entry);
    }

    /// Queues a fault for the next `times` answers of the System Log, or of the token endpoint if it can occur only
    /// there.
    pub fn fail_next(&self, fault: SimFault, times: usize) {
        locked(&self.0.faults).fail_next(fault, times);
    }

    /// Deletes an app or a person by id. The API no longer finds it, but events continue to name it. Returns whether it
    /// existed.
    pub fn delete(&self, id: &str) -> bool {
        let population = &self.0.population;
        let is_there = population.apps.iter().any(|app| app.id == id)
            || population.users.iter().any(|user| user.id == id);
        is_there && locked(&self.0.deleted).insert(id.to_owned())
    }

    /// Adds `n` consent events that happen now, and returns their uuids.
    pub fn emit(&self, n: usize) -> Vec<String> {
        (0..n).map(|_| self.happen(Duration::ZERO)).collect()
    }

    /// Adds a consent event that happened `late` ago and is logged now, and returns its uuid.
    pub fn emit_late(&self, late: Duration) -> String {
        self.happen(late)
    }

    /// Returns the uuids of all consent events in the order of the log.
    pub fn uuids(&self) -> Vec<String> {
        locked(&self.0.log).consents().map(|entry| entry.uuid.to_string()).collect()
    }

    /// Returns `n` consent events of the story as JSON, without a server.
    pub fn bodies(n: usize, seed: u64) -> Vec<String> {
        // Noon of a fixed day, so that equal seeds give equal texts.
        let start_ms = 1_772_625_600_000;
        let population = Arc::new(Population::new(seed, Variant::Oie, start_ms));
        let mut story = Story::new(Arc::clone(&population));
        backlog(&mut story, seed, n, start_ms)
            .iter()
            .filter(|entry| entry.event.kind().is_some())
            .map(|entry| event::write(&population, entry))
            .collect()
    }

    fn happen(&self, late: Duration) -> String {
        let late_ms = i64::try_from(late.as_millis()).unwrap_or(i64::MAX);
        let mut told = Vec::new();
        // The story stays locked until the log has the entries, so that concurrent callers cannot reorder them.
        let mut story = locked(&self.0.story);
        let now_ms = self.0.clock.now().as_millisecond();
        story.tell(now_ms.saturating_sub(late_ms), now_ms, &mut told);
        let uuid = told.last().map_or_else(String::new, |entry| entry.uuid.to_string());
        let mut log = locked(&self.0.log);
        for entry in told {
            self.0.hook.note(&entry);
            log.push(entry);
        }
        drop(log);
        self.0.hook.happened.send_modify(|times| *times += 1);
        uuid
    }
}

/// Returns the events before the start in the order of the log.
fn backlog(story: &mut Story, seed: u64, events: usize, start_ms: i64) -> Vec<Entry> {
    let mut dice = Dice::of(seed, 0x6261_636b);
    let mut told = Vec::with_capacity(events + events / 16);
    // The last three seconds stay free, so that an ordinary delay of the log does not reach beyond the start.
    let step = (BACKLOG_SPAN_MS - 3_000) as f64 / events.max(1) as f64;
    for number in 0..events {
        let published_ms = start_ms - BACKLOG_SPAN_MS + ((number as f64 + dice.part()) * step) as i64;
        let lag_ms = match dice.below(50) {
            0 => 10_000 + dice.below(600_000),
            _ => 250 + dice.below(850),
        };
        story.tell(published_ms, (published_ms + lag_ms as i64).min(start_ms), &mut told);
    }
    told.sort_by_key(|entry| entry.persisted_ms);
    told
}

/// Adds consent events at the plan's rate until the tasks end.
async fn live(org: SimOrg) {
    let plan = &org.0.plan;
    let mut dice = Dice::of(plan.seed, 0x6c69_7665);
    let mean_s = 60.0 / plan.rate_per_minute;
    let mut due = org.0.clock.uptime() + FIRST_LIVE.min(Duration::from_secs_f64(mean_s)).mul_f64(dice.part());
    loop {
        let woken = org.0.clock.sleep_until(due).await;
        org.happen(Duration::ZERO);
        drop(woken);
        due += Duration::from_secs_f64(mean_s * (0.5 + dice.part()));
    }
}
