//! Shared by several commands: configuration, log, runtime, filters and shutdown.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::Clock;
use crate::config::{self, Config, GlobalFlags, Places, When};
use crate::exit::Exit;
use crate::flags::{Cli, ColorWhen};
use crate::log;
use crate::model::{Origin, Query, Zone};
use crate::run::{self, FeedPlan, LinearOptions, MarkedEvents, note, print};
use crate::screen::{self, WatchOptions};
use crate::secret::scrub;
use crate::tasks::Tasks;
use crate::tui;
use crate::tui::clipboard::Between;
use crate::view::{Color, Theme};

/// The exit code of a command that failed, and the message for standard error.
pub(super) type Ended = (Exit, String);

/// The time that tasks get to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn printed(text: &[u8]) -> Result<Exit, Ended> {
    match print(text) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err((Exit::Failed, format!("Standard output cannot be written: {error}."))),
    }
}

/// Returns an environment variable. Bytes that are not UTF-8 become U+FFFD, so that a bad value is refused where it is
/// used and not ignored.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

pub(super) fn places() -> Places {
    let folders = directories::ProjectDirs::from("", "", "consentwatch");
    Places {
        config: folders.as_ref().map(|folders| folders.config_dir().to_path_buf()),
        data: folders.as_ref().map(|folders| folders.data_dir().to_path_buf()),
        sdk: directories::BaseDirs::new().map(|folders| folders.home_dir().join(".okta/okta.yaml")),
    }
}

pub(super) fn load(cli: &Cli) -> Result<Config, Ended> {
    config::load(&cli.global.flags(), &env, &places()).map_err(|error| (Exit::Usage, error.to_string()))
}

/// Loads the configuration for a command that reads files. It works on no org, so `--org` does not matter.
pub(super) fn load_for_files(cli: &Cli) -> Result<Config, Ended> {
    let flags = GlobalFlags { org: Vec::new(), ..cli.global.flags() };
    config::load(&flags, &env, &places()).map_err(|error| (Exit::Usage, error.to_string()))
}

/// Makes the error for wrong usage. Anything in the message that looks like a secret is hidden.
pub(super) fn usage(words: impl Into<String>) -> Ended {
    (Exit::Usage, scrub(&words.into()).into_owned())
}

/// Prints notes and warnings about the orgs and the files to standard error.
pub(super) fn announce(ready: &run::Ready) {
    for words in ready.orgs.iter().filter_map(|org| org.note.as_ref()).chain(&ready.warnings) {
        note(words);
    }
}

/// Prints the same notes and warnings about the orgs of the configuration or of a team's server.
pub(super) fn announce_target(target: &run::Target) {
    target.notes().for_each(|words| note(words));
}

/// Returns what a command works on: the orgs of the configuration, or those of the team's server that `from` names.
pub(super) fn target(cli: &Cli, config: &Config, from: Option<&String>) -> Result<run::Target, Ended> {
    if from.is_some() && !cli.global.org.is_empty() {
        return Err(usage(
            "--org does not go with --from, because the address of the team's server names the orgs. Nothing was started. \
             Leave --org out.",
        ));
    }
    run::Target::of(config, from.map(String::as_str)).map_err(usage)
}

/// Parses a filter. Times in it without a zone are UTC.
pub(super) fn query(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    text.map(|text| {
        Query::parse(text, now.as_millisecond(), &TimeZone::UTC)
            .map_err(|error| usage(format!("--filter: {error}. Nothing was started.")))
    })
    .transpose()
}

/// Parses a filter for output in lines, where each row is tested by itself.
pub(super) fn query_for_lines(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    let query = query(text, now)?;
    match query.as_ref().and_then(Query::screen_field) {
        Some((field, why)) => {
            Err(usage(format!("--filter: {field}: works only on the screen, {why}. Nothing was started.")))
        }
        None => Ok(query),
    }
}

/// Parses a filter for files, which have no marks.
pub(super) fn query_for_files(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    let query = query_for_lines(text, now)?;
    if query.as_ref().is_some_and(Query::looks_at_marks) {
        return Err(usage(
            "--filter: mark: works only on a journal, since files have no marks. Nothing was started.",
        ));
    }
    Ok(query)
}

/// Reads the marks if a flag or the filter needs them.
pub(super) fn marked(
    dir: &std::path::Path,
    is_wanted: bool,
    filter: Option<&Query>,
) -> Result<MarkedEvents, Ended> {
    if !is_wanted && !filter.is_some_and(Query::looks_at_marks) {
        return Ok(MarkedEvents::default());
    }
    MarkedEvents::beside(dir).map_err(|words| (Exit::Failed, words))
}

/// Runs a command on a new runtime. Its tasks get [`PATIENCE`] to end.
pub(super) fn on_runtime<F>(work: impl FnOnce(Clock, Tasks) -> F) -> Result<Exit, Ended>
where
    F: Future<Output = Result<Exit, Ended>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| (Exit::Failed, format!("The runtime cannot be started: {error}.")))?;
    let clock = Clock::system();
    let tasks = Tasks::new();
    let result = runtime.block_on(work(clock, tasks.clone()));
    runtime.block_on(async {
        if !tasks.finish(PATIENCE).await {
            tracing::warn!("A task did not end in time.");
        }
    });
    // A thread blocked on a dead terminal would make an ordinary shutdown wait forever.
    runtime.shutdown_background();
    result
}

pub(super) fn start_log(cli: &Cli, default: Option<PathBuf>, has_screen: bool) {
    let Some(path) = cli.global.log_file.clone().or(default) else { return };
    if let Err(error) = log::start(&path, cli.global.log_level, has_screen) {
        note(&format!(
            "No log is written: {error}. The program continues without one. Name another file with --log-file."
        ));
    }
}

/// Makes SIGHUP reopen the log file if there is no controlling terminal, as daemons do for `logrotate`.
pub(super) fn reopen_log(tasks: &Tasks) {
    if tui::is_controlled() {
        return;
    }
    match log::reopen_on_hangup() {
        Ok(work) => tasks.spawn("log", work),
        Err(error) => tracing::warn!(%error, "SIGHUP will not reopen the log."),
    }
}

/// Returns the default path of the log file. Commands open the log last, so that wrong usage leaves no file behind.
pub(super) fn log_place(config: &Config) -> Option<PathBuf> {
    config.data_dir.as_ref().map(|dir| dir.join("consentwatch.log"))
}

pub(super) fn theme(cli: &Cli, name: &str) -> Theme {
    let color = match cli.global.color {
        ColorWhen::Auto => Color::Auto,
        ColorWhen::Always => Color::Always,
        ColorWhen::Never => Color::Never,
    };
    Theme::choose(name, color, &env, cli.global.ascii)
}

/// Returns the duration if the time is relative, or `None` if it is absolute.
pub(super) fn length_of(when: When) -> Option<Duration> {
    match when {
        When::Ago(length) => Some(length),
        When::At(_) => None,
    }
}

/// Sets how far back the log is read at the first start, if it was given.
pub(super) fn set_lookback(plan: &mut FeedPlan, ago: Option<Duration>) {
    for org in &mut plan.orgs {
        org.poll.lookback = ago.unwrap_or(org.poll.lookback);
    }
}

/// Returns a seed that differs between processes, so that they do not wait equally long. It need not be secret.
pub(super) fn jitter_seed() -> u64 {
    u64::from(std::process::id())
}

/// Returns the settings of automatic snapshots.
pub(super) fn auto(config: &Config) -> run::Auto {
    let snapshot = &config.snapshot;
    run::Auto { every: snapshot.every, on_exit: snapshot.on_exit, keep: snapshot.keep as usize }
}

/// Returns the folder for snapshots.
pub(super) fn snapshots(config: &Config) -> PathBuf {
    let data = || config.data_dir.clone().unwrap_or_default().join("snapshots");
    config.snapshot.dir.clone().unwrap_or_else(data)
}

/// Returns where to record to.
///
/// # Errors
/// Something stands there, or its folder is missing: a misuse, told before anything is started.
pub(super) fn record_to(file: Option<&PathBuf>) -> Result<Option<PathBuf>, Ended> {
    let Some(path) = file else { return Ok(None) };
    let name = crate::consent::visible(&path.to_string_lossy()).into_owned();
    if path.symlink_metadata().is_ok() {
        return Err(usage(format!(
            "--record: {name} exists. Nothing was started. Name a file that does not."
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !folder.unwrap_or(Path::new(".")).is_dir() {
        return Err(usage(format!(
            "--record: the folder of {name} is missing. Nothing was started. Make it."
        )));
    }
    Ok(Some(path.clone()))
}

/// The screen as the configuration wants it, over rows that come from no journal.
pub(super) fn screen_options(
    cli: &Cli,
    config: &Config,
    org: String,
    arranged: run::Arranged,
    zone: Zone,
    filter: Option<Query>,
) -> WatchOptions {
    WatchOptions {
        dir: None,
        arranged,
        origin: Origin { org, tag: String::new() },
        theme: theme(cli, config.ui.theme),
        zone,
        filter,
        clock: config.ui.clock,
        max_fps: config.ui.max_fps,
        bytes_per_second: config.ui.bytes_per_second,
        mouse: config.ui.mouse,
        title: config.ui.title && tui::may_name(&env),
        clipboard: config.ui.clipboard.then(|| Between::of(&env)),
        snapshots: snapshots(config),
        auto: run::Auto::default(),
        fresh: true,
        ask_sync: tui::may_ask(&env),
        record_to: None,
        stop_after: None,
    }
}

/// Returns whether the terminal can only print lines (`TERM=dumb`).
pub(super) fn is_dumb() -> bool {
    env("TERM").is_some_and(|term| term == "dumb")
}

/// Runs the linear interface over the journal.
pub(super) async fn tell(
    options: LinearOptions,
    dir: &Path,
    feed: run::Feed,
    source: run::Source,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, Ended> {
    let result = match run::JournalBook::new(dir, &feed, source) {
        Ok(mut book) => run::linear(options, &mut book, clock).await,
        Err(words) => Err(words),
    };
    tasks.finish(PATIENCE).await;
    feed.close().await;
    result.map_err(|words| (Exit::Failed, words))
}

/// Runs the screen over the journal.
pub(super) async fn show(
    options: WatchOptions,
    feed: run::Feed,
    source: run::Source,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, Ended> {
    let result = Box::pin(screen::watch(options, Some(&feed), source, clock, tasks)).await;
    let all_ended = tasks.finish(PATIENCE).await;
    tracing::info!(all_ended, "The screen has ended. The journal is closed next.");
    feed.close().await;
    result.map_err(|words| (Exit::Failed, words))
}

/// Returns the exit of a command on files: failed, with every problem found in the files, or else `exit`.
pub(super) fn judged(exit: Exit, troubles: &[String]) -> Result<Exit, Ended> {
    match troubles {
        [] => Ok(exit),
        _ if exit != Exit::Done => Ok(exit),
        all => Err((Exit::Failed, all.join("\n"))),
    }
}
