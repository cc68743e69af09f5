//! Writes recordings on threads of their own.

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::Recording;
use crate::consent::visible;
use crate::model::Msg;
use crate::tasks::start_thread;

/// Recordings that are written at the same time.
const WRITTEN: usize = 4;

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
            let msg = match recording.write(&path) {
                Ok(()) => Msg::Notice(
                    format!(
                        "Wrote the last {messages} messages to {name}. Look through it before you send it."
                    ),
                    false,
                ),
                Err(error) => {
                    Msg::Notice(format!("{name} was not written: {error}. Nothing else was lost."), true)
                }
            };
            if tell.blocking_send(msg).is_err() {
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
