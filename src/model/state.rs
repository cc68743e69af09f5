//! All that the screen knows.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Desk, Detail, Filter, Ledger, List, Notice, Prompt, Rows};
use crate::consent::{Consent, Seq};
use crate::report::{Board, Coverage};

/// All that the screen knows. Changed by [`fn@super::update`] only.
#[derive(Debug)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What the screen shows rows of.
    pub origin: Origin,
    /// Every row that was read.
    pub rows: Rows,
    /// What stands between people and clients.
    pub ledger: Ledger,
    /// What is listed.
    pub list: List,
    /// What hides rows, if something does.
    pub filter: Option<Filter>,
    /// The line being typed.
    pub prompt: Option<Prompt>,
    /// The consent that is open beside, below or over the list.
    pub opened: Option<Opened>,
    /// Who gets the keys when nothing lies over both.
    pub pane: Pane,
    /// What lies over list and detail.
    pub overlay: Option<Overlay>,
    /// The first line shown of it.
    pub overlay_top: usize,
    /// How the parts are.
    pub board: Board,
    /// What the journal covers.
    pub coverage: Coverage,
    /// Whether older rows are still being read.
    pub loading: Loading,
    /// The outcome of what the person asked for.
    pub notice: Option<Notice>,
    /// The zone of times on the screen.
    pub zone: Zone,
    /// What the person arranged.
    pub desk: Desk,
    /// The present day, for leaving its date away.
    pub today: Timestamp,
}

/// Where the rows come from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The org's host; made visible.
    pub org: String,
    /// `demo` or nothing.
    pub tag: String,
}

/// The two parts of the screen that keys can go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The list.
    #[default]
    List,
    /// The tree.
    Detail,
}

/// A page over the whole screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overlay {
    /// The keys.
    Help,
    /// The sources.
    Sources,
    /// The marked rows.
    Marks,
}

/// The consent that is open.
#[derive(Debug)]
pub struct Opened {
    /// Its number.
    pub seq: Seq,
    /// What was read of it; nothing while it is being read.
    pub consent: Option<Box<Consent>>,
    /// The tree, of this consent or, while it is being read, of the one before.
    pub tree: Option<Detail>,
    /// Why it could not be read.
    pub failure: Option<String>,
}

/// How far the reading of older rows is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Loading {
    /// Nothing was read yet.
    #[default]
    Starting,
    /// This many rows are still to come.
    Older(u64),
    /// Everything stored is listed.
    Done,
}

/// The zone of times on the screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Zone {
    /// In force now.
    pub shown: TimeZone,
    /// Its name on the title line.
    pub name: String,
    /// What the zone key turns to.
    pub other: TimeZone,
    /// Its name.
    pub other_name: String,
}

impl Default for Zone {
    fn default() -> Self {
        Self { shown: TimeZone::UTC, name: "UTC".into(), other: TimeZone::UTC, other_name: "UTC".into() }
    }
}

impl Model {
    /// Begins with nothing known.
    pub fn new(origin: Origin, zone: Zone, size: (u16, u16), today: Timestamp) -> Self {
        Self {
            size,
            origin,
            rows: Rows::default(),
            ledger: Ledger::default(),
            list: List::default(),
            filter: None,
            prompt: None,
            opened: None,
            pane: Pane::default(),
            overlay: None,
            overlay_top: 0,
            board: Board::default(),
            coverage: Coverage::default(),
            loading: Loading::default(),
            notice: None,
            zone,
            desk: Desk::default(),
            today,
        }
    }

    /// The regions of the next frame.
    pub fn regions(&self) -> super::Regions {
        super::regions(self.size.0, self.size.1, self.opened.is_some(), self.pane == Pane::Detail)
    }
}
