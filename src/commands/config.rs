//! `config`: writes, checks and shows the configuration.

use std::io::Write as _;
use std::path::PathBuf;

use super::common::{Ended, announce_target, env, load, places, printed, target, usage};
use crate::config::{self, EXAMPLE};
use crate::exit::Exit;
use crate::flags::{Cli, ConfigCommand};
use crate::run::{self};
use crate::safe_file;
use crate::screen::{self};
use crate::secret::Secret;

pub(super) fn configure(cli: &Cli, command: &ConfigCommand) -> Result<Exit, Ended> {
    match command {
        ConfigCommand::Init { print: true } => printed(EXAMPLE.as_bytes()),
        ConfigCommand::Init { print: false } => init(cli),
        ConfigCommand::Check => check(cli),
        ConfigCommand::Show => printed(config::show(&load(cli)?).as_bytes()),
        ConfigCommand::Path => {
            let flags = cli.global.flags();
            let places = places();
            // Told even if the configuration cannot be read.
            let data = config::data_dir(&flags, &env, &places);
            let journal = load(cli).ok().and_then(|config| run::journal_dir(&config).ok());
            let named = flags.config.or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
            let file = named.or_else(|| places.config.map(|dir| dir.join("config.toml")));
            let shown = |path: Option<PathBuf>| {
                path.map_or("none".to_owned(), |path| {
                    crate::consent::visible(&path.to_string_lossy()).into_owned()
                })
            };
            let (file, data, journal) = (shown(file), shown(data), shown(journal));
            printed(format!("config  {file}\ndata    {data}\njournal {journal}\n").as_bytes())
        }
    }
}

/// Checks the configuration, and reads the credentials and secrets that it names.
fn check(cli: &Cli) -> Result<Exit, Ended> {
    let config = load(cli)?;
    screen::zone(&config.ui.time_zone).map_err(usage)?;
    run::arranged(&config).map_err(|error| usage(error.to_string()))?;
    let target = target(cli, &config, None)?;
    announce_target(&target);
    let orgs = match &target {
        run::Target::Team(watcher) => {
            let (server, orgs) = (watcher.server(), watcher.label());
            return printed(
                format!("The configuration can be used: {orgs} from the team's server {server}.\n")
                    .as_bytes(),
            );
        }
        run::Target::Orgs(ready) => ready.orgs.as_slice(),
    };
    let mut troubles: Vec<String> = orgs.iter().filter_map(|org| org.try_out(&config).err()).collect();
    troubles.extend(run::team_collector(&config, None).err());
    if !troubles.is_empty() {
        return Err(usage(troubles.join("\n")));
    }
    let told = match orgs {
        [org] => {
            let url = crate::consent::visible(org.url.origin());
            format!("The configuration can be used: {url}.\n")
        }
        // A table [org.oauth] or [org.hook] belongs to the [[org]] above it, so this says which org got what.
        orgs => orgs
            .iter()
            .fold("The configuration can be used.\n".to_owned(), |told, org| told + &org.summary() + "\n"),
    };
    printed(told.as_bytes())
}

fn init(cli: &Cli) -> Result<Exit, Ended> {
    let named = cli.global.config.clone().or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
    let path = named.or_else(|| places().config.map(|dir| dir.join("config.toml"))).ok_or_else(|| {
        usage("The folder for the configuration is unknown. Name a file with --config FILE.")
    })?;
    let shown = crate::consent::visible(&path.to_string_lossy()).into_owned();
    let trouble = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => usage(format!("{shown} exists and was not changed.")),
        _ => (Exit::Failed, format!("{shown} cannot be written: {error}.")),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        safe_file::create_folder(folder).map_err(trouble)?;
    }
    let secret_path = path.with_file_name(HOOK_SECRET);
    write_new(&path, EXAMPLE.as_bytes()).map_err(trouble)?;
    let secret = Secret::random()
        .ok_or((Exit::Failed, "The operating system returned no random bytes.".to_owned()))?;
    match write_new(&secret_path, format!("{}\n", secret.reveal()).as_bytes()) {
        // A secret that exists may be the one configured in Okta, so it is kept.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(trouble(error)),
        _ => {}
    }
    let secret_shown = crate::consent::visible(&secret_path.to_string_lossy()).into_owned();
    printed(
        format!(
            "Written: {shown}. Set org.url and one token key, then run: consentwatch config check\n\
             A secret for an event hook, if you use one: {secret_shown}\n"
        )
        .as_bytes(),
    )
}

/// The name of the hook's secret file in the example configuration, relative to the configuration file.
const HOOK_SECRET: &str = "hook-secret";

/// Creates a file that only its owner may read. Fails if it exists.
fn write_new(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = safe_file::create_new(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all())
}
