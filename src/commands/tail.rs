//! `tail`: prints consents as lines.

use std::io::IsTerminal as _;

use super::common::{
    Ended, PATIENCE, announce_target, auto, jitter_seed, length_of, load, log_place, marked, on_runtime,
    query_for_files, query_for_lines, reopen_log, set_lookback, snapshots, start_log, target, usage,
};
use crate::clock::Clock;
use crate::config::When;
use crate::consent::Seq;
use crate::exit::Exit;
use crate::export::Lines;
use crate::flags::{self, Cli, TailFormat};
use crate::run::{self, FileInput, InputOptions, TailOptions};

/// Returns the format from `--format`. The default is text on a terminal and JSON elsewhere.
fn lines_form(flags: &flags::Tail) -> Lines {
    match flags.format {
        Some(TailFormat::Card) => Lines::Card,
        Some(TailFormat::Raw) => Lines::Raw,
        Some(TailFormat::Text) => Lines::Text,
        None if std::io::stdout().is_terminal() => Lines::Text,
        Some(TailFormat::Json) | None => Lines::Json,
    }
}

/// Prints the events in files.
fn tail_files(flags: &flags::Tail) -> Result<Exit, Ended> {
    let now = Clock::system().now();
    run::print_files(&InputOptions {
        inputs: flags.input.iter().map(|name| FileInput::of(name)).collect(),
        format: lines_form(flags),
        since: flags.since.map(|since| since.at(now)),
        until: flags.until.map(|until| until.at(now)),
        filter: query_for_files(flags.filter.as_ref(), now)?,
        limit: flags.limit,
        now,
    })
}

pub(super) fn tail(cli: &Cli, flags: &flags::Tail) -> Result<Exit, Ended> {
    if !flags.input.is_empty() {
        return tail_files(flags);
    }
    let config = load(cli)?;
    let target = target(cli, &config, flags.from.as_ref())?;
    let format = lines_form(flags);
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let when = flags.since.unwrap_or(When::Ago(config.poll.lookback));
        let (since, ago) = (when.at(now), length_of(when));
        let filter = query_for_lines(flags.filter.as_ref(), now)?;
        let marked = marked(target.dir(), false, filter.as_ref())?;
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
                orgs: target.known_orgs(),
                only_these_orgs: target.only_these_orgs(),
                dir: target.dir().to_owned(),
            }),
        };
        announce_target(&target);
        // A relative time is resolved later, against Okta's clock.
        let begin = flags.since.map(|_| since).filter(|_| ago.is_none());
        let mut plan = target.plan(&config, begin, jitter_seed()).map_err(usage)?;
        set_lookback(&mut plan, ago);
        for org in &mut plan.orgs {
            org.poll.to_its_start = flags.once;
            // `tail` does not report the org's readiness.
            org.readiness = None;
        }
        // If this process takes over polling, it must report that nobody listens for the hook.
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
