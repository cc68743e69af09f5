//! What all messages have in common: their version, and bodies that are packed with zstd.

use std::io::{self, Read as _};

use thiserror::Error;

/// The version of the messages that this program writes.
pub const SCHEMA: u32 = 1;
/// The header with the version.
pub const SCHEMA_HEADER: &str = "Consentwatch-Schema";
/// The header with the id of the journal that the message comes from.
pub const JOURNAL_HEADER: &str = "Consentwatch-Journal";
/// The most bytes that a body may have when it is unpacked.
pub const BODY_MAX: usize = 64 * 1024 * 1024;

/// The same for a message that watchers may write.
pub const SMALL_BODY_MAX: usize = 64 * 1024;

/// Why a message cannot be used.
#[derive(Debug, Error)]
pub enum MessageError {
    /// It does not say that it is one of this program.
    #[error("it has no header {SCHEMA_HEADER}, so another program sent it")]
    Foreign,
    /// A later version of this program sent it.
    #[error("it has version {found}, and this version of consentwatch reads up to {SCHEMA}")]
    Newer {
        /// Its version.
        found: u32,
    },
    /// Its body cannot be unpacked.
    #[error("its body cannot be unpacked")]
    Packed(#[source] io::Error),
    /// Its body is larger than [`BODY_MAX`], or [`SMALL_BODY_MAX`].
    #[error("its body is too large when it is unpacked")]
    TooLarge,
    /// Its body is not what it should be.
    #[error("its body cannot be read")]
    Body(#[source] serde_json::Error),
}

/// Checks the version of a message.
///
/// # Errors
/// There is none, or it is later than [`SCHEMA`].
pub fn check_schema(header: Option<&str>) -> Result<(), MessageError> {
    let found: u32 = header.and_then(|text| text.parse().ok()).ok_or(MessageError::Foreign)?;
    if found > SCHEMA { Err(MessageError::Newer { found }) } else { Ok(()) }
}

/// Packs the body of a message.
///
/// # Errors
/// The library has no memory left.
pub fn pack(body: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(body, 3)
}

/// Unpacks the body of a message.
///
/// # Errors
/// It is not packed, or has more than [`BODY_MAX`] bytes.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, MessageError> {
    unpack_at_most(packed, BODY_MAX)
}

/// Unpacks the body of a message that watchers may write: a note, or how far one has read.
///
/// # Errors
/// It is not packed, or has more than [`SMALL_BODY_MAX`] bytes.
pub fn unpack_small(packed: &[u8]) -> Result<Vec<u8>, MessageError> {
    unpack_at_most(packed, SMALL_BODY_MAX)
}

fn unpack_at_most(packed: &[u8], most: usize) -> Result<Vec<u8>, MessageError> {
    let mut body = Vec::new();
    let mut reader = zstd::Decoder::new(packed).map_err(MessageError::Packed)?.take(most as u64 + 1);
    reader.read_to_end(&mut body).map_err(MessageError::Packed)?;
    if body.len() > most { Err(MessageError::TooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_known_version_is_read() {
        assert!(matches!(check_schema(None), Err(MessageError::Foreign)));
        assert!(matches!(check_schema(Some("x")), Err(MessageError::Foreign)));
        assert!(matches!(check_schema(Some("2")), Err(MessageError::Newer { found: 2 })));
        assert!(check_schema(Some("1")).is_ok());
    }

    #[test]
    fn a_small_message_cannot_fill_the_memory() {
        let bomb = pack(&vec![0; BODY_MAX + 1]).unwrap();
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert!(matches!(unpack(&bomb), Err(MessageError::TooLarge)));
        assert!(matches!(unpack_small(&bomb), Err(MessageError::TooLarge)));
    }

    proptest! {
        #[test]
        fn a_body_comes_back(body in proptest::collection::vec(any::<u8>(), 0..5000)) {
            prop_assert_eq!(unpack(&pack(&body).unwrap()).unwrap(), body);
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(unpack(&bytes));
        }
    }
}
