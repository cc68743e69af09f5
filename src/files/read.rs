//! Reads several files in order. One thread splits them into chunks, up to four threads parse records, and the results
//! come in the order of the files.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;

use super::check::{Check, Ending, Remarked, count};
use super::cut::{Chunk, CutError, Cutter, Span};
use super::head::SnapshotHead;
use super::input::{self, Again, FileError, FileInput, Opened};
use super::record;
use super::unpack::Remarks;
use crate::consent::Consent;

/// A result of reading, in the order of the files. `A` is what `make` built from the consents of some records.
pub enum Item<A> {
    /// A file was opened.
    Begun {
        /// The file in which its records can be read again.
        file: File,
        /// The head, if the file is a snapshot.
        head: Option<Box<SnapshotHead>>,
    },
    /// Some records of the file.
    Records {
        /// The place of each record, and how many consents it held.
        records: Vec<(Span, usize)>,
        /// What `make` built from all of their consents, in this order.
        made: A,
        /// The percentage of all files that is read, if it is known.
        percent: Option<u8>,
    },
    /// An error in the file, as a sentence that names it. Readable records came before.
    Trouble(String),
    /// A remark on a file whose format differs from what Okta or this program writes, as a sentence that names it.
    Note(String),
}

/// An unnamed [`Item`], passed between threads. Freeing memory that another thread allocated is slow, so all records of
/// a chunk share few allocations.
enum Raw<A> {
    Begun {
        file: File,
        head: Option<Box<SnapshotHead>>,
    },
    Records {
        /// The place of each record, and how many consents it held.
        records: Vec<(Span, usize)>,
        made: A,
        /// For each record with errors, its index in `records` and the reasons, in order.
        bad: Vec<(usize, Vec<String>)>,
        remarked: Remarked,
        /// The position up to which the file is read.
        read_to: u64,
    },
    Ended(Ending),
    Failed(FileError),
}

/// The caller wants no more items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop;

/// The most chunks that wait for each reader. This bounds the memory if the disk is faster than the list.
const WAITING: usize = 4;

enum Job {
    Chunk(Chunk),
    Begun { file: File, head: Option<Box<SnapshotHead>> },
    Ended(Ending),
    Failed(FileError),
}

/// Reads all inputs and passes the results to `take`. `make` runs on several threads and adds a consent to the
/// accumulator, which starts empty for each [`Item::Records`]. `again` says whether records are read again later at
/// their places.
///
/// When `take` returns [`Stop`], this returns at once, even if a pipe is open and silent. The threads end when they
/// next have something to pass on, or with the program.
///
/// # Errors
/// Returns [`Stop`] if `take` did.
pub fn read<A: Default + Send + 'static>(
    inputs: &[FileInput],
    again: Again,
    received: Timestamp,
    make: impl Fn(Consent, &mut A) + Send + Sync + 'static,
    mut take: impl FnMut(Item<A>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let readers = thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
    let make = Arc::new(make);
    let (mut jobs, mut results, mut working) = (Vec::new(), Vec::new(), Vec::new());
    let (give_back, given_back) = sync_channel(WAITING);
    for _ in 0..readers {
        let (job, waiting) = sync_channel(WAITING);
        let (tell, result) = sync_channel(WAITING);
        let (make, give_back) = (Arc::clone(&make), give_back.clone());
        jobs.push(job);
        results.push(result);
        working.push(thread::spawn(move || work(&waiting, (&tell, &give_back), received, &*make)));
    }
    let named = inputs.to_vec();
    let cutting = thread::spawn(move || {
        let mut next = jobs.iter().cycle();
        let mut send = |job| next.next().map_or(Err(Stop), |jobs| jobs.send(job).map_err(|_| Stop));
        for input in &named {
            if cut(input, again, &given_back, &mut send).is_err() {
                return;
            }
        }
    });
    // Jobs are handed out round robin, so the results in the same order are in the order of the files.
    let mut progress = Progress::of(inputs);
    for turn in (0..readers).cycle() {
        let Ok(raw) = results[turn].recv() else {
            // This reader has ended, because there is no more or because it panicked. The others may be blocked on
            // sending their results.
            drop(results);
            joined(working.swap_remove(turn));
            joined(cutting);
            return Ok(());
        };
        progress.take(raw, inputs, &mut take)?;
    }
    Ok(())
}

/// Waits for a thread to end, and propagates its panic.
fn joined(thread: JoinHandle<()>) {
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The progress of reading, and the checks of the current file.
struct Progress {
    sizes: Vec<Option<u64>>,
    /// The size of all files, or `None` if the size of one is unknown.
    all: Option<u64>,
    /// The size of the files that are finished.
    before: u64,
    at: usize,
    check: Check,
}

impl Progress {
    fn of(inputs: &[FileInput]) -> Self {
        let sizes: Vec<Option<u64>> = inputs.iter().map(input::size).collect();
        Self { all: sizes.iter().copied().sum(), sizes, before: 0, at: 0, check: Check::default() }
    }

    fn take<A>(
        &mut self,
        raw: Raw<A>,
        inputs: &[FileInput],
        take: &mut impl FnMut(Item<A>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let name = || inputs[self.at].name();
        let troubles = match raw {
            Raw::Begun { file, head } => {
                self.check = Check::new(head.as_deref());
                let remark = head.as_deref().and_then(SnapshotHead::remark);
                take(Item::Begun { file, head })?;
                return remark.map_or(Ok(()), |words| take(Item::Note(format!("{}: {words}", name()))));
            }
            Raw::Records { records, made, bad, remarked, read_to } => {
                let new = self.check.remark(remarked);
                // A pipe may never end, so its remarks are reported at once.
                if inputs[self.at] == FileInput::Stdin {
                    new.into_iter().try_for_each(|words| take(Item::Note(format!("{}: {words}", name()))))?;
                }
                let mut bad = bad.into_iter().peekable();
                for (index, (span, consents)) in records.iter().enumerate() {
                    let why = bad.next_if(|(of, _)| *of == index).map_or_else(Vec::new, |(_, why)| why);
                    self.check.add(*span, *consents, why);
                }
                // Decompressed data is longer than its file.
                let done = self.before + read_to.min(self.sizes[self.at].unwrap_or(0));
                let percent = self.all.map(|all| (done.min(all) * 100 / all.max(1)) as u8);
                return take(Item::Records { records, made, percent });
            }
            Raw::Ended(ending) => {
                let remarks =
                    if inputs[self.at] == FileInput::Stdin { Vec::new() } else { self.check.remarks() };
                let ignored = ending.ignored.iter().map(|words| format!("{words}."));
                for words in remarks.into_iter().chain(ignored) {
                    take(Item::Note(format!("{}: {words}", name())))?;
                }
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

/// Checks that at least one input can be read. Inputs that cannot are reported later, when their turn comes. Standard
/// input is not checked, since that would consume its data, and counts as readable.
///
/// # Errors
/// Returns a sentence for each input if none can be opened or has a known format.
pub fn probe_all(inputs: &[FileInput]) -> Result<(), String> {
    let mut why = Vec::new();
    for input in inputs {
        if *input == FileInput::Stdin {
            return Ok(());
        }
        match begin(input, Again::No) {
            Ok(_) => return Ok(()),
            Err(error) => why.push(format!("{} {error}.", input.name())),
        }
    }
    if why.is_empty() { Ok(()) } else { Err(why.join(" ")) }
}

/// An opened input before its records are read.
struct Begun {
    cutter: Cutter<Box<dyn Read + Send>>,
    head: Option<Box<SnapshotHead>>,
    file: File,
    length: Option<u64>,
    remarks: Remarks,
}

fn begin(input: &FileInput, again: Again) -> Result<Begun, FileError> {
    let Opened { stream, file, length, is_live, remarks } = input::open(input, again)?;
    let (cutter, head) = Cutter::begin(stream, is_live).map_err(|error| match error {
        CutError::Read(error) => FileError::Read(error),
        CutError::Empty => remarks.damage().map_or(FileError::Empty, FileError::Damaged),
        CutError::NotJson => FileError::NotJson,
        CutError::Head(why) => FileError::Head(why),
    })?;
    Ok(Begun { cutter, head: head.map(Box::new), file, length, remarks })
}

fn work<A: Default>(
    waiting: &Receiver<Job>,
    (tell, give_back): (&SyncSender<Raw<A>>, &SyncSender<Vec<u8>>),
    received: Timestamp,
    make: &(impl Fn(Consent, &mut A) + Sync),
) {
    for job in waiting {
        let raw = match job {
            Job::Begun { file, head } => Raw::Begun { file, head },
            Job::Ended(ending) => Raw::Ended(ending),
            Job::Failed(error) => Raw::Failed(error),
            Job::Chunk(chunk) => {
                let at = |span: Span| span.at as usize..span.at as usize + span.length as usize;
                let spans = record::spans(&chunk);
                let (mut records, mut made) = (Vec::with_capacity(spans.len()), A::default());
                let (mut bad, mut remarked) = (Vec::new(), Remarked::new());
                let mut take = |span: Span| {
                    let found = record::read(&chunk.bytes[at(span)], received);
                    let is_damaged = found.consents.is_empty() && !found.bad.is_empty();
                    for remark in found.remarks {
                        count(&mut remarked, remark, 1, chunk.at + span.at);
                    }
                    if !found.bad.is_empty() {
                        bad.push((records.len(), found.bad));
                    }
                    records.push((Span { at: chunk.at + span.at, ..span }, found.consents.len()));
                    found.consents.into_iter().for_each(|consent| make(consent, &mut made));
                    is_damaged
                };
                for span in spans {
                    let is_damaged = take(span);
                    if is_damaged && chunk.spans.is_some() {
                        let inner = record::swallowed(&chunk.bytes[at(span)]);
                        for inner in inner {
                            take(Span { at: span.at + inner.at, ..inner });
                        }
                    }
                }
                let read_to = chunk.at + chunk.bytes.len() as u64;
                // If the queue is full or the splitting thread has ended, the buffer is freed.
                drop(give_back.try_send(chunk.bytes));
                Raw::Records { records, made, bad, remarked, read_to }
            }
        };
        if tell.send(raw).is_err() {
            return;
        }
    }
}

/// Splits one input into chunks, and reuses the buffers of processed chunks.
fn cut(
    input: &FileInput,
    again: Again,
    given_back: &Receiver<Vec<u8>>,
    send: &mut impl FnMut(Job) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let begun = begin(input, again).and_then(|begun| Ok((begun.file.try_clone()?, begun)));
    let (file, Begun { mut cutter, head, length, file: kept, remarks }) = match begun {
        Ok(begun) => begun,
        Err(error) => return send(Job::Failed(error)),
    };
    send(Job::Begun { file: kept, head })?;
    loop {
        for buffer in given_back.try_iter() {
            cutter.reuse(buffer);
        }
        match cutter.next() {
            Ok(Some(chunk)) => send(Job::Chunk(chunk))?,
            Ok(None) => break,
            Err(error) => return send(Job::Failed(FileError::Read(error))),
        }
    }
    let end = cutter.end();
    send(Job::Ended(Ending {
        is_cut: end.is_cut,
        damage: remarks.damage(),
        ignored: remarks.ignored(),
        has_grown: input::has_grown(&file, length),
        sha256: end.digest.map(|digest| crate::export::hex(&digest)),
    }))
}
