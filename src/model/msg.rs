//! The contract of the core on one page: all that can happen, and all that can be asked.

use jiff::Timestamp;

use super::{Chord, Copied, Loading, LookUp, Mark, Marks, Offline, SaveOrder};
use crate::consent::{Beside, Consent, Page, Seq};
use crate::report::{Board, Coverage};

/// All that can happen to the model.
#[derive(Clone, PartialEq, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// The left button of the mouse was pressed: column and row.
    Click(u16, u16),
    /// The wheel of the mouse was turned one notch.
    Wheel {
        /// Towards the reader.
        down: bool,
    },
    /// Text was pasted; bounded at the door.
    Paste(String),
    /// The terminal has a new size: columns, rows.
    Resize(u16, u16),
    /// Rows were committed since the last look; ascending by number.
    Committed(Page),
    /// Older rows were read behind the first frame. `left` counts those still to come.
    Older {
        /// Ascending by number, all below what came before.
        page: Page,
        /// Rows in the journal that are not listed yet.
        left: u64,
    },
    /// Rows were read from files.
    FromFiles(Page, Loading),
    /// What is known of the files.
    Offline(Box<Offline>),
    /// Rows that were listed changed.
    Changed(Page),
    /// The journal removed rows: of those with numbers above `after` up to `to` only these are left.
    Cut {
        /// Not looked at, nor what lies below.
        after: Seq,
        /// The last that was looked at.
        to: Seq,
        /// In rising order.
        kept: Vec<Seq>,
    },
    /// The parts said something new of themselves.
    Board(Box<Board>),
    /// What the journal covers.
    Coverage(Coverage),
    /// The answer to [`Effect::Read`], or `None` if the row is gone.
    Record(Seq, Option<Box<Consent>>),
    /// The answer to [`Effect::Read`] when the journal could not be read: a sentence.
    RecordFailed(Seq, String),
    /// The answer to [`Effect::ReadBeside`].
    Beside(Seq, Beside),
    /// An answer to [`Effect::LookUp`]; there are several.
    LookedUp {
        /// Of which order.
        number: u64,
        /// Rows that meet at least one of the conditions, and which, a bit each.
        found: Vec<(Seq, u64)>,
        /// How many rows were read for this answer.
        looked: usize,
        /// A sentence, if some could not be read.
        trouble: Option<String>,
    },
    /// A minute is over.
    Minute(Timestamp),
    /// So many bytes went to the terminal since the start.
    Sent(u64),
    /// A sentence for the notice line.
    Notice(String, bool),
    /// How many rows of how many were written to a file.
    Saving(usize, usize),
    /// What came of the file: a sentence, and whether it is bad news.
    Saved(String, bool),
    /// A text could not be copied, and why; it is shown in place of that.
    NotCopied(Copied),
    /// Where an earlier screen was left.
    Place(Vec<(String, String)>),
    /// All marks, as they are now.
    Marks(Box<Marks>),
    /// The answer to [`Effect::Mark`]: what the row has now.
    Marked(Seq, Option<Mark>),
    /// The answer to [`Effect::Work`], once nothing else waits.
    Work,
}

/// All that the model can ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Read one consent whole.
    Read(Seq),
    /// Read what the journal has of a row's session and transaction.
    ReadBeside {
        /// The row.
        seq: Seq,
        /// Its session, if it names one.
        session: Option<String>,
        /// Its transaction, if it names one.
        transaction: Option<String>,
    },
    /// Look into whole consents; what was to be looked up before is not wanted any more.
    LookUp(LookUp),
    /// Give up what was to be looked up; its number was lower than this.
    ForgetLookUp(u64),
    /// Ask Okta for the other events of a row's session.
    FetchSession(Seq),
    /// Ask Okta now.
    PollNow,
    /// Say [`Msg::Work`] as soon as no key and no row waits: something long is done in slices.
    Work,
    /// Remember a filter that was used.
    Remember(String),
    /// Keep a mark on a row with this note, or take both away.
    Mark(Seq, Option<String>),
    /// Write a file.
    Save(SaveOrder),
    /// Stop writing it.
    StopSave,
    /// Hand a text to the terminal's clipboard.
    Copy {
        /// What it is, in a few words.
        what: String,
        /// The text itself.
        text: String,
    },
    /// Give the terminal back and stop until the shell goes on.
    Suspend,
    /// Write what the flight recorder kept to a file.
    Record,
    /// Draw every cell again.
    Redraw,
    /// End.
    Quit,
    /// End as if interrupted.
    Interrupt,
}
