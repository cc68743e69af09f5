//! `prune`: removes rows older than `journal.keep_days`.

use super::common::{Ended, announce, load, usage};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::flags::{self, Cli};
use crate::journal::Settings;
use crate::run::{self};

pub(super) fn prune(cli: &Cli, flags: &flags::Prune) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let ready = run::ready(&config).map_err(usage)?;
    let (keep_days, keep_rows) = (config.journal.keep_days, config.journal.keep_rows);
    let keep = Settings { keep_days, keep_rows, ..Settings::default() };
    if ready.only_these_orgs {
        return Err(usage(
            "prune removes old rows of every org of the journal. Nothing was removed. Leave --org and \
             OKTA_CLIENT_ORGURL out.",
        ));
    }
    announce(&ready);
    run::prune(&ready.dir, keep, flags.yes, &Clock::system())
}
