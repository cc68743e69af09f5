//! Where the team's server is, and the plan of a watcher.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::check::{Ready, ReadyOrg, ready, settings};
use super::plan::{FeedPlan, OrgPlan, TeamPlan, TeamRole};
use crate::config::Config;
use crate::consent::{KnownOrg, visible};
use crate::okta::{OrgUrl, PollPlan};
use crate::report::{Fault, Part};
use crate::safe_file;
use crate::secret::{Secret, open_to_others};
use crate::team::{OrgAccount, ServerAddress, ServerConfig, ServerLogin, ServerTls, escape, server_config};

/// What is said if the binary has no team feature.
const BUILT_WITHOUT: &str = "This binary was built without the feature \"team\", so it cannot use a team's server. Nothing \
                             was started. Build it with cargo build --features team.";

/// Returns the plan of a collector for a team, or `None` if neither the flag nor the configuration names a server.
///
/// # Errors
/// Returns a sentence if the server cannot be used.
pub fn team_collector(config: &Config, flag: Option<&str>) -> Result<Option<TeamPlan>, String> {
    let Some(server) = team_server(config, flag, "--to")? else { return Ok(None) };
    Ok(Some(TeamPlan { server, ca_file: config.team.ca_file.clone(), role: TeamRole::Collector }))
}

/// A watcher of a team: its orgs, the folder of its journal, and its plan.
#[derive(Clone, Debug)]
pub struct TeamWatcher {
    /// The orgs that it watches.
    pub orgs: Vec<KnownOrg>,
    /// The folder of its journal.
    pub dir: PathBuf,
    /// What to start.
    pub plan: FeedPlan,
}

impl TeamWatcher {
    /// Returns the address of the server without the login.
    pub fn server(&self) -> String {
        self.plan.team.as_ref().map_or_else(String::new, |team| team.server.to_string())
    }

    /// Returns what titles call the orgs.
    pub fn label(&self) -> String {
        self.orgs.iter().map(KnownOrg::label).collect::<Vec<_>>().join(", ")
    }
}

/// What a command works on: the orgs of the configuration, or those of a team's server.
#[derive(Debug)]
pub enum Target {
    /// The orgs are asked.
    Orgs(Ready),
    /// The team's server is.
    Team(Box<TeamWatcher>),
}

impl Target {
    /// Returns the orgs of a team's server if the flag names one, or if the configuration names one and no org. Else returns
    /// those of the configuration.
    ///
    /// # Errors
    /// Returns a sentence that says what is missing or wrong, and what to do.
    pub fn of(config: &Config, from: Option<&str>) -> Result<Self, String> {
        match team_watcher(config, from)? {
            Some(watcher) => Ok(Self::Team(Box::new(watcher))),
            None => Ok(Self::Orgs(ready(config)?)),
        }
    }

    /// Returns what titles call the orgs.
    pub fn label(&self) -> String {
        match self {
            Self::Orgs(ready) => ready.label(),
            Self::Team(watcher) => watcher.label(),
        }
    }

    /// Returns the folder of the journal.
    pub fn dir(&self) -> &Path {
        match self {
            Self::Orgs(ready) => &ready.dir,
            Self::Team(watcher) => &watcher.dir,
        }
    }

    /// Returns the orgs, as people call them.
    pub fn known_orgs(&self) -> Vec<KnownOrg> {
        match self {
            Self::Orgs(ready) => ready.known_orgs(),
            Self::Team(watcher) => watcher.orgs.clone(),
        }
    }

    /// Returns whether the rows of the journal's other orgs are left out.
    pub fn only_these_orgs(&self) -> bool {
        match self {
            Self::Orgs(ready) => ready.only_these_orgs,
            Self::Team(_) => true,
        }
    }

    /// Returns what was corrected, and warnings, one sentence each.
    pub fn notes(&self) -> impl Iterator<Item = &String> {
        let (orgs, warnings) = match self {
            Self::Orgs(ready) => (ready.orgs.as_slice(), &ready.warnings),
            Self::Team(watcher) => (&[] as &[ReadyOrg], &watcher.plan.warnings),
        };
        orgs.iter().filter_map(|org| org.note.as_ref()).chain(warnings)
    }

    /// Returns what to start. A watcher begins where the server's stream begins, whatever `since` is.
    ///
    /// # Errors
    /// Returns a sentence that says which credentials cannot be read, and why.
    pub fn plan(
        self,
        config: &Config,
        since: Option<Timestamp>,
        jitter_seed: u64,
    ) -> Result<FeedPlan, String> {
        match self {
            Self::Orgs(ready) => ready.plan(config, since, jitter_seed),
            Self::Team(watcher) => Ok(watcher.plan),
        }
    }
}

/// Returns the plan of a watcher: of the server that the flag names, or of the configured one if no org is configured. Else
/// returns `None`.
///
/// # Errors
/// Returns a sentence if the server cannot be used, or if its address names no org.
fn team_watcher(config: &Config, flag: Option<&str>) -> Result<Option<TeamWatcher>, String> {
    if flag.is_none() && (!config.orgs.is_empty() || !config.team.is_set()) {
        return Ok(None);
    }
    let Some(server) = team_server(config, flag, "--from")? else { return Ok(None) };
    let Some(first) = server.orgs.first() else {
        return Err("The address of the team's server names no org. Nothing was started. Put the host of the org behind \
                    it, as in tls://nats.example.test:4222/prod=example.okta.com, or use a file that consentwatch team \
                    config wrote."
            .to_owned());
    };
    let data = config
        .data_dir
        .as_ref()
        .ok_or("No data folder is known. Nothing was started. Name one with --data-dir.")?;
    // A collector on this machine has a journal of its own, which only it writes. No journal can have this name.
    let dir = data.join("_team").join(&*first.key);
    let orgs = server.orgs.clone();
    let plans = orgs.iter().map(|org| of_org(org, config)).collect::<Result<Vec<_>, _>>()?;
    let ca_file = config.team.ca_file.clone();
    let plan = FeedPlan {
        dir: dir.clone(),
        keep: settings(config),
        orgs: plans,
        others: Vec::new(),
        only_these_orgs: true,
        warnings: config.warnings.clone(),
        hook: None,
        team: Some(TeamPlan { server, ca_file, role: TeamRole::Watcher }),
        is_hook_left_out: false,
    };
    Ok(Some(TeamWatcher { orgs, dir, plan }))
}

/// Returns the plan of an org of which nothing is asked.
fn of_org(org: &KnownOrg, config: &Config) -> Result<OrgPlan, String> {
    let url = OrgUrl::parse(&org.host)
        .or_else(|_| OrgUrl::parse(&format!("http://{}", org.host)))
        .map_err(|error| format!("The org {} cannot be used: {error} Nothing was started.", org.label()))?
        .0;
    Ok(OrgPlan {
        org: org.clone(),
        poll: PollPlan {
            org: url,
            kinds: config.poll.events.clone(),
            topics: Vec::new(),
            interval: config.poll.interval,
            lookback: config.poll.lookback,
            page_size: config.poll.page_size,
            rate_share: config.poll.rate_share,
            since: None,
            to_its_start: false,
            jitter_seed: 0,
        },
        names: false,
        sign_in: Err(Box::new(Fault::new(
            Part::Config,
            "a watcher",
            "A watcher of a team asks Okta for nothing.",
            "Nothing was started.",
            "",
        ))),
        readiness: None,
    })
}

/// Returns the address of the server from a flag, a URL or @FILE, or from the configuration. `name` is the flag's.
///
/// # Errors
/// Returns a sentence if it cannot be read or used.
pub fn team_server(config: &Config, flag: Option<&str>, name: &str) -> Result<Option<ServerAddress>, String> {
    if flag.is_none() && !config.team.is_set() {
        return Ok(None);
    }
    if !cfg!(feature = "team") {
        return Err(BUILT_WITHOUT.to_owned());
    }
    let (text, place) = match flag {
        Some(flag) => match flag.strip_prefix('@') {
            Some(path) => (read_file(Path::new(path))?, format!("the file of {name}")),
            None => (Secret::new(flag), name.to_owned()),
        },
        None => match (&config.team.url_file, &config.team.url) {
            (Some(path), _) => (read_file(path)?, "team.url_file".to_owned()),
            (None, url) => (Secret::new(url.clone().unwrap_or_default()), "team.url".to_owned()),
        },
    };
    let mut server = ServerAddress::parse(text.reveal()).map_err(|error| {
        format!(
            "The address of the team's server (from {place}) cannot be used: {error}. Nothing was started."
        )
    })?;
    if flag.is_some_and(|flag| !flag.starts_with('@')) && matches!(server.login, ServerLogin::Password { .. })
    {
        super::note(&format!(
            "Other accounts on this machine can read the password in {name}. Put the URL in a file of mode 0600 and say \
             {name} @FILE."
        ));
    }
    let team = &config.team;
    let login = match (&team.nkey_file, &team.creds_file) {
        (Some(path), _) => Some(ServerLogin::Nkey(read_file(path)?)),
        (None, Some(path)) => Some(ServerLogin::Creds(read_file(path)?)),
        (None, None) => None,
    };
    // A file with a login of its own wins over the configuration.
    if let (Some(login), ServerLogin::Nobody) = (login, &server.login) {
        server.login = login;
    }
    if !matches!(server.login, ServerLogin::Nobody) && !server.is_private() {
        return Err(format!(
            "The login at {server} would cross the network in the clear. Nothing was started. Use tls://."
        ));
    }
    Ok(Some(server))
}

/// The largest file with an address or a login.
const FILE_MAX: u64 = 64 * 1024;

fn read_file(path: &Path) -> Result<Secret, String> {
    let shown = visible(&path.to_string_lossy()).into_owned();
    if let Some(warning) = open_to_others("login of the team's server", path) {
        super::note(&warning);
    }
    let (text, _) = safe_file::read_text(path, FILE_MAX)
        .map_err(|error| format!("The file {shown} cannot be read: {error}. Nothing was started."))?;
    Ok(Secret::new(text.trim()))
}

/// What `team config` writes.
#[derive(Clone, Debug)]
pub struct TeamConfigOptions {
    /// The folder.
    pub dir: PathBuf,
    /// Where the server will listen.
    pub listen: SocketAddr,
    /// The name under which others reach it.
    pub host: Option<String>,
    /// Its certificate chain and private key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The orgs.
    pub orgs: Vec<KnownOrg>,
}

/// Writes the configuration of a server, and a file with the address and the password of each role. Returns what it wrote,
/// for people; it has no secret.
///
/// # Errors
/// Returns a sentence if a file cannot be written, or if the server would take passwords from other machines in the clear.
pub fn team_config(options: &TeamConfigOptions) -> Result<String, String> {
    let TeamConfigOptions { dir, listen, host, tls, orgs } = options;
    if tls.is_none() && !listen.ip().is_loopback() {
        return Err(format!(
            "{listen} can be reached from other machines, and passwords would cross the network in the clear. Nothing was \
             written. Name the server's certificate with --tls-cert and --tls-key."
        ));
    }
    let shown = |path: &Path| visible(&path.to_string_lossy()).into_owned();
    let failed = |path: &Path, error: &std::io::Error| {
        format!("{} cannot be written: {error}. See which files are there, and try again.", shown(path))
    };
    safe_file::create_folder(dir).map_err(|error| failed(dir, &error))?;
    // The server's own folder may be elsewhere when it starts.
    let dir = &dir.canonicalize().map_err(|error| failed(dir, &error))?;
    let place = host.clone().unwrap_or_else(|| listen.ip().to_string());
    let place = if place.contains(':') && !place.starts_with('[') { format!("[{place}]") } else { place };
    let scheme = if tls.is_some() { "tls" } else { "nats" };
    let url = |user: &str, password: &str, orgs: &[&KnownOrg]| {
        let path: Vec<String> = orgs.iter().map(|org| org_path(org)).collect();
        format!("{scheme}://{user}:{password}@{place}:{}/{}\n", listen.port(), path.join(","))
    };
    let all: Vec<&KnownOrg> = orgs.iter().collect();
    let mut written = Vec::new();
    let mut role = |file: String, user: &str, orgs: &[&KnownOrg]| -> Result<String, String> {
        let path = dir.join(file);
        let password = password_in(&path)?;
        let is_kept = password.is_some();
        let password = match password {
            Some(password) => password,
            None => Secret::random().ok_or("The system gives no random numbers. Nothing was written.")?,
        };
        write_private(&path, url(user, password.reveal(), orgs).as_bytes())
            .map_err(|error| failed(&path, &error))?;
        written.push(format!("{}{}", shown(&path), if is_kept { "  (password kept)" } else { "" }));
        Ok(password.reveal().to_owned())
    };
    let collector_user = ServerConfig::collector_user();
    let collector = role("collector.url".to_owned(), collector_user, &all)?;
    let watcher = match all.len() {
        0 | 1 => None,
        _ => Some(role("watcher.url".to_owned(), ServerConfig::watcher_user(), &all)?),
    };
    let mut accounts = Vec::new();
    for org in orgs {
        let user = format!("watcher-{}", escape(org.name.as_ref().map_or(&*org.key, |name| name.as_str())));
        let password = role(format!("{user}.url"), &user, &[org])?;
        accounts.push(OrgAccount { key: org.key.to_string(), user, password });
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let files = tls.as_ref().map(|(cert, key)| -> Result<ServerTls, String> {
        let whole =
            |path: &PathBuf| path.canonicalize().map_err(|error| format!("{}: {error}.", shown(path)));
        Ok(ServerTls { cert: text(&whole(cert)?), key: text(&whole(key)?) })
    });
    let config = server_config(&ServerConfig {
        listen: *listen,
        store: text(&dir.join("jetstream")),
        tls: files.transpose()?,
        collector,
        watcher,
        orgs: accounts,
    });
    let path = dir.join("server.conf");
    write_private(&path, config.as_bytes()).map_err(|error| failed(&path, &error))?;
    let start = format!("nats-server -c {}", shown(&path));
    Ok(format!(
        "{}\n{}\n\nStart the server:    {start}\nthe collector:       consentwatch collect --to @{}\na watcher:           \
         consentwatch watch --from @{}\n",
        shown(&path),
        written.join("\n"),
        shown(&dir.join("collector.url")),
        written.last().map_or("", |last| last.split("  ").next().unwrap_or_default()),
    ))
}

/// Returns an org as the path of an address names it.
fn org_path(org: &KnownOrg) -> String {
    match &org.name {
        Some(name) => format!("{}={}", name.as_str(), org.host),
        None => org.host.to_string(),
    }
}

/// Returns the password of a role's file, or `None` if the file is missing.
fn password_in(path: &Path) -> Result<Option<Secret>, String> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let address = ServerAddress::parse(read_file(path)?.reveal());
    match address.map(|address| address.login) {
        Ok(ServerLogin::Password { password, .. }) => Ok(Some(password)),
        _ => Err(format!(
            "{} is there and holds no address with a password. Nothing was written. Move it away, or name another folder.",
            visible(&path.to_string_lossy())
        )),
    }
}

/// Replaces a file in one step. Only this account may read it.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
