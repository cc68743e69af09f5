//! `watch`: the screen over the live journal of an org.

use super::common::{
    Ended, announce, auto, env, is_dumb, jitter_seed, length_of, load, log_place, on_runtime, query,
    reopen_log, show, snapshots, start_log, tell, theme, usage,
};
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::model::Origin;
use crate::run::{self, LinearOptions};
use crate::screen::{self, WatchOptions};
use crate::tui;
use crate::tui::clipboard::Between;

pub(super) fn watch(cli: &Cli, flags: &cli::Watch) -> Result<Exit, Ended> {
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
