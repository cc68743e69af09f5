//! `watch`: the screen on the live journal of an org.

use super::common::{
    Ended, announce_target, auto, is_dumb, jitter_seed, length_of, load, log_place, on_runtime, query,
    record_to, reopen_log, screen_options, set_lookback, show, start_log, target, tell, usage,
};
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, LinearOptions};
use crate::screen::{self, WatchOptions};

pub(super) fn watch(cli: &Cli, flags: &flags::Watch) -> Result<Exit, Ended> {
    let record_to = record_to(flags.record.as_ref())?;
    let config = load(cli)?;
    let target = target(cli, &config, flags.from.as_ref())?;
    let zone = screen::zone(&config.ui.time_zone).map_err(usage)?;
    let arranged = run::arranged(&config).map_err(|error| usage(error.to_string()))?;
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let filter = query(flags.filter.as_ref(), now)?;
        let is_linear = flags.linear || is_dumb();
        if !is_linear {
            screen::need_terminal(false).map_err(|words| (Exit::Failed, words))?;
        }
        announce_target(&target);
        let org = target.label();
        let ago = flags.since.and_then(length_of);
        let begin = flags.since.map(|since| since.at(now)).filter(|_| ago.is_none());
        let mut plan = target.plan(&config, begin, jitter_seed()).map_err(usage)?;
        set_lookback(&mut plan, ago);
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
            auto: auto(&config),
            fresh: flags.fresh,
            record_to,
            ..screen_options(cli, &config, crate::consent::visible(&org).into_owned(), arranged, zone, filter)
        };
        Box::pin(show(options, feed, source, &clock, &tasks)).await
    })
}
