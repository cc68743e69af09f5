//! All that the screen knows.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{
    CameFrom, Copied, Desk, Detail, Filter, Fit, Leaf, Ledger, List, Looking, Mask, Node, Notice, Offline,
    Order, Pivot, Prompt, Rows, Search, Shape, Strip, Subject,
};
use crate::consent::{Beside, Consent, Seq};
use crate::report::{Board, Coverage};

/// All that the screen knows. Changed by [`fn@super::update`] only.
#[derive(Debug)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// What the screen shows rows of.
    pub origin: Origin,
    /// The files that rows are read from, if it is those.
    pub offline: Option<Offline>,
    /// Every row that was read.
    pub rows: Rows,
    /// What stands between people and clients.
    pub ledger: Ledger,
    /// What is listed.
    pub list: List,
    /// What hides rows, if something does.
    pub filter: Option<Filter>,
    /// The column by which the list is sorted, if that is not the time.
    pub order: Option<Order>,
    /// What the filter has read whole of rows.
    pub looking: Looking,
    /// What is looked for, if something is.
    pub search: Option<Search>,
    /// Which page stands in the place of the list.
    pub leaf: Leaf,
    /// The pivot pages, in the order of [`Subject::ALL`].
    pub pivots: [Pivot; 3],
    /// The pivot rows that were opened, the last one last.
    pub came_from: Vec<CameFrom>,
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
    /// The bytes that went to the terminal before this frame.
    pub sent: u64,
    /// The outcome of what the person asked for.
    pub notice: Option<Notice>,
    /// How many rows fall into each stretch of time, while that is shown.
    pub strip: Option<Strip>,
    /// Whether people are hidden.
    pub mask: Mask,
    /// The zone of times on the screen.
    pub zone: Zone,
    /// The time, to the minute: for leaving today's date away, and for what is counted back from now.
    pub now: Timestamp,
    /// Whether the time is shown, which sends some bytes each minute.
    pub has_clock: bool,
    /// The columns of the list.
    pub shape: Shape,
    /// What the rows on the screen need of them.
    pub fit: Fit,
    /// How many rows of how many were written to a file, while one is.
    pub saving: Option<(usize, usize)>,
    /// What was copied last.
    pub copied: Option<Copied>,
    /// What the person arranged.
    pub desk: Desk,
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
    /// Whether the org can produce consents.
    Readiness,
    /// The sources.
    Sources,
    /// The marked rows.
    Marks,
    /// The saved filters.
    Filters,
    /// The columns, to be chosen.
    Columns,
    /// A text that was to be copied.
    Copied,
    /// The forms of files.
    Save,
}

/// The consent that is open.
#[derive(Debug)]
pub struct Opened {
    /// Its number.
    pub seq: Seq,
    /// What was read of it, or `None` while it is being read.
    pub consent: Option<Box<Consent>>,
    /// What the journal has of its session and transaction, once that was read.
    pub beside: Option<Beside>,
    /// What is known around it, as it stands in the tree.
    pub(super) around: Vec<Node>,
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
    /// Files are being read: how many hundredths of them are, if that is known.
    Files(Option<u8>),
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

impl Zone {
    /// Takes the other one.
    pub(super) fn turn(&mut self) {
        std::mem::swap(&mut self.shown, &mut self.other);
        std::mem::swap(&mut self.name, &mut self.other_name);
    }
}

impl Model {
    /// Begins with nothing known.
    pub fn new(origin: Origin, zone: Zone, size: (u16, u16), now: Timestamp) -> Self {
        Self {
            size,
            origin,
            offline: None,
            rows: Rows::default(),
            ledger: Ledger::default(),
            list: List::default(),
            filter: None,
            order: None,
            looking: Looking::default(),
            search: None,
            leaf: Leaf::default(),
            pivots: Subject::ALL.map(Pivot::new),
            came_from: Vec::new(),
            prompt: None,
            opened: None,
            pane: Pane::default(),
            overlay: None,
            overlay_top: 0,
            board: Board::default(),
            coverage: Coverage::default(),
            loading: Loading::default(),
            sent: 0,
            notice: None,
            strip: None,
            mask: Mask::default(),
            zone,
            now,
            has_clock: false,
            shape: Shape::default(),
            fit: Fit::default(),
            saving: None,
            copied: None,
            desk: Desk::default(),
        }
    }

    /// Whether the list of consents has the keys, or would have them if nothing lay over it.
    pub(super) fn is_on_list(&self) -> bool {
        self.leaf == Leaf::Consents && self.pane == Pane::List
    }

    /// The regions of the next frame.
    pub fn regions(&self) -> super::Regions {
        let is_open = self.opened.is_some() && self.leaf == Leaf::Consents;
        super::regions(
            self.size.0,
            self.size.1,
            is_open,
            self.pane == Pane::Detail,
            self.strip.is_some() && self.leaf == Leaf::Consents,
            self.leaf == Leaf::Consents,
        )
    }
}
