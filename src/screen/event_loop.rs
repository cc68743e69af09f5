//! The event loop of the screen: passes messages to the model, performs its effects and paints frames.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use super::inbox::Inbox;
use super::paint::{Painted, has_hung_up};
use super::perform::{Performer, Stage};
use super::recorder::Recorder;
use crate::clock::Clock;
use crate::exit::{Exit, Signal};
use crate::model::{Model, Msg, update};
use crate::run::{KeptNotes, NoteStore, Records, Supply};
use crate::tasks::Tasks;
use crate::tui::{self, Device, Dirty, Due, Input, Keyboard, Pacer, Screen, Signals, StopSignal};
use crate::view::Theme;

/// The interval at which the loop checks whether another screen changed a mark. A check reads one number and sends no
/// bytes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The maximum number of keys that are handled before a frame.
const KEYS_MAX: usize = 64;

/// The rates and time limits of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The maximum number of frames per second while data arrives.
    pub max_fps: u32,
    /// The speed of the line to the terminal in bytes per second, or 0 for no limit.
    pub bytes_per_second: u32,
    /// The interval between automatic snapshots, or `None` for none.
    pub snapshot_every: Option<Duration>,
    /// The time after which the loop ends by itself, or `None` for never.
    pub stop_after: Option<Duration>,
}

/// The signals, and the end of the terminal, that end or wake the loop.
pub struct Ends {
    signals: Option<Signals>,
    hangup: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// An event from outside.
enum Outside {
    Ends(Exit),
    /// The process was resumed after a stop.
    Woken,
}

impl Ends {
    /// Returns an instance without any events.
    pub fn none() -> Self {
        Self { signals: None, hangup: Box::pin(std::future::pending()) }
    }

    /// Listens to the signals of the process. From then on, they no longer end the process by themselves.
    ///
    /// # Errors
    /// Fails if the system refuses to install a handler.
    pub fn of_process() -> io::Result<Self> {
        Ok(Self { signals: Some(Signals::listen()?), ..Self::none() })
    }

    /// Also watches for the end of the terminal that keys come from.
    pub fn watch_terminal(&mut self) {
        self.hangup = Box::pin(tui::hangup::watch());
    }

    async fn next(&mut self) -> Outside {
        let signals = async {
            match &mut self.signals {
                Some(signals) => signals.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            stop = signals => stop.map_or(Outside::Woken, |stop| Outside::Ends(Exit::Signal(signal_of(stop)))),
            () = &mut self.hangup => Outside::Ends(Exit::Signal(Signal::HangUp)),
        }
    }
}

/// The event loop that shows a model on a terminal.
pub struct EventLoop<D: Device, S> {
    /// The model that is shown.
    pub model: Model,
    /// The messages that are waiting for the model.
    pub inbox: Inbox,
    /// Performs the model's effects.
    pub performer: Performer,
    screen: Screen<D>,
    keyboard: Keyboard,
    ends: Ends,
    source: S,
    theme: Theme,
    clock: Clock,
    tasks: Tasks,
    pacer: Pacer,
    pace: Pace,
    dirty: Dirty,
    painted: Painted,
    recorder: Recorder,
    has_more: bool,
    next_look: Duration,
    next_minute: Duration,
    next_snapshot: Option<Duration>,
    stop_at: Option<Duration>,
}

/// The reason why the loop woke up.
enum Woke {
    Outside(Outside),
    Typed(Input),
    /// A message is waiting, or a frame is due.
    Again,
    /// The source has new data.
    Moved,
    Heard(Box<Msg>),
    Work,
    Minute,
    Look,
    Snapshot,
    Over,
}

impl<D: Device, S: Supply> EventLoop<D, S> {
    /// Creates a loop. Call [`EventLoop::begin`] and [`EventLoop::run`] to run it. The keyboard must read the terminal
    /// that the screen writes to.
    pub fn new(
        model: Model,
        theme: Theme,
        (screen, keyboard, ends): (Screen<D>, Keyboard, Ends),
        source: S,
        performer: Performer,
        pace: Pace,
        (clock, tasks): (&Clock, &Tasks),
    ) -> Self {
        let up = clock.uptime();
        Self {
            recorder: Recorder::new(&model),
            model,
            inbox: Inbox::default(),
            performer,
            screen,
            keyboard,
            ends,
            source,
            theme,
            pacer: Pacer::new(pace.max_fps).on_line(pace.bytes_per_second),
            dirty: Dirty::Key,
            painted: Painted::default(),
            has_more: true,
            next_look: up + LOOK_EVERY,
            next_minute: up + to_next_minute(clock.now()),
            next_snapshot: pace.snapshot_every.map(|every| up + every),
            stop_at: pace.stop_after.map(|length| up + length),
            pace,
            clock: clock.clone(),
            tasks: tasks.clone(),
        }
    }

    /// Loads the stored marks, filters and place into the model, and starts the workers. If `is_fresh` is set, discards
    /// the place.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the system cannot start a thread.
    pub fn begin(&mut self, mut notes: KeptNotes, is_fresh: bool) -> Result<(), String> {
        let mut msgs = Vec::new();
        notes.begin(&mut self.model, is_fresh, &mut msgs);
        self.recorder.restart(&self.model);
        self.inbox.extend(msgs);
        self.start_workers(self.source.records(), Box::new(notes))
    }

    /// Starts the workers that read consents and store notes.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the system cannot start a thread.
    pub fn start_workers(
        &mut self,
        records: Box<dyn Records>,
        notes: Box<dyn NoteStore>,
    ) -> Result<(), String> {
        self.performer.start_workers(records, notes)
    }

    /// Runs until the user quits, a signal arrives, the tasks end or the time is over.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the terminal failed.
    pub async fn run(&mut self) -> Result<Exit, String> {
        loop {
            if let Some(exit) = self.turn().await? {
                return Ok(exit);
            }
        }
    }

    /// Handles waiting messages, paints a frame if one is due, and waits for the next event. Returns the reason if the
    /// loop ends. The future can be dropped without losing an event.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the terminal failed.
    pub async fn turn(&mut self) -> Result<Option<Exit>, String> {
        if let Some(exit) = self.handle()? {
            return Ok(Some(exit));
        }
        let is_idle = self.inbox.is_empty();
        // Changes by data are painted once no message is waiting; changes by keys at once.
        let frame = if is_idle || self.dirty == Dirty::Key {
            self.pacer.due(self.clock.uptime(), self.dirty)
        } else {
            Due::Idle
        };
        let frame_at = match (frame, self.performer.frame_at()) {
            (Due::Now, Some(at)) if self.clock.uptime() < at => Some(at),
            (Due::Now, _) => {
                if has_hung_up(self.paint())? {
                    return Ok(Some(Exit::Signal(Signal::HangUp)));
                }
                self.screen.is_behind().then_some(Duration::ZERO)
            }
            (Due::At(at), _) => Some(at),
            (Due::Idle, _) => None,
        };
        let woke = self.wait(is_idle, frame_at).await;
        self.take(woke).await
    }

    /// Returns the performer, and the parts of the loop that it uses.
    fn stage(&mut self) -> (&mut Performer, Stage<'_, D, S>) {
        let stage = Stage {
            model: &self.model,
            theme: &self.theme,
            clock: &self.clock,
            screen: &mut self.screen,
            source: &self.source,
            inbox: &mut self.inbox,
            recorder: &self.recorder,
        };
        (&mut self.performer, stage)
    }

    /// Passes waiting messages to the model, and performs the effects that it returns.
    fn handle(&mut self) -> Result<Option<Exit>, String> {
        let (msgs, is_typed) = self.inbox.take();
        for msg in msgs {
            let is_key = is_typed || matches!(msg, Msg::Resize(..));
            self.dirty = self.dirty.max(if is_key { Dirty::Key } else { Dirty::Data });
            self.performer.saw(&msg, &self.clock);
            self.recorder.record(&self.model, &msg);
            for effect in update(&mut self.model, msg) {
                let (performer, mut stage) = self.stage();
                if let Some(exit) = performer.perform(effect, &mut stage)? {
                    return Ok(Some(exit));
                }
            }
        }
        Ok(None)
    }

    fn paint(&mut self) -> io::Result<()> {
        let sent = self.screen.bytes_written();
        // Updated only with a frame that is due anyway. As a normal message, each frame would cause the next one.
        update(&mut self.model, Msg::Sent(sent));
        self.screen.set_frame_budget(self.pacer.frame_budget(self.clock.uptime()));
        self.painted.paint(&mut self.screen, &self.model, &self.theme)?;
        let bytes = self.screen.bytes_written() - sent;
        self.pacer.painted(self.clock.uptime(), bytes > 0);
        self.pacer.spent(self.clock.uptime(), bytes);
        self.dirty = if self.screen.is_behind() { Dirty::Data } else { Dirty::None };
        Ok(())
    }

    async fn wait(&mut self, is_idle: bool, frame_at: Option<Duration>) -> Woke {
        let clock = &self.clock;
        let has_work = self.inbox.has_work();
        tokio::select! {
            biased;
            outside = self.ends.next() => Woke::Outside(outside),
            input = self.keyboard.next() => Woke::Typed(input),
            () = std::future::ready(()), if !is_idle => Woke::Again,
            _ = clock.sleep_until(frame_at.unwrap_or(Duration::MAX)), if frame_at.is_some() => Woke::Again,
            () = std::future::ready(()), if self.has_more => Woke::Moved,
            () = self.source.moved(), if !self.has_more => Woke::Moved,
            msg = self.performer.heard(clock) => Woke::Heard(Box::new(msg)),
            () = std::future::ready(()), if has_work => Woke::Work,
            _ = clock.sleep_until(self.next_minute) => Woke::Minute,
            _ = clock.sleep_until(self.next_look) => Woke::Look,
            _ = clock.sleep_until(self.next_snapshot.unwrap_or(Duration::MAX)),
                if self.next_snapshot.is_some() => Woke::Snapshot,
            _ = clock.sleep_until(self.stop_at.unwrap_or(Duration::MAX)), if self.stop_at.is_some() => Woke::Over,
            () = tasks_stopped(&self.tasks) => Woke::Over,
        }
    }

    async fn take(&mut self, woke: Woke) -> Result<Option<Exit>, String> {
        let up = self.clock.uptime();
        match woke {
            Woke::Outside(Outside::Ends(exit)) => return Ok(Some(exit)),
            Woke::Outside(Outside::Woken) => {
                // On a hangup the system also sends SIGCONT, and the two signals can arrive in either order.
                if has_hung_up(self.screen.resume())? {
                    return Ok(Some(Exit::Signal(Signal::HangUp)));
                }
                let size = self.screen.size();
                self.inbox.push(Msg::Resize(size.width, size.height));
            }
            Woke::Typed(input) => {
                let mut is_gone = self.take_input(input);
                // Handles all waiting keys before a frame, so that a held key does not cause a frame for each repeat.
                while !is_gone && self.inbox.typed() < KEYS_MAX {
                    let Some(input) = self.keyboard.waiting().await else { break };
                    is_gone = self.take_input(input);
                }
                if is_gone {
                    return Ok(Some(Exit::Signal(Signal::HangUp)));
                }
            }
            Woke::Again => {}
            Woke::Moved => {
                let mut msgs = Vec::new();
                self.has_more = self.source.pull(&mut msgs);
                self.inbox.extend(msgs);
            }
            Woke::Heard(msg) => self.inbox.push(*msg),
            Woke::Work => self.inbox.begin_work(),
            Woke::Minute => {
                self.next_minute = up + to_next_minute(self.clock.sure());
                self.inbox.push(Msg::Minute(self.clock.sure()));
            }
            Woke::Look => {
                self.next_look = up + LOOK_EVERY;
                self.performer.look(&self.model, &self.clock);
            }
            Woke::Snapshot => {
                self.next_snapshot = self.pace.snapshot_every.map(|every| up + every);
                let (performer, mut stage) = self.stage();
                performer.take_due_snapshot(&mut stage);
            }
            Woke::Over => return Ok(Some(Exit::Done)),
        }
        Ok(None)
    }

    /// Queues one input, and returns whether the terminal is gone.
    fn take_input(&mut self, input: Input) -> bool {
        match input {
            Input::Key(chord) => self.inbox.push_typed(Msg::Key(chord)),
            Input::Click(column, row) => self.inbox.push_typed(Msg::Click(column, row)),
            Input::Wheel(down) => self.inbox.push_typed(Msg::Wheel { down }),
            Input::Paste(text) => self.inbox.push_typed(Msg::Paste(text)),
            Input::Resize(width, height) => {
                self.screen.set_size(width, height);
                // Several changes may be reported as one. Even if the size is the same as before, the terminal has
                // moved or truncated its contents.
                self.screen.clear();
                self.inbox.push_typed(Msg::Resize(width, height));
            }
            Input::Sync(knows) => self.screen.set_sync(knows),
            Input::Gone => return true,
        }
        false
    }

    /// Restores the terminal, waits until all notes are stored, and takes the last snapshot if it is configured.
    /// Returns sentences about notes that were not stored and about the snapshot.
    pub async fn finish(mut self) -> Vec<String> {
        // Restoring a terminal that is gone fails, which is expected.
        if let Err(error) = self.screen.leave() {
            tracing::warn!(%error, "The terminal could not be restored.");
        }
        let mut words: Vec<String> =
            self.performer.finish_notes(&self.model, &self.clock).await.into_iter().collect();
        words.extend(
            self.performer.finish_recordings(&self.recorder, &self.model, &self.theme, &self.clock).await,
        );
        if self.performer.auto.on_exit {
            words.push(
                self.performer.take_last_snapshot(&self.model, &self.theme, &self.source, &self.clock).await,
            );
        }
        words
    }

    /// Returns the source of the rows.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }
}

async fn tasks_stopped(tasks: &Tasks) {
    tasks.stopping().cancelled().await;
}

/// Returns the time until the next minute begins.
fn to_next_minute(now: jiff::Timestamp) -> Duration {
    Duration::from_millis(60_000 - now.as_millisecond().rem_euclid(60_000) as u64)
}

fn signal_of(stop: StopSignal) -> Signal {
    match stop {
        StopSignal::Interrupt => Signal::Interrupt,
        StopSignal::Terminate => Signal::Terminate,
        StopSignal::Hangup => Signal::HangUp,
    }
}
