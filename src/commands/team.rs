//! `team`: the server of a team.

use super::common::{Ended, load, printed, usage};
use crate::exit::Exit;
use crate::flags::{self, Cli, TeamCommand};
use crate::run::{self, TeamConfigOptions};

pub(super) fn team(cli: &Cli, command: &TeamCommand) -> Result<Exit, Ended> {
    match command {
        TeamCommand::Config(flags) => config(cli, flags),
        TeamCommand::Status(flags) => status(cli, flags),
    }
}

fn config(cli: &Cli, flags: &flags::TeamConfig) -> Result<Exit, Ended> {
    let ready = run::ready(&load(cli)?).map_err(usage)?;
    let written = run::team_config(&TeamConfigOptions {
        dir: flags.dir.clone(),
        listen: flags.listen,
        host: flags.host.clone(),
        tls: flags.tls_cert.clone().zip(flags.tls_key.clone()),
        orgs: ready.known_orgs(),
    });
    printed(written.map_err(usage)?.as_bytes())
}

#[cfg(feature = "team")]
fn status(cli: &Cli, flags: &flags::TeamStatus) -> Result<Exit, Ended> {
    let config = load(cli)?;
    let server = run::team_server(&config, flags.from.as_deref(), "--from").map_err(usage)?;
    let server = server.ok_or_else(|| {
        usage("No server is named. Nothing was asked. Use --from @FILE, or set team.url_file in the configuration.")
    })?;
    super::common::on_runtime(|clock, tasks| async move {
        let (text, exit) = run::team_status(server, config.team.ca_file, flags.json, &clock, &tasks).await?;
        printed(text.as_bytes()).map(|_| exit)
    })
}

#[cfg(not(feature = "team"))]
fn status(cli: &Cli, flags: &flags::TeamStatus) -> Result<Exit, Ended> {
    let from = flags.from.as_deref().or(Some(""));
    run::team_server(&load(cli)?, from, "--from").map_err(usage).map(|_| Exit::Usage)
}
