//! Writes a recording, without secrets and without people if they are hidden.

use std::path::Path;

use super::format::{End, Head, ReadRecording, Recording, Rows};
use super::hide;
use super::message::Recorded;
use crate::run::write_new;

impl Recording {
    /// Writes it to a file that must not exist, for its owner only. Either all of it is there afterwards, or nothing.
    /// May take a second; call it from a worker.
    ///
    /// # Errors
    /// The file exists, or cannot be written.
    pub fn write(self, path: &Path) -> std::io::Result<()> {
        let mask = self.mask.clone();
        let read = |text: &str| serde_json::from_str::<Recorded>(text).ok();
        // One that was left out keeps its line.
        let mut messages: Vec<Recorded> =
            self.messages.iter().map(|text| read(text).unwrap_or(Recorded::LeftOut)).collect();
        let hidden_keys = hide::typed(&mut messages, &mask);
        let start = self.head.start.hidden(&mask);
        let start = start.ok_or_else(|| std::io::Error::other("its start cannot be hidden"))?;
        let mut is_changed = mask.is_on()
            || hidden_keys > 0
            || serde_json::to_string(&start)? != serde_json::to_string(&self.head.start)?;
        let mut lines = Vec::new();
        for (message, recorded) in messages.into_iter().zip(&self.messages) {
            let message = hide::message(message, &mask).unwrap_or(Recorded::LeftOut);
            let line = serde_json::to_string(&message)?;
            // One that was left out before is no text that is hidden now.
            is_changed |= !recorded.is_empty() && *line != **recorded;
            lines.push(line);
        }
        let mut head = self.head;
        (head.start, head.hidden_keys, head.is_changed) = (start, hidden_keys, is_changed);
        let rows = self.rows.hidden(&mask);
        let mut out = Vec::new();
        let mut line = |line: &str| {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        };
        line(&serde_json::to_string(&head)?);
        line(&serde_json::to_string(&rows)?);
        for text in &lines {
            line(text);
        }
        // The screen shows what is hidden, so it is drawn from what is left.
        let frame = if is_changed { frame_of(&head, &rows, &lines)? } else { self.frame };
        line(&serde_json::to_string(&End { frame })?);
        write_new(path, &out)
    }
}

/// Returns the last screen of a replay of what is about to be written.
fn frame_of(head: &Head, rows: &Rows, lines: &[String]) -> std::io::Result<String> {
    let mut text = [serde_json::to_string(head)?, serde_json::to_string(rows)?].join("\n");
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text.push_str("\n{\"frame\":\"\"}\n");
    let recording = ReadRecording::parse(&text).map_err(std::io::Error::other)?;
    Ok(recording.replay().frame)
}
