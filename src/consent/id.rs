//! Distinct types for numbers and ids, so that they cannot be confused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Untrusted;

/// The journal's number of a stored row. Numbers only rise. The first is 1, and 0 is before all rows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The journal's number of a change to a stored row. Numbers only rise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Rev(pub i64);

/// Returns a 32-bit hash of an id (FNV-1a), never 0. It is enough to distinguish the few grants of one person and
/// client, or the sessions of one day.
pub fn mark(id: &str) -> u32 {
    let hash =
        id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.max(1)
}

/// Identifies an event: by its uuid if that is valid, else by a digest of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventId {
    /// A UUID, in either case.
    Uuid([u8; 16]),
    /// For an event that was just received: the SHA-256 of its bytes before its secrets are hidden, so that
    /// events that differ only in a secret stay separate. An attacker could guess short secrets from it, so
    /// it is never stored or shown. The journal stores an HMAC of it, under its own key.
    Digest([u8; 32]),
}

impl EventId {
    /// Returns the bytes that the journal uses as a key. The two forms differ in length.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Uuid(bytes) => bytes,
            Self::Digest(bytes) => bytes,
        }
    }

    /// Returns the id from the bytes of [`EventId::as_bytes`], or `None` if the length fits neither form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let uuid = <[u8; 16]>::try_from(bytes).map(Self::Uuid);
        uuid.or_else(|_| <[u8; 32]>::try_from(bytes).map(Self::Digest)).ok()
    }
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $name(pub Untrusted);

        impl $name {
            /// Wraps an id as it came. Ids are opaque, so nothing is checked.
            pub fn new(text: &str) -> Self {
                Self(Untrusted::new(text))
            }

            /// Returns the id as it came.
            pub fn exact(&self) -> &str {
                self.0.exact()
            }
        }
    )*};
}

text_ids! {
    /// A consent grant, `oag…`: one scope that one person granted to one client.
    GrantId,
    /// A user, `00u…`.
    UserId,
    /// An OAuth client, `0oa…`.
    ClientId,
    /// A custom authorization server, `aus…`.
    ServerId,
}
