//! `collect`: fills the journal without a screen, as a service.

use super::common::{
    Ended, announce, jitter_seed, length_of, load, log_place, on_runtime, reopen_log, set_lookback,
    start_log, usage,
};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, FeedPlan};

pub(super) fn collect(cli: &Cli, flags: &flags::Collect) -> Result<Exit, Ended> {
    let config = load(cli)?;
    on_runtime(|clock, tasks| async move {
        let first = plan(cli, flags, &clock)?;
        start_log(cli, log_place(&config), false);
        reopen_log(&tasks);
        let again = || plan(cli, flags, &clock).map_err(|(_, words)| words);
        run::collect(first, again, flags.listen, &clock, &tasks).await
    })
}

/// Reads the configuration and the secrets, and returns what to start. Nothing is started yet.
fn plan(cli: &Cli, flags: &flags::Collect, clock: &Clock) -> Result<FeedPlan, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    announce(&ready);
    let ago = flags.since.and_then(length_of);
    // A relative time is resolved later, against Okta's clock.
    let since = flags.since.map(|since| since.at(clock.now())).filter(|_| ago.is_none());
    let mut plan = ready.plan(&config, since, jitter_seed()).map_err(usage)?;
    set_lookback(&mut plan, ago);
    plan.team = run::team_collector(&config, flags.to.as_deref()).map_err(usage)?;
    plan.is_hook_left_out = flags.no_hook && plan.hook.is_some();
    if flags.no_hook {
        plan.hook = None;
    }
    Ok(plan)
}
