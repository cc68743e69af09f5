//! The simulated org: its plan and its state.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Faults, SimFault, Spell};
use super::hook_state::{Hook, SimHookPlan};
use super::log::Log;
use super::oauth::{OAuth, SimServiceApp};
use super::population::{Population, Variant};
use super::shape::OrgShape;
use super::story::Story;
use super::window::Window;
use crate::clock::Clock;
use crate::tasks::Tasks;

/// The names of all stories.
pub const STORIES: [&str; 1] = ["office"];

/// The settings of a simulated org.
#[derive(Clone, PartialEq)]
pub struct Plan {
    /// One of [`STORIES`].
    pub story: String,
    /// The seed of the story.
    pub seed: u64,
    /// The average number of consent events per minute while the org runs; 0 for none.
    pub rate_per_minute: f64,
    /// The number of consent events in the 20 hours before the start.
    pub backlog: usize,
    /// The only API token that the org accepts.
    pub token: String,
    /// Faults that are on from the start.
    pub faults: Vec<SimFault>,
    /// Faults that occur in some answers only.
    pub spells: Vec<Spell>,
    /// The org's engine.
    pub variant: Variant,
    /// The org's settings, and the answers of its management API.
    pub shape: OrgShape,
    /// The number of requests per minute to the System Log before the org answers with 429.
    pub requests_per_minute: u32,
    /// The OAuth 2.0 service apps of the org.
    pub apps: Vec<SimServiceApp>,
    /// Whether every event is written as Okta documents it. If not, one consent event in twelve deviates as recorded
    /// events do: a number for a string, a null for a list, or a missing key.
    pub is_plain: bool,
    /// The event hook of the org, if any.
    pub hook: Option<SimHookPlan>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            story: "office".to_owned(),
            seed: 1,
            rate_per_minute: 30.0,
            backlog: 200,
            token: "demo-token".to_owned(),
            faults: Vec::new(),
            spells: Vec::new(),
            variant: Variant::Oie,
            shape: OrgShape::default(),
            requests_per_minute: 600,
            apps: Vec::new(),
            is_plain: false,
            hook: None,
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("story", &self.story)
            .field("seed", &self.seed)
            .field("rate_per_minute", &self.rate_per_minute)
            .field("backlog", &self.backlog)
            .field("faults", &self.faults)
            .field("spells", &self.spells)
            .field("variant", &self.variant)
            .field("shape", &self.shape)
            .field("requests_per_minute", &self.requests_per_minute)
            .field("apps", &self.apps)
            .field("is_plain", &self.is_plain)
            .field("hook", &self.hook)
            .finish_non_exhaustive()
    }
}

/// The reason why an org did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// There is no such story.
    #[error("there is no story named {0:?}; the only one is office")]
    UnknownStory(String),
    /// The rate is out of range.
    #[error("the rate must be a number of events per minute from 0 to 60000, not {0}")]
    BadRate(f64),
    /// A service app cannot be registered.
    #[error("the service app {client_id:?} cannot be registered: {why}")]
    BadApp {
        /// The app's client id.
        client_id: String,
        /// Why it cannot be registered.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

/// The state that the server and the handle share.
#[derive(Debug)]
pub(super) struct Org {
    pub(super) plan: Plan,
    pub(super) url: String,
    pub(super) population: Arc<Population>,
    pub(super) clock: Clock,
    pub(super) log: Mutex<Log>,
    pub(super) faults: Mutex<Faults>,
    pub(super) shape: Mutex<OrgShape>,
    pub(super) log_window: Mutex<Window>,
    pub(super) token_window: Mutex<Window>,
    pub(super) other_window: Mutex<Window>,
    pub(super) oauth: Mutex<OAuth>,
    /// Ids of deleted apps and people.
    pub(super) deleted: Mutex<BTreeSet<String>>,
    pub(super) requests: AtomicUsize,
    pub(super) hook: Hook,
    pub(super) tasks: Tasks,
    pub(super) story: Mutex<Story>,
}

/// Locks a mutex, and ignores poisoning. After a panic, the state is still good enough for a simulation.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Org {
    /// Logs that a delivery of an event hook failed.
    pub(super) fn delivery_failed(&self) {
        let mut story = locked(&self.story);
        let entry = story.tell_failed_delivery(self.clock.now().as_millisecond());
        locked(&self.log).push(entry);
    }
}
