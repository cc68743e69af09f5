//! The status of each part, with a fault if something is wrong.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{HookHealth, Readiness, Traffic};

/// A part of the program with a status of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Part {
    /// The poller of the System Log.
    Poll,
    /// The event hook's listener.
    Hook,
    /// The journal on disk.
    Journal,
    /// The prober of the org's readiness.
    Readiness,
    /// The configuration.
    Config,
    /// The connection to a team's server.
    Team,
}

impl Part {
    /// Every part, in the order of the status bar.
    pub const ALL: [Self; 6] =
        [Self::Poll, Self::Hook, Self::Journal, Self::Readiness, Self::Config, Self::Team];

    /// Returns the word that the status bar uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Hook => "hook",
            Self::Journal => "journal",
            Self::Readiness => "readiness",
            Self::Config => "config",
            Self::Team => "team",
        }
    }
}

/// The status of a part.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Pulse {
    /// The part is turned off.
    #[default]
    Off,
    /// The part has started and has no result yet.
    Starting,
    /// The part works, but is still processing a backlog.
    Catching,
    /// The part works and is up to date.
    Live,
    /// The part works with restrictions, which may end without action by the user.
    Impaired(Fault),
    /// Another process runs this part. The string is what it left in the lock file.
    Elsewhere(String),
    /// The part has a fault and retries at this time.
    Waiting(Timestamp, Fault),
    /// The part has a fault and cannot continue without action by the user.
    Down(Fault),
}

impl Pulse {
    /// Returns the state as one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Starting => "starting",
            Self::Catching => "catching up",
            Self::Live => "live",
            Self::Impaired(_) => "impaired",
            Self::Elsewhere(_) => "elsewhere",
            Self::Waiting(..) => "waiting",
            Self::Down(_) => "down",
        }
    }

    /// Returns the fault, or `None` if nothing is wrong.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Waiting(_, fault) | Self::Down(fault) | Self::Impaired(fault) => Some(fault),
            _ => None,
        }
    }
}

/// A fault: what happened, what the program does about it, what the user can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// The part that has the fault.
    pub part: Part,
    /// A short form for the status bar of at most thirty columns, such as `429 rate limit`.
    pub brief: String,
    /// What happened, in one sentence. Control characters in remote text are made visible.
    pub what: String,
    /// What the program does about it, in one sentence.
    pub doing: String,
    /// What the user can do, in one sentence, or empty if nothing is needed.
    pub remedy: String,
    /// The underlying causes, outermost first, for the log.
    pub chain: Vec<String>,
    /// Whether a retry can help without action by the user.
    pub passes: bool,
    /// Whether Okta refused the credentials or a needed right.
    pub refused: bool,
}

impl Fault {
    /// Creates a permanent fault that is not a refusal.
    pub fn new(part: Part, brief: &str, what: &str, doing: &str, remedy: &str) -> Self {
        Self {
            part,
            brief: brief.to_owned(),
            what: what.to_owned(),
            doing: doing.to_owned(),
            remedy: remedy.to_owned(),
            chain: Vec::new(),
            passes: false,
            refused: false,
        }
    }

    /// Marks the fault as temporary, so that a retry can help.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.passes = true;
        self
    }

    /// Marks that Okta refused the credentials or a needed right.
    #[must_use]
    pub fn refusal(mut self) -> Self {
        self.refused = true;
        self
    }

    /// Adds an error and all its causes, outermost first.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.chain.push(error.to_string());
            next = error.source();
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for sentence in [&self.doing, &self.remedy] {
            if !sentence.is_empty() {
                write!(f, " {sentence}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// Returns the name of a process for use within a sentence, from what it left in a journal's lock file.
pub fn process(holder: &str) -> String {
    if !holder.is_empty() && holder.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("process {holder}")
    } else {
        // It has not written its number, or not yet.
        "another process".to_owned()
    }
}

/// The status of all parts. Readers see the current state, not each change.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Board {
    #[serde(deserialize_with = "pulses")]
    pulses: [Pulse; 6],
    /// The poller's recent use of the rate limit.
    pub traffic: Traffic,
    /// The progress of looking up persons, or the default if none are looked up.
    pub persons: Persons,
    /// Notes for the user that are not faults.
    pub notes: BoardNotes,
    /// The health of the event hook's listener, or the default if it does not listen.
    pub hook: HookHealth,
    /// The result of the last round of probes, or `None` before the first has ended.
    pub readiness: Option<Arc<Readiness>>,
    /// What a collector knows of its team, or the default if there is none.
    #[serde(default)]
    pub team: TeamHealth,
}

/// What a collector knows of its team.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TeamHealth {
    /// The number of the lease, if this process has it. It rises with each renewal.
    pub epoch: Option<u64>,
    /// The last message of the stream of events.
    pub last_message: u64,
    /// The watchers, with how many messages each is behind.
    pub watchers: Vec<(String, u64)>,
}

/// The progress of looking up the persons of consents that name nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Persons {
    /// The number of the newest row that was checked, or 0 before the first.
    pub seen: i64,
    /// How many rows up to that one still wait for their person.
    pub open: usize,
}

/// BoardNotes for the user, one sentence each, by subject.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BoardNotes {
    /// Polling: the org names no rate limit.
    pub poll: Vec<String>,
    /// Sign-in: scopes that were not granted, a clock that is wrong.
    pub sign_in: Vec<String>,
    /// Look-ups of names: missing rights.
    pub names: Vec<String>,
    /// The writer of the journal: this process took over, and what it does not run.
    pub writer: Vec<String>,
    /// Files and folders: other accounts may read or change them.
    pub files: Vec<String>,
    /// The journal: rows that are kept although they are too old.
    pub journal: Vec<String>,
    /// The journal: damaged rows.
    pub damage: Vec<String>,
}

impl BoardNotes {
    /// Returns every note.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().map(String::as_str);
        files.chain(self.of_org()).chain(self.of_journal().skip(self.files.len()))
    }

    /// Returns the notes about the org.
    pub fn of_org(&self) -> impl Iterator<Item = &str> {
        self.poll.iter().chain(&self.sign_in).chain(&self.names).map(String::as_str)
    }

    /// Returns the notes about what all orgs of a journal share. Each org may have the same ones.
    pub fn of_journal(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().chain(&self.writer);
        files.chain(&self.journal).chain(&self.damage).map(String::as_str)
    }
}

/// Reads the status of each part. A version that knew fewer parts wrote fewer; the others are off.
fn pulses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[Pulse; 6], D::Error> {
    let mut pulses: [Pulse; 6] = Default::default();
    for (pulse, found) in pulses.iter_mut().zip(Vec::deserialize(deserializer)?) {
        *pulse = found;
    }
    Ok(pulses)
}

impl Board {
    /// Sets the status of a part and returns whether that changed anything.
    pub fn set(&mut self, part: Part, pulse: Pulse) -> bool {
        let slot = &mut self.pulses[part as usize];
        let changed = *slot != pulse;
        *slot = pulse;
        changed
    }

    /// Returns the status of a part.
    pub fn get(&self, part: Part) -> &Pulse {
        &self.pulses[part as usize]
    }
}
