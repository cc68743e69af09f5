//! `doctor`: whether the org and this machine are ready.

use super::common::{Ended, announce, jitter_seed, load, on_runtime, start_log, usage};
use crate::exit::Exit;
use crate::flags::{self, Cli, DoctorFormat};
use crate::run::{self};

pub(super) fn doctor(cli: &Cli, flags: &flags::Doctor) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let is_json = flags.format == DoctorFormat::Json;
    announce(&ready);
    if flags.check {
        return run::check_journal(&ready.dir, is_json);
    }
    on_runtime(|clock, _tasks| async move {
        let plans = ready.doctor(&config, is_json, jitter_seed()).map_err(usage)?;
        start_log(cli, None, false);
        run::doctor(plans, &clock).await
    })
}
