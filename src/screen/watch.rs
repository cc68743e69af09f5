//! Runs the screen on the real terminal.

use std::hash::{BuildHasher as _, RandomState};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::event_loop::{Ends, EventLoop, Pace};
use super::paint::{has_hung_up, unusable};
use super::perform::Performer;
use crate::clock::Clock;
use crate::exit::{Exit, Signal};
use crate::model::{Mask, Model, Origin, Query, Zone};
use crate::run::{Arranged, Auto, Feed, KeptNotes, Supply, note};
use crate::tasks::Tasks;
use crate::tui::clipboard::Between;
use crate::tui::{self, Keyboard, Screen, Setup};
use crate::view::Theme;

/// The options of the screen.
#[derive(Debug)]
pub struct WatchOptions {
    /// The folder of the journal and the notes, or `None` if rows come from files.
    pub dir: Option<PathBuf>,
    /// The user's settings.
    pub arranged: Arranged,
    /// The source that the title line names.
    pub origin: Origin,
    /// The colors and symbols.
    pub theme: Theme,
    /// The time zones to switch between.
    pub zone: Zone,
    /// The filter at the start.
    pub filter: Option<Query>,
    /// Whether the title line shows the time.
    pub clock: bool,
    /// The maximum number of frames per second while data arrives.
    pub max_fps: u32,
    /// The speed of the line to the terminal in bytes per second, or 0 for no limit.
    pub bytes_per_second: u32,
    /// Whether to handle the mouse.
    pub mouse: bool,
    /// Whether to set the title of the terminal's window.
    pub title: bool,
    /// The way that copied text reaches the terminal, or `None` if copying is off.
    pub clipboard: Option<Between>,
    /// The folder for snapshots.
    pub snapshots: PathBuf,
    /// The settings for automatic snapshots.
    pub auto: Auto,
    /// Whether to discard the place of the last session.
    pub fresh: bool,
    /// Whether the terminal may be asked if it supports synchronized frames (mode 2026).
    pub ask_sync: bool,
    /// Where the last messages are written at the end, for a bug report; `None` for nowhere.
    pub record_to: Option<PathBuf>,
    /// The time after which the screen ends by itself, or `None` for never.
    pub stop_after: Option<Duration>,
}

/// Checks that standard input and standard output are a terminal. If `stdin_is_data` is set, the screen reads keys from
/// the controlling terminal, and only standard output is checked.
///
/// # Errors
/// Returns a sentence for stderr if one of them is none.
pub fn need_terminal(stdin_is_data: bool) -> Result<(), String> {
    if (stdin_is_data || std::io::stdin().is_terminal()) && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err("The screen needs a terminal for its input and output. Nothing was started. \
         Use tail instead, or ssh -t."
        .to_owned())
}

/// Shows the screen until the user or a signal ends it. Restores the terminal before it returns.
///
/// # Errors
/// Returns a sentence for stderr if the terminal cannot be opened or written to.
pub async fn watch(
    options: WatchOptions,
    feed: Option<&Feed>,
    source: impl Supply,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, String> {
    let fail = |error: std::io::Error| unusable(&error);
    let mut ends = Ends::of_process().map_err(fail)?;
    let mut screen =
        Screen::open(Setup { sync: false, mouse: options.mouse, title: options.title }).map_err(fail)?;
    tui::install_panic_hook(&screen);
    ends.watch_terminal();
    let keyboard = Keyboard::open().map_err(fail)?;
    let named = screen.set_title(&options.theme.shown(&format!("consentwatch {}", options.origin.org)));
    let begun = named.and_then(|()| if options.ask_sync { screen.ask_sync() } else { Ok(()) });
    if has_hung_up(begun)? {
        return Ok(Exit::Signal(Signal::HangUp));
    }
    let size = screen.size();
    let mut model = Model::new(options.origin, options.zone, (size.width, size.height), clock.now());
    model.mask = Mask::with_secret(secret());
    model.has_clock = options.clock;
    options.arranged.apply(&mut model);
    if let Some(filter) = options.filter {
        model.filter_by(filter);
    }
    let notes = options.dir.as_deref().map_or_else(KeptNotes::fleeting, KeptNotes::open);
    let mut performer = Performer::new(feed.cloned(), options.snapshots, options.auto, options.clipboard);
    performer.record_to = options.record_to;
    let pace = Pace {
        max_fps: options.max_fps,
        bytes_per_second: options.bytes_per_second,
        snapshot_every: options.auto.every,
        stop_after: options.stop_after,
    };
    let mut event_loop = EventLoop::new(
        model,
        options.theme,
        (screen, keyboard, ends),
        source,
        performer,
        pace,
        (clock, tasks),
    );
    event_loop.begin(notes, options.fresh)?;
    let exit = event_loop.run().await;
    // `finish` restores the terminal first, so that the user does not face a frozen screen if the disk is slow.
    event_loop.finish().await.iter().for_each(|words| note(words));
    exit
}

/// Returns a random secret for the pseudonyms of this run.
fn secret() -> [u64; 2] {
    let random = || RandomState::new().hash_one("consentwatch");
    [random(), random()]
}

/// Returns the two zones that the zone key switches between, given the name from the configuration.
///
/// # Errors
/// Fails if the name is not `utc`, `local` or a zone of the IANA database.
pub fn zone(name: &str) -> Result<Zone, String> {
    let local = TimeZone::system();
    let local_name = local.iana_name().unwrap_or("local").to_owned();
    let (shown, name) = match name {
        "utc" => (TimeZone::UTC, "UTC".to_owned()),
        "local" => (local.clone(), local_name.clone()),
        other => {
            // The value is not quoted, because it could be a secret in the wrong place.
            let zone = TimeZone::get(other).map_err(|_| {
                "ui.time_zone is not a time zone. Write utc, local or a name such as Europe/Vienna."
                    .to_owned()
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
    fn a_zone_that_is_none_is_not_quoted() {
        let words = zone("correct horse battery").unwrap_err();
        assert!(words.contains("ui.time_zone") && !words.contains("horse"), "{words}");
        assert_eq!(zone("Europe/Vienna").unwrap().name, "Europe/Vienna");
    }
}
