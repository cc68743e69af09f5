//! Numbers and ids that cannot be swapped for one another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Untrusted;

/// The journal's own ever-rising number of a stored row. The first is 1; 0 stands before all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The journal's ever-rising number of a change to a row that was already stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Rev(pub i64);

/// A number that is the same for the same id, and for another one almost surely another: what tells the few grants of
/// one person and client apart, or the sessions of one day. Never 0. (FNV-1a.)
pub fn mark(id: &str) -> u32 {
    let hash =
        id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.max(1)
}

/// Identifies an event: by its uuid if that is valid, else by a digest of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventId {
    /// A UUID, whatever case it came in.
    Uuid([u8; 16]),
    /// For an event that was just received: the SHA-256 of its bytes before its secrets are hidden, so that
    /// events that differ only in a secret stay separate. An attacker could guess short secrets from it, so
    /// it is never stored or shown. The journal stores an HMAC of it, under its own key.
    Digest([u8; 32]),
}

impl EventId {
    /// Returns the bytes that the journal keys on; the two forms differ in length.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Uuid(bytes) => bytes,
            Self::Digest(bytes) => bytes,
        }
    }

    /// Takes back what [`EventId::as_bytes`] gave. Returns `None` if it has another length than either form.
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
            /// Wraps an id as it came; ids are opaque, so nothing is checked.
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
    /// A consent grant, `oag…`: one scope that one person allowed one client.
    GrantId,
    /// A user, `00u…`.
    UserId,
    /// An OAuth client, `0oa…`.
    ClientId,
    /// A custom authorization server, `aus…`.
    ServerId,
}
