//! Prints rows as lines on standard output.

use std::io::{self, IsTerminal as _, Write as _};

use jiff::Timestamp;

use super::super::matching::matches;
use super::super::{Source, charset};
use super::options::TailOptions;
use crate::clock::Clock;
use crate::consent::{Evidence, Rev, Seq, Stored};
use crate::journal::ReadError;
use crate::model::Query;
use crate::okta;
use crate::report::{Board, Part, Pulse};

/// Rows read from the journal at a time.
pub(super) const BATCH: usize = 500;
/// Why printing ends.
pub(super) enum PrintError {
    Pipe,
    Write(io::Error),
    Read(ReadError),
}

/// Prints rows as lines.
pub(super) struct Printer {
    pub(super) options: TailOptions,
    filter: Option<Query>,
    pub(super) seen: Seq,
    pub(super) changes: Rev,
    pub(super) was_held: bool,
    /// Whether a row is held back.
    pub(super) is_blocked: bool,
    pub(super) printed: u64,
    buffer: Vec<u8>,
    /// Whether standard output is a terminal, which gets lines without control characters. A pipe gets them exactly.
    to_terminal: bool,
}

impl Printer {
    pub(super) fn new(mut options: TailOptions) -> Self {
        let filter = options.filter.take();
        let seen = options.after.unwrap_or(Seq(0));
        Self {
            options,
            filter,
            seen,
            changes: Source::no_change(),
            was_held: false,
            is_blocked: false,
            printed: 0,
            buffer: Vec::new(),
            to_terminal: io::stdout().is_terminal(),
        }
    }

    /// Returns whether a duration for `--since` cannot be turned into a time yet, because Okta's time is not known.
    pub(super) fn is_early(&mut self, boards: &[Board], clock: &Clock) -> bool {
        let Some(ago) = self.options.ago else { return false };
        // An org that does not answer does not hold up the others.
        if boards.iter().all(|board| *board.get(Part::Poll) == Pulse::Starting) {
            return true;
        }
        self.options.ago = None;
        self.options.since = clock.sure().checked_sub(ago).ok();
        false
    }

    /// Prints rows committed since the last call. If `held_from` is set, it stops at the first consent that names
    /// nobody and was received after that time. Returns `false` when the limit is reached.
    pub(super) fn print_new(
        &mut self,
        source: &mut Source,
        held_from: Option<Timestamp>,
    ) -> Result<bool, PrintError> {
        let head = source.head();
        let is_held = held_from.is_some();
        self.is_blocked = false;
        'all: loop {
            let records = source.records_after(self.seen, BATCH).map_err(PrintError::Read)?;
            if records.is_empty() {
                break;
            }
            for stored in &records {
                if held_from.is_some_and(|from| stored.received > from)
                    && self.is_wanted(stored)
                    && okta::restore(stored).who.evidence == Evidence::Unknown
                {
                    self.is_blocked = true;
                    self.flush()?;
                    break 'all;
                }
                self.seen = stored.seq;
                if !self.print(source, stored)? {
                    return self.flush().map(|()| false);
                }
            }
            self.flush()?;
        }
        if is_held || self.was_held {
            // Rows that changed while held are printed only once, in their current form.
            self.was_held = is_held;
            self.changes = head.change;
        } else if self.options.updates && head.change > self.changes {
            let page = source.reader().changed(self.changes, usize::MAX >> 1).map_err(PrintError::Read)?;
            self.changes = head.change;
            for row in page.rows {
                if let Some(stored) = source.reader().record(row.seq).map_err(PrintError::Read)?
                    && !self.print(source, &stored)?
                {
                    return self.flush().map(|()| false);
                }
            }
            self.flush()?;
        } else if !self.options.updates {
            self.changes = head.change;
        }
        Ok(true)
    }

    pub(super) fn print(&mut self, source: &Source, stored: &Stored) -> Result<bool, PrintError> {
        if self.options.limit.is_some_and(|limit| self.printed >= limit) {
            return Ok(false);
        }
        if !self.is_wanted(stored) || !source.lists(stored.org) {
            return Ok(true);
        }
        let consent = source.restored(stored);
        if let Some(filter) = &self.filter
            && !matches(
                filter,
                source.orgs(),
                stored.seq,
                &consent,
                self.options.marked.note(source.orgs(), stored),
            )
        {
            return Ok(true);
        }
        let format = self.options.format;
        let start = self.buffer.len();
        if self.to_terminal {
            format.line_for_terminal(stored.seq, &consent, source.orgs(), &mut self.buffer);
        } else {
            format.line(stored.seq, &consent, source.orgs(), &mut self.buffer);
        }
        charset::settle(format, self.to_terminal, &mut self.buffer, start);
        self.printed += 1;
        if self.buffer.len() > 1 << 16 {
            self.flush()?;
        }
        Ok(self.options.limit.is_none_or(|limit| self.printed < limit))
    }

    /// Returns whether a row is in the requested time range.
    pub(super) fn is_wanted(&self, stored: &Stored) -> bool {
        let published = stored.key.published_ms;
        let early = self.options.after.is_none()
            && self.options.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
        let late = self.options.until.is_some_and(|until| published >= until.as_millisecond());
        !early && !late
    }

    pub(super) fn flush(&mut self) -> Result<(), PrintError> {
        let mut out = io::stdout().lock();
        let result = out.write_all(&self.buffer).and_then(|()| out.flush());
        self.buffer.clear();
        result.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => PrintError::Pipe,
            _ => PrintError::Write(error),
        })
    }
}
