//! All that the screen knows.

use jiff::Timestamp;

use super::keys::Mode;
use super::{
    CameFrom, Copied, Filter, Fit, Histogram, Ledger, List, Loading, Mask, Notice, Offline, Opened, Order,
    Origin, Page, Pane, Pivot, Prompt, Regions, Rows, Search, Shape, Subject, WholeReads, Workspace, Zone,
    regions,
};
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
    pub whole_reads: WholeReads,
    /// What is looked for, if something is.
    pub search: Option<Search>,
    /// The page in the place of the list, or the list itself.
    pub page: Page,
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
    /// The page that lies over it.
    pub over: Option<Page>,
    /// The first line shown of it.
    pub over_top: usize,
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
    pub histogram: Option<Histogram>,
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
    /// What the person arranged, and what they are in the middle of.
    pub workspace: Workspace,
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
            whole_reads: WholeReads::default(),
            search: None,
            page: Page::default(),
            pivots: Subject::ALL.map(Pivot::new),
            came_from: Vec::new(),
            prompt: None,
            opened: None,
            pane: Pane::default(),
            over: None,
            over_top: 0,
            board: Board::default(),
            coverage: Coverage::default(),
            loading: Loading::default(),
            sent: 0,
            notice: None,
            histogram: None,
            mask: Mask::default(),
            zone,
            now,
            has_clock: false,
            shape: Shape::default(),
            fit: Fit::default(),
            saving: None,
            copied: None,
            workspace: Workspace::default(),
        }
    }

    /// Whether the list of consents has the keys, or would have them if nothing lay over it.
    pub(super) fn is_on_list(&self) -> bool {
        self.page == Page::Consents && self.pane == Pane::List
    }

    /// The regions of the next frame.
    pub fn regions(&self) -> Regions {
        let is_open = self.opened.is_some() && self.page == Page::Consents;
        regions(
            self.size.0,
            self.size.1,
            is_open,
            self.pane == Pane::Detail,
            self.histogram.is_some() && self.page == Page::Consents,
            self.page == Page::Consents,
        )
    }

    /// Returns where the keys go now.
    pub fn mode(&self) -> Mode {
        if self.prompt.is_some() { Mode::Prompt } else { self.mode_beneath() }
    }

    /// Returns where they would go if no line were typed.
    pub(super) fn mode_beneath(&self) -> Mode {
        match self.over.unwrap_or(self.page) {
            Page::Consents if self.pane == Pane::Detail => Mode::Detail,
            page => page.mode(),
        }
    }
}
