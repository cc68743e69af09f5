//! Connects, and stays connected.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerError, jetstream};
use tokio::sync::watch;

use super::error::{LinkFault, OLDEST};
use crate::clock::Clock;
use crate::consent::visible;
use crate::team::{ServerAddress, ServerConfig, ServerLogin};

/// What is needed to connect.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The server and the login.
    pub server: ServerAddress,
    /// A file with certificate authorities beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// The name of this process in the server's lists: the host and the process.
    pub name: String,
}

/// A connection that was made once. Requests fail while it is broken, and the library connects again.
#[derive(Clone, Debug)]
pub struct TeamLink {
    pub(super) client: Client,
    pub(super) context: jetstream::Context,
    pub(super) refused: Refused,
    pub(super) clock: Clock,
    /// The address without the login.
    pub server: Arc<str>,
}

impl TeamLink {
    /// Returns the version of the server.
    pub fn version(&self) -> String {
        self.client.server_info().version
    }
}

/// The last right that the server refused, with a number that rises with each refusal. The server tells it apart from the
/// request that needed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(Arc<Mutex<(u64, String)>>);

impl Refused {
    pub(super) fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Returns the last refusal if it came after that count.
    pub(super) fn since(&self, count: u64) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (last.0 > count).then(|| last.1.clone())
    }

    fn note(&self, what: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = (last.0 + 1, visible(what).into_owned());
    }
}

/// The state of the connection.
#[derive(Clone, Debug, Default)]
pub enum LinkState {
    /// No attempt has ended yet.
    #[default]
    Connecting,
    /// It is there.
    Up(Box<TeamLink>),
    /// It is not there, and why.
    Down(Arc<LinkFault>),
}

impl LinkState {
    /// Returns the connection, or `None` if it is not there.
    pub fn link(&self) -> Option<&TeamLink> {
        match self {
            Self::Up(link) => Some(link),
            _ => None,
        }
    }
}

/// How long an attempt may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long the answer to a request may take. A batch of messages may take this long between two of them.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The server and the client ask each other this often whether the other is there.
const PING_EVERY: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Connects, and tells the state of the connection until nobody listens. Never gives up.
pub async fn dial(dial: Dial, tell: watch::Sender<LinkState>, clock: Clock) {
    let mut wait = RETRY_FIRST;
    loop {
        match connect(&dial, &tell, &clock).await {
            // The library reports every later change.
            Ok(()) => return tell.closed().await,
            Err(fault) => {
                tracing::warn!(error = %fault, server = %dial.server, "No connection to the team's server.");
                tell.send_replace(LinkState::Down(Arc::new(fault)));
            }
        }
        tokio::select! {
            () = tell.closed() => return,
            _ = clock.sleep(wait) => {}
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

async fn connect(dial: &Dial, tell: &watch::Sender<LinkState>, clock: &Clock) -> Result<(), LinkFault> {
    let Dial { server, ca_file, name } = dial;
    let refused = Refused::default();
    let mut options = ConnectOptions::new()
        .name(name)
        .connection_timeout(CONNECT_WITHIN)
        .request_timeout(Some(ANSWER_WITHIN))
        .ping_interval(PING_EVERY)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| {
            let factor = 1 << attempts.clamp(1, 6).saturating_sub(1);
            let wait = (RETRY_FIRST / 4 * factor as u32).min(RETRY_MAX);
            // Many watchers that lost one server do not all come back in the same moment. The library has no random
            // numbers for this, and the keys of a new hash table are some.
            let random = RandomState::new().build_hasher().finish() % 100;
            wait + wait * random as u32 / 100
        })
        .require_tls(server.tls)
        // The URL is the way to the server. What the server says of others may lead elsewhere.
        .ignore_discovered_servers();
    if let Some(path) = ca_file {
        options = options.add_root_certificates(path.clone());
    }
    options = match &server.login {
        ServerLogin::Nobody => options,
        ServerLogin::Password { user, password } => options
            .custom_inbox_prefix(ServerConfig::inbox_prefix(user))
            .user_and_password(user.clone(), password.reveal().to_owned()),
        ServerLogin::Nkey(seed) => options.nkey(seed.reveal().trim().to_owned()),
        ServerLogin::Creds(text) => {
            options.credentials(text.reveal()).map_err(|error| LinkFault::Unusable(Box::new(error)))?
        }
    };
    let (told, noted, address) = (tell.clone(), refused.clone(), dial.server.to_string());
    let link: Arc<Mutex<Option<TeamLink>>> = Arc::default();
    let made = Arc::clone(&link);
    options = options.event_callback(move |event| {
        let (tell, noted, made) = (told.clone(), noted.clone(), Arc::clone(&made));
        let address = address.clone();
        async move {
            let link = made.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // A connection that was not taken into use says why itself, and its end is no news.
            let is_used = link.is_some();
            match event {
                Event::Connected => {
                    if let Some(link) = link {
                        tracing::info!(server = %address, "Connected to the team's server.");
                        tell.send_replace(LinkState::Up(Box::new(link)));
                    }
                }
                Event::Disconnected | Event::Closed if is_used => {
                    tracing::warn!(server = %address, "The connection to the team's server is broken.");
                    tell.send_replace(LinkState::Down(Arc::new(LinkFault::Unreachable(None))));
                }
                Event::ServerError(ServerError::AuthorizationViolation) => {
                    tell.send_replace(LinkState::Down(Arc::new(LinkFault::Login)));
                }
                Event::ServerError(ServerError::Other(what)) => {
                    tracing::warn!(server = %address, what = %visible(&what), "The team's server reports an error.");
                    noted.note(&what);
                }
                other => tracing::debug!(server = %address, event = %other, "The team's server."),
            }
        }
    });
    let target = format!("{}://{}:{}", if server.tls { "tls" } else { "nats" }, server.host, server.port);
    let client = options.connect(target).await?;
    let version = client.server_info().version;
    if !is_new_enough(&version) {
        return Err(LinkFault::TooOld(visible(&version).into_owned()));
    }
    let mut context = jetstream::new(client.clone());
    context.set_timeout(ANSWER_WITHIN);
    let before = refused.count();
    if context.query_account().await.is_err() {
        return Err(refused.since(before).map_or(LinkFault::NoJetStream, LinkFault::Right));
    }
    let clock = clock.clone();
    let up = TeamLink { client, context, refused, clock, server: dial.server.to_string().into() };
    *link.lock().unwrap_or_else(PoisonError::into_inner) = Some(up.clone());
    tracing::info!(server = %dial.server, version, "Connected to the team's server.");
    tell.send_replace(LinkState::Up(Box::new(up)));
    Ok(())
}

/// Returns whether a version such as `2.15.1` is new enough.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|part| {
        let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u64>().unwrap_or(0)
    });
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_known_by_its_version() {
        for (version, is_new) in [
            ("2.11.0", true),
            ("2.15.1", true),
            ("3.0.0-beta", true),
            ("2.9.10", false),
            ("2.10.29", false),
            ("", false),
            ("x", false),
        ] {
            assert_eq!(is_new_enough(version), is_new, "{version}");
        }
    }
}
