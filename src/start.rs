//! From arguments to an exit: each command in a few lines.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::{self, Cli, ColorWhen, Command, ConfigCommand, ExportFormat, TailFormat};
use crate::clock::Clock;
use crate::config::{self, Config, EXAMPLE, Places, When};
use crate::consent::Seq;
use crate::exit::{Exit, Signal};
use crate::export::Lines;
use crate::journal::Settings;
use crate::log;
use crate::model::{Origin, Query};
use crate::okta::{Credentials, OrgUrl, PollPlan};
use crate::run::{self, ExportOptions, FeedPlan, TailOptions, WatchOptions, note, print};
use crate::secret::Secret;
use crate::sim;
use crate::tasks::Tasks;
use crate::tui::{Signals, Stop};
use crate::view::{Color, Theme};

/// Why a command ends before its end, and the sentence for standard error.
type Ended = (Exit, String);

/// How long tasks may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the program. Everything that a person must be told has been told when this returns.
pub fn start(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match cli::parse(args) {
        Ok(cli) => cli,
        Err(error) => return misuse(&error),
    };
    let ended = match &cli.command {
        None => watch(&cli, &cli.watch),
        Some(Command::Watch(flags)) => watch(&cli, flags),
        Some(Command::Demo(flags)) => demo(&cli, flags),
        Some(Command::Tail(flags)) => tail(&cli, flags),
        Some(Command::Export(flags)) => export(&cli, flags),
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
        note(text.to_string().trim_end());
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

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn places() -> Places {
    let folders = directories::ProjectDirs::from("", "", "consentwatch");
    Places {
        config: folders.as_ref().map(|folders| folders.config_dir().to_path_buf()),
        data: folders.as_ref().map(|folders| folders.data_dir().to_path_buf()),
    }
}

fn load(cli: &Cli) -> Result<Config, Ended> {
    config::load(&cli.global.flags(), &env, &places()).map_err(|error| (Exit::Usage, error.to_string()))
}

fn usage(words: impl Into<String>) -> Ended {
    (Exit::Usage, words.into())
}

fn query(text: Option<&String>, now: Timestamp) -> Result<Option<Query>, Ended> {
    text.map(|text| {
        Query::parse(text, now.as_millisecond(), &TimeZone::UTC)
            .map_err(|error| usage(format!("--filter: {error}. Nothing was started.")))
    })
    .transpose()
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

fn start_log(cli: &Cli, default: Option<PathBuf>) {
    let Some(path) = cli.global.log_file.clone().or(default) else { return };
    if let Err(error) = log::start(&path, cli.global.log_level) {
        note(&format!("No log is written: {}: {error}.", crate::consent::visible(&path.to_string_lossy())));
    }
}

fn theme(cli: &Cli, name: &str) -> Theme {
    let color = match cli.global.color {
        ColorWhen::Auto => Color::Auto,
        ColorWhen::Always => Color::Always,
        ColorWhen::Never => Color::Never,
    };
    Theme::choose(name, color, &env, cli.global.ascii)
}

/// A number that sets the waits of two processes apart; nothing secret hangs on it.
fn jitter_seed() -> u64 {
    u64::from(std::process::id())
}

fn watch(cli: &Cli, flags: &cli::Watch) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let zone = run::zone(&config.ui.time_zone).map_err(usage)?;
    start_log(cli, config.data_dir.as_ref().map(|dir| dir.join("consentwatch.log")));
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let filter = query(flags.filter.as_ref(), now)?;
        if let Some(field) = filter.as_ref().and_then(Query::deep_field) {
            return Err(usage(format!(
                "--filter: {field}: is not on the screen yet; use it with tail. Nothing was started."
            )));
        }
        if let Some(words) = &ready.note {
            note(words);
        }
        let org = ready.org.host().to_owned();
        let plan =
            ready.plan(&config, flags.since.map(|since| since.at(now)), jitter_seed()).map_err(usage)?;
        let (feed, source) =
            run::open(plan, &clock, &tasks).map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let options = WatchOptions {
            origin: Origin { org: crate::consent::visible(&org).into_owned(), tag: String::new() },
            theme: theme(cli, config.ui.theme),
            zone,
            filter,
            max_fps: config.ui.max_fps,
            mouse: config.ui.mouse,
            sync: false,
            stop_after: None,
        };
        show(options, feed, source, &clock, &tasks).await
    })
}

async fn show(
    options: WatchOptions,
    feed: run::Feed,
    source: run::Source,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<Exit, Ended> {
    let result = run::watch(options, &feed, source, clock, tasks).await;
    let all_ended = tasks.finish(PATIENCE).await;
    tracing::info!(all_ended, "The screen is gone; the journal is closed.");
    feed.close().await;
    result.map_err(|words| (Exit::Failed, words))
}

/// The token of the simulated org; it opens nothing else.
const DEMO_TOKEN: &str = "demo-token";
/// The demo polls its own org, whose rate limit it cannot exhaust.
const DEMO_INTERVAL: Duration = Duration::from_secs(2);

fn demo(cli: &Cli, flags: &cli::Demo) -> Result<Exit, Ended> {
    start_log(cli, None);
    let folder = tempfile::Builder::new().prefix("consentwatch-demo-").tempdir().map_err(|error| {
        (Exit::Failed, format!("No temporary folder can be made: {error}. Nothing was started."))
    })?;
    on_runtime(|clock, tasks| async move {
        let plan = sim::Plan {
            story: flags.story.clone(),
            seed: flags.seed,
            rate_per_minute: flags.rate,
            token: DEMO_TOKEN.to_owned(),
            // Classic events name the person; those of Identity Engine mostly leave an id that nothing here looks up.
            variant: sim::Variant::Classic,
            ..sim::Plan::default()
        };
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let org = sim::SimOrg::start(listen, plan, &clock, &tasks)
            .await
            .map_err(|error| usage(error.to_string()))?;
        let (url, _) = OrgUrl::parse(&org.url()).map_err(|error| (Exit::Failed, error.to_string()))?;
        let credentials =
            Credentials::ssws(&Secret::new(DEMO_TOKEN)).map_err(|error| (Exit::Failed, error.to_string()))?;
        let plan = FeedPlan {
            dir: folder.path().join(url.folder()),
            keep: Settings::default(),
            poll: PollPlan {
                org: url,
                kinds: crate::consent::Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
                interval: DEMO_INTERVAL,
                lookback: Duration::from_hours(24),
                page_size: 1000,
                rate_share: 0.5,
                since: None,
                until: None,
                jitter_seed: jitter_seed(),
            },
            credentials,
            renew: None,
            ca_file: None,
        };
        let (feed, source) =
            run::open(plan, &clock, &tasks).map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let options = WatchOptions {
            origin: Origin { org: "simulated org".to_owned(), tag: "DEMO".to_owned() },
            theme: theme(cli, "auto"),
            zone: run::zone("utc").map_err(usage)?,
            filter: None,
            max_fps: 10,
            mouse: false,
            sync: false,
            stop_after: flags.stop_after,
        };
        show(options, feed, source, &clock, &tasks).await
    })
}

fn tail(cli: &Cli, flags: &cli::Tail) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    start_log(cli, config.data_dir.as_ref().map(|dir| dir.join("consentwatch.log")));
    let format = match flags.format {
        Some(TailFormat::Card) => Lines::Card,
        Some(TailFormat::Raw) => Lines::Raw,
        Some(TailFormat::Text) => Lines::Text,
        None if std::io::stdout().is_terminal() => Lines::Text,
        Some(TailFormat::Json) | None => Lines::Json,
    };
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let since = flags.since.unwrap_or(When::Ago(config.poll.lookback)).at(now);
        let options = TailOptions {
            format,
            since: Some(since),
            until: flags.until.map(|until| until.at(now)),
            after: flags.after.map(Seq),
            filter: query(flags.filter.as_ref(), now)?,
            once: flags.once,
            updates: flags.updates,
            limit: flags.limit,
        };
        if let Some(words) = &ready.note {
            note(words);
        }
        let plan = ready.plan(&config, flags.since.map(|_| since), jitter_seed()).map_err(usage)?;
        let (feed, source) =
            run::open(plan, &clock, &tasks).map_err(|fault| (Exit::Failed, fault.to_string()))?;
        let result = run::tail(options, &feed, source, &clock).await;
        let all_ended = tasks.finish(PATIENCE).await;
        tracing::info!(all_ended, "The journal is closed.");
        feed.close().await;
        result
    })
}

fn export(cli: &Cli, flags: &cli::Export) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let now = Clock::system().now();
    run::export(ExportOptions {
        dir: ready.dir,
        format: match flags.format {
            ExportFormat::Jsonl => Lines::Json,
            ExportFormat::Card => Lines::Card,
        },
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter: query(flags.filter.as_ref(), now)?,
        output: flags.output.clone().filter(|path| path.as_os_str() != "-"),
    })
}

fn configure(cli: &Cli, command: &ConfigCommand) -> Result<Exit, Ended> {
    match command {
        ConfigCommand::Init { print: true } => printed(EXAMPLE.as_bytes()),
        ConfigCommand::Init { print: false } => init(cli),
        ConfigCommand::Check => {
            let config = load(cli)?;
            let ready = run::ready(&config).map_err(usage)?;
            run::zone(&config.ui.time_zone).map_err(usage)?;
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
        std::fs::create_dir_all(folder).map_err(trouble)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(trouble)?;
    file.write_all(EXAMPLE.as_bytes()).and_then(|()| file.sync_all()).map_err(trouble)?;
    printed(
        format!("Written: {shown}. Fill in org.url and one token key, then: consentwatch config check\n")
            .as_bytes(),
    )
}

fn simulate(flags: &cli::Sim) -> Result<Exit, Ended> {
    let mut faults = Vec::new();
    for word in &flags.fault {
        let known = || {
            format!(
                "--fault: no fault \"{}\". Known: {}.",
                crate::consent::visible(word),
                sim::Fault::WORDS.join(" ")
            )
        };
        faults.push(sim::Fault::from_word(word).ok_or_else(|| usage(known()))?);
    }
    let variant = match flags.org_variant.as_str() {
        "oie" => sim::Variant::Oie,
        "classic" => sim::Variant::Classic,
        _ => return Err(usage("--org-variant: oie or classic.")),
    };
    if !flags.listen.ip().is_loopback() {
        return Err(usage("--listen: the simulated org listens on loopback only."));
    }
    let plan = sim::Plan {
        story: flags.story.clone(),
        seed: flags.seed,
        rate_per_minute: flags.rate,
        backlog: flags.backlog,
        token: flags.token.clone(),
        faults,
        variant,
        ..sim::Plan::default()
    };
    on_runtime(|clock, tasks| async move {
        let mut signals = Signals::listen().map_err(|error| (Exit::Failed, error.to_string()))?;
        let org = sim::SimOrg::start(flags.listen, plan, &clock, &tasks)
            .await
            .map_err(|error| (Exit::Failed, error.to_string()))?;
        let mut text = format!("listening on {}\n", org.url());
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
