//! Shows a recording again.

use super::format::{ReadRecording, recorded_text};
use crate::model::{Msg, update};

/// What came of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// The last screen of the replay.
    pub frame: String,
    /// Whether that is the screen that was recorded.
    pub is_same: bool,
    /// How many messages were replayed.
    pub messages: usize,
    /// What a replay of this recording cannot show; a sentence each.
    pub limits: Vec<String>,
}

impl ReadRecording {
    /// Gives a new model every message, and draws the last screen. What the messages ask for is not done: its answers
    /// are among the messages.
    pub fn replay(mut self) -> Replayed {
        let mut model = self.start.clone().model(|rows| self.page(rows));
        let recorded = std::mem::take(&mut self.messages);
        let all = recorded.len();
        let mut limits = Vec::new();
        if !self.is_whole {
            limits.push(
                "It does not begin with the start of the screen, so scroll positions may differ.".to_owned(),
            );
        }
        if self.rows_left_out > 0 {
            limits.push(format!("{} rows were left out of it.", self.rows_left_out));
        }
        if self.hidden_keys > 0 {
            limits.push(format!("{} typed characters are hidden in it.", self.hidden_keys));
        }
        if self.is_changed && self.hidden_keys == 0 {
            limits.push("Texts are hidden in it.".to_owned());
        }
        if self.program != env!("CARGO_PKG_VERSION") {
            let program = crate::consent::visible(&self.program);
            limits.push(format!("consentwatch {program} wrote it, and this is another version."));
        }
        let mut messages = 0;
        for message in recorded {
            if let Some(msg) = message.msg(|rows| self.page(rows), |rows| self.numbers(rows)) {
                update(&mut model, msg);
                messages += 1;
            }
        }
        if messages < all {
            limits.push(format!("Large messages that were left out of it: {}.", all - messages));
        }
        update(&mut model, Msg::Sent(self.sent));
        let frame = recorded_text(&model, self.is_ascii);
        Replayed { is_same: frame == self.frame, frame, messages, limits }
    }
}
