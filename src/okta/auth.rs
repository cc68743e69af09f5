//! What proves to Okta who asks.

use thiserror::Error;

use crate::secret::Secret;

/// The way in. A service app is the other way; it comes as a variant of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// An API token: `Authorization: SSWS …`. It holds the rights of the admin who made it and dies after thirty
    /// days without use (Okta: create an API token).
    Ssws(Token),
}

/// An API token that can stand in a header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token(Secret);

/// Why a text cannot be a token. Nothing of it is quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CredentialsError {
    /// There is nothing.
    #[error("The API token is empty.")]
    Empty,
    /// It could not be sent in a header.
    #[error("The API token holds a space, a line break or another character that no token has.")]
    IllegalCharacter,
    /// It is longer than any header may be.
    #[error("The API token is far too long to be one.")]
    TooLong,
}

/// Okta's tokens have 42 characters; a header has room for a few thousand.
const TOKEN_MAX: usize = 4096;

impl Credentials {
    /// Takes an API token. White space around it goes, and so does a pasted `SSWS` before it.
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

    /// Returns the value of the `Authorization` header, made when it is sent and not before.
    pub fn authorization(&self) -> Secret {
        match self {
            Self::Ssws(Token(token)) => Secret::new(format!("SSWS {}", token.reveal())),
        }
    }

    /// Removes the secret from a text that came from below, should it ever be there.
    pub fn redact(&self, text: &str) -> String {
        match self {
            Self::Ssws(Token(token)) => text.replace(token.reveal(), "(hidden)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_becomes_a_header_and_shows_itself_nowhere() {
        let credentials = Credentials::ssws(&Secret::new("00invented-Token_1\n")).unwrap();
        assert_eq!(credentials.authorization().reveal(), "SSWS 00invented-Token_1");
        assert!(!format!("{credentials:?}").contains("invented"));
        assert_eq!(credentials.redact("a 00invented-Token_1 b"), "a (hidden) b");
        assert_eq!(Credentials::ssws(&Secret::new("SSWS 00invented-Token_1")).unwrap(), credentials);
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        assert_eq!(Credentials::ssws(&Secret::new(" \n")), Err(CredentialsError::Empty));
        for bad in ["a b", "a\r\nX: y", "a\0", "töken", "a\u{7f}"] {
            assert_eq!(Credentials::ssws(&Secret::new(bad)), Err(CredentialsError::IllegalCharacter));
        }
        assert_eq!(Credentials::ssws(&Secret::new("a".repeat(5000))), Err(CredentialsError::TooLong));
    }
}
