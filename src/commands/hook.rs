//! `hook`: shows, registers and verifies event hooks in Okta.

use super::common::{Ended, announce, jitter_seed, load, on_runtime, start_log, usage};
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::run::{self, HookTask};

pub(super) fn hook(cli: &Cli, command: &flags::HookCommand) -> Result<Exit, Ended> {
    let mut config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let task = match command {
        flags::HookCommand::Status => HookTask::Status,
        flags::HookCommand::Register { yes } => HookTask::Register { yes: *yes },
        flags::HookCommand::Verify => HookTask::Verify,
    };
    on_runtime(|clock, _tasks| async move {
        announce(&ready);
        // This command starts no listener, so the listener's secret and certificate are not read.
        let hooks: Vec<_> = ready.orgs.iter().map(|org| org.hook(&config)).collect();
        config.hook.enabled = false;
        let plan = ready.plan(&config, None, jitter_seed()).map_err(usage)?;
        start_log(cli, None, false);
        run::hook(task, hooks.into_iter().zip(plan.orgs).collect(), &plan.dir, &clock).await
    })
}
