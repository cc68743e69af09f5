//! Consents of files as lines on standard output.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::charset;
use super::linear::shared_words;
use super::lines::{matches, note};
use crate::consent::{Consent, Doubt, Seq, Via};
use crate::exit::Exit;
use crate::export::Lines;
use crate::files::{self, Again, Input, Item, Loader, News, Shelf, Stop};
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
/// Contents under one uuid that are told apart in a pipe.
const SAYINGS_MAX: usize = 16;

/// Prints what files hold, each event once.
///
/// # Errors
/// A file is not as it should be, or standard output cannot be written: a sentence for stderr. What could be read was
/// printed.
pub fn print_files(options: &InputOptions) -> Result<Exit, (Exit, String)> {
    files::probe_all(&options.inputs)
        .map_err(|words| (Exit::Failed, format!("{words} Nothing was printed.")))?;
    let mut printer = Printer {
        options,
        to_terminal: io::stdout().is_terminal(),
        out: io::stdout().lock(),
        buffer: Vec::new(),
        printed: 0,
    };
    let (troubles, end) =
        if options.inputs.contains(&Input::Stdin) { printer.stream() } else { printer.whole() };
    if let Err(error) = end
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

struct Printer<'a> {
    options: &'a InputOptions,
    to_terminal: bool,
    out: io::StdoutLock<'static>,
    buffer: Vec<u8>,
    printed: u64,
}

impl Printer<'_> {
    /// Prints what comes as it comes, of each event the first record: a pipe may never end. Returns what is wrong with
    /// the input, and how printing ended.
    fn stream(&mut self) -> (Vec<String>, io::Result<()>) {
        // Of each event what it said: an event that says something else under the same uuid is printed with a mark.
        let (mut seen, mut seq) = (HashMap::new(), Seq(0));
        let mut shared = 0;
        let (mut troubles, mut end) = (Vec::new(), Ok(()));
        let options = self.options;
        let whole = |consent: Consent| consent;
        let mut take = |item: Item<Consent>| -> io::Result<()> {
            let records = match item {
                Item::Begun { .. } => return Ok(()),
                Item::Trouble(words) => {
                    troubles.push(words);
                    return Ok(());
                }
                Item::Note(words) => {
                    note(&words);
                    return Ok(());
                }
                Item::Records { records, .. } => records,
            };
            for mut consent in records.into_iter().flat_map(|(_, consents)| consents) {
                let said = files::half(&consent.content_digest());
                let others: &mut Vec<(Via, u128)> = seen.entry(files::hash_of(&consent.key)).or_default();
                let is_known = others.iter().any(|(_, other)| *other == said);
                // Another way tells the same in other words.
                let came_so = others.iter().any(|(via, _)| *via == consent.via);
                if is_known || (!others.is_empty() && !came_so) {
                    continue;
                }
                if !others.is_empty() {
                    consent.doubt = Some(Doubt::SharedId);
                    shared += 1;
                }
                if others.len() < SAYINGS_MAX {
                    others.push((consent.via, said));
                }
                seq.0 += 1;
                self.print(seq, &consent)?;
            }
            self.flush()
        };
        let read = files::read(&options.inputs, Again::No, options.now, whole, |item| {
            take(item).map_err(|error| {
                end = Err(error);
                Stop
            })
        });
        tracing::debug!(?read, "The input is read.");
        if shared > 0 {
            note(&shared_words(shared));
        }
        (troubles, end)
    }

    /// Reads all files first, so that what several records tell of an event is one line, as it is one row of `open`.
    fn whole(&mut self) -> (Vec<String>, io::Result<()>) {
        let shelf = Arc::new(Shelf::new(self.options.now));
        let (mut troubles, mut count) = (Vec::new(), 0_i64);
        let load = Loader::new(Arc::clone(&shelf)).load(&self.options.inputs, |news| {
            match news {
                News::Rows { page, .. } => count += page.rows.len() as i64,
                News::Trouble(words) => troubles.push(words),
                News::Note(words) => note(&words),
                News::Done { shared, .. } if shared > 0 => note(&shared_words(shared)),
                News::Head(_) | News::Changed(_) | News::Done { .. } => {}
            }
            Ok(())
        });
        tracing::debug!(?load, "The files are read.");
        for seq in (1..=count).map(Seq) {
            let printed = match shelf.consent(seq) {
                Ok(Some(consent)) => self.print(seq, &consent),
                Ok(None) => Ok(()),
                Err(why) => {
                    troubles.push(why);
                    break;
                }
            };
            if printed.is_err() {
                return (troubles, printed);
            }
        }
        (troubles, self.flush())
    }

    fn print(&mut self, seq: Seq, consent: &Consent) -> io::Result<()> {
        let options = self.options;
        if !options.wants(seq, consent) {
            return Ok(());
        }
        if options.limit.is_some_and(|limit| self.printed >= limit) {
            self.flush()?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.printed += 1;
        let start = self.buffer.len();
        if self.to_terminal {
            options.format.line_for_terminal(seq, consent, &mut self.buffer);
        } else {
            options.format.line(seq, consent, &mut self.buffer);
        }
        charset::settle(options.format, self.to_terminal, &mut self.buffer, start);
        if self.buffer.len() > BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
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
