//! The journal's key. An event without a uuid is stored under a digest made with it.

use aws_lc_rs::{hmac, rand};
use rusqlite::Connection;

use crate::consent::EventId;
use crate::journal::checksum;

/// The key for the ids of events that have no uuid.
#[derive(Clone, Debug)]
pub(in crate::journal) struct Identity(hmac::Key);

impl Identity {
    /// Returns the identity for the key that a journal stores.
    pub(in crate::journal) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Returns the id to store an event under: a uuid stays as it is, a digest becomes an HMAC of it under
    /// the key.
    pub(in crate::journal) fn of(&self, id: EventId) -> EventId {
        match id {
            EventId::Uuid(_) => id,
            EventId::Digest(digest) => {
                let mut keyed = [0; 32];
                keyed.copy_from_slice(hmac::sign(&self.0, &digest).as_ref());
                EventId::Digest(keyed)
            }
        }
    }
}

/// Creates the key of a journal, if it has none.
pub(in crate::journal) fn put_secret(conn: &Connection) -> rusqlite::Result<()> {
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.execute("UPDATE clean SET secret = ?1 WHERE length(secret) = 0", [secret])?;
    checksum::seal_row(conn, checksum::CLEAN, &[&1])
}
