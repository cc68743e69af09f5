//! A recording as a file: a head, the rows, a message a line, and the last screen.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::hide;
use super::message::{Range, Recorded};
use super::start::Start;
use crate::consent::{Page, Row, Seq, Sym, Symbol, redact};
use crate::model::{Mask, Model};
use crate::run::write_new;
use crate::safe_file;
use crate::screen::paint::screen_text;
use crate::secret::scrub;
use crate::view::{Depth, Theme, ThemeKind};

/// The version of the form that is written and read.
const VERSION: u32 = 1;
/// Rows that a recording holds: the newest.
const ROWS: usize = 20_000;
/// Bytes of a file that is read.
const BYTES: u64 = 256 << 20;

/// What a recorder kept, with the rows that it names and the screen at its end.
#[derive(Debug)]
pub struct Recording {
    head: Head,
    rows: Rows,
    /// As JSON; empty if one was left out.
    messages: Vec<Box<str>>,
    frame: String,
    mask: Mask,
}

/// The first line.
#[derive(Clone, Serialize, Deserialize, Debug)]
struct Head {
    consentwatch_recording: u32,
    /// The version of the program that wrote it.
    program: String,
    /// Lines of messages that follow.
    messages: usize,
    /// Whether it begins at the start of the screen.
    is_whole: bool,
    /// Rows of the screen that it does not hold.
    rows_left_out: usize,
    /// Typed characters that are hidden.
    hidden_keys: usize,
    is_ascii: bool,
    sent: u64,
    start: Start,
}

/// The second line.
#[derive(Default, Serialize, Deserialize, Debug)]
struct Rows {
    symbols: Vec<(Sym, Symbol)>,
    /// By number, each with the marks of its scope grants.
    rows: Vec<(Row, Vec<u32>)>,
}

/// The last line.
#[derive(Serialize, Deserialize, Debug)]
struct End {
    frame: String,
}

/// A recording that was read.
#[derive(Debug)]
pub struct ReadRecording {
    pub(super) program: String,
    pub(super) start: Start,
    pub(super) messages: Vec<Recorded>,
    pub(super) is_whole: bool,
    pub(super) rows_left_out: usize,
    pub(super) hidden_keys: usize,
    pub(super) is_ascii: bool,
    pub(super) sent: u64,
    pub(super) frame: String,
    rows: Rows,
}

/// Why a recording could not be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("It cannot be read: {0}.")]
    Read(#[from] std::io::Error),
    /// It is something else.
    #[error(
        "It is not a recording of consentwatch. Name a file that --record or the command `record` wrote."
    )]
    Other,
    /// Another version of the program wrote it.
    #[error(
        "It is a recording of version {version}, and this consentwatch reads version {VERSION}. \
         Replay it with consentwatch {program}, which wrote it."
    )]
    Version {
        /// The version of its form.
        version: u32,
        /// The version of the program that wrote it.
        program: String,
    },
    /// Its end is missing.
    #[error("It is cut: {there} of {all} messages are there. Ask for the whole file.")]
    Cut {
        /// Messages that are there.
        there: usize,
        /// Messages that its head promises.
        all: usize,
    },
    /// A line is damaged.
    #[error("Line {0} is damaged. Ask for the file again.")]
    Damaged(usize),
}

impl Recording {
    pub(super) fn new(
        model: &Model,
        start: Start,
        messages: Vec<Box<str>>,
        is_whole: bool,
        is_ascii: bool,
    ) -> Self {
        let head = Head {
            consentwatch_recording: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            messages: messages.len(),
            is_whole,
            rows_left_out: model.rows.len().saturating_sub(ROWS),
            hidden_keys: 0,
            is_ascii,
            sent: model.sent,
            start,
        };
        let frame = recorded_text(model, is_ascii);
        Self { head, rows: Rows::of(model), messages, frame, mask: model.mask.clone() }
    }

    /// Returns how many messages it holds.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it holds no message.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Writes it to a file that must not exist, for its owner only. Either all of it is there afterwards, or nothing.
    /// May take a second; call it from a worker.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub fn write(self, path: &Path) -> std::io::Result<()> {
        let mask = self.mask.clone();
        let rows = self.rows.hidden(&mask);
        let start = hidden_start(&self.head.start, &mask)
            .ok_or_else(|| std::io::Error::other("its start could not be hidden"))?;
        // One that was left out keeps its line.
        let read = |text: &str| serde_json::from_str::<Recorded>(text).ok();
        let mut messages: Vec<Recorded> =
            self.messages.iter().map(|text| read(text).unwrap_or(Recorded::LeftOut)).collect();
        let head = Head { start, hidden_keys: hide::typed(&mut messages, &mask), ..self.head };
        let mut out = Vec::new();
        let mut line = |json: serde_json::Result<String>| {
            json.map(|json| {
                out.extend_from_slice(json.as_bytes());
                out.push(b'\n');
            })
        };
        line(serde_json::to_string(&head))?;
        line(serde_json::to_string(&rows))?;
        for message in messages {
            let message = hide::message(message, &mask).unwrap_or(Recorded::LeftOut);
            line(serde_json::to_string(&message))?;
        }
        line(serde_json::to_string(&End { frame: self.frame }))?;
        write_new(path, &out)
    }
}

impl ReadRecording {
    /// Reads a file that [`Recording::write`] wrote.
    ///
    /// # Errors
    /// It cannot be read, is something else or of another version, or is cut or damaged.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let (content, _) = safe_file::read_text(path, BYTES)?;
        Self::parse(&content)
    }

    fn parse(text: &str) -> Result<Self, RecordingError> {
        #[derive(Deserialize)]
        struct AnyHead {
            consentwatch_recording: u32,
            #[serde(default)]
            program: String,
        }
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let any: AnyHead = serde_json::from_str(first).map_err(|_| RecordingError::Other)?;
        if any.consentwatch_recording != VERSION {
            let program = crate::consent::visible(&any.program).into_owned();
            return Err(RecordingError::Version { version: any.consentwatch_recording, program });
        }
        let head: Head = serde_json::from_str(first).map_err(|_| RecordingError::Damaged(1))?;
        // Only a line that ends was written whole.
        let mut there = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).skip(1);
        let cut = |messages| RecordingError::Cut { there: messages, all: head.messages };
        let rows: Rows = serde_json::from_str(there.next().ok_or_else(|| cut(0))?)
            .map_err(|_| RecordingError::Damaged(2))?;
        let mut messages = Vec::new();
        for at in 0..head.messages {
            let line = there.next().ok_or_else(|| cut(at))?;
            let message: Recorded =
                serde_json::from_str(line).map_err(|_| RecordingError::Damaged(at + 3))?;
            messages.push(message);
        }
        let end: End = serde_json::from_str(there.next().ok_or_else(|| cut(head.messages))?)
            .map_err(|_| RecordingError::Damaged(head.messages + 3))?;
        Ok(Self {
            program: head.program,
            start: head.start,
            messages,
            is_whole: head.is_whole,
            rows_left_out: head.rows_left_out,
            hidden_keys: head.hidden_keys,
            is_ascii: head.is_ascii,
            sent: head.sent,
            frame: end.frame,
            rows,
        })
    }

    /// Returns the rows of a range, with the texts that they name.
    pub(super) fn page(&self, range: Range) -> Page {
        let mut page = Page::default();
        let mut named = BTreeSet::new();
        for (row, marks) in self.rows.rows.iter().filter(|(row, _)| range.contains(row.seq)) {
            page.rows.push(*row);
            page.grants.push(marks.iter().copied());
            named.extend(texts_of(row));
        }
        page.symbols = self.rows.symbols.iter().filter(|(sym, _)| named.contains(sym)).cloned().collect();
        page
    }

    /// Returns the numbers of the rows of a range.
    pub(super) fn numbers(&self, range: Range) -> Vec<Seq> {
        let rows = self.rows.rows.iter().map(|(row, _)| row.seq);
        rows.filter(|seq| range.contains(*seq)).collect()
    }
}

fn texts_of(row: &Row) -> [Sym; 6] {
    [row.who, row.actor, row.client, row.server, row.scopes, row.from]
}

impl Rows {
    /// Copies the newest rows of a model, and the texts that they name.
    fn of(model: &Model) -> Self {
        let newest = model.rows.order().iter().rev().take(ROWS).map(|at| crate::model::RowRef(*at));
        let mut rows: Vec<(Row, Vec<u32>)> =
            newest.map(|at| (model.rows.get(at), model.rows.grant_marks(at).to_vec())).collect();
        rows.sort_by_key(|(row, _)| row.seq);
        let named: BTreeSet<Sym> = rows.iter().flat_map(|(row, _)| texts_of(row)).collect();
        let symbols = model.rows.symbols();
        let text = |sym: Sym| (sym, Symbol::of(&symbols.fields(sym).collect::<Vec<_>>()));
        Self { symbols: named.into_iter().map(text).collect(), rows }
    }

    /// Returns the rows without people, if they are hidden.
    fn hidden(self, mask: &Mask) -> Self {
        if !mask.is_on() {
            return self;
        }
        let columns = |of: fn(&Row) -> [Sym; 2]| -> BTreeSet<Sym> {
            self.rows.iter().flat_map(|(row, _)| of(row)).collect()
        };
        let people = columns(|row| [row.who, row.actor]);
        let places = columns(|row| [row.from, row.from]);
        let hide = |(sym, symbol): &(Sym, Symbol)| {
            let mut fields: Vec<String> = symbol.fields().map(str::to_owned).collect();
            if people.contains(sym)
                && let Some(key) = fields.iter().take(3).find(|field| !field.is_empty()).cloned()
            {
                let name = mask.person_named(&key);
                fields.iter_mut().take(3).for_each(String::clear);
                if let Some(first) = fields.first_mut() {
                    *first = name;
                }
            } else if places.contains(sym)
                && let Some(address) = fields.first_mut().filter(|address| !address.is_empty())
            {
                *address = mask.address(address);
            } else {
                for field in &mut fields {
                    *field = mask.text(field).into_owned();
                }
            }
            (*sym, Symbol::of(&fields.iter().map(String::as_str).collect::<Vec<_>>()))
        };
        let symbols = self.symbols.iter().map(hide).collect();
        Self { symbols, rows: self.rows }
    }
}

/// Returns the screen as text. Every recording has it without colors, so that replays need not know them.
pub(super) fn recorded_text(model: &Model, is_ascii: bool) -> String {
    screen_text(model, &Theme::new(ThemeKind::Dark, Depth::None).with_ascii(is_ascii))
}

/// Returns a start without what looks like a secret, and without people if they are hidden.
fn hidden_start(start: &Start, mask: &Mask) -> Option<Start> {
    hide::texts(start, &|text| mask.text(&scrub(&redact::text(text))).into_owned())
}
