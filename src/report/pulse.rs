//! The state of each part, as a word and, where it is not well, a fault.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{HookHealth, Readiness, Traffic};

/// A part of the program that can be well or not.
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
}

impl Part {
    /// Every part, in the order of the status bar.
    pub const ALL: [Self; 5] = [Self::Poll, Self::Hook, Self::Journal, Self::Readiness, Self::Config];

    /// Returns the word that the status bar uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Hook => "hook",
            Self::Journal => "journal",
            Self::Readiness => "readiness",
            Self::Config => "config",
        }
    }
}

/// How a part is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Pulse {
    /// It is not switched on.
    #[default]
    Off,
    /// It has begun and has nothing to show yet.
    Starting,
    /// It works through a backlog: well, but not caught up.
    Catching,
    /// It is well.
    Live,
    /// It works, though less well than it should; this may pass by itself.
    Impaired(Fault),
    /// Another process holds this part; its name or number.
    Elsewhere(String),
    /// It will try again by itself at this time.
    Waiting(Timestamp, Fault),
    /// It cannot go on without the person.
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

    /// Returns what is wrong, if something is.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Waiting(_, fault) | Self::Down(fault) | Self::Impaired(fault) => Some(fault),
            _ => None,
        }
    }
}

/// Something went wrong: what happened, what the program does about it, what the person can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Who says so.
    pub part: Part,
    /// At most thirty columns for the status bar, such as `429 rate limit`.
    pub brief: String,
    /// What happened, one sentence. Remote text in it has been made visible.
    pub what: String,
    /// What the program does about it, one sentence.
    pub doing: String,
    /// What the person can do, one sentence; empty if nothing is needed.
    pub remedy: String,
    /// The causes below, outermost first, for the log.
    pub chain: Vec<String>,
    /// Whether trying again can help without the person.
    pub passes: bool,
    /// Whether Okta refused the credentials or a needed right.
    pub refused: bool,
}

impl Fault {
    /// Makes a fault that does not pass by itself and is no refusal.
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

    /// Marks that trying again can help.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.passes = true;
        self
    }

    /// Marks that Okta refused us.
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

/// Names a process within a sentence, by what it left in the lock file of a journal.
pub fn process(holder: &str) -> String {
    if !holder.is_empty() && holder.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("process {holder}")
    } else {
        // It has left no number, or not yet.
        "another process".to_owned()
    }
}

/// The last pulse of each part, the poller's traffic and the hook's health. A level, not a queue: whoever looks sees
/// how things are now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Board {
    pulses: [Pulse; 5],
    /// What the poller did of late.
    pub traffic: Traffic,
    /// How far the looking up of persons is; nothing where none are looked up.
    pub persons: Persons,
    /// What a person should know though nothing is down.
    pub notes: Notes,
    /// What the event hook brought; of a hook that is not listened to, nothing.
    pub hook: HookHealth,
    /// What the last round of probes found, or `None` before the first has ended.
    pub readiness: Option<Arc<Readiness>>,
}

/// How far the persons of consents that name nobody are looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Persons {
    /// The newest row that was looked at; 0 before the first.
    pub seen: i64,
    /// Rows up to that one whose person is still asked for.
    pub open: usize,
}

/// What works less than it could, and why: a sentence each.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Of polling: a rate limit that is not named.
    pub poll: Vec<String>,
    /// Of the way in: scopes that were not granted, a clock that is wrong.
    pub sign_in: Vec<String>,
    /// Of looking up names: rights that are missing.
    pub names: Vec<String>,
    /// Of who writes the journal: that this process took it over, and what is missing since.
    pub writer: Vec<String>,
    /// Of files and folders: other accounts may read or change them.
    pub files: Vec<String>,
    /// Of the journal: rows that stay though they are too old.
    pub journal: Vec<String>,
    /// Of the journal too: rows that are damaged.
    pub damage: Vec<String>,
}

impl Notes {
    /// Returns every note.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let poll = self.poll.iter().chain(&self.sign_in);
        let rest = self.names.iter().chain(&self.writer);
        self.files.iter().chain(poll).chain(rest).chain(&self.journal).chain(&self.damage).map(String::as_str)
    }
}

impl Board {
    /// Sets the pulse of a part and returns whether that changed anything.
    pub fn set(&mut self, part: Part, pulse: Pulse) -> bool {
        let slot = &mut self.pulses[part as usize];
        let changed = *slot != pulse;
        *slot = pulse;
        changed
    }

    /// Returns the pulse of a part.
    pub fn get(&self, part: Part) -> &Pulse {
        &self.pulses[part as usize]
    }
}
