//! Several files, read one behind the other: one thread cuts, as many as there are cores read records, and whoever asked
//! gets them in the order of the files.

use std::fs::File;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use jiff::Timestamp;

use super::cut::{Chunk, CutError, Cutter};
use super::head::Head;
use super::input::{self, FileError, Input};
use super::record::{self, Span};
use crate::consent::Consent;

/// What reading brings, in the order of the files.
pub enum Item<T> {
    /// A file was opened; its records can be read again there. A snapshot says something of itself.
    Begun {
        /// Where records lie.
        file: File,
        /// What a snapshot says of itself.
        head: Option<Box<Head>>,
        /// Its bytes, if they are known.
        length: Option<u64>,
    },
    /// Some records of it.
    Records {
        /// Where each lies, with what it held, and why something of it could not be read.
        records: Vec<(Span, Vec<T>, Vec<String>)>,
        /// Up to where the file is read.
        read_to: u64,
    },
    /// It is read.
    Ended(Ending),
    /// It cannot be read; what came of it before stays.
    Failed(FileError),
}

/// How a file ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ending {
    /// In the middle of its array or of a record.
    pub is_cut: bool,
    /// It was written to meanwhile.
    pub has_grown: bool,
    /// The digest over its lines, as hexadecimal digits, if it is a snapshot with a consent on each.
    pub sha256: Option<String>,
}

/// No more is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop;

/// Chunks that wait for each reader; so much memory stands between a fast disk and a slow list.
const WAITING: usize = 4;

enum Job {
    Chunk(Chunk),
    Other(Item<()>),
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
        for result in results.iter().cycle() {
            let Ok(item) = result.recv() else { return Ok(()) };
            take(item)?;
        }
        Ok(())
    })
}

fn work<T>(
    waiting: &Receiver<Job>,
    tell: &SyncSender<Item<T>>,
    received: Timestamp,
    make: &(impl Fn(Consent) -> T + Sync),
) {
    for job in waiting {
        let item = match job {
            Job::Other(Item::Begun { file, head, length }) => Item::Begun { file, head, length },
            Job::Other(Item::Ended(ending)) => Item::Ended(ending),
            Job::Other(Item::Failed(error)) => Item::Failed(error),
            Job::Other(Item::Records { read_to, .. }) => Item::Records { records: Vec::new(), read_to },
            Job::Chunk(chunk) => {
                let records = record::spans(&chunk).into_iter().map(|span| {
                    let at = span.at as usize;
                    let found = record::read(&chunk.bytes[at..at + span.length as usize], received);
                    let made = found.consents.into_iter().map(make).collect();
                    (Span { at: chunk.at + span.at, ..span }, made, found.bad)
                });
                Item::Records { records: records.collect(), read_to: chunk.at + chunk.bytes.len() as u64 }
            }
        };
        if tell.send(item).is_err() {
            return;
        }
    }
}

/// Cuts one input.
fn cut(input: &Input, send: &mut impl FnMut(Job) -> Result<(), Stop>) -> Result<(), Stop> {
    let mut failed = |error| send(Job::Other(Item::Failed(error)));
    let opened = match input::open(input) {
        Ok(opened) => opened,
        Err(error) => return failed(error),
    };
    let length = opened.length;
    let file = match opened.file.try_clone() {
        Ok(file) => file,
        Err(error) => return failed(FileError::Read(error)),
    };
    let (mut cutter, head) = match Cutter::begin(opened.stream) {
        Ok(begun) => begun,
        Err(CutError::Read(error)) => return failed(FileError::Read(error)),
        Err(CutError::Empty) => return failed(FileError::Empty),
        Err(CutError::NotJson) => return failed(FileError::NotJson),
        Err(CutError::Head(why)) => return failed(FileError::Head(why)),
    };
    send(Job::Other(Item::Begun { file: opened.file, head: head.map(Box::new), length }))?;
    loop {
        match cutter.next() {
            Ok(Some(chunk)) => send(Job::Chunk(chunk))?,
            Ok(None) => break,
            Err(error) => return send(Job::Other(Item::Failed(FileError::Read(error)))),
        }
    }
    let end = cutter.end();
    send(Job::Other(Item::Ended(Ending {
        is_cut: end.is_cut,
        has_grown: input::has_grown(&file, length),
        sha256: end.digest.map(|digest| crate::export::hex(&digest)),
    })))
}
