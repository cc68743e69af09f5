//! `backfill`: fetches what happened before the journal began.

use std::time::Duration;

use super::common::{
    Ended, PATIENCE, announce, jitter_seed, load, log_place, on_runtime, reopen_log, start_log, usage,
};
use crate::config::When;
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, note};

/// The number of days that Okta keeps events (Okta: System Log, retention).
const KEPT_DAYS: u32 = 90;

pub(super) fn backfill(cli: &Cli, flags: &flags::Backfill) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    on_runtime(|clock, tasks| async move {
        let now = clock.now();
        let goal = flags.since.at(now);
        let days_ago = |days: u32| When::Ago(Duration::from_hours(24 * u64::from(days))).at(now);
        if goal < days_ago(KEPT_DAYS) {
            return Err(usage(
                "--since: at most 90 days, since Okta keeps no older events. Nothing was started.",
            ));
        }
        if goal >= now {
            return Err(usage("--since: must be a time in the past. Nothing was started."));
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
        for org in &mut plan.orgs {
            (org.names, org.readiness) = (false, None);
        }
        plan.hook = None;
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
