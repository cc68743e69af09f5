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

/// Returns the id of a journal for others, or `None` if its key is damaged. It is made from the key, and does not give it
/// away.
pub(in crate::journal) fn journal_id(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let secret: Option<Vec<u8>> = conn.query_row("SELECT * FROM clean", [], |row| {
        Ok(if checksum::holds(row)? { Some(row.get("secret")?) } else { None })
    })?;
    Ok(secret.map(|secret| {
        let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), b"the id of this journal");
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
        signed.as_ref().iter().take(8).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }))
}

/// Creates the key of a journal, if it has none.
pub(in crate::journal) fn put_secret(conn: &Connection) -> rusqlite::Result<()> {
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.execute("UPDATE clean SET secret = ?1 WHERE length(secret) = 0", [secret])?;
    checksum::seal_row(conn, checksum::CLEAN, &[&1])
}
