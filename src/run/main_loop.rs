//! The loop of the screen: messages in, effects out, frames at their pace.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::lines::note;
use super::{Arranged, Auto, Feed, Keeper, LookUps, Saver, Supply, auto_name, file_name};
use crate::clock::Clock;
use crate::exit::{Exit, Signal};
use crate::export::About;
use crate::model::{
    Copied, Effect, Extent, Form, Leaf, LookUp, Mask, Model, Msg, Origin, Query, RowRef, SaveOrder, Zone,
    save_order, update,
};
use crate::tasks::Tasks;
use crate::tui::clipboard::Between;
use crate::tui::{self, Dirty, Due, Input, Keyboard, Pacer, Screen, Setup, Signals, Stop, Tty};
use crate::view::{self, Theme};

/// How the screen begins.
#[derive(Debug)]
pub struct WatchOptions {
    /// The folder of the journal, and of what is kept beside it; nothing if rows come from files.
    pub dir: Option<PathBuf>,
    /// What the person arranged.
    pub arranged: Arranged,
    /// What the title line names.
    pub origin: Origin,
    /// Colours and signs.
    pub theme: Theme,
    /// The zone of times.
    pub zone: Zone,
    /// What hides rows from the start.
    pub filter: Option<Query>,
    /// Whether the time is shown.
    pub clock: bool,
    /// Frames a second while data comes.
    pub max_fps: u32,
    /// Bytes a second that the line to the terminal carries; 0 if that need not be heeded.
    pub bytes_per_second: u32,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// Whether the terminal's window is named.
    pub title: bool,
    /// How copied text gets to the terminal; nothing if it is not to.
    pub clipboard: Option<Between>,
    /// Where snapshots go.
    pub snapshots: PathBuf,
    /// When one is taken without being asked for.
    pub auto: Auto,
    /// Whether to forget where the last screen was left.
    pub fresh: bool,
    /// Whether the terminal may be asked if it shows a bracketed frame at once.
    pub ask_sync: bool,
    /// Ends by itself after this long.
    pub stop_after: Option<Duration>,
}

/// How long it is until the clock on a wall moves its hand.
fn to_next_minute(now: jiff::Timestamp) -> Duration {
    Duration::from_millis(60_000 - now.as_millisecond().rem_euclid(60_000) as u64)
}

/// How often the loop looks whether another screen changed a mark; it costs a look at a number and sends nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Says what to do where the screen has no terminal. Where standard input is `taken` by data, keys come from the
/// controlling terminal.
///
/// # Errors
/// There is none: a sentence for stderr.
pub fn need_terminal(taken: bool) -> Result<(), String> {
    if (taken || std::io::stdin().is_terminal()) && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err("The screen needs a terminal for its input and output. Nothing was started. \
         Use tail where there is none, or ssh -t."
        .to_owned())
}

/// Shows the screen until the person or a signal ends it. The terminal is restored before this returns.
///
/// # Errors
/// The terminal cannot be opened or written to: a sentence for stderr.
pub async fn watch(
    options: WatchOptions,
    feed: Option<&Feed>,
    mut source: impl Supply,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, String> {
    let fail = |error: std::io::Error| unusable(&error);
    let mut signals = Signals::listen().map_err(fail)?;
    let mut screen =
        Screen::open(Setup { sync: false, mouse: options.mouse, title: options.title }).map_err(fail)?;
    tui::install_panic_hook(&screen);
    let hangup = tui::hangup::watch();
    tokio::pin!(hangup);
    let mut keyboard = Keyboard::open().map_err(fail)?;
    let named = screen.set_title(&options.theme.shown(&format!("consentwatch {}", options.origin.org)));
    let begun = named.and_then(|()| if options.ask_sync { screen.ask_sync() } else { Ok(()) });
    match begun {
        Err(error) if tui::hangup::is_hangup(&error) => return Ok(Exit::Signal(Signal::HangUp)),
        begun => begun.map_err(fail)?,
    }
    let size = screen.size();
    let mut model = Model::new(options.origin, options.zone, (size.width, size.height), clock.now());
    model.mask = Mask::with_secret(secret());
    model.has_clock = options.clock;
    options.arranged.apply(&mut model);
    if let Some(filter) = options.filter {
        model.filter_by(filter);
    }
    let mut keeper = options.dir.as_deref().map_or_else(Keeper::fleeting, Keeper::open);
    // What the person does goes before all else: it never waits for more than one message of another kind.
    let (mut typed, mut waiting) = (Vec::new(), VecDeque::new());
    let mut msgs = Vec::new();
    keeper.begin(&mut model, options.fresh, &mut msgs);
    let mut next_look = clock.uptime() + LOOK_EVERY;
    let mut pacer = Pacer::new(options.max_fps).on_line(options.bytes_per_second);
    let mut dirty = Dirty::Key;
    let mut shown = Shown::default();
    let mut more = true;
    let mut is_behind = false;
    let mut lookups = None;
    let mut next_snapshot = options.auto.every.map(|every| clock.uptime() + every);
    let mut saver: Option<Saver> = None;
    let mut next_minute = clock.uptime() + to_next_minute(clock.now());
    let stop_at = options.stop_after.map(|length| clock.uptime() + length);
    let exit = 'screen: loop {
        waiting.extend(msgs.drain(..));
        let is_typed = !typed.is_empty();
        if typed.is_empty() {
            typed.extend(waiting.pop_front());
        }
        for msg in typed.drain(..) {
            let is_key = is_typed || matches!(msg, Msg::Resize(..));
            dirty = dirty.max(if is_key { Dirty::Key } else { Dirty::Data });
            msgs.extend(keeper.saw(&msg));
            for effect in update(&mut model, msg) {
                match effect {
                    Effect::Read(seq) => msgs.push(source.record(seq)),
                    Effect::Mark(seq, note) => msgs.push(keeper.mark(seq, note, clock.now())),
                    Effect::Remember(query) => msgs.extend(keeper.remember(&query)),
                    Effect::PollNow => match feed {
                        Some(feed) => {
                            let words = feed.poll_now();
                            msgs.extend(words.map(|words| Msg::Notice(words.to_owned(), false)));
                        }
                        None => msgs.push(offline()),
                    },
                    Effect::ReadBeside { seq, session, transaction } => {
                        msgs.push(source.beside(seq, session.as_deref(), transaction.as_deref()));
                    }
                    Effect::LookUp(order) => match look_up(&mut lookups, &source, order) {
                        Ok(()) => {}
                        Err(why) => msgs.push(Msg::Notice(why, true)),
                    },
                    Effect::ForgetLookUp(number) => {
                        if let Some(lookups) = &lookups {
                            lookups.forget(number);
                        }
                    }
                    Effect::Save(_) if saver.is_some() => {
                        let why = "A snapshot that was due is being written; save again in a moment.";
                        msgs.push(Msg::Saved(why.to_owned(), false));
                    }
                    Effect::Save(order) => {
                        match start_saver((&options.snapshots, &options.theme), &model, &source, clock, order)
                        {
                            Ok(started) => saver = Some(started),
                            Err(why) => msgs.push(Msg::Saved(why, true)),
                        }
                    }
                    Effect::StopSave => {
                        if let Some(saver) = &saver {
                            saver.stop();
                        }
                    }
                    Effect::Copy { what, text } => {
                        msgs.push(copy(&mut screen, options.clipboard, what, text));
                    }
                    Effect::FetchSession(seq) => match feed {
                        Some(feed) => feed.fetch_session(seq),
                        None => msgs.push(offline()),
                    },
                    Effect::Work => is_behind = true,
                    Effect::Suspend => {
                        if has_hung_up(screen.suspend().and_then(|()| screen.resume()))? {
                            break 'screen Exit::Signal(Signal::HangUp);
                        }
                        let size = screen.size();
                        msgs.push(Msg::Resize(size.width, size.height));
                    }
                    Effect::Redraw => screen.clear(),
                    Effect::Quit => break 'screen Exit::Done,
                    Effect::Interrupt => break 'screen Exit::Signal(Signal::Interrupt),
                }
            }
        }
        let is_idle = msgs.is_empty() && waiting.is_empty();
        // News are shown when all of it is in; what a key did at once.
        let frame = if is_idle || dirty == Dirty::Key { pacer.due(clock.uptime(), dirty) } else { Due::Idle };
        let frame_at = match frame {
            Due::Now => {
                let sent = screen.bytes_written();
                // Told with a frame that is due anyway: by itself it is no news, or a frame would be news of a frame.
                update(&mut model, Msg::Sent(sent));
                screen.set_most(pacer.most(clock.uptime()));
                if has_hung_up(paint(&mut screen, &model, &options.theme, &mut shown))? {
                    break Exit::Signal(Signal::HangUp);
                }
                let bytes = screen.bytes_written() - sent;
                pacer.painted(clock.uptime(), bytes > 0);
                pacer.spent(clock.uptime(), bytes);
                dirty = if screen.is_behind() { Dirty::Data } else { Dirty::None };
                screen.is_behind().then_some(Duration::ZERO)
            }
            Due::At(at) => Some(at),
            Due::Idle => None,
        };
        tokio::select! {
            biased;
            stop = signals.next() => {
                if let Some(stop) = stop {
                    break Exit::Signal(signal_of(stop));
                }
                // The system wakes whoever it hangs up, and the two signals may be seen in either order.
                if has_hung_up(screen.resume())? {
                    break Exit::Signal(Signal::HangUp);
                }
                let size = screen.size();
                msgs.push(Msg::Resize(size.width, size.height));
            }
            () = &mut hangup => break Exit::Signal(Signal::HangUp),
            input = keyboard.next() => {
                if take_input(input, &mut screen, &mut typed) {
                    break Exit::Signal(Signal::HangUp);
                }
                // Keys that wait already go in together: one frame for a held key, not one each.
                while typed.len() < 64 {
                    let Some(input) = keyboard.waiting().await else { break };
                    if take_input(input, &mut screen, &mut typed) {
                        break 'screen Exit::Signal(Signal::HangUp);
                    }
                }
            }
            () = std::future::ready(()), if !is_idle => {}
            _ = clock.sleep_until(frame_at.unwrap_or(Duration::MAX)), if frame_at.is_some() => {}
            () = std::future::ready(()), if more => more = source.pull(&mut msgs),
            () = source.moved(), if !more => more = source.pull(&mut msgs),
            Some(found) = found(&mut lookups) => msgs.push(found),
            Some(heard) = heard(&mut saver) => {
                if matches!(heard, Msg::Saved(..)) {
                    saver = None;
                    options.auto.thin_out(&options.snapshots, clock);
                }
                msgs.push(heard);
            }
            () = std::future::ready(()), if is_behind => {
                is_behind = false;
                msgs.push(Msg::Work);
            }
            _ = clock.sleep_until(next_minute) => {
                next_minute = clock.uptime() + to_next_minute(clock.sure());
                msgs.push(Msg::Minute(clock.sure()));
            }
            _ = clock.sleep_until(next_look) => {
                next_look = clock.uptime() + LOOK_EVERY;
                msgs.extend(keeper.look());
                keeper.keep_place(&model);
            }
            _ = clock.sleep_until(next_snapshot.unwrap_or(Duration::MAX)), if next_snapshot.is_some() => {
                next_snapshot = options.auto.every.map(|every| clock.uptime() + every);
                if saver.is_none() {
                    match take_snapshot((&options.snapshots, &options.theme), &model, &source, clock) {
                        Ok(started) => saver = Some(started),
                        Err(why) => msgs.push(Msg::Notice(why, true)),
                    }
                }
            }
            _ = clock.sleep_until(stop_at.unwrap_or(Duration::MAX)), if stop_at.is_some() => break Exit::Done,
            () = tasks_stopped(tasks) => break Exit::Done,
        }
    };
    // The terminal first: whoever waits for a slow disk waits at a shell.
    let exit = finish(&mut screen, exit);
    keeper.keep_place(&model);
    if options.auto.on_exit {
        let taken = take_snapshot((&options.snapshots, &options.theme), &model, &source, clock);
        note(&last_snapshot(taken).await);
        options.auto.thin_out(&options.snapshots, clock);
    }
    Ok(exit)
}

/// Waits for the snapshot that the end takes, and returns what came of it.
async fn last_snapshot(taken: Result<Saver, String>) -> String {
    let mut saver = match taken {
        Ok(saver) => saver,
        Err(why) => return why,
    };
    while let Some(heard) = saver.heard().await {
        if let Msg::Saved(words, _) = heard {
            return words;
        }
    }
    "The last snapshot was not written.".to_owned()
}

/// Says that there is nobody to ask.
fn offline() -> Msg {
    Msg::Notice("These are files; Okta is not asked for more.".to_owned(), true)
}

/// Says that the terminal cannot be used, and what to do.
fn unusable(error: &std::io::Error) -> String {
    format!("The terminal could not be used: {error}. The screen was not shown. Use tail instead.")
}

/// Whether something failed because nobody is at the other end of the terminal any more: an end, and no failure.
fn has_hung_up(done: std::io::Result<()>) -> Result<bool, String> {
    match done {
        Ok(()) => Ok(false),
        Err(error) if tui::hangup::is_hangup(&error) => Ok(true),
        Err(error) => Err(unusable(&error)),
    }
}

/// Hands a text to the terminal, and says what was copied and how big it is.
fn copy(screen: &mut Screen<Tty>, clipboard: Option<Between>, what: String, text: String) -> Msg {
    let bytes = text.len();
    let why = match clipboard.map(|between| tui::clipboard::copy(&text, between)) {
        None => "Copying is off ([ui] clipboard). Mark it with the terminal's own means.".to_owned(),
        Some(None) => format!(
            "{bytes} bytes are more than a terminal takes. Mark it with the terminal's own means, or save it."
        ),
        Some(Some(sequence)) => match screen.send_aside(&sequence) {
            Ok(()) => {
                return Msg::Notice(
                    format!(
                        "Copied {what}, {bytes} bytes, if the terminal lets programs copy. yv shows it instead."
                    ),
                    false,
                );
            }
            Err(error) => format!("The terminal did not take it: {error}."),
        },
    };
    Msg::NotCopied(Copied { what, text, why })
}

/// A number that nobody knows, for the pseudonyms of this run.
fn secret() -> [u64; 2] {
    let random = || RandomState::new().hash_one("consentwatch");
    [random(), random()]
}

/// Has rows looked into; the thread for it is started when it is first needed.
fn look_up(lookups: &mut Option<LookUps>, source: &impl Supply, order: LookUp) -> Result<(), String> {
    let fail = |why: String| format!("The filter cannot look into whole events: {why}");
    if lookups.is_none() {
        let records = source.records().map_err(fail)?;
        *lookups = Some(LookUps::start(records).map_err(|error| fail(error.to_string()))?);
    }
    if let Some(lookups) = lookups {
        lookups.ask(order);
    }
    Ok(())
}

/// Starts to write what the screen asks for.
fn start_saver(
    (folder, theme): (&Path, &Theme),
    model: &Model,
    source: &impl Supply,
    clock: &Clock,
    order: SaveOrder,
) -> Result<Saver, String> {
    let now = clock.now();
    let path = file_name(folder, now, order.form.words().0)?;
    start_saver_at(path, now, theme, model, source, order)
}

/// Starts to write a snapshot of every row, which nobody asked for at this moment.
fn take_snapshot(
    (folder, theme): (&Path, &Theme),
    model: &Model,
    source: &impl Supply,
    clock: &Clock,
) -> Result<Saver, String> {
    let now = clock.now();
    let order = save_order(model, Form::Json, Extent::All);
    start_saver_at(auto_name(folder, now)?, now, theme, model, source, order)
}

fn start_saver_at(
    path: PathBuf,
    now: jiff::Timestamp,
    theme: &Theme,
    model: &Model,
    source: &impl Supply,
    order: SaveOrder,
) -> Result<Saver, String> {
    let readiness = model
        .board
        .readiness
        .as_ref()
        .and_then(|readiness| serde_json::value::to_raw_value(&**readiness).ok());
    let about = About {
        org: model.origin.org.clone(),
        created: now,
        filter: order.filter.clone(),
        extent: order.extent.word(),
        since: None,
        until: None,
        coverage: model.coverage.clone(),
        readiness,
        board: Some(model.board.clone()),
        screen: Some(screen_text(model, theme)),
    };
    let records = source.records()?;
    Saver::start(path, order, about, records).map_err(|error| format!("Nothing was written: {error}."))
}

/// What the screen shows, as text.
fn screen_text(model: &Model, theme: &Theme) -> String {
    let (width, height) = model.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(model, theme, &mut buffer);
    let mut lines = Vec::new();
    for y in 0..height {
        let (mut line, mut covered) = (String::new(), 0);
        for x in 0..width {
            let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
            // What is two columns wide covers the cell behind it.
            if covered == 0 {
                line.push_str(symbol);
                covered = view::text::width(symbol).saturating_sub(1);
            } else {
                covered -= 1;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

async fn heard(saver: &mut Option<Saver>) -> Option<Msg> {
    match saver {
        Some(saver) => saver.heard().await,
        None => None,
    }
}

async fn found(lookups: &mut Option<LookUps>) -> Option<Msg> {
    match lookups {
        Some(lookups) => lookups.found().await,
        None => None,
    }
}

async fn tasks_stopped(tasks: &Tasks) {
    tasks.stopping().cancelled().await;
}

/// Takes one input in and returns whether the terminal is gone.
fn take_input(input: Input, screen: &mut Screen<Tty>, msgs: &mut Vec<Msg>) -> bool {
    match input {
        Input::Key(chord) => msgs.push(Msg::Key(chord)),
        Input::Click(column, row) => msgs.push(Msg::Click(column, row)),
        Input::Wheel(down) => msgs.push(Msg::Wheel { down }),
        Input::Paste(text) => msgs.push(Msg::Paste(text)),
        Input::Resize(width, height) => {
            screen.set_size(width, height);
            msgs.push(Msg::Resize(width, height));
        }
        Input::Sync(knows) => screen.set_sync(knows),
        Input::Gone => return true,
    }
    false
}

/// What of the list stood on the screen, to tell whether it moved as a whole.
#[derive(Default)]
struct Shown {
    area: Rect,
    rows: Vec<RowRef>,
}

/// Paints a frame. Where the lines of the list only moved, the terminal is told to move them: one new row of a
/// following list then costs some hundred bytes in place of several thousand.
fn paint(screen: &mut Screen<Tty>, model: &Model, theme: &Theme, shown: &mut Shown) -> std::io::Result<()> {
    let area = model.regions().list;
    let is_list = model.overlay.is_none() && model.leaf == Leaf::Consents;
    let is_whole = is_list && area.width == model.size.0;
    let rows =
        if is_whole { model.list.window(&model.rows, usize::from(area.height)).rows } else { Vec::new() };
    let up = if is_whole && area == shown.area { moved_up(&shown.rows, &rows) } else { 0 };
    *shown = Shown { area, rows };
    screen.paint_scrolled(area.y, area.height, up, |buffer| view::draw(model, theme, buffer))
}

/// By how many lines most rows moved up; negative is down, 0 is not at all or not as a whole.
fn moved_up(before: &[RowRef], now: &[RowRef]) -> i16 {
    let shift = |first: &[RowRef], second: &[RowRef]| {
        let by = second.first().and_then(|row| first.iter().position(|other| other == row))?;
        let kept = first.len() - by;
        // Less than half is cheaper to write anew than to move and mend.
        (by > 0 && kept * 2 > first.len() && second.starts_with(first.get(by..)?)).then_some(by as i16)
    };
    shift(before, now).or_else(|| shift(now, before).map(|by| -by)).unwrap_or(0)
}

/// Gives the terminal back. A terminal that is gone cannot be given back, and that is no fault of ours.
fn finish(screen: &mut Screen<Tty>, exit: Exit) -> Exit {
    if let Err(error) = screen.leave() {
        tracing::warn!(%error, "The terminal could not be restored.");
    }
    exit
}

fn signal_of(stop: Stop) -> Signal {
    match stop {
        Stop::Interrupt => Signal::Interrupt,
        Stop::Terminate => Signal::Terminate,
        Stop::Hangup => Signal::HangUp,
    }
}

/// Returns the two zones that the zone key turns between, for the name that the configuration has.
///
/// # Errors
/// The name is not `utc`, `local` or a zone of the IANA database.
pub fn zone(name: &str) -> Result<Zone, String> {
    let local = TimeZone::system();
    let local_name = local.iana_name().unwrap_or("local").to_owned();
    let (shown, name) = match name {
        "utc" => (TimeZone::UTC, "UTC".to_owned()),
        "local" => (local.clone(), local_name.clone()),
        other => {
            // What stands in a wrong place may be a secret, so it is not quoted.
            let zone = TimeZone::get(other).map_err(|_| {
                "ui.time_zone is no zone. Write utc, local or a name such as Europe/Vienna.".to_owned()
            })?;
            (zone, other.to_owned())
        }
    };
    let (other, other_name) =
        if name == "UTC" { (local, local_name) } else { (TimeZone::UTC, "UTC".to_owned()) };
    Ok(Zone { shown, name, other, other_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_is_gone_is_an_end_and_no_failure() {
        let refused = |code: rustix::io::Errno| Err(std::io::Error::from_raw_os_error(code.raw_os_error()));
        for gone in [rustix::io::Errno::IO, rustix::io::Errno::NXIO, rustix::io::Errno::PIPE] {
            assert_eq!(has_hung_up(refused(gone)), Ok(true));
        }
        assert_eq!(has_hung_up(Ok(())), Ok(false));
        let words = has_hung_up(refused(rustix::io::Errno::NOSPC)).unwrap_err();
        assert!(words.contains("Use tail instead."), "{words}");
    }

    #[test]
    fn a_zone_that_is_none_is_not_quoted() {
        let words = zone("correct horse battery").unwrap_err();
        assert!(words.contains("ui.time_zone") && !words.contains("horse"), "{words}");
        assert_eq!(zone("Europe/Vienna").unwrap().name, "Europe/Vienna");
    }

    #[test]
    fn a_list_that_moves_as_a_whole_is_told_from_one_that_changes() {
        let rows = |from: u32, to: u32| (from..to).map(RowRef).collect::<Vec<_>>();
        assert_eq!(moved_up(&rows(0, 10), &rows(1, 11)), 1);
        assert_eq!(moved_up(&rows(3, 13), &rows(1, 11)), -2);
        assert_eq!(moved_up(&rows(0, 10), &rows(0, 10)), 0);
        assert_eq!(moved_up(&rows(0, 10), &rows(8, 18)), 0);
        assert_eq!(moved_up(&[], &rows(0, 10)), 0);
        let mut gap = rows(1, 11);
        gap[4] = RowRef(99);
        assert_eq!(moved_up(&rows(0, 10), &gap), 0);
    }
}
