//! The simulated org: what it is told to be, and its state.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event_hook::{Hook, HookPlan};
use super::fault::{Fault, Faults, Spell};
use super::log::Log;
use super::oauth::{OAuth, ServiceApp};
use super::population::{Population, Variant};
use super::shape::Shape;
use super::story::Story;
use super::window::Window;
use crate::clock::Clock;
use crate::tasks::Tasks;

/// The stories there are.
pub const STORIES: [&str; 1] = ["office"];

/// What an org is to be.
#[derive(Clone, PartialEq)]
pub struct Plan {
    /// One of [`STORIES`].
    pub story: String,
    /// Decides everything that the story tells.
    pub seed: u64,
    /// Consent events that happen while the org runs, per minute on average; 0 for none.
    pub rate_per_minute: f64,
    /// Consent events that happened in the 20 hours before the start.
    pub backlog: usize,
    /// The only API token that the org takes.
    pub token: String,
    /// What is wrong from the start.
    pub faults: Vec<Fault>,
    /// What is wrong in some answers only.
    pub spells: Vec<Spell>,
    /// The org's pipeline.
    pub variant: Variant,
    /// What it has switched on, and what its management API answers.
    pub shape: Shape,
    /// Requests to the System Log that the org answers in a minute before it refuses with 429.
    pub requests_per_minute: u32,
    /// The OAuth 2.0 service apps that the org knows.
    pub apps: Vec<ServiceApp>,
    /// Whether every event is written as Okta documents it. If not, one consent in twelve is odd the way recorded
    /// events are: a number for a string, a null for a list, a key that is missing.
    pub is_plain: bool,
    /// The event hook that the org has, if it has one.
    pub hook: Option<HookPlan>,
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
            shape: Shape::default(),
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

/// Why an org did not start.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// There is no such story.
    #[error("there is no story named {0:?}; there is: office")]
    UnknownStory(String),
    /// The rate cannot be kept.
    #[error("the rate must be a number of events per minute from 0 to 60000, not {0}")]
    BadRate(f64),
    /// A service app cannot be registered.
    #[error("the service app {client_id:?} cannot be registered: {why}")]
    BadApp {
        /// Its client id.
        client_id: String,
        /// What is wrong with it.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What the server and the handle share.
#[derive(Debug)]
pub(super) struct Org {
    pub(super) plan: Plan,
    pub(super) url: String,
    pub(super) population: Arc<Population>,
    pub(super) clock: Clock,
    pub(super) log: Mutex<Log>,
    pub(super) faults: Mutex<Faults>,
    pub(super) shape: Mutex<Shape>,
    pub(super) log_window: Mutex<Window>,
    pub(super) token_window: Mutex<Window>,
    pub(super) other_window: Mutex<Window>,
    pub(super) oauth: Mutex<OAuth>,
    /// Ids of apps and people that are no more.
    pub(super) deleted: Mutex<BTreeSet<String>>,
    pub(super) requests: AtomicUsize,
    pub(super) hook: Hook,
    pub(super) tasks: Tasks,
    pub(super) story: Mutex<Story>,
}

/// Locks; whoever panicked while holding it left nothing half done that a simulation could not live with.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Org {
    /// Lets the log show that a delivery of the hook was given up.
    pub(super) fn delivery_failed(&self) {
        let mut story = locked(&self.story);
        let entry = story.tell_failed_delivery(self.clock.now().as_millisecond());
        locked(&self.log).push(entry);
    }
}
