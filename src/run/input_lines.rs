//! Prints the consents of files as lines on standard output.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::charset;
use super::linear::shared_words;
use super::matching::matches;
use super::stdio::note;
use crate::consent::{Consent, Doubt, Orgs, Seq, Via};
use crate::exit::Exit;
use crate::export::Lines;
use crate::files::{self, Again, FileIndex, FileInput, FileOrgs, Item, LoadNews, Loader, NamedOrg, Stop};
use crate::model::Query;

/// Which files to print, and which of their consents.
#[derive(Debug)]
pub struct InputOptions {
    /// The files, in the order in which they are printed.
    pub inputs: Vec<FileInput>,
    /// The format of a line.
    pub format: Lines,
    /// Only consents published at this time or later.
    pub since: Option<Timestamp>,
    /// Only consents published before this time.
    pub until: Option<Timestamp>,
    /// Only consents that match this filter.
    pub filter: Option<Query>,
    /// Stop after this many lines.
    pub limit: Option<u64>,
    /// The time of receipt for rows that do not record their own.
    pub now: Timestamp,
}

/// Bytes buffered before they are written.
const BUFFER: usize = 1 << 16;
/// How many different contents of one uuid are remembered when input comes from a pipe.
const SAYINGS_MAX: usize = 16;

/// Prints the consents in files, each event once.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if a file has errors or standard output cannot be written. Consents
/// that could be read were printed.
pub fn print_files(options: &InputOptions) -> Result<Exit, (Exit, String)> {
    files::probe_all(&options.inputs)
        .map_err(|words| (Exit::Failed, format!("{words} Nothing was printed.")))?;
    let mut printer = Printer {
        options,
        to_terminal: io::stdout().is_terminal(),
        out: io::stdout().lock(),
        buffer: Vec::new(),
        printed: 0,
        orgs: Orgs::default(),
    };
    let (troubles, end) =
        if options.inputs.contains(&FileInput::Stdin) { printer.stream() } else { printer.whole() };
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

/// What is kept of an event.
#[derive(Clone, Copy)]
struct Said {
    via: Via,
    /// The org that it names.
    org: NamedOrg,
    /// Half of the digest of its content. Together with the uuid, half is enough.
    content: u64,
}

/// The events already read from a pipe. Their number has no bound, so each takes little memory.
#[derive(Default)]
struct Seen {
    orgs: FileOrgs,
    first: HashMap<u128, Said>,
    /// The further contents of the few uuids that came with more than one.
    more: HashMap<u128, Vec<Said>>,
}

/// How an event relates to those read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Saying {
    /// The first event with its uuid.
    New,
    /// A repeat, perhaps worded differently because it came another way.
    Known,
    /// Another content under a known uuid, which came the same way.
    Other,
}

impl Seen {
    fn look(&mut self, consent: &Consent) -> Saying {
        let org = self.orgs.named(consent.org.as_ref());
        let content = files::half(&consent.content_digest()) as u64;
        let this = Said { via: consent.via, org, content };
        let mut key = files::hash_of(&consent.key);
        if self.first.get(&key).is_some_and(|first| !first.org.agrees_with(org)) {
            // Two orgs may have an event with the same uuid.
            key = self.orgs.key(key, org);
        }
        let first = match self.first.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(this);
                return Saying::New;
            }
            Entry::Occupied(mut entry) => {
                let first = entry.get_mut();
                if first.org == NamedOrg::UNKNOWN {
                    first.org = org;
                }
                *first
            }
        };
        let more = self.more.get(&key).map_or(&[][..], Vec::as_slice);
        let before = || more.iter().chain([&first]);
        let is_known = before().any(|said| said.content == content);
        // The poll and the hook word the same event differently, so only contents from the same way are compared.
        let came_so = before().any(|said| said.via == this.via);
        if is_known || !came_so {
            return Saying::Known;
        }
        if more.len() + 1 < SAYINGS_MAX {
            self.more.entry(key).or_default().push(this);
        }
        Saying::Other
    }
}

struct Printer<'a> {
    options: &'a InputOptions,
    to_terminal: bool,
    out: io::StdoutLock<'static>,
    buffer: Vec<u8>,
    printed: u64,
    /// The orgs of the input so far.
    orgs: Orgs,
}

impl Printer<'_> {
    /// Prints the first record of each event as soon as it is read, since a pipe may never end. Returns the errors in
    /// the input, and the result of printing.
    fn stream(&mut self) -> (Vec<String>, io::Result<()>) {
        // An event with another content under a known uuid is printed with a doubt.
        let (mut seen, mut seq) = (Seen::default(), Seq(0));
        let mut shared = 0;
        let (mut troubles, mut end) = (Vec::new(), Ok(()));
        let options = self.options;
        let whole = |consent, kept: &mut Vec<Consent>| kept.push(consent);
        let mut take = |item: Item<Vec<Consent>>| -> io::Result<()> {
            let consents = match item {
                Item::Begun { head, .. } => {
                    let head = head.unwrap_or_default();
                    seen.orgs.put_hosts(head.orgs.iter().map(|about| &about.org));
                    return Ok(());
                }
                Item::Trouble(words) => {
                    troubles.push(words);
                    return Ok(());
                }
                Item::Note(words) => {
                    note(&words);
                    return Ok(());
                }
                Item::Records { made, .. } => made,
            };
            for mut consent in consents {
                match seen.look(&consent) {
                    Saying::Known => continue,
                    Saying::New => {}
                    Saying::Other => {
                        consent.doubt = Some(Doubt::SharedId);
                        shared += 1;
                    }
                }
                seq.0 += 1;
                // Until a second org is named, lines for people name none: a pipe may never end.
                if let Some(orgs) = seen.orgs.news() {
                    self.orgs = orgs;
                }
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

    /// Reads all files first, then prints. Several records of one event become one line, as they become one row in
    /// `open`.
    fn whole(&mut self) -> (Vec<String>, io::Result<()>) {
        let file_index = Arc::new(FileIndex::new(self.options.now));
        let (mut troubles, mut count) = (Vec::new(), 0_i64);
        let load = Loader::new(Arc::clone(&file_index)).load(&self.options.inputs, |news| {
            match news {
                LoadNews::Rows { page, .. } => count += page.rows.len() as i64,
                LoadNews::Orgs(orgs) => self.orgs = orgs,
                LoadNews::Trouble(words) => troubles.push(words),
                LoadNews::Note(words) => note(&words),
                LoadNews::Done { shared, .. } if shared > 0 => note(&shared_words(shared)),
                LoadNews::Head(_) | LoadNews::Changed(_) | LoadNews::Done { .. } => {}
            }
            Ok(())
        });
        tracing::debug!(?load, "The files are read.");
        for seq in (1..=count).map(Seq) {
            let printed = match file_index.consent(seq) {
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
        if !options.wants(&self.orgs, seq, consent) {
            return Ok(());
        }
        if options.limit == Some(0) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.printed += 1;
        let start = self.buffer.len();
        if self.to_terminal {
            options.format.line_for_terminal(seq, consent, &self.orgs, &mut self.buffer);
        } else {
            options.format.line(seq, consent, &self.orgs, &mut self.buffer);
        }
        charset::settle(options.format, self.to_terminal, &mut self.buffer, start);
        if options.limit == Some(self.printed) {
            // The next record of a pipe may never come, so do not wait for it.
            self.flush()?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.buffer.len() > BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}

impl InputOptions {
    fn wants(&self, orgs: &Orgs, seq: Seq, consent: &Consent) -> bool {
        let published = consent.key.published_ms;
        let is_early = self.since.is_some_and(|since| published != 0 && published < since.as_millisecond());
        let is_late = self.until.is_some_and(|until| published >= until.as_millisecond());
        let passes = |filter: &Query| matches(filter, orgs, seq, consent, None);
        !is_early && !is_late && self.filter.as_ref().is_none_or(passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::okta;

    #[test]
    fn an_event_is_known_again_by_its_content_and_its_way() {
        let read = |name: &str, via| {
            let raw = format!(
                r#"{{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","displayMessage":"{name}"}}"#
            );
            okta::event(&raw, Timestamp::UNIX_EPOCH, via).unwrap().remove(0)
        };
        let mut seen = Seen::default();
        for (name, via, saying) in [
            ("one", Via::FILE, Saying::New),
            ("one", Via::FILE, Saying::Known),
            ("other", Via::HOOK, Saying::Known),
            ("other", Via::FILE, Saying::Other),
            ("one", Via::FILE, Saying::Known),
            ("other", Via::FILE, Saying::Known),
            ("third", Via::FILE, Saying::Other),
        ] {
            assert_eq!(seen.look(&read(name, via)), saying, "{name} {via:?}");
        }
        assert_eq!((seen.first.len(), seen.more.len()), (1, 1), "only what differs takes more room");
    }

    #[test]
    fn an_event_is_known_again_within_its_org_and_unnamed_in_any() {
        let read = |org: Option<&str>, name: &str| {
            let raw = format!(
                r#"{{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","displayMessage":"{name}"}}"#
            );
            let consent = okta::event(&raw, Timestamp::UNIX_EPOCH, Via::POLL).unwrap().remove(0);
            Consent { org: org.map(Into::into), ..consent }
        };
        let mut seen = Seen::default();
        for (org, name, saying) in [
            (None, "one", Saying::New),
            (Some("prod"), "one", Saying::Known),
            (Some("preview"), "two", Saying::New),
            (Some("preview"), "two", Saying::Known),
            (Some("preview"), "forged", Saying::Other),
            (Some("prod"), "one", Saying::Known),
            (None, "one", Saying::Known),
        ] {
            assert_eq!(seen.look(&read(org, name)), saying, "{org:?} {name}");
        }
    }

    #[test]
    fn what_is_kept_of_an_event_is_small() {
        assert!(size_of::<(u128, Said)>() <= 32);
    }
}
