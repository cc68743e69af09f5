//! The address of the team's server, with the login and the orgs.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;
use url::Url;

use crate::consent::{KnownOrg, OrgName};
use crate::secret::Secret;

/// Where the server is, and who this process is there.
#[derive(Clone, Debug)]
pub struct ServerAddress {
    /// The host, as it is in the URL.
    pub host: String,
    /// The port; 4222 if the URL has none.
    pub port: u16,
    /// Whether TLS is demanded.
    pub tls: bool,
    /// How to log in.
    pub login: ServerLogin,
    /// The orgs that the URL names, in its order.
    pub orgs: Vec<KnownOrg>,
}

/// How to log in to the server.
#[derive(Clone, Debug)]
pub enum ServerLogin {
    /// Without a login.
    Nobody,
    /// With a user's name and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// With the seed of an nkey.
    Nkey(Secret),
    /// With the text of a credentials file: a JWT and the seed of an nkey.
    Creds(Secret),
}

/// Why a URL is not the address of a server. The words have no part of the URL, since it may hold a password.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AddressError {
    /// It cannot be read.
    #[error("it is not a URL such as tls://user:password@nats.example.test:4222/prod=example.okta.com")]
    NotUrl,
    /// It has another scheme.
    #[error("it must begin with nats:// or tls://")]
    Scheme,
    /// It names no host.
    #[error("it names no host")]
    NoHost,
    /// A password would cross the network in the clear.
    #[error(
        "a login over nats:// would cross the network in the clear: use tls:// for a server on another machine"
    )]
    Clear,
    /// It has a query or a fragment.
    #[error("it has a query or a fragment, and there is none")]
    Rest,
    /// An org in its path cannot be read.
    #[error("its path must name orgs as host or name=host, with commas between them")]
    Org,
}

/// The port of NATS (IANA).
const PORT: u16 = 4222;

impl ServerAddress {
    /// Reads the URL of a server: `nats://` on this machine, `tls://` anywhere. Its path names orgs, as `host` or
    /// `name=host`.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim()).map_err(|_| AddressError::NotUrl)?;
        let tls = match url.scheme() {
            "nats" => false,
            "tls" => true,
            _ => return Err(AddressError::Scheme),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError::NoHost)?.to_owned();
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Rest);
        }
        let login = match (decoded(url.username()), url.password().map(decoded)) {
            (Some(user), None) if user.is_empty() => ServerLogin::Nobody,
            (Some(user), Some(Some(password))) => {
                ServerLogin::Password { user, password: Secret::new(password) }
            }
            (Some(user), None) => ServerLogin::Password { user, password: Secret::new(String::new()) },
            _ => return Err(AddressError::NotUrl),
        };
        if !tls && !matches!(login, ServerLogin::Nobody) && !is_loopback(&host) {
            return Err(AddressError::Clear);
        }
        let path = url.path().trim_matches('/');
        let orgs = path.split(',').filter(|org| !org.is_empty()).map(org).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { host, port: url.port().unwrap_or(PORT), tls, login, orgs })
    }

    /// Returns whether a login may be used without TLS.
    pub fn is_private(&self) -> bool {
        self.tls || is_loopback(&self.host)
    }
}

impl fmt::Display for ServerAddress {
    /// Shows the server without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "tls" } else { "nats" }, self.host, self.port)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Returns a text of a URL without percent-encoding, or `None` if it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn org(text: &str) -> Result<KnownOrg, AddressError> {
    let text = decoded(text).ok_or(AddressError::Org)?;
    let (name, host) = match text.split_once('=') {
        Some((name, host)) => (Some(OrgName::parse(name).map_err(|_| AddressError::Org)?), host),
        None => (None, text.as_str()),
    };
    let is_host = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_host {
        return Err(AddressError::Org);
    }
    let host = host.to_ascii_lowercase();
    Ok(KnownOrg { key: KnownOrg::key_of(&host), host: host.into(), name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_login_and_orgs() {
        let text = "tls://watcher-prod:p%40ss@nats.example.test/prod=Example.okta.com,127.0.0.1:8080";
        let address = ServerAddress::parse(text).unwrap();
        assert_eq!(address.to_string(), "tls://nats.example.test:4222");
        assert!(matches!(&address.login, ServerLogin::Password { user, .. } if user == "watcher-prod"));
        let orgs: Vec<_> = address.orgs.iter().map(|org| (&*org.key, org.label())).collect();
        assert_eq!(orgs, [("example.okta.com", "prod"), ("127.0.0.1_8080", "127.0.0.1:8080")]);
        assert!(!format!("{address:?}").contains("p@ss"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_quoting_it() {
        for (text, error) in [
            ("", AddressError::NotUrl),
            ("https://h", AddressError::Scheme),
            ("nats://u:hunter2@nats.example.test", AddressError::Clear),
            ("tls://u:hunter2@h?x", AddressError::Rest),
            ("tls://u:hunter2@h/a b", AddressError::Org),
            ("tls://u:hunter2@h/%1b=x", AddressError::Org),
        ] {
            let found = ServerAddress::parse(text).unwrap_err();
            assert_eq!(found, error, "{text}");
            assert!(!found.to_string().contains("hunter2"));
        }
        for text in [
            "nats://u:p@127.0.0.1:1",
            "nats://u:p@localhost",
            "nats://u:p@[::1]:4",
            "nats://nats.example.test",
        ] {
            assert!(ServerAddress::parse(text).is_ok(), "{text}");
        }
    }
}
