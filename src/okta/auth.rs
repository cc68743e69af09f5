//! The credentials for Okta's API.

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use super::error::Refusal;
use super::exchange::Reply;
use super::key::{KeyError, SigningKey};
use super::oauth::{Learned, ServiceApp, Session, TokenRequest};
use super::readiness::Rights;
use super::url::OrgUrl;
use crate::secret::Secret;

/// The kinds of credentials.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API token: `Authorization: SSWS …`. It has the rights of the admin who created it, and expires after thirty
    /// days without use (Okta: create an API token).
    Ssws(Token),
    /// A service app, which gets access tokens with a private key.
    Service(ServiceApp),
    /// No credentials: only public calls are possible.
    None,
}

/// Credentials in use: the request that they need before a call, the headers of a call, and what an answer changes.
#[derive(Debug)]
pub struct Access {
    org: OrgUrl,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Token(Token),
    Session(Box<Session>),
    None,
}

/// An API token that can stand in a header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token(Secret);

/// Why a text cannot be a token. Quotes no part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CredentialsError {
    /// The text is empty.
    #[error("The API token is empty.")]
    Empty,
    /// The text could not be sent in a header.
    #[error("The API token holds a space, a line break or another character that no token has.")]
    IllegalCharacter,
    /// The text is longer than any header may be.
    #[error("The API token is far too long to be one.")]
    TooLong,
    /// The key of a service app is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The maximum length of a token. Okta's have 42 characters; a header has room for a few thousand.
const TOKEN_MAX: usize = 4096;

impl Credentials {
    /// Returns the credentials for an API token. Drops white space around it, and a pasted `SSWS` before it.
    pub fn ssws(secret: &Secret) -> Result<Self, CredentialsError> {
        let text = secret.reveal().trim();
        let token = text.strip_prefix("SSWS ").unwrap_or(text).trim();
        if token.is_empty() {
            return Err(CredentialsError::Empty);
        }
        if token.len() > TOKEN_MAX {
            return Err(CredentialsError::TooLong);
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialsError::IllegalCharacter);
        }
        Ok(Self::Ssws(Token(Secret::new(token))))
    }
}

impl Access {
    /// Returns the access to an org with these credentials.
    pub fn new(credentials: Credentials, org: &OrgUrl) -> Self {
        let way = match credentials {
            Credentials::Ssws(token) => Way::Token(token),
            Credentials::Service(app) => Way::Session(Box::new(Session::new(app, org))),
            Credentials::None => Way::None,
        };
        Self { org: org.clone(), way }
    }

    /// Takes a newly read secret, a token or a private key, and returns whether it differs from the current one.
    pub fn renew(&mut self, secret: &Secret) -> Result<bool, CredentialsError> {
        match &mut self.way {
            Way::Token(token) => {
                let Credentials::Ssws(new) = Credentials::ssws(secret)? else { return Ok(false) };
                let is_other = new != *token;
                *token = new;
                Ok(is_other)
            }
            Way::None => Ok(false),
            Way::Session(session) => {
                let app = session.app();
                let app = app.with_key(SigningKey::read(secret, app.key_id.as_deref())?);
                let is_other = app.key.public_jwk() != session.app().key.public_jwk();
                if is_other {
                    **session = Session::new(app, &self.org);
                }
                Ok(is_other)
            }
        }
    }

    /// Returns the request for an access token, if a call needs one first; see [`Session::step`].
    pub fn step(&mut self, now: Timestamp, up: Duration) -> Option<TokenRequest> {
        match &mut self.way {
            Way::Token(_) | Way::None => None,
            Way::Session(session) => session.step(now, up),
        }
    }

    /// Takes the answer to a request for an access token; see [`Session::take`].
    pub fn take(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Result<(), Box<Refusal>> {
        match &mut self.way {
            Way::Token(_) | Way::None => Ok(()),
            Way::Session(session) => session.take(now, up, reply),
        }
    }

    /// Returns whether calls can continue although a request for an access token got no answer.
    pub fn is_usable(&mut self, up: Duration) -> bool {
        match &mut self.way {
            Way::Token(_) | Way::None => true,
            Way::Session(session) => session.is_usable(up),
        }
    }

    /// Returns the headers that authorize one call. They are made when the call is sent, not before.
    pub fn headers(&self, method: &str, url: &str, now: Timestamp) -> Vec<(&'static str, Secret)> {
        match &self.way {
            Way::Token(Token(token)) => {
                vec![("authorization", Secret::new(format!("SSWS {}", token.reveal())))]
            }
            Way::Session(session) => session.headers(method, url, now),
            Way::None => Vec::new(),
        }
    }

    /// Returns a number that rises with each access token that comes or goes.
    pub fn generation(&self) -> u64 {
        match &self.way {
            Way::Session(session) => session.generation(),
            Way::Token(_) | Way::None => 0,
        }
    }

    /// Takes the answer to a call that was sent under a [`Access::generation`], and returns whether a retry may get
    /// another answer.
    pub fn learn_from_call(&mut self, now: Timestamp, reply: &Reply, generation: u64) -> Learned {
        match &mut self.way {
            Way::Token(_) | Way::None => Learned::Nothing,
            Way::Session(session) => session.learn_from_call(now, reply, generation),
        }
    }

    /// Returns notes for people about credentials that work, one text each.
    pub fn notes(&self) -> Vec<String> {
        match &self.way {
            Way::Token(_) | Way::None => Vec::new(),
            Way::Session(session) => session.notes(),
        }
    }

    /// Returns what is known of the rights of the credentials.
    pub fn rights(&self) -> Rights {
        match &self.way {
            Way::Token(_) => Rights::Token,
            Way::None => Rights::None,
            Way::Session(session) => session.rights(),
        }
    }

    /// Removes the secrets from a text of a library, in case it quotes one.
    pub fn redact(&self, text: &str) -> String {
        match &self.way {
            Way::Token(Token(token)) => text.replace(token.reveal(), "(hidden)"),
            Way::Session(session) => session.redact(text),
            Way::None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(token: &str) -> Access {
        let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
        Access::new(Credentials::ssws(&Secret::new(token)).unwrap(), &org)
    }

    fn header(access: &Access) -> Secret {
        access.headers("GET", "https://example.okta.com/x", Timestamp::UNIX_EPOCH).remove(0).1
    }

    #[test]
    fn a_token_becomes_a_header_and_shows_itself_nowhere() {
        let mut access = access("00invented-Token_1\n");
        assert_eq!(header(&access).reveal(), "SSWS 00invented-Token_1");
        assert!(!format!("{access:?}").contains("invented"));
        assert_eq!(access.redact("a 00invented-Token_1 b"), "a (hidden) b");
        assert!(access.step(Timestamp::UNIX_EPOCH, Duration::ZERO).is_none());
    }

    #[test]
    fn a_token_that_is_read_again_takes_effect_if_it_is_another() {
        let mut access = access("00invented-Token_1");
        assert_eq!(access.renew(&Secret::new("SSWS 00invented-Token_1")), Ok(false));
        assert_eq!(access.renew(&Secret::new("00invented-Token_2")), Ok(true));
        assert_eq!(header(&access).reveal(), "SSWS 00invented-Token_2");
        assert_eq!(access.renew(&Secret::new(" ")), Err(CredentialsError::Empty));
        assert_eq!(header(&access).reveal(), "SSWS 00invented-Token_2");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        let refused = |text: &str| Credentials::ssws(&Secret::new(text)).unwrap_err();
        assert_eq!(refused(" \n"), CredentialsError::Empty);
        for bad in ["a b", "a\r\nX: y", "a\0", "töken", "a\u{7f}"] {
            assert_eq!(refused(bad), CredentialsError::IllegalCharacter);
        }
        assert_eq!(refused(&"a".repeat(5000)), CredentialsError::TooLong);
    }
}
