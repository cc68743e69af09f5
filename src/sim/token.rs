//! Access tokens that the org has issued, with their scopes, expiry and bound key (Okta: scopes, DPoP).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::dice::Dice;
use super::jws::encoded;

/// The admin role that a service app holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AdminRole {
    /// No role: it may do nothing, whatever its scopes are.
    None,
    /// Read-only administrator: it may read everything except event hooks.
    #[default]
    ReadOnly,
    /// Super administrator.
    Super,
}

impl AdminRole {
    /// The words of all roles, for the help of the command line.
    pub const WORDS: [&'static str; 3] = ["none", "read-only", "super"];

    /// Returns the role that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "read-only" => Some(Self::ReadOnly),
            "super" => Some(Self::Super),
            _ => None,
        }
    }

    /// Returns the word that the command line uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ReadOnly => "read-only",
            Self::Super => "super",
        }
    }
}

/// The lifetime of a token in seconds. It is fixed for the org authorization server (Okta: service app guide).
pub(super) const LIFE_S: i64 = 3600;
/// The most tokens that are remembered. Beyond it, the oldest is removed.
const MAX_TOKENS: usize = 1000;

/// One issued token.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) role: AdminRole,
    pub(super) end_s: i64,
    /// The thumbprint of the key that the token is bound to, if any.
    pub(super) key: Option<String>,
}

/// All remembered tokens.
#[derive(Default)]
pub(super) struct Tokens {
    issued: HashMap<String, Issued>,
    /// The tokens by age. All have the same lifetime.
    order: std::collections::VecDeque<String>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("count", &self.issued.len()).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Issues and returns a token. It looks like a JSON Web Token of a real org, but its content is never read.
    pub(super) fn issue(&mut self, issued: Issued, base: &str, dice: &mut Dice) -> String {
        let mut id = String::from("AT.");
        dice.letters(&mut id, 43);
        let mut claims = json!({
            "ver": 1, "jti": id, "iss": base, "aud": base, "sub": issued.client, "cid": issued.client,
            "iat": issued.end_s - LIFE_S, "exp": issued.end_s, "scp": issued.scopes
        });
        if let (Some(key), Value::Object(claims)) = (&issued.key, &mut claims) {
            claims.insert("cnf".to_owned(), json!({ "jkt": key }));
        }
        let header = json!({ "kid": "simulated", "alg": "RS256" });
        let mut token =
            format!("{}.{}.", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        dice.letters(&mut token, 64);
        while self.order.len() >= MAX_TOKENS {
            self.order.pop_front().and_then(|oldest| self.issued.remove(&oldest));
        }
        self.order.push_back(token.clone());
        self.issued.insert(token.clone(), issued);
        token
    }

    /// Returns the data of a token, or `None` if it is unknown or expired.
    pub(super) fn find(&self, token: &str, now_s: i64) -> Option<&Issued> {
        self.issued.get(token).filter(|issued| issued.end_s > now_s)
    }

    /// Revokes every token.
    pub(super) fn kill(&mut self) {
        self.issued.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(end_s: i64) -> Issued {
        Issued { client: String::new(), scopes: Vec::new(), role: AdminRole::Super, end_s, key: None }
    }

    #[test]
    fn a_token_dies_of_age_of_a_kill_and_of_too_many_others() {
        let (mut tokens, mut dice) = (Tokens::default(), Dice::new(1));
        let first = tokens.issue(issued(100), "http://127.0.0.1", &mut dice);
        assert!(tokens.find(&first, 99).is_some() && tokens.find(&first, 100).is_none());
        for _ in 0..MAX_TOKENS {
            tokens.issue(issued(100), "http://127.0.0.1", &mut dice);
        }
        assert!(tokens.find(&first, 0).is_none());
        assert_eq!((tokens.issued.len(), tokens.order.len()), (MAX_TOKENS, MAX_TOKENS));
        let last = tokens.issue(issued(100), "http://127.0.0.1", &mut dice);
        assert!(tokens.find(&last, 0).is_some());
        tokens.kill();
        assert!(tokens.find(&last, 0).is_none());
        assert!(!format!("{tokens:?}").contains(&last));
    }
}
