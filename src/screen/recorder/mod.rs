//! The flight recorder: the last messages that the model got. A file of them shows a bug again.

mod format;
mod hide;
mod message;
mod replay;
mod start;
mod worker;
mod write;

use std::collections::VecDeque;

pub use format::{ReadRecording, Recording, RecordingError};
pub use replay::Replayed;
pub(super) use worker::RecordingWriter;

use message::Recorded;
use start::Start;

use crate::model::{Model, Msg};

/// Messages that are always kept, once so many have come.
const MESSAGES: usize = 10_000;
/// Messages of one segment. The oldest segment is dropped as a whole, so up to this many more than [`MESSAGES`] are
/// kept.
const SEGMENT: usize = 1000;
/// A message of more bytes than this counts against [`LARGE_BYTES`].
const LARGE: usize = 512;
/// Bytes of large messages that are kept: read consents, and how the sources are. Older ones are left out.
const LARGE_BYTES: usize = 2 << 20;
/// A single message of more bytes than this is left out.
const MESSAGE_BYTES: usize = 256 << 10;

/// Keeps the last messages that the model got, and a state of the screen to begin from.
///
/// Rows are not kept: a message names the range of its rows, and a file takes the rows from the model. Messages need about
/// 1 MB for 10,000 keys and at most about 8 MB. Each of at most 13 segments also holds a copy of all marks with their
/// notes.
#[derive(Debug)]
pub struct Recorder {
    /// Oldest first; never empty.
    segments: VecDeque<Segment>,
    /// Segments that were dropped.
    dropped: usize,
    /// Large messages, oldest first: number of the segment, place in it.
    large: VecDeque<(usize, usize)>,
    large_bytes: usize,
}

#[derive(Debug)]
struct Segment {
    start: Start,
    /// Messages as JSON; empty if one was left out.
    messages: Vec<Box<str>>,
}

impl Recorder {
    /// Begins with the model as it is now.
    pub fn new(model: &Model) -> Self {
        Self {
            segments: VecDeque::from([Segment { start: Start::of(model), messages: Vec::new() }]),
            dropped: 0,
            large: VecDeque::new(),
            large_bytes: 0,
        }
    }

    /// Forgets what was recorded, and begins again with the model as it is now.
    pub fn restart(&mut self, model: &Model) {
        *self = Self::new(model);
    }

    /// Records a message that the model is about to get.
    pub fn record(&mut self, model: &Model, msg: &Msg) {
        let filled = self.segments.back().map_or(0, |segment| segment.messages.len());
        // A state is restored best while nothing is half typed or open over the list.
        if filled >= 2 * SEGMENT || (filled >= SEGMENT && Start::is_exact(model)) {
            self.segments.push_back(Segment { start: Start::of(model), messages: Vec::new() });
            self.drop_old();
        }
        let number = self.dropped + self.segments.len() - 1;
        let Some(segment) = self.segments.back_mut() else { return };
        let text = serde_json::to_string(&Recorded::of(msg, model.prompt.is_some())).unwrap_or_default();
        let text = if text.len() > MESSAGE_BYTES { String::new() } else { text };
        if text.len() > LARGE {
            self.large.push_back((number, segment.messages.len()));
            self.large_bytes += text.len();
        }
        segment.messages.push(text.into());
        self.leave_out_large();
    }

    /// Returns how many messages are kept, those that were left out among them.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|segment| segment.messages.len()).sum()
    }

    /// Whether no message was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what is kept, with the rows that it names and the screen as it is now, to be written by a worker.
    ///
    /// Copies at most 20,000 rows: a few milliseconds.
    pub fn recording(&self, model: &Model, is_ascii: bool) -> Recording {
        let start = self.segments.front().map_or_else(|| Start::of(model), |segment| segment.start.clone());
        let messages = self.segments.iter().flat_map(|segment| segment.messages.iter().cloned()).collect();
        Recording::new(model, start, messages, self.dropped == 0, is_ascii)
    }

    fn drop_old(&mut self) {
        while let Some(oldest) = self.segments.front()
            && self.len() - oldest.messages.len() >= MESSAGES
        {
            let bytes = oldest.messages.iter().filter(|text| text.len() > LARGE).map(|text| text.len());
            self.large_bytes -= bytes.sum::<usize>();
            self.segments.pop_front();
            self.dropped += 1;
            self.large.retain(|(segment, _)| *segment >= self.dropped);
        }
    }

    fn leave_out_large(&mut self) {
        while self.large_bytes > LARGE_BYTES
            && let Some((segment, at)) = self.large.pop_front()
        {
            let segment = segment.checked_sub(self.dropped).and_then(|index| self.segments.get_mut(index));
            if let Some(text) = segment.and_then(|segment| segment.messages.get_mut(at)) {
                self.large_bytes -= std::mem::take(text).len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Chord, Notice, Origin, Zone};

    fn model() -> Model {
        Model::new(Origin::default(), Zone::default(), (80, 24), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_last_ten_thousand_messages_are_kept_and_few_more() {
        let model = model();
        let mut recorder = Recorder::new(&model);
        for _ in 0..50_000 {
            recorder.record(&model, &Msg::Key(Chord::char('j')));
            assert!(recorder.len() <= MESSAGES + 2 * SEGMENT, "{}", recorder.len());
        }
        assert!(recorder.len() >= MESSAGES, "{}", recorder.len());
    }

    #[test]
    fn large_messages_are_bounded_by_their_bytes_and_the_newest_stay() {
        let model = model();
        let mut recorder = Recorder::new(&model);
        let bytes = |recorder: &Recorder| -> usize {
            recorder.segments.iter().flat_map(|segment| &segment.messages).map(|text| text.len()).sum()
        };
        for n in 0..30_000_usize {
            recorder.record(&model, &Msg::Notice(Notice::plain(format!("{n:06} {}", "x".repeat(5000)))));
            assert!(bytes(&recorder) <= LARGE_BYTES);
            assert_eq!(bytes(&recorder), recorder.large_bytes);
        }
        let last = recorder.segments.back().and_then(|segment| segment.messages.last()).expect("a message");
        assert!(last.contains("029999 x"), "{last}");
        recorder.record(&model, &Msg::Notice(Notice::plain("x".repeat(MESSAGE_BYTES))));
        let last = recorder.segments.back().and_then(|segment| segment.messages.last()).expect("a message");
        assert!(last.is_empty(), "one message is never larger than all others");
    }
}
