//! `replay`: the last screen of a recording.

use std::path::Path;

use super::common::{Ended, printed};
use crate::consent::visible;
use crate::exit::Exit;
use crate::run::note;
use crate::screen::ReadRecording;

/// Replays a recording and prints its last screen. Says what the replay cannot show.
pub(super) fn replay(file: &Path) -> Result<Exit, Ended> {
    let name = visible(&file.to_string_lossy()).into_owned();
    let recording = ReadRecording::read(file)
        .map_err(|error| (Exit::Failed, format!("{name} cannot be replayed. {error}")))?;
    let replayed = recording.replay();
    // The texts of a file from elsewhere are made visible once more.
    let screen: Vec<_> = replayed.frame.split('\n').map(visible).collect();
    let exit = printed(format!("{}\n", screen.join("\n")).as_bytes())?;
    replayed.limits.iter().for_each(|words| note(words));
    if replayed.is_same {
        note(&format!("After {} messages, this is the screen that was recorded.", replayed.messages));
        return Ok(exit);
    }
    let words = format!("After {} messages, this is not the screen that was recorded.", replayed.messages);
    Err((Exit::Failed, words))
}
