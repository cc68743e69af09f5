//! Several files, read one behind the other: one thread cuts, as many as there are cores read records, and whoever asked
//! gets them in the order of the files.

use std::fs::File;
use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use jiff::Timestamp;

use super::check::{Check, Ending};
use super::cut::{Chunk, CutError, Cutter};
use super::head::Head;
use super::input::{self, FileError, Input, Opened};
use super::record::{self, Span};
use crate::consent::Consent;

/// What reading brings, in the order of the files.
pub enum Item<T> {
    /// A file was opened.
    Begun {
        /// Where its records can be read again.
        file: File,
        /// What a snapshot says of itself.
        head: Option<Box<Head>>,
    },
    /// Some records of it.
    Records {
        /// Where each lies, with what it held.
        records: Vec<(Span, Vec<T>)>,
        /// Hundredths of all files that are read, if that can be told.
        percent: Option<u8>,
    },
    /// It is not as it should be: a sentence that names it. What could be read of it came before.
    Trouble(String),
}

/// The same from thread to thread.
enum Raw<T> {
    Begun {
        file: File,
        head: Option<Box<Head>>,
    },
    /// Where each lies, with what it held and why something of it could not be read; and up to where the file is read.
    Records {
        records: Vec<(Span, Vec<T>, Vec<String>)>,
        read_to: u64,
    },
    Ended(Ending),
    Failed(FileError),
}

/// No more is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop;

/// Chunks that wait for each reader; so much memory stands between a fast disk and a slow list.
const WAITING: usize = 4;

enum Job {
    Chunk(Chunk),
    Begun { file: File, head: Option<Box<Head>> },
    Ended(Ending),
    Failed(FileError),
}

/// Reads all inputs and hands out what they hold. `make` runs on several threads and keeps of a consent what is needed.
///
/// # Errors
/// Whoever took the items wanted no more.
pub fn read<T: Send>(
    inputs: &[Input],
    received: Timestamp,
    make: impl Fn(Consent) -> T + Sync,
    mut take: impl FnMut(Item<T>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let count = thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
    thread::scope(|scope| {
        let (mut jobs, mut results) = (Vec::new(), Vec::new());
        let make = &make;
        for _ in 0..count {
            let (job, waiting) = sync_channel(WAITING);
            let (tell, result) = sync_channel(WAITING);
            jobs.push(job);
            results.push(result);
            scope.spawn(move || work(&waiting, &tell, received, make));
        }
        scope.spawn(move || {
            let mut next = jobs.iter().cycle();
            let mut send = |job| next.next().map_or(Err(Stop), |jobs| jobs.send(job).map_err(|_| Stop));
            for input in inputs {
                if cut(input, &mut send).is_err() {
                    return;
                }
            }
        });
        // Each reader gets every so many-th job, so theirs in turn are those of the files in order.
        let mut progress = Progress::of(inputs);
        for result in results.iter().cycle() {
            let Ok(raw) = result.recv() else { break };
            progress.take(raw, inputs, &mut take)?;
        }
        Ok(())
    })
}

/// How far reading is, and what is known of the file that is being read.
struct Progress {
    sizes: Vec<Option<u64>>,
    /// Of all files; nothing if one of them does not say.
    all: Option<u64>,
    /// Of those that are behind.
    before: u64,
    at: usize,
    check: Check,
}

impl Progress {
    fn of(inputs: &[Input]) -> Self {
        let sizes: Vec<Option<u64>> = inputs.iter().map(input::size).collect();
        Self { all: sizes.iter().copied().sum(), sizes, before: 0, at: 0, check: Check::default() }
    }

    fn take<T>(
        &mut self,
        raw: Raw<T>,
        inputs: &[Input],
        take: &mut impl FnMut(Item<T>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let name = || inputs[self.at].name();
        let troubles = match raw {
            Raw::Begun { file, head } => {
                self.check = Check::new(head.as_deref());
                return take(Item::Begun { file, head });
            }
            Raw::Records { records, read_to } => {
                let records = records.into_iter().map(|(span, made, bad)| {
                    self.check.add(span, made.len(), bad);
                    (span, made)
                });
                let records = records.collect();
                // What was packed is longer than its file.
                let done = self.before + read_to.min(self.sizes[self.at].unwrap_or(0));
                let percent = self.all.map(|all| (done.min(all) * 100 / all.max(1)) as u8);
                return take(Item::Records { records, percent });
            }
            Raw::Ended(ending) => {
                let troubles = self.check.troubles(&ending);
                troubles.into_iter().map(|words| format!("{}: {words}", name())).collect()
            }
            Raw::Failed(error) => vec![format!("{} {error}.", name())],
        };
        self.before += self.sizes[self.at].unwrap_or(0);
        self.at += 1;
        troubles.into_iter().try_for_each(|words| take(Item::Trouble(words)))
    }
}

/// Whether an input can be opened and is of a form that is read.
///
/// # Errors
/// It cannot, or is not.
pub fn probe(input: &Input) -> Result<(), FileError> {
    begin(input).map(drop)
}

/// An input with its records to come.
struct Begun {
    cutter: Cutter<Box<dyn Read + Send>>,
    head: Option<Box<Head>>,
    file: File,
    length: Option<u64>,
}

fn begin(input: &Input) -> Result<Begun, FileError> {
    let Opened { stream, file, length } = input::open(input)?;
    let (cutter, head) = Cutter::begin(stream).map_err(|error| match error {
        CutError::Read(error) => FileError::Read(error),
        CutError::Empty => FileError::Empty,
        CutError::NotJson => FileError::NotJson,
        CutError::Head(why) => FileError::Head(why),
    })?;
    Ok(Begun { cutter, head: head.map(Box::new), file, length })
}

fn work<T>(
    waiting: &Receiver<Job>,
    tell: &SyncSender<Raw<T>>,
    received: Timestamp,
    make: &(impl Fn(Consent) -> T + Sync),
) {
    for job in waiting {
        let raw = match job {
            Job::Begun { file, head } => Raw::Begun { file, head },
            Job::Ended(ending) => Raw::Ended(ending),
            Job::Failed(error) => Raw::Failed(error),
            Job::Chunk(chunk) => {
                let at = |span: Span| span.at as usize..span.at as usize + span.length as usize;
                let mut records = Vec::new();
                let mut take = |span: Span| {
                    let found = record::read(&chunk.bytes[at(span)], received);
                    let is_damaged = found.consents.is_empty() && !found.bad.is_empty();
                    let made = found.consents.into_iter().map(make).collect();
                    records.push((Span { at: chunk.at + span.at, ..span }, made, found.bad));
                    is_damaged
                };
                for span in record::spans(&chunk) {
                    let is_damaged = take(span);
                    if is_damaged && chunk.spans.is_some() {
                        let inner = record::swallowed(&chunk.bytes[at(span)]);
                        for inner in inner {
                            take(Span { at: span.at + inner.at, ..inner });
                        }
                    }
                }
                Raw::Records { records, read_to: chunk.at + chunk.bytes.len() as u64 }
            }
        };
        if tell.send(raw).is_err() {
            return;
        }
    }
}

/// Cuts one input.
fn cut(input: &Input, send: &mut impl FnMut(Job) -> Result<(), Stop>) -> Result<(), Stop> {
    let begun = begin(input).and_then(|begun| Ok((begun.file.try_clone()?, begun)));
    let (file, Begun { mut cutter, head, length, file: kept }) = match begun {
        Ok(begun) => begun,
        Err(error) => return send(Job::Failed(error)),
    };
    send(Job::Begun { file: kept, head })?;
    loop {
        match cutter.next() {
            Ok(Some(chunk)) => send(Job::Chunk(chunk))?,
            Ok(None) => break,
            Err(error) => return send(Job::Failed(FileError::Read(error))),
        }
    }
    let end = cutter.end();
    send(Job::Ended(Ending {
        is_cut: end.is_cut,
        has_grown: input::has_grown(&file, length),
        sha256: end.digest.map(|digest| crate::export::hex(&digest)),
    }))
}
