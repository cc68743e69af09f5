//! Consents of files as lines on standard output.

use std::collections::HashSet;
use std::io::{self, IsTerminal as _, Write as _};

use jiff::Timestamp;

use super::lines::{matches, note};
use crate::consent::{Consent, Seq};
use crate::exit::Exit;
use crate::export::Lines;
use crate::files::{self, Input, Item, Stop};
use crate::model::Query;

/// What of which files is printed.
#[derive(Debug)]
pub struct InputOptions {
    /// The files, in the order in which they are printed.
    pub inputs: Vec<Input>,
    /// The form of a line.
    pub format: Lines,
    /// Only consents published from here on.
    pub since: Option<Timestamp>,
    /// Only consents published before.
    pub until: Option<Timestamp>,
    /// Only what matches.
    pub filter: Option<Query>,
    /// Ends after so many lines.
    pub limit: Option<u64>,
    /// What rows are said to be taken in at that do not say it themselves.
    pub now: Timestamp,
}

/// Bytes held before they are written.
const BUFFER: usize = 1 << 16;

/// Prints what files hold, each event once.
///
/// # Errors
/// A file is not as it should be, or standard output cannot be written: a sentence for stderr. What could be read was
/// printed.
pub fn print_files(options: &InputOptions) -> Result<Exit, (Exit, String)> {
    for input in options.inputs.iter().filter(|input| matches!(input, Input::File(_))) {
        files::probe(input)
            .map_err(|error| (Exit::Failed, format!("{} {error}. Nothing was printed.", input.name())))?;
    }
    let to_terminal = io::stdout().is_terminal();
    let mut out = io::stdout().lock();
    let (mut seen, mut seq, mut printed) = (HashSet::new(), Seq(0), 0);
    let mut troubles = Vec::new();
    let mut failure = None;
    let mut buffer = Vec::new();
    let mut take = |item: Item<Consent>| -> Result<(), io::Error> {
        let records = match item {
            Item::Begun { .. } => return Ok(()),
            Item::Trouble(words) => {
                troubles.push(words);
                return Ok(());
            }
            Item::Records { records, .. } => records,
        };
        for consent in records.into_iter().flat_map(|(_, consents)| consents) {
            if !seen.insert(files::hash_of(&consent.key)) {
                continue;
            }
            seq.0 += 1;
            if !options.wants(seq, &consent) {
                continue;
            }
            if options.limit.is_some_and(|limit| printed >= limit) {
                out.write_all(&buffer)?;
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            printed += 1;
            if to_terminal {
                options.format.line_for_terminal(seq, &consent, &mut buffer);
            } else {
                options.format.line(seq, &consent, &mut buffer);
            }
            if buffer.len() > BUFFER {
                out.write_all(&buffer)?;
                buffer.clear();
            }
        }
        out.write_all(&buffer)?;
        buffer.clear();
        out.flush()
    };
    let whole = |consent: Consent| consent;
    let read = files::read(&options.inputs, options.now, whole, |item| {
        take(item).map_err(|error| {
            failure = Some(error);
            Stop
        })
    });
    if let (Err(Stop), Some(error)) = (read, failure)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err((Exit::Failed, format!("Standard output cannot be written: {error}.")));
    }
    match troubles.split_last() {
        None => Ok(Exit::Done),
        Some((last, others)) => {
            for words in others {
                note(words);
            }
            Err((Exit::Failed, last.clone()))
        }
    }
}

impl InputOptions {
    fn wants(&self, seq: Seq, consent: &Consent) -> bool {
        let published = consent.key.published_ms;
        let is_early = self.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
        let is_late = self.until.is_some_and(|until| published >= until.as_millisecond());
        !is_early && !is_late && self.filter.as_ref().is_none_or(|filter| matches(filter, seq, consent, None))
    }
}
