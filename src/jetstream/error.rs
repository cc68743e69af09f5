//! What can go wrong at the server, and what to do about it.

use async_nats::{ConnectError, ConnectErrorKind};
use thiserror::Error;

use crate::report::{Fault, Part};

/// The oldest server that has what is needed: reading many messages by number (NATS 2.11).
pub(super) const OLDEST: (u64, u64) = (2, 11);

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum LinkFault {
    /// The server cannot be reached, or the connection broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] Option<ConnectError>),
    /// TLS failed: another certificate authority, another name, no TLS at all.
    #[error("the TLS connection failed")]
    Tls(#[source] ConnectError),
    /// The server refused the login.
    #[error("the server refused the login")]
    Login,
    /// The file of the certificate authority, or the login, cannot be used.
    #[error("the certificate authority or the credentials cannot be used")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server is too old.
    #[error("the server has version {0}")]
    TooOld(String),
    /// The server has no JetStream, or this account has none.
    #[error("the server has no JetStream")]
    NoJetStream,
    /// The server refused a right that is needed.
    #[error("the server refused {0}")]
    Right(String),
}

impl LinkFault {
    /// Returns the fault that people see. `server` is the address without the login.
    pub fn fault(&self, server: &str) -> Fault {
        let (brief, what, remedy) = match self {
            Self::Unreachable(_) => (
                "team server unreachable",
                format!("The team's server {server} cannot be reached."),
                "Check the address, the network and whether the server runs.",
            ),
            Self::Tls(_) => (
                "team server: TLS failed",
                format!("The TLS connection to the team's server {server} failed."),
                "Check that the server has TLS and that team.ca_file names the authority of its certificate.",
            ),
            Self::Login => (
                "team server refused login",
                format!("The team's server {server} refused the user or the password."),
                "Take the file of this role that consentwatch team config wrote, and restart the server after a change.",
            ),
            Self::Unusable(error) => (
                "team login unusable",
                format!("The login or the certificate authority for {server} cannot be used: {error}."),
                "Check team.ca_file, team.nkey_file and team.creds_file.",
            ),
            Self::TooOld(version) => (
                "team server too old",
                format!(
                    "The team's server {server} has version {version}, and {}.{} is the oldest that works.",
                    OLDEST.0, OLDEST.1
                ),
                "Install a newer nats-server, for example 2.15.",
            ),
            Self::NoJetStream => (
                "no JetStream",
                format!("The team's server {server} has no JetStream, or this account may not use it."),
                "Start it with the configuration of consentwatch team config, or with -js.",
            ),
            Self::Right(what) => (
                "team right missing",
                format!("The team's server {server} refused a right: {what}."),
                "Use the file of the right role, as consentwatch team config writes them.",
            ),
        };
        let doing = match self {
            Self::Login | Self::TooOld(_) | Self::NoJetStream | Self::Unusable(_) | Self::Right(_) => {
                "The program tries again every 30 seconds and shows what is stored here."
            }
            Self::Unreachable(_) | Self::Tls(_) => {
                "The program connects again and shows what is stored here; nothing is lost."
            }
        };
        let fault = Fault::new(Part::Team, brief, &what, doing, remedy).caused_by(self);
        if matches!(self, Self::Unreachable(_)) { fault.passing() } else { fault }
    }
}

impl From<ConnectError> for LinkFault {
    fn from(error: ConnectError) -> Self {
        match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => Self::Login,
            ConnectErrorKind::Tls => Self::Tls(error),
            // A certificate that is not trusted comes as an error of the socket.
            _ if is_of_tls(&error) => Self::Tls(error),
            _ => Self::Unreachable(Some(error)),
        }
    }
}

/// Returns whether an error or one of its causes is of TLS.
fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let words = error.to_string();
    let is_own = ["certificate", "TLS", "tls", "HandshakeFailure"].iter().any(|word| words.contains(word));
    is_own || error.source().is_some_and(is_of_tls)
}

/// Why a request failed.
#[derive(Debug, Error)]
pub enum RequestError {
    /// There is no connection, or no answer came in time.
    #[error("no answer came in time")]
    Timeout,
    /// The stream does not exist.
    #[error("the server has no stream {0}")]
    NoStream(String),
    /// The server refused it: this user lacks a right.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// Somebody else wrote the subject meanwhile.
    #[error("another process wrote there first")]
    Overtaken,
    /// The message is larger than the server takes.
    #[error("the message is larger than the server takes")]
    TooLarge,
    /// The server could not store the message, for example because its disk is full.
    #[error("the server could not store it: {0}")]
    NotStored(String),
    /// The answer makes no sense.
    #[error("the server answered: {0}")]
    Other(String),
}

impl RequestError {
    /// Returns the fault that people see. `server` is the address without the login, `doing` says what the program does.
    pub fn fault(&self, server: &str, doing: &str) -> Fault {
        let (brief, what, remedy) = match self {
            Self::Timeout => (
                "team server silent",
                format!("The team's server {server} does not answer."),
                "Check the network and the server's log. If its disk was full, make room and restart it.",
            ),
            Self::NoStream(name) => (
                "team stream missing",
                format!("The team's server {server} has no stream {name}."),
                "A collector makes it: start consentwatch collect --to with this server, and check that both name the \
                 same org.",
            ),
            Self::Refused(what) => (
                "team right missing",
                format!("The team's server {server} refused a right: {what}."),
                "Use the file of the right role, as consentwatch team config writes them.",
            ),
            Self::Overtaken => (
                "two collectors",
                format!("Another collector publishes from a copy of this journal to {server}."),
                "End one of the two, or give it a data folder of its own.",
            ),
            Self::TooLarge => (
                "event too large",
                format!("An event is larger than the team's server {server} takes."),
                "Raise max_payload in the server's configuration.",
            ),
            Self::NotStored(what) => (
                "team server cannot store",
                format!("The team's server {server} could not store a message: {what}."),
                "See the server's log. If its disk is full, make room and restart it.",
            ),
            Self::Other(what) => (
                "team server: bad answer",
                format!("The team's server {server} answered: {what}."),
                "See the server's log.",
            ),
        };
        let fault = Fault::new(Part::Team, brief, &what, doing, remedy).caused_by(self);
        match self {
            Self::Timeout | Self::NoStream(_) | Self::NotStored(_) => fault.passing(),
            _ => fault,
        }
    }
}
