//! From arguments to an exit: each command in a few lines.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::CommandFactory as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::{self, Cli, ColorWhen, Command, ConfigCommand, DoctorFormat, ExportFormat, TailFormat};
use crate::clock::Clock;
use crate::config::{self, Config, EXAMPLE, Places, When};
use crate::consent::{Seq, Topic};
use crate::exit::{Exit, Signal};
use crate::export::{Lines, Report};
use crate::journal::Settings;
use crate::log;
use crate::model::{Origin, Query};
use crate::okta::hook::Secrets;
use crate::okta::{Credentials, OrgUrl, PollPlan, SigningKey};
use crate::run::{
    self, Archive, Ceiling, ExportOptions, FeedPlan, FileForm, HookPlan, HookTask, Input, InputOptions,
    LinearOptions, Marked, TailOptions, note, print,
};
use crate::safe_file;
use crate::screen::{self, WatchOptions};
use crate::secret::{Secret, SecretError, SecretSource, protect_memory, scrub};
use crate::sim;
use crate::tasks::Tasks;
use crate::tui;
use crate::tui::clipboard::Between;
use crate::tui::{Signals, Stop};
use crate::view::{Color, Theme};

/// Why a command ends before its end, and the sentence for standard error.
type Ended = (Exit, String);

/// How long tasks may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the program. Everything that a person must be told has been told when this returns.
pub fn start(args: impl IntoIterator<Item = OsString>) -> Exit {
    run::set_ascii_only(!crate::view::is_utf8(&env));
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => return misuse(&error),
    };
    if let Err(words) = protect_memory() {
        note(&words);
    }
    let ended = match &cli.command {
        None => watch(&cli, &cli.watch),
        Some(Command::Watch(flags)) => watch(&cli, flags),
        Some(Command::Demo(flags)) => demo(&cli, flags),
        Some(Command::Tail(flags)) => tail(&cli, flags),
        Some(Command::Open(flags)) => open(&cli, flags),
        Some(Command::Doctor(flags)) => doctor(&cli, flags),
        Some(Command::Export(flags)) => export(&cli, flags),
        Some(Command::Backfill(flags)) => backfill(&cli, flags),
        Some(Command::Prune(flags)) => prune(&cli, flags),
        Some(Command::Hook(command)) => hook(&cli, command),
        Some(Command::Config(command)) => configure(&cli, command),
        Some(Command::Sim(flags)) => simulate(flags),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "consentwatch", &mut text);
            printed(&text)
        }
        Some(Command::Man) => {
            let mut text = Vec::new();
            match clap_mangen::Man::new(Cli::command()).render(&mut text) {
                Ok(()) => printed(&text),
                Err(error) => Err((Exit::Failed, format!("The manual cannot be made: {error}."))),
            }
        }
    };
    match ended {
        Ok(exit) => exit,
        Err((exit, words)) => {
            note(&words);
            exit
        }
    }
}

/// Help and version go to standard output and are no misuse.
fn misuse(error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        note(&scrub(text.to_string().trim_end()));
        return Exit::Usage;
    }
    match print(text.to_string().as_bytes()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

fn printed(text: &[u8]) -> Result<Exit, Ended> {
    match print(text) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err((Exit::Failed, format!("Standard output cannot be written: {error}."))),
    }
}

/// Returns a variable. One that is not UTF-8 keeps a mark of that, and is refused where it matters rather than passed
/// over.
fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|text| text.to_string_lossy().into_owned())
}

fn places() -> Places {
    let folders = directories::ProjectDirs::from("", "", "consentwatch");
    Places {
        config: folders.as_ref().map(|folders| folders.config_dir().to_path_buf()),
        data: folders.as_ref().map(|folders| folders.data_dir().to_path_buf()),
        sdk: directories::BaseDirs::new().map(|folders| folders.home_dir().join(".okta/okta.yaml")),
    }
}

fn load(cli: &Cli) -> Result<Config, Ended> {
    config::load(&cli.global.flags(), &env, &places()).map_err(|error| (Exit::Usage, error.to_string()))
}

/// A misuse. Nothing that looks like a secret is shown of what somebody gave.
fn usage(words: impl Into<String>) -> Ended {
    (Exit::Usage, scrub(&words.into()).into_owned())
}

/// Says what a person should know of the org and of the files, once.
fn announce(ready: &run::Ready) {
    for words in ready.note.iter().chain(&ready.warnings) {
        note(words);
    }
}

fn query(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    text.map(|text| {
        Query::parse(text, now.as_millisecond(), &TimeZone::UTC)
            .map_err(|error| usage(format!("--filter: {error}. Nothing was started.")))
    })
    .transpose()
}

/// Reads a filter for lines, of which each is looked at by itself.
fn query_for_lines(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    let query = query(text, now)?;
    match query.as_ref().and_then(Query::screen_field) {
        Some(field) => Err(usage(format!(
            "--filter: {field}: is for the screen, which knows all rows. Nothing was started."
        ))),
        None => Ok(query),
    }
}

/// Reads what is marked, where that is asked for.
fn marked(dir: &std::path::Path, is_wanted: bool, filter: Option<&Query>) -> Result<Marked, Ended> {
    if !is_wanted && !filter.is_some_and(Query::looks_at_marks) {
        return Ok(Marked::default());
    }
    Marked::beside(dir).map_err(|words| (Exit::Failed, words))
}

/// Runs on a runtime of its own, with tasks that end before it does.
fn on_runtime<F>(work: impl FnOnce(Clock, Tasks) -> F) -> Result<Exit, Ended>
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
    // A thread that reads a dead terminal would hold an ordinary end up for ever.
    runtime.shutdown_background();
    result
}

fn start_log(cli: &Cli, default: Option<PathBuf>, has_screen: bool) {
    let Some(path) = cli.global.log_file.clone().or(default) else { return };
    if let Err(error) = log::start(&path, cli.global.log_level, has_screen) {
        note(&format!(
            "No log is written: {error}. The program goes on without one. Name another file with --log-file."
        ));
    }
}

/// Has SIGHUP open the log again where no terminal can hang up, as daemons do: `logrotate` moves the file away.
fn reopen_log(tasks: &Tasks) {
    if tui::is_controlled() {
        return;
    }
    match log::reopen_on_hangup() {
        Ok(work) => tasks.spawn("log", work),
        Err(error) => tracing::warn!(%error, "SIGHUP does not open the log again."),
    }
}

/// Where the log is written if nobody says otherwise. It is begun last: misuse leaves nothing behind.
fn log_place(config: &Config) -> Option<PathBuf> {
    config.data_dir.as_ref().map(|dir| dir.join("consentwatch.log"))
}

fn theme(cli: &Cli, name: &str) -> Theme {
    let color = match cli.global.color {
        ColorWhen::Auto => Color::Auto,
        ColorWhen::Always => Color::Always,
        ColorWhen::Never => Color::Never,
    };
    Theme::choose(name, color, &env, cli.global.ascii)
}

/// The length that is counted back from now, or `None` of a time.
fn length_of(when: When) -> Option<Duration> {
    match when {
        When::Ago(length) => Some(length),
        When::At(_) => None,
    }
}

/// A number that sets the waits of two processes apart; nothing secret hangs on it.
fn jitter_seed() -> u64 {
    u64::from(std::process::id())
}

fn watch(cli: &Cli, flags: &cli::Watch) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let zone = screen::zone(&config.ui.time_zone).map_err(usage)?;
    let arranged = run::arranged(&config).map_err(|error| usage(error.to_string()))?;
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let filter = query(flags.filter.as_ref(), now)?;
        let is_linear = flags.linear || is_dumb();
        if !is_linear {
            screen::need_terminal(false).map_err(|words| (Exit::Failed, words))?;
        }
        announce(&ready);
        let org = ready.org.host().to_owned();
        let ago = flags.since.and_then(length_of);
        let begin = flags.since.map(|since| since.at(now)).filter(|_| ago.is_none());
        let mut plan = ready.plan(&config, begin, jitter_seed()).map_err(usage)?;
        plan.poll.lookback = ago.unwrap_or(plan.poll.lookback);
        start_log(cli, log_place(&config), !is_linear);
        reopen_log(&tasks);
        let dir = plan.dir.clone();
        let (feed, source) =
            run::open(plan, &clock, &tasks).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        if is_linear {
            let org = crate::consent::visible(&org).into_owned();
            let options = LinearOptions { org, filter, stop_after: None, ends_with_commands: false };
            return tell(options, &dir, feed, source, &clock, &tasks).await;
        }
        let options = WatchOptions {
            dir: Some(dir),
            arranged,
            origin: Origin { org: crate::consent::visible(&org).into_owned(), tag: String::new() },
            theme: theme(cli, config.ui.theme),
            zone,
            filter,
            clock: config.ui.clock,
            max_fps: config.ui.max_fps,
            bytes_per_second: config.ui.bytes_per_second,
            mouse: config.ui.mouse,
            title: config.ui.title && tui::may_name(&env),
            clipboard: config.ui.clipboard.then(|| Between::of(&env)),
            snapshots: snapshots(&config),
            auto: auto(&config),
            fresh: flags.fresh,
            ask_sync: tui::may_ask(&env),
            stop_after: None,
        };
        Box::pin(show(options, feed, source, &clock, &tasks)).await
    })
}

/// When snapshots are taken that nobody asks for.
fn auto(config: &Config) -> run::Auto {
    let snapshot = &config.snapshot;
    run::Auto { every: snapshot.every, on_exit: snapshot.on_exit, keep: snapshot.keep as usize }
}

/// Where snapshots go.
fn snapshots(config: &Config) -> PathBuf {
    let data = || config.data_dir.clone().unwrap_or_default().join("snapshots");
    config.snapshot.dir.clone().unwrap_or_else(data)
}

/// Whether the terminal says that it can only print lines.
fn is_dumb() -> bool {
    env("TERM").is_some_and(|term| term == "dumb")
}

async fn tell(
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

async fn show(
    options: WatchOptions,
    feed: run::Feed,
    source: run::Source,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, Ended> {
    let result = Box::pin(screen::watch(options, Some(&feed), source, clock, tasks)).await;
    let all_ended = tasks.finish(PATIENCE).await;
    tracing::info!(all_ended, "The screen is gone; the journal is closed.");
    feed.close().await;
    result.map_err(|words| (Exit::Failed, words))
}

/// The token of the simulated org; it opens nothing else.
const DEMO_TOKEN: &str = "demo-token";
/// The demo polls its own org, whose rate limit it cannot exhaust.
const DEMO_INTERVAL: Duration = Duration::from_secs(2);
/// And probes it as often as it likes.
const DEMO_PROBES: Duration = Duration::from_secs(30);

fn demo(cli: &Cli, flags: &cli::Demo) -> Result<Exit, Ended> {
    let is_linear = flags.linear || is_dumb();
    if !is_linear {
        screen::need_terminal(false).map_err(|words| (Exit::Failed, words))?;
    }
    start_log(cli, None, !is_linear);
    let folder = tempfile::Builder::new().prefix("consentwatch-demo-").tempdir().map_err(|error| {
        (Exit::Failed, format!("No temporary folder can be made: {error}. Nothing was started."))
    })?;
    on_runtime(|clock, tasks| async move {
        reopen_log(&tasks);
        let plan = sim::Plan {
            story: flags.story.clone(),
            seed: flags.seed,
            rate_per_minute: flags.rate,
            token: DEMO_TOKEN.to_owned(),
            ..sim::Plan::default()
        };
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let org = sim::SimOrg::start(listen, plan, &clock, &tasks)
            .await
            .map_err(|error| usage(error.to_string()))?;
        let (url, _) = OrgUrl::parse(&org.url()).map_err(|error| (Exit::Failed, error.to_string()))?;
        let credentials =
            Credentials::ssws(&Secret::new(DEMO_TOKEN)).map_err(|error| (Exit::Failed, error.to_string()))?;
        let secret = Secret::random().ok_or((Exit::Failed, "The system gives no randomness.".to_owned()))?;
        let hook = HookPlan {
            listen,
            path: "/okta/hook".to_owned(),
            secrets: Secrets::new(&secret, None).map_err(|error| (Exit::Failed, error.to_string()))?,
            tls: None,
            ceiling: Ceiling::default(),
        };
        let plan = FeedPlan {
            dir: folder.path().join(url.folder()),
            keep: Settings::default(),
            poll: PollPlan {
                org: url,
                kinds: crate::consent::Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
                topics: Topic::ALL.to_vec(),
                interval: DEMO_INTERVAL,
                lookback: Duration::from_hours(24),
                page_size: 1000,
                rate_share: 0.5,
                since: None,
                to_its_start: false,
                jitter_seed: jitter_seed(),
            },
            names: true,
            credentials,
            renew: None,
            route: run::Route::default(),
            warnings: Vec::new(),
            hook: Some(hook),
            is_hook_left_out: false,
            readiness: Some(run::Probing {
                server: "default".to_owned(),
                public_url: None,
                interval: DEMO_PROBES,
            }),
        };
        let dir = plan.dir.clone();
        let (feed, source) =
            run::open(plan, &clock, &tasks).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let listens_at = feed.listens_at();
        tasks.spawn("demo hook", async move {
            if let Some(url) = listens_at.await {
                org.add_hook(sim::HookPlan::new(url, secret.reveal()));
            }
        });
        if is_linear {
            let org = "a simulated org".to_owned();
            let options =
                LinearOptions { org, filter: None, stop_after: flags.stop_after, ends_with_commands: false };
            return tell(options, &dir, feed, source, &clock, &tasks).await;
        }
        let options = WatchOptions {
            dir: Some(dir),
            arranged: run::Arranged::default(),
            origin: Origin { org: "simulated org".to_owned(), tag: "DEMO".to_owned() },
            theme: theme(cli, "auto"),
            zone: screen::zone("utc").map_err(usage)?,
            filter: None,
            clock: false,
            max_fps: 10,
            bytes_per_second: 0,
            mouse: false,
            title: tui::may_name(&env),
            clipboard: Some(Between::of(&env)),
            snapshots: std::env::current_dir().unwrap_or_default(),
            auto: run::Auto::default(),
            fresh: true,
            ask_sync: tui::may_ask(&env),
            stop_after: flags.stop_after,
        };
        Box::pin(show(options, feed, source, &clock, &tasks)).await
    })
}

/// Shows what files hold. Nothing is started where one of them cannot be.
fn open(cli: &Cli, flags: &cli::Open) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let zone = screen::zone(&config.ui.time_zone).map_err(usage)?;
    let arranged = run::arranged(&config).map_err(|error| usage(error.to_string()))?;
    let inputs: Vec<Input> = flags.files.iter().map(|name| Input::of(name)).collect();
    if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(usage("- is named twice, and standard input can be read once. Nothing was started."));
    }
    if inputs.contains(&Input::Stdin) && std::io::stdin().is_terminal() {
        return Err(usage(
            "- is standard input, and that is the terminal. Nothing was started. Pipe a file into it.",
        ));
    }
    let is_linear = flags.linear || is_dumb();
    if is_linear && inputs.contains(&Input::Stdin) {
        return Err(usage(
            "- is standard input, and that is where commands come from. Nothing was started. \
             tail --input - --format text prints what is piped into it.",
        ));
    }
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let filter = if is_linear {
            query_for_files(flags.filter.as_ref(), now)?
        } else {
            query(flags.filter.as_ref(), now)?
        };
        run::probe_all(&inputs).map_err(|words| (Exit::Failed, format!("{words} Nothing was started.")))?;
        if !is_linear {
            screen::need_terminal(inputs.contains(&Input::Stdin)).map_err(|words| (Exit::Failed, words))?;
        }
        start_log(cli, None, !is_linear);
        reopen_log(&tasks);
        let org = match inputs.as_slice() {
            [one] => one.name(),
            all => format!("{} files", all.len()),
        };
        if is_linear {
            let options = LinearOptions { org, filter, stop_after: None, ends_with_commands: true };
            let mut book = run::FileBook::open(inputs, now).map_err(|words| (Exit::Failed, words))?;
            let exit =
                run::linear(options, &mut book, &clock).await.map_err(|words| (Exit::Failed, words))?;
            return judged(exit, book.troubles());
        }
        let archive = Archive::open(inputs, now).map_err(|words| (Exit::Failed, words))?;
        let troubles = archive.troubles();
        let options = WatchOptions {
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
            snapshots: snapshots(&config),
            auto: run::Auto::default(),
            fresh: true,
            ask_sync: tui::may_ask(&env),
            stop_after: None,
        };
        let exit = Box::pin(screen::watch(options, None, archive, &clock, &tasks))
            .await
            .map_err(|words| (Exit::Failed, words))?;
        let troubles = troubles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        judged(exit, &troubles)
    })
}

/// The end of what was done with files: a failure that names what is wrong with them, if something is.
fn judged(exit: Exit, troubles: &[String]) -> Result<Exit, Ended> {
    match troubles {
        [] => Ok(exit),
        _ if exit != Exit::Done => Ok(exit),
        all => Err((Exit::Failed, all.join("\nconsentwatch: "))),
    }
}

/// The form of lines that was asked for, or the one that fits whoever reads them.
fn lines_form(flags: &cli::Tail) -> Lines {
    match flags.format {
        Some(TailFormat::Card) => Lines::Card,
        Some(TailFormat::Raw) => Lines::Raw,
        Some(TailFormat::Text) => Lines::Text,
        None if std::io::stdout().is_terminal() => Lines::Text,
        Some(TailFormat::Json) | None => Lines::Json,
    }
}

/// Reads a filter for files, beside which nothing is marked.
fn query_for_files(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    let query = query_for_lines(text, now)?;
    if query.as_ref().is_some_and(Query::looks_at_marks) {
        return Err(usage(
            "--filter: mark: is for a journal; nothing is marked in files. Nothing was started.",
        ));
    }
    Ok(query)
}

/// Prints what files hold.
fn tail_files(flags: &cli::Tail) -> Result<Exit, Ended> {
    let now = Clock::system().now();
    run::print_files(&InputOptions {
        inputs: flags.input.iter().map(|name| Input::of(name)).collect(),
        format: lines_form(flags),
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter: query_for_files(flags.filter.as_ref(), now)?,
        limit: flags.limit,
        now,
    })
}

fn tail(cli: &Cli, flags: &cli::Tail) -> Result<Exit, Ended> {
    if !flags.input.is_empty() {
        return tail_files(flags);
    }
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let format = lines_form(flags);
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let when = flags.since.unwrap_or(When::Ago(config.poll.lookback));
        let (since, ago) = (when.at(now), length_of(when));
        let filter = query_for_lines(flags.filter.as_ref(), now)?;
        let marked = marked(&ready.dir, false, filter.as_ref())?;
        let options = TailOptions {
            format,
            since: Some(since),
            ago,
            until: flags.until.map(|until| until.at(now)),
            after: flags.after.map(Seq),
            filter,
            marked,
            once: flags.once,
            allow_unreadable: flags.allow_unreadable,
            updates: flags.updates,
            limit: flags.limit,
            auto: Some(run::AutoPlan {
                auto: auto(&config),
                folder: snapshots(&config),
                org: ready.org.host().to_owned(),
                dir: ready.dir.clone(),
            }),
        };
        announce(&ready);
        // A length is counted back by whoever knows what time it is at Okta.
        let begin = flags.since.map(|_| since).filter(|_| ago.is_none());
        let mut plan = ready.plan(&config, begin, jitter_seed()).map_err(usage)?;
        plan.poll.lookback = ago.unwrap_or(plan.poll.lookback);
        plan.poll.to_its_start = flags.once;
        // Lines say nothing of the org's readiness; doctor does.
        plan.readiness = None;
        // If this process takes over, it must say that nobody listens to the hook.
        plan.is_hook_left_out = flags.no_hook && !flags.once && plan.hook.is_some();
        if flags.once || flags.no_hook {
            plan.hook = None;
        }
        start_log(cli, log_place(&config), false);
        reopen_log(&tasks);
        let (feed, source) =
            run::open(plan, &clock, &tasks).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let result = run::tail(options, &feed, source, &clock).await;
        let all_ended = tasks.finish(PATIENCE).await;
        tracing::info!(all_ended, "The journal is closed.");
        feed.close().await;
        result
    })
}

/// Okta keeps events for so many days (Okta: System Log, retention).
const KEPT_DAYS: u32 = 90;

fn backfill(cli: &Cli, flags: &cli::Backfill) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let goal = flags.since.at(now);
        let days_ago = |days: u32| When::Ago(Duration::from_hours(24 * u64::from(days))).at(now);
        if goal < days_ago(KEPT_DAYS) {
            return Err(usage("--since: at most 90 days: Okta keeps no older events. Nothing was started."));
        }
        if goal >= now {
            return Err(usage("--since: a time that has passed is needed. Nothing was started."));
        }
        announce(&ready);
        let kept = days_ago(config.journal.keep_days);
        if goal < kept {
            note(&format!(
                "The journal keeps {} days (journal.keep_days), so no older history is fetched.",
                config.journal.keep_days
            ));
        }
        let mut plan = ready.plan(&config, None, jitter_seed()).map_err(usage)?;
        plan.names = false;
        plan.hook = None;
        plan.readiness = None;
        start_log(cli, log_place(&config), false);
        reopen_log(&tasks);
        let (feed, source) =
            run::open(plan, &clock, &tasks).await.map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let result = run::backfill(goal.max(kept), &feed, source, &clock, &tasks).await;
        let all_ended = tasks.finish(PATIENCE).await;
        tracing::info!(all_ended, "The journal is closed.");
        feed.close().await;
        result
    })
}

fn hook(cli: &Cli, command: &cli::HookCommand) -> Result<Exit, Ended> {
    let mut config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let task = match command {
        cli::HookCommand::Status => HookTask::Status,
        cli::HookCommand::Register { yes } => HookTask::Register { yes: *yes },
        cli::HookCommand::Verify => HookTask::Verify,
    };
    on_runtime(|clock, _tasks| async move {
        announce(&ready);
        // Nobody listens here, so nothing that a listener needs is read.
        let hook = config.hook.clone();
        config.hook.enabled = false;
        let plan = ready.plan(&config, None, jitter_seed()).map_err(usage)?;
        start_log(cli, None, false);
        run::hook(task, &hook, plan, &clock).await
    })
}

fn prune(cli: &Cli, flags: &cli::Prune) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let (keep_days, keep_rows) = (config.journal.keep_days, config.journal.keep_rows);
    let keep = Settings { keep_days, keep_rows, ..Settings::default() };
    announce(&ready);
    run::prune(&ready.dir, keep, flags.yes, &Clock::system())
}

fn doctor(cli: &Cli, flags: &cli::Doctor) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let is_json = flags.format == DoctorFormat::Json;
    announce(&ready);
    if flags.check {
        return run::check_journal(&ready.dir, is_json);
    }
    on_runtime(|clock, _tasks| async move {
        let plan = ready.doctor(&config, is_json, jitter_seed()).map_err(usage)?;
        start_log(cli, None, false);
        run::doctor(plan, &clock).await
    })
}

fn export(cli: &Cli, flags: &cli::Export) -> Result<Exit, Ended> {
    let form = file_form(flags)?;
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    announce(&ready);
    let now = Clock::system().now();
    let filter = query_for_lines(flags.filter.as_ref(), now)?;
    let marked = marked(&ready.dir, flags.marked, filter.as_ref())?;
    run::export(&ExportOptions {
        org: ready.org.host().to_owned(),
        dir: ready.dir,
        marked_only: flags.marked,
        marked,
        form,
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter,
        output: flags.output.clone().filter(|path| path.as_os_str() != "-"),
        now,
    })
}

/// The form that was asked for, or the one that the file's name ends with.
fn file_form(flags: &cli::Export) -> Result<FileForm, Ended> {
    let ending = flags.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    let by_name = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("json") => ExportFormat::Json,
        Some("csv") => ExportFormat::Csv,
        Some("md" | "markdown") => ExportFormat::Md,
        Some("html" | "htm") => ExportFormat::Html,
        _ => ExportFormat::Jsonl,
    };
    let format = flags.format.unwrap_or(by_name);
    if flags.csv_bom && format != ExportFormat::Csv {
        return Err(usage(
            "--csv-bom is for CSV, and the output has another format. Nothing was written. Add --format csv, or leave \
             --csv-bom out.",
        ));
    }
    Ok(match format {
        ExportFormat::Jsonl => FileForm::Lines(Lines::Json),
        ExportFormat::Json => FileForm::Snapshot,
        ExportFormat::Csv if flags.csv_bom => FileForm::Lines(Lines::CsvMarked),
        ExportFormat::Csv => FileForm::Lines(Lines::Csv),
        ExportFormat::Md => FileForm::Report(Report::Markdown),
        ExportFormat::Html => FileForm::Report(Report::Html),
        ExportFormat::Card => FileForm::Lines(Lines::Card),
        ExportFormat::Raw => FileForm::Lines(Lines::Raw),
        ExportFormat::Ecs => FileForm::Lines(Lines::Ecs),
        ExportFormat::Ocsf => FileForm::Lines(Lines::Ocsf),
    })
}

fn configure(cli: &Cli, command: &ConfigCommand) -> Result<Exit, Ended> {
    match command {
        ConfigCommand::Init { print: true } => printed(EXAMPLE.as_bytes()),
        ConfigCommand::Init { print: false } => init(cli),
        ConfigCommand::Check => {
            let config = load(cli)?;
            let ready = run::ready(&config).map_err(usage)?;
            announce(&ready);
            screen::zone(&config.ui.time_zone).map_err(usage)?;
            run::arranged(&config).map_err(|error| usage(error.to_string()))?;
            let org = ready.org.origin().to_owned();
            ready.plan(&config, None, 0).map_err(usage)?;
            printed(format!("The configuration can be used: {}.\n", crate::consent::visible(&org)).as_bytes())
        }
        ConfigCommand::Show => printed(config::show(&load(cli)?).as_bytes()),
        ConfigCommand::Path => {
            let flags = cli.global.flags();
            let config = config::load(&flags, &env, &places());
            let places = places();
            let named = flags.config.or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
            let file = named.or_else(|| places.config.map(|dir| dir.join("config.toml")));
            let data = config.ok().and_then(|config| config.data_dir).or(flags.data_dir).or(places.data);
            let shown = |path: Option<PathBuf>| {
                path.map_or("none".to_owned(), |path| {
                    crate::consent::visible(&path.to_string_lossy()).into_owned()
                })
            };
            printed(format!("config  {}\ndata    {}\n", shown(file), shown(data)).as_bytes())
        }
    }
}

fn init(cli: &Cli) -> Result<Exit, Ended> {
    let named = cli.global.config.clone().or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
    let path = named
        .or_else(|| places().config.map(|dir| dir.join("config.toml")))
        .ok_or_else(|| usage("No folder for the configuration is known. Give --config FILE."))?;
    let shown = crate::consent::visible(&path.to_string_lossy()).into_owned();
    let trouble = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => usage(format!("{shown} exists and stays as it is.")),
        _ => (Exit::Failed, format!("{shown} cannot be written: {error}.")),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        safe_file::create_folder(folder).map_err(trouble)?;
    }
    let secret_path = path.with_file_name(HOOK_SECRET);
    write_new(&path, EXAMPLE.as_bytes()).map_err(trouble)?;
    let secret = Secret::random().ok_or((Exit::Failed, "The system gives no randomness.".to_owned()))?;
    match write_new(&secret_path, format!("{}\n", secret.reveal()).as_bytes()) {
        // One that is there may be the one that Okta knows.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(trouble(error)),
        _ => {}
    }
    let secret_shown = crate::consent::visible(&secret_path.to_string_lossy()).into_owned();
    printed(
        format!(
            "Written: {shown}. Fill in org.url and one token key, then: consentwatch config check\n\
             A secret for an event hook, should you want one: {secret_shown}\n"
        )
        .as_bytes(),
    )
}

/// The file that the example names as the hook's secret, beside the configuration.
const HOOK_SECRET: &str = "hook-secret";

/// Writes a file that is not there yet, for its owner only.
fn write_new(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = safe_file::create_new(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}

fn simulate(flags: &cli::Sim) -> Result<Exit, Ended> {
    let mut spells = Vec::new();
    for words in &flags.fault {
        let known = || {
            format!(
                "--fault: no fault \"{}\". Known: {} status_404 status_400_E0000053, and other statuses and codes so; each \
                 alone, or with the answers that it shows in, counted from 1: NAME@FROM or NAME@FROM-TO.",
                crate::consent::visible(words),
                sim::Fault::WORDS.join(" ")
            )
        };
        spells.push(sim::Spell::from_words(words).ok_or_else(|| usage(known()))?);
    }
    let shape = sim::Shape::from_word(&flags.org_variant)
        .ok_or_else(|| usage(format!("--org-variant: {}.", sim::Shape::WORDS.join(", "))))?;
    if !flags.listen.ip().is_loopback() {
        return Err(usage("--listen: the simulated org listens on loopback only."));
    }
    let plan = sim::Plan {
        story: flags.story.clone(),
        seed: flags.seed,
        rate_per_minute: flags.rate,
        backlog: flags.backlog,
        token: flags.token.clone(),
        spells,
        variant: shape.variant(),
        shape,
        apps: simulated_app(flags)?.into_iter().collect(),
        is_plain: flags.plain,
        hook: simulated_hook(flags)?,
        ..sim::Plan::default()
    };
    on_runtime(|clock, tasks| async move {
        let mut signals = Signals::listen_to_all().map_err(|error| (Exit::Failed, error.to_string()))?;
        let told = plan.apps.iter().map(app_line).collect::<String>();
        let org =
            sim::SimOrg::start(flags.listen, plan, &clock, &tasks).await.map_err(|error| match error {
                error @ sim::SimError::Listen { .. } => (Exit::Failed, error.to_string()),
                error => usage(format!("{error}. Nothing was started.")),
            })?;
        let mut text = format!("listening on {}\n{told}", org.url());
        for (kind, count) in org.held().into_iter().chain([("total".to_owned(), org.held_total())]) {
            writeln!(text, "{kind} {count}").map_err(|error| (Exit::Failed, error.to_string()))?;
        }
        printed(text.as_bytes())?;
        Ok(Exit::Signal(match signals.stop().await {
            Stop::Interrupt => Signal::Interrupt,
            Stop::Terminate => Signal::Terminate,
            Stop::Hangup => Signal::HangUp,
        }))
    })
}

/// The service app that the flags describe.
fn simulated_app(flags: &cli::Sim) -> Result<Option<sim::ServiceApp>, Ended> {
    let (Some(client_id), Some(path)) = (&flags.app, &flags.app_key) else { return Ok(None) };
    let shown = crate::consent::visible(&path.to_string_lossy()).into_owned();
    let bad = |why: String| usage(format!("--app-key: {shown}: {why} Nothing was started."));
    let text = SecretSource::File(path.clone()).read().map_err(|error| match error {
        SecretError::File { source, .. } => bad(format!("{source}.")),
        error => bad(format!("{error}.")),
    })?;
    let (public_key, own_id) = if text.reveal().contains("PRIVATE KEY") {
        let key = SigningKey::read(&text, None).map_err(|error| bad(error.to_string()))?;
        (key.public_jwk().to_string(), None)
    } else {
        sim::ServiceApp::read_key(text.reveal(), flags.app_kid.as_deref())
            .map_err(|why| bad(format!("{why}.")))?
    };
    let role = match &flags.app_role {
        None => sim::Role::default(),
        Some(word) => sim::Role::from_word(word)
            .ok_or_else(|| usage(format!("--app-role: {}.", sim::Role::WORDS.join(", "))))?,
    };
    let scopes = match flags.app_scope.as_slice() {
        [] => vec!["okta.logs.read".to_owned()],
        scopes => scopes.to_vec(),
    };
    Ok(Some(sim::ServiceApp {
        client_id: client_id.clone(),
        key_id: flags.app_kid.clone().or(own_id).unwrap_or_else(|| "sim-key".to_owned()),
        public_key,
        scopes,
        role,
        dpop: flags.app_dpop,
    }))
}

/// Says which service app the org takes, in one line.
fn app_line(app: &sim::ServiceApp) -> String {
    let line = format!(
        "service app {} by key {}: scopes {}, role {}, DPoP {}",
        app.client_id,
        app.key_id,
        app.scopes.join(" "),
        app.role.word(),
        if app.dpop { "required" } else { "as it likes" },
    );
    format!("{}\n", crate::consent::visible(&line))
}

/// The event hook that the flags describe.
fn simulated_hook(flags: &cli::Sim) -> Result<Option<sim::HookPlan>, Ended> {
    let (Some(url), Some(secret)) = (&flags.hook_url, &flags.hook_secret) else { return Ok(None) };
    let mut plan = sim::HookPlan::new(url, secret);
    for word in &flags.hook_fault {
        let known = || format!("--hook-fault: {}.", sim::HookFault::WORDS.join(", "));
        plan.faults.insert(sim::HookFault::from_word(word).ok_or_else(|| usage(known()))?);
    }
    Ok(Some(plan))
}
