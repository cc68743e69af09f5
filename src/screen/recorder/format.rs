//! A recording as a file: a head, the rows, a message a line, and the last screen.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::message::{Range, Recorded};
use super::start::Start;
use crate::consent::{Row, RowPage, Seq, Sym, Symbol, Via};
use crate::model::{Mask, Model};
use crate::safe_file;
use crate::screen::paint::screen_text;
use crate::view::{Depth, Theme, ThemeKind};

/// The version of the form that is written and read.
const VERSION: u32 = 2;
/// Rows that a recording holds: the newest.
const ROWS: usize = 20_000;
/// Messages of a file that is read. Fewer are written.
const MESSAGES_READ: usize = 20_000;
/// Texts are numbered below this.
const TEXTS: u32 = 1 << 24;
/// Bytes of a file that is read.
const BYTES: u64 = 256 << 20;

/// What a recorder kept, with the rows that it names and the screen at its end.
#[derive(Debug)]
pub struct Recording {
    pub(super) head: Head,
    pub(super) rows: Rows,
    /// As JSON; empty if one was left out.
    pub(super) messages: Vec<Box<str>>,
    pub(super) frame: String,
    pub(super) mask: Mask,
}

/// The first line.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(super) struct Head {
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
    pub(super) hidden_keys: usize,
    /// Whether something is hidden. Then the last screen is that of a replay.
    pub(super) is_changed: bool,
    is_ascii: bool,
    sent: u64,
    pub(super) start: Start,
}

/// The second line.
#[derive(Default, Serialize, Deserialize, Debug)]
pub(super) struct Rows {
    symbols: Vec<(Sym, Symbol)>,
    /// By number, each with the marks of its scope grants.
    rows: Vec<(Row, Vec<u32>)>,
}

/// The last line.
#[derive(Serialize, Deserialize, Debug)]
pub(super) struct End {
    pub(super) frame: String,
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
    pub(super) is_changed: bool,
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
            is_changed: false,
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

    pub(super) fn parse(text: &str) -> Result<Self, RecordingError> {
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
        if !rows.is_sound() {
            return Err(RecordingError::Damaged(2));
        }
        if head.messages > MESSAGES_READ || !head.start.has_sound_size() {
            return Err(RecordingError::Damaged(1));
        }
        let mut messages = Vec::new();
        for at in 0..head.messages {
            let line = there.next().ok_or_else(|| cut(at))?;
            let message: Recorded =
                serde_json::from_str(line).map_err(|_| RecordingError::Damaged(at + 3))?;
            if !message.is_sound() {
                return Err(RecordingError::Damaged(at + 3));
            }
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
            is_changed: head.is_changed,
            is_ascii: head.is_ascii,
            sent: head.sent,
            frame: end.frame,
            rows,
        })
    }

    /// Returns the rows of a range, with the texts that they name.
    pub(super) fn page(&self, range: Range) -> RowPage {
        let mut page = RowPage::default();
        let mut named = BTreeSet::new();
        for (row, marks) in self.rows.within(range) {
            page.rows.push(*row);
            page.grants.push(marks.iter().copied());
            named.extend(texts_of(row));
        }
        let symbols = &self.rows.symbols;
        let text = |sym: Sym| symbols.binary_search_by_key(&sym, |(sym, _)| *sym).ok();
        page.symbols = named.into_iter().filter_map(text).map(|at| symbols[at].clone()).collect();
        page
    }

    /// Returns the numbers of the rows of a range.
    pub(super) fn numbers(&self, range: Range) -> Vec<Seq> {
        self.rows.within(range).iter().map(|(row, _)| row.seq).collect()
    }
}

fn texts_of(row: &Row) -> [Sym; 6] {
    [row.who, row.actor, row.client, row.server, row.scopes, row.from]
}

impl Rows {
    /// Whether rows and texts have numbers that a journal gives out, in ascending order.
    fn is_sound(&self) -> bool {
        let is_row = |(row, _): &(Row, Vec<u32>)| {
            u32::try_from(row.seq.0).is_ok()
                && jiff::Timestamp::from_millisecond(row.published_ms).is_ok()
                && Via::from_code(row.via.code()) == row.via
                && texts_of(row).iter().all(|sym| sym.0 < TEXTS)
        };
        self.rows.len() <= ROWS
            && self.rows.iter().all(is_row)
            && self.rows.is_sorted_by(|(one, _), (next, _)| one.seq < next.seq)
            && self.symbols.iter().all(|(sym, _)| sym.0 < TEXTS)
            && self.symbols.is_sorted_by(|(one, _), (next, _)| one < next)
    }

    /// Returns the rows of a range.
    fn within(&self, range: Range) -> &[(Row, Vec<u32>)] {
        let first = self.rows.partition_point(|(row, _)| row.seq < range.first);
        let end = self.rows.partition_point(|(row, _)| row.seq <= range.last).max(first);
        self.rows.get(first..end).unwrap_or_default()
    }

    /// Copies the newest rows of a model, and the texts that they name.
    fn of(model: &Model) -> Self {
        let newest = model.rows.order().iter().rev().take(ROWS).copied();
        let mut rows: Vec<(Row, Vec<u32>)> =
            newest.map(|at| (model.rows.get(at), model.rows.grant_marks(at).to_vec())).collect();
        rows.sort_by_key(|(row, _)| row.seq);
        let named: BTreeSet<Sym> = rows.iter().flat_map(|(row, _)| texts_of(row)).collect();
        let symbols = model.rows.symbols();
        let text = |sym: Sym| (sym, Symbol::of(&symbols.fields(sym).collect::<Vec<_>>()));
        Self { symbols: named.into_iter().map(text).collect(), rows }
    }

    /// Returns the rows without people, if they are hidden.
    pub(super) fn hidden(self, mask: &Mask) -> Self {
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
        // Who knows the ids of grants could tell them from their hashes.
        let hashed = |marks: Vec<u32>| marks.into_iter().map(|mark| mask.number(mark)).collect();
        let rows = self.rows.into_iter().map(|(row, marks)| (row, hashed(marks))).collect();
        Self { symbols, rows }
    }
}

/// Returns the screen as text. Every recording has it without colors, so that replays need not know them.
pub(super) fn recorded_text(model: &Model, is_ascii: bool) -> String {
    screen_text(model, &Theme::new(ThemeKind::Dark, Depth::None).with_ascii(is_ascii))
}
