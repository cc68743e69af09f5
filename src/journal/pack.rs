//! Compresses raw events with zstd and a dictionary, because events resemble each other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use rusqlite::{Connection, OptionalExtension as _};
use zstd::bulk::{Compressor, Decompressor};

use super::checksum;

/// The dictionary of a new journal, trained on invented events. One trained on the org's own events replaces it later.
pub(super) const SHIPPED: &[u8] = include_bytes!("start.dict");

/// The zstd level. With a dictionary, level 3 takes half as long again and saves one percent.
const LEVEL: i32 = 1;
/// The size of a trained dictionary. Larger ones hardly pack better.
pub(super) const DICTIONARY_BYTES: usize = 16 * 1024;
/// The maximum size of an unpacked event. Pages and deliveries are smaller, so a larger size means damage.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Packs bodies with the newest dictionary.
pub(super) struct Packer {
    dict: i64,
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
}

impl Packer {
    /// Returns a packer with the newest dictionary of a journal.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<io::Result<Self>> {
        let (dict, body) = newest(conn)?;
        Ok(Self::with(dict, &body))
    }

    /// Returns a packer with a dictionary that need not be in a journal.
    pub(super) fn with(dict: i64, body: &[u8]) -> io::Result<Self> {
        let mut compressor = Compressor::with_dictionary(LEVEL, body)?;
        // A checksum of four bytes: a body unpacks to what was packed or not at all, even with a damaged dictionary.
        compressor.include_checksum(true)?;
        Ok(Self { dict, compressor, buffer: Vec::new() })
    }

    /// Returns the number of the dictionary in use.
    pub(super) fn dict(&self) -> i64 {
        self.dict
    }

    /// Packs one body. The result is valid until the next call.
    pub(super) fn pack(&mut self, raw: &[u8]) -> io::Result<&[u8]> {
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        self.compressor.compress_to_buffer(raw, &mut self.buffer)?;
        Ok(&self.buffer)
    }
}

/// Unpacks bodies of any dictionary that the journal holds.
#[derive(Default)]
pub(super) struct Unpacker {
    by_dict: BTreeMap<i64, Decompressor<'static>>,
}

impl Unpacker {
    /// Unpacks one body. The inner error is about the body or its dictionary, the outer one about the storage.
    pub(super) fn unpack(
        &mut self,
        conn: &Connection,
        dict: i64,
        body: &[u8],
    ) -> rusqlite::Result<io::Result<Vec<u8>>> {
        let unpacker = match self.by_dict.entry(dict) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match dictionary(conn, dict)? {
                Ok(made) => new.insert(made),
                Err(error) => return Ok(Err(error)),
            },
        };
        Ok(unpacker.decompress(body, UNPACKED_BYTES_MAX))
    }
}

fn dictionary(conn: &Connection, dict: i64) -> rusqlite::Result<io::Result<Decompressor<'static>>> {
    Ok(match body(conn, dict)? {
        Some(bytes) => Decompressor::with_dictionary(&bytes),
        None if dict == 0 => Decompressor::new(),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "its dictionary is missing or damaged")),
    })
}

/// Returns the newest sound dictionary of a journal and its number, or an empty one with number 0 if there is none.
pub(super) fn newest(conn: &Connection) -> rusqlite::Result<(i64, Vec<u8>)> {
    let mut statement = conn.prepare("SELECT id FROM dict WHERE id > 0 ORDER BY id DESC")?;
    let ids: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in ids {
        // A damaged dictionary packs no new events.
        if let Some(body) = body(conn, id)? {
            return Ok((id, body));
        }
    }
    Ok((0, Vec::new()))
}

/// Returns a dictionary, or its copy if the original is damaged. Returns `None` if neither exists and is sound.
fn body(conn: &Connection, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    if let Some(body) = kept(conn, id)? {
        return Ok(Some(body));
    }
    match id {
        1 => Ok(Some(SHIPPED.to_vec())),
        2.. => kept(conn, -id),
        _ => Ok(None),
    }
}

/// Returns the dictionary stored under a number, or `None` if it is damaged or missing.
fn kept(conn: &Connection, id: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut statement = conn.prepare("SELECT * FROM dict WHERE id = ?1")?;
    let read = statement
        .query_row([id], |row| if checksum::holds(row)? { row.get("body").map(Some) } else { Ok(None) });
    read.optional().map(Option::flatten)
}

/// Keeps a copy of each dictionary under its negative number, because every event packed with it depends on it.
/// Replaces a damaged one by its sound copy, and the reverse. The shipped dictionary, number 1, needs no copy. Writes
/// nothing if all are sound.
pub(super) fn keep_copies(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("SELECT id FROM dict WHERE id > 0")?;
    let ids: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in ids {
        let Some(body) = body(conn, id)? else { continue };
        for id in [id, -id].into_iter().filter(|copy| *copy != -1) {
            if kept(conn, id)?.as_ref() != Some(&body) {
                let put = "INSERT OR REPLACE INTO dict (id, own, body) VALUES (?1, ?2, ?3)";
                conn.execute(put, (id, id.abs() != 1, &body))?;
                checksum::seal_row(conn, checksum::DICT, &[&id])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::sample;

    fn packer(dictionary: &[u8]) -> Packer {
        Packer::with(0, dictionary).unwrap()
    }

    #[test]
    fn the_shipped_dictionary_packs_to_a_fifth() {
        let mut packer = packer(SHIPPED);
        let (mut raw, mut packed) = (0, 0);
        for number in 900_000..900_200 {
            let event = sample::raw(number);
            raw += event.len();
            packed += packer.pack(event.as_bytes()).unwrap().len();
        }
        assert!(packed * 5 < raw, "{raw} bytes became {packed}");
    }

    /// Writes the shipped dictionary again. Run it by hand when the sample events change.
    #[test]
    #[ignore = "writes src/journal/start.dict"]
    fn write_the_shipped_dictionary() {
        let samples: Vec<Vec<u8>> = (0..4000).map(|number| sample::raw(number * 7).into_bytes()).collect();
        let body = zstd::dict::from_samples(&samples, DICTIONARY_BYTES).unwrap();
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/journal/start.dict"), body).unwrap();
    }
}
