//! Writes recordings on threads of their own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Recording;
use crate::clock::Clock;
use crate::consent::visible;
use crate::model::{Msg, Notice};
use crate::tasks::start_thread;

/// Recordings that are written at the same time.
const WRITTEN: usize = 4;

/// At the end, a recording has this long.
const PATIENCE: Duration = Duration::from_secs(10);
const LATE: &str = "A recording was not written within 10 seconds. Check the disk of its folder.";

/// Starts a thread for each recording, and hears whether it was written.
#[derive(Debug)]
pub(in crate::screen) struct RecordingWriter {
    tell: mpsc::Sender<Msg>,
    answers: mpsc::Receiver<Msg>,
    under_way: usize,
}

impl Default for RecordingWriter {
    fn default() -> Self {
        let (tell, answers) = mpsc::channel(WRITTEN);
        Self { tell, answers, under_way: 0 }
    }
}

impl RecordingWriter {
    /// Starts to write a recording.
    ///
    /// # Errors
    /// Four are being written, or the system starts no more threads.
    pub(in crate::screen) fn start(&mut self, path: PathBuf, recording: Recording) -> io::Result<()> {
        if self.under_way >= WRITTEN {
            return Err(io::Error::other("four recordings are being written already"));
        }
        let tell = self.tell.clone();
        start_thread("recording", move || {
            let messages = recording.len();
            let name = visible(&path.to_string_lossy()).into_owned();
            let written = catch_unwind(AssertUnwindSafe(|| recording.write(&path)));
            let written =
                written.unwrap_or_else(|_| Err(io::Error::other("a fault of the program; see its log")));
            let notice = match written {
                Ok(()) => Notice::plain(format!(
                    "Wrote the last {messages} messages to {name}. Look through it before you send it."
                )),
                Err(error) => Notice::bad(format!("{name} was not written: {error}. Nothing else was lost.")),
            };
            if tell.blocking_send(Msg::Notice(notice)).is_err() {
                tracing::debug!("The screen ended before it heard of its recording.");
            }
        })?;
        self.under_way += 1;
        Ok(())
    }

    /// Whether an answer is still to come.
    pub(in crate::screen) fn is_busy(&self) -> bool {
        self.under_way > 0
    }

    /// Waits until every recording is written, for at most ten seconds each. Returns a sentence about each.
    pub(in crate::screen) async fn finish(&mut self, clock: &Clock) -> Vec<String> {
        let mut words = Vec::new();
        while self.is_busy() {
            let until = clock.uptime().saturating_add(PATIENCE);
            tokio::select! {
                biased;
                msg = self.heard() => words.extend(match msg {
                    Msg::Notice(notice) => Some(notice.text),
                    _ => None,
                }),
                _ = clock.sleep_until(until) => {
                    self.under_way = 0;
                    words.push(LATE.to_owned());
                }
            }
        }
        words
    }

    /// Waits for an answer. Loses nothing when dropped.
    pub(in crate::screen) async fn heard(&mut self) -> Msg {
        match self.answers.recv().await {
            Some(msg) => {
                self.under_way = self.under_way.saturating_sub(1);
                msg
            }
            None => std::future::pending().await,
        }
    }
}
