//! The model: the whole state of the screen.

use jiff::Timestamp;

use super::key_bindings::Mode;
use super::{
    CameFrom, Copied, Filter, Fit, Histogram, Ledger, List, Loading, Mask, Notice, Offline, OpenConsent,
    Order, Origin, Page, Pane, Pivot, Prompt, Regions, Rows, Search, Shape, Sources, Subject, WholeReads,
    Workspace, Zone, regions,
};

/// The whole state of the screen. Only [`fn@super::update`] changes it.
#[derive(Debug)]
pub struct Model {
    /// The size of the terminal, in columns and rows.
    pub size: (u16, u16),
    /// The source of the rows: an org or files.
    pub origin: Origin,
    /// The metadata of the files, if rows are read from files.
    pub offline: Option<Offline>,
    /// Every row that was read.
    pub rows: Rows,
    /// The grants in force, per person and client.
    pub ledger: Ledger,
    /// The list of rows.
    pub list: List,
    /// The filter that hides rows, if one is set.
    pub filter: Option<Filter>,
    /// The column by which the list is sorted, or `None` if it is sorted by time.
    pub order: Option<Order>,
    /// The rows that the filter has read in full, or has yet to read.
    pub whole_reads: WholeReads,
    /// The search, if there is one.
    pub search: Option<Search>,
    /// The page shown in the main area: the list or a pivot page.
    pub page: Page,
    /// The pivot pages, in the order of [`Subject::ALL`].
    pub pivots: [Pivot; 3],
    /// The pivot rows that were opened, the most recent one last.
    pub came_from: Vec<CameFrom>,
    /// The line being typed, if any.
    pub prompt: Option<Prompt>,
    /// The consent that is open beside, below or over the list, if any.
    pub opened: Option<OpenConsent>,
    /// The pane that gets the keys while no page covers both panes.
    pub pane: Pane,
    /// The page that covers the main area, if any.
    pub over: Option<Page>,
    /// The first line shown of the page in `over`.
    pub over_top: usize,
    /// The status of the parts and the coverage of the journal, by org.
    pub sources: Sources,
    /// The progress of reading the rows.
    pub loading: Loading,
    /// The number of bytes sent to the terminal before this frame.
    pub sent: u64,
    /// The text on the notice line, if any.
    pub notice: Option<Notice>,
    /// The activity strip: the number of rows in each stretch of time. `None` while it is hidden.
    pub histogram: Option<Histogram>,
    /// The privacy mask, which hides people, addresses and ids.
    pub mask: Mask,
    /// The time zone of the screen.
    pub zone: Zone,
    /// The current time, to the minute. It decides where today's date is left out and what relative times mean.
    pub now: Timestamp,
    /// Whether the time is shown. Showing it sends some bytes each minute.
    pub has_clock: bool,
    /// The arrangement of the list's columns.
    pub shape: Shape,
    /// The widths that the rows on the screen need.
    pub fit: Fit,
    /// The progress of a save, as rows written and rows in total, or `None` if no file is being written.
    pub saving: Option<(usize, usize)>,
    /// The text that was copied last, if any.
    pub copied: Option<Copied>,
    /// The user's settings, and the actions that are not finished.
    pub workspace: Workspace,
}

impl Model {
    /// Creates a model without rows.
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
            sources: Sources::default(),
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

    /// Returns whether the list of consents has the keys, ignoring pages that cover it.
    pub(super) fn is_on_list(&self) -> bool {
        self.page == Page::Consents && self.pane == Pane::List
    }

    /// Returns the regions of the next frame.
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

    /// Returns the mode, which decides what a key does.
    pub fn mode(&self) -> Mode {
        if self.prompt.is_some() { Mode::Prompt } else { self.mode_beneath() }
    }

    /// Returns the mode, ignoring a line that is being typed.
    pub(super) fn mode_beneath(&self) -> Mode {
        match self.over.unwrap_or(self.page) {
            Page::Consents if self.pane == Pane::Detail => Mode::Detail,
            page => page.mode(),
        }
    }
}
