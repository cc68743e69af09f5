//! Trains dictionaries on the journal's own events.

use std::io;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::journal::pack::{self, Packer, Unpacker};
use crate::journal::tables::raw;

/// From this number of rows on, the journal's own events give the better dictionary.
pub(in crate::journal) const TRAIN_ROWS: i64 = 2000;
/// Samples are cut to this length; more does not improve the dictionary.
const SAMPLE_BYTES_MAX: usize = 8 * 1024;

/// The training of a dictionary on a thread of its own: it takes an eighth of a second.
#[derive(Debug)]
pub(in crate::journal) struct Training(JoinHandle<Option<Vec<u8>>>);

impl Training {
    /// Starts to train on samples, for a dictionary that packs better than the present one.
    pub(in crate::journal) fn start(samples: Vec<Vec<u8>>, now: (i64, Vec<u8>)) -> io::Result<Self> {
        let work = move || train(&samples, &now);
        thread::Builder::new().name("dictionary".to_owned()).spawn(work).map(Self)
    }

    /// Whether the thread has ended, so that [`Training::dictionary`] does not wait.
    pub(in crate::journal) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits for the thread and returns the dictionary, or `None` if the present one is no worse or the thread
    /// panicked.
    pub(in crate::journal) fn dictionary(self) -> Option<Vec<u8>> {
        self.0.join().unwrap_or_default()
    }
}

/// Returns the newest events, each after `clean`, as samples to train a dictionary on.
pub(in crate::journal) fn samples(
    conn: &Connection,
    clean: impl Fn(Vec<u8>) -> Vec<u8>,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut unpacker = Unpacker::default();
    let mut samples = Vec::new();
    let mut statement = conn.prepare("SELECT dict, body FROM raw ORDER BY seq DESC LIMIT ?1")?;
    let mut rows = statement.query([TRAIN_ROWS])?;
    while let Some(row) = rows.next()? {
        let (dict, body) = raw::packed(row)?;
        if let Ok(raw) = unpacker.unpack(conn, dict, &body)? {
            let mut raw = clean(raw);
            raw.truncate(SAMPLE_BYTES_MAX);
            samples.push(raw);
        }
    }
    Ok(samples)
}

/// Trains a dictionary on samples and returns it if it packs them better than the present one does.
fn train(samples: &[Vec<u8>], now: &(i64, Vec<u8>)) -> Option<Vec<u8>> {
    let body = zstd::dict::from_samples(samples, pack::DICTIONARY_BYTES).ok()?;
    let mut new = Packer::with(0, &body).ok()?;
    let mut now = Packer::with(now.0, &now.1).ok()?;
    // Every tenth sample is enough to compare, and the training used all of them anyway.
    let size = |packer: &mut Packer| -> Option<usize> {
        samples.iter().step_by(10).map(|sample| packer.pack(sample).ok().map(<[u8]>::len)).sum()
    };
    (size(&mut new)? < size(&mut now)?).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_on_nothing_useful_gives_nothing() {
        let now = (1, pack::SHIPPED.to_vec());
        assert_eq!(train(&[], &now), None);
        assert_eq!(train(&vec![b"x".to_vec(); 50], &now), None);
    }
}
