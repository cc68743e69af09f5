//! The interface of the model: the messages that it takes and the effects that it returns.

use jiff::Timestamp;

use super::{Chord, Copied, Loading, LookUp, Mark, Marks, Notice, Offline, SaveOrder};
use crate::consent::{Beside, Consent, KnownOrg, OrgId, Orgs, RowPage, Seq};
use crate::report::{Board, Coverage};

/// A message to the model.
#[derive(Clone, PartialEq, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// The left button of the mouse was pressed: column and row.
    Click(u16, u16),
    /// The wheel of the mouse was turned one notch.
    Wheel {
        /// The wheel was turned towards the user.
        down: bool,
    },
    /// Text was pasted. The terminal reader has already limited its length.
    Paste(String),
    /// The terminal has a new size: columns, rows.
    Resize(u16, u16),
    /// The orgs of the rows, by number. Comes before the first rows and whenever an org is added or renamed.
    Orgs(Orgs),
    /// Rows were committed since the last read, in ascending order of row number.
    Committed(RowPage),
    /// Older rows were read, after the first frame was shown.
    Older {
        /// The rows, in ascending order of row number. All numbers are below those read earlier.
        page: RowPage,
        /// The number of rows of the journal that have not been read yet.
        left: u64,
    },
    /// Rows were read from files.
    FromFiles(RowPage, Loading),
    /// The metadata of the files was read.
    Offline(Box<Offline>),
    /// Rows that were read earlier changed.
    Changed(RowPage),
    /// The journal removed rows. Of the rows above `after`, up to and including `to`, only `kept` are left.
    Cut {
        /// The lower bound. This row and those below it were not examined.
        after: Seq,
        /// The last row that was examined.
        to: Seq,
        /// The rows that are left, in ascending order.
        kept: Vec<Seq>,
    },
    /// The orgs that this process works for, in the order of the configuration. Comes before what is said of their
    /// sources. Without it, the first org is the only one.
    OrgsInUse(Vec<(OrgId, KnownOrg)>),
    /// The status of a part of an org changed.
    Board(OrgId, Box<Board>),
    /// The coverage of the journal changed for an org.
    Coverage(OrgId, Coverage),
    /// The answer to [`Effect::Read`], or `None` if the row is gone.
    Record(Seq, Option<Box<Consent>>),
    /// The answer to [`Effect::Read`] if the journal could not be read, with the reason as a sentence.
    RecordFailed(Seq, String),
    /// The answer to [`Effect::ReadBeside`].
    Beside(Seq, Beside),
    /// One of several answers to an [`Effect::LookUp`].
    LookedUp {
        /// The number of the look-up.
        number: u64,
        /// Rows that meet at least one condition. Each bit stands for one condition.
        found: Vec<(Seq, u64)>,
        /// The number of rows read for this answer.
        looked: usize,
        /// An error message, if some rows could not be read.
        trouble: Option<String>,
    },
    /// A new minute began.
    Minute(Timestamp),
    /// The total number of bytes sent to the terminal since the start.
    Sent(u64),
    /// A sentence for the notice line, and whether it reports a failure.
    Notice(Notice),
    /// The progress of a save: the rows written and the rows in total.
    Saving(usize, usize),
    /// A save ended. Carries the outcome as a sentence, and whether it failed.
    Saved(Notice),
    /// A text could not be copied. Carries the text, which is shown instead, and the reason.
    NotCopied(Copied),
    /// The place that an earlier screen stored when it ended.
    Place(Vec<(String, String)>),
    /// All marks were read.
    Marks(Box<Marks>),
    /// The answer to [`Effect::Mark`]: the mark that the row has now.
    Marked(Seq, Option<Mark>),
    /// The answer to [`Effect::Work`], sent once no other message is waiting.
    Work,
}

/// A request of the model to the rest of the screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Read one consent with all its fields.
    Read(Seq),
    /// Read the events of a row's session and transaction from the journal.
    ReadBeside {
        /// The row.
        seq: Seq,
        /// The session of the row, if it names one.
        session: Option<String>,
        /// The transaction of the row, if it names one.
        transaction: Option<String>,
    },
    /// Read full consents to test a filter's conditions. Replaces an earlier look-up.
    LookUp(LookUp),
    /// Cancel the look-ups with numbers lower than this.
    ForgetLookUp(u64),
    /// Ask the org of a row for the other events of the row's session.
    FetchSession(OrgId, Seq),
    /// Poll Okta now.
    PollNow,
    /// Send [`Msg::Work`] as soon as no other message is waiting. Long computations run in slices this way.
    Work,
    /// Add a filter to the history of used filters.
    Remember(String),
    /// Store a mark with this note on a row, or remove mark and note if it is `None`.
    Mark(Seq, Option<String>),
    /// Write a file.
    Save(SaveOrder),
    /// Stop writing the file.
    StopSave,
    /// Copy a text to the terminal's clipboard.
    Copy {
        /// A description of the text, in a few words.
        what: String,
        /// The text itself.
        text: String,
    },
    /// Restore the terminal and suspend until the shell resumes the program.
    Suspend,
    /// Write what the flight recorder kept to a file.
    Record,
    /// Redraw every cell.
    Redraw,
    /// Quit.
    Quit,
    /// Quit as if interrupted.
    Interrupt,
}
