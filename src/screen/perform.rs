//! Performs the effects that the model returns. Results are sent back to the model as messages.

use std::path::PathBuf;
use std::time::Duration;

use super::inbox::Inbox;
use super::keeper::Keeper;
use super::paint::has_hung_up;
use super::reading::Reading;
use super::recorder::{Recorder, RecordingWriter};
use super::snapshot::{last_snapshot, start_saver, take_snapshot};
use crate::clock::Clock;
use crate::exit::{Exit, Signal};
use crate::model::{Copied, Effect, LookUp, Model, Msg, Notice};
use crate::run::{Auto, Feed, LookUps, NoteStore, Records, Saver, Supply, recording_name};
use crate::tui::clipboard::{self, Between};
use crate::tui::{Device, Screen};
use crate::view::Theme;

/// Performs the model's effects.
#[derive(Debug)]
pub struct Performer {
    /// The journal's feed, or `None` if rows come from files.
    pub feed: Option<Feed>,
    /// The folder for snapshots.
    pub snapshots: PathBuf,
    /// The settings for automatic snapshots.
    pub auto: Auto,
    /// The way that copied text reaches the terminal, or `None` if copying is off.
    pub clipboard: Option<Between>,
    /// Where the last messages are written when the screen ends; `None` for nowhere.
    pub record_to: Option<PathBuf>,
    /// The worker that stores marks, filters and the place.
    keeper: Option<Keeper>,
    /// The worker that reads consents for the detail.
    reading: Option<Reading>,
    /// The look-ups of full events, started on first use.
    lookups: Option<LookUps>,
    /// The file that is being written, if any.
    saver: Option<Saver>,
    recordings: RecordingWriter,
}

/// The parts of the loop that effects read and change.
pub(super) struct Stage<'a, D: Device, S> {
    pub(super) model: &'a Model,
    pub(super) theme: &'a Theme,
    pub(super) clock: &'a Clock,
    pub(super) screen: &'a mut Screen<D>,
    pub(super) source: &'a S,
    pub(super) inbox: &'a mut Inbox,
    pub(super) recorder: &'a Recorder,
}

impl Performer {
    /// Creates a performer without workers.
    pub fn new(feed: Option<Feed>, snapshots: PathBuf, auto: Auto, clipboard: Option<Between>) -> Self {
        Self {
            feed,
            snapshots,
            auto,
            clipboard,
            record_to: None,
            keeper: None,
            reading: None,
            lookups: None,
            saver: None,
            recordings: RecordingWriter::default(),
        }
    }

    /// Starts the workers that read consents and store notes.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the system cannot start a thread.
    pub(super) fn start_workers(
        &mut self,
        records: Box<dyn Records>,
        notes: Box<dyn NoteStore>,
    ) -> Result<(), String> {
        let fail = |error: std::io::Error| format!("The screen cannot start its workers: {error}.");
        self.reading = Some(Reading::start(records).map_err(fail)?);
        self.keeper = Some(Keeper::start(notes).map_err(fail)?);
        Ok(())
    }

    /// Returns whether an answer of the workers that read consents and store notes is outstanding.
    pub fn is_busy(&self) -> bool {
        self.recordings.is_busy()
            || self.reading.as_ref().is_some_and(Reading::is_busy)
            || self.keeper.as_ref().is_some_and(Keeper::is_busy)
    }

    /// Returns the time until which a frame waits for the detail that is being read.
    pub(super) fn frame_at(&self) -> Option<Duration> {
        self.reading.as_ref().and_then(Reading::frame_at)
    }

    /// Passes a message that the model is about to get to the notes worker.
    pub(super) fn saw(&mut self, msg: &Msg, clock: &Clock) {
        if let Some(keeper) = &mut self.keeper {
            keeper.saw(msg, clock);
        }
    }

    /// Checks whether another screen changed a mark, and stores the place.
    pub(super) fn look(&mut self, model: &Model, clock: &Clock) {
        if let Some(keeper) = &mut self.keeper {
            keeper.look(clock);
            keeper.keep_place(model.place(), clock);
        }
    }

    /// Stores the place, and waits until all notes are stored. Returns a sentence if something was not stored.
    pub(super) async fn finish_notes(&mut self, model: &Model, clock: &Clock) -> Option<String> {
        let mut keeper = self.keeper.take()?;
        keeper.keep_place(model.place(), clock);
        keeper.finish(clock).await
    }

    /// Performs one effect. Returns the reason if the loop ends.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the terminal failed.
    pub(super) fn perform<D: Device, S: Supply>(
        &mut self,
        effect: Effect,
        stage: &mut Stage<'_, D, S>,
    ) -> Result<Option<Exit>, String> {
        let answer = match effect {
            Effect::Read(seq) => {
                if let Some(reading) = &mut self.reading {
                    reading.record(seq, stage.clock.uptime());
                }
                None
            }
            Effect::ReadBeside { seq, session, transaction } => {
                if let Some(reading) = &mut self.reading {
                    reading.beside(seq, session, transaction, stage.clock.uptime());
                }
                None
            }
            Effect::Mark(seq, note) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.mark(seq, note, stage.clock);
                }
                None
            }
            Effect::Remember(query) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.remember(query, stage.clock);
                }
                None
            }
            Effect::PollNow => match &self.feed {
                Some(feed) => feed.poll_now().map(|words| Msg::Notice(Notice::plain(words))),
                None => Some(offline()),
            },
            Effect::FetchSession(org, seq) => match &self.feed {
                Some(feed) => {
                    feed.fetch_session(org, seq);
                    None
                }
                None => Some(offline()),
            },
            Effect::LookUp(order) => {
                self.look_up(stage.source, order).err().map(|why| Msg::Notice(Notice::bad(why)))
            }
            Effect::ForgetLookUp(number) => {
                if let Some(lookups) = &self.lookups {
                    lookups.forget(number);
                }
                None
            }
            Effect::Save(_) if self.saver.is_some() => {
                let why = "An automatic snapshot is being written. Save again in a moment.";
                Some(Msg::Saved(Notice::plain(why)))
            }
            Effect::Save(order) => {
                let place = (&*self.snapshots, stage.theme);
                match start_saver(place, stage.model, stage.source, stage.clock, order) {
                    Ok(started) => {
                        self.saver = Some(started);
                        None
                    }
                    Err(why) => Some(Msg::Saved(Notice::bad(why))),
                }
            }
            Effect::StopSave => {
                if let Some(saver) = &self.saver {
                    saver.stop();
                }
                None
            }
            Effect::Copy { what, text } => Some(copy(stage.screen, self.clipboard, what, text)),
            Effect::Work => {
                stage.inbox.ask_for_work();
                None
            }
            Effect::Suspend => {
                let resumed = stage.screen.suspend().and_then(|()| stage.screen.resume());
                if has_hung_up(resumed)? {
                    return Ok(Some(Exit::Signal(Signal::HangUp)));
                }
                let size = stage.screen.size();
                Some(Msg::Resize(size.width, size.height))
            }
            Effect::Record => {
                let started = recording_name(&self.snapshots, stage.clock.now()).and_then(|path| {
                    let recording = stage.recorder.recording(stage.model, stage.theme.ascii);
                    self.recordings.start(path, recording).map_err(|error| not_recorded(&error))
                });
                started.err().map(|why| Msg::Notice(Notice::bad(why)))
            }
            Effect::Redraw => {
                stage.screen.clear();
                None
            }
            Effect::Quit => return Ok(Some(Exit::Done)),
            Effect::Interrupt => return Ok(Some(Exit::Signal(Signal::Interrupt))),
        };
        if let Some(answer) = answer {
            stage.inbox.push(answer);
        }
        Ok(None)
    }

    /// Starts a look-up of full events. Starts its thread on first use.
    fn look_up(&mut self, source: &impl Supply, order: LookUp) -> Result<(), String> {
        let fail = |why: String| format!("The filter cannot read full events: {why}");
        if self.lookups.is_none() {
            self.lookups = Some(LookUps::start(source.records()).map_err(|error| fail(error.to_string()))?);
        }
        if let Some(lookups) = &self.lookups {
            lookups.ask(order);
        }
        Ok(())
    }

    /// Starts the automatic snapshot that is due, unless a file is being written.
    pub(super) fn take_due_snapshot<D: Device, S: Supply>(&mut self, stage: &mut Stage<'_, D, S>) {
        if self.saver.is_none() {
            match take_snapshot((&self.snapshots, stage.theme), stage.model, stage.source, stage.clock) {
                Ok(started) => self.saver = Some(started),
                Err(why) => stage.inbox.push(Msg::Notice(Notice::bad(why))),
            }
        }
    }

    /// Takes the snapshot at the end and waits for it. Returns a sentence about its outcome.
    pub(super) async fn take_last_snapshot(
        &self,
        model: &Model,
        theme: &Theme,
        source: &impl Supply,
        clock: &Clock,
    ) -> String {
        let words = last_snapshot(take_snapshot((&self.snapshots, theme), model, source, clock)).await;
        self.auto.thin_out(&self.snapshots, clock);
        words
    }

    /// Waits for the recordings that are being written, then writes the one for the end, if one was asked for. Returns a
    /// sentence about each.
    pub(super) async fn finish_recordings(
        &mut self,
        recorder: &Recorder,
        model: &Model,
        theme: &Theme,
        clock: &Clock,
    ) -> Vec<String> {
        let mut words = self.recordings.finish(clock).await;
        if let Some(path) = self.record_to.take() {
            match self.recordings.start(path, recorder.recording(model, theme.ascii)) {
                Ok(()) => words.extend(self.recordings.finish(clock).await),
                Err(error) => words.push(not_recorded(&error)),
            }
        }
        words
    }

    /// Waits for a worker's answer. Loses nothing when dropped.
    pub(super) async fn heard(&mut self, clock: &Clock) -> Msg {
        let Self { lookups, saver, reading, keeper, recordings, .. } = self;
        let read = async {
            match reading {
                Some(reading) => reading.heard().await,
                None => std::future::pending().await,
            }
        };
        let kept = async {
            match keeper {
                Some(keeper) => keeper.heard(clock).await,
                None => std::future::pending().await,
            }
        };
        let found = async {
            match lookups {
                Some(lookups) => lookups.found().await,
                None => None,
            }
        };
        let told = async {
            match saver {
                Some(saver) => saver.heard().await,
                None => None,
            }
        };
        let msg = tokio::select! {
            biased;
            msg = read => msg,
            msg = kept => msg,
            msg = recordings.heard() => msg,
            Some(msg) = found => msg,
            Some(msg) = told => msg,
        };
        if matches!(msg, Msg::Saved(..)) {
            self.saver = None;
            self.auto.thin_out(&self.snapshots, clock);
        }
        msg
    }
}

fn not_recorded(error: &std::io::Error) -> String {
    format!("The recording was not written: {error}. Try again in a moment.")
}

/// Says that there is nobody to ask.
fn offline() -> Msg {
    Msg::Notice(Notice::bad("These rows come from files, so Okta is not asked."))
}

/// Copies a text to the terminal's clipboard, and returns a message with the result and the size.
fn copy<D: Device>(screen: &mut Screen<D>, clipboard: Option<Between>, what: String, text: String) -> Msg {
    let bytes = text.len();
    let why = match clipboard.map(|between| clipboard::copy(&text, between)) {
        None => "Copying is off ([ui] clipboard). Select the text with the terminal.".to_owned(),
        Some(None) => format!(
            "{bytes} bytes are more than a terminal accepts. Select the text with the terminal, or save it."
        ),
        Some(Some(sequence)) => match screen.send_aside(&sequence) {
            Ok(()) => {
                return Msg::Notice(Notice::plain(format!(
                    "Copied {what}, {bytes} bytes, if the terminal lets programs copy. yv shows the text."
                )));
            }
            Err(error) => format!("The text could not be sent to the terminal: {error}."),
        },
    };
    Msg::NotCopied(Copied { what, text, why })
}
