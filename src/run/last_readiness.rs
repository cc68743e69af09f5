//! Keeps the result of the last readiness probe in a file beside the journal. Exports read it, since they do not probe.
//! So do screens that follow another process, since only that process probes.

use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::files;
use crate::report::{Board, Readiness};
use crate::safe_file;

const NAME: &str = "readiness.json";

/// Writes each round of probes to the file until the board closes.
pub(super) async fn keep(dir: PathBuf, mut board: watch::Receiver<Board>) {
    let mut kept: Option<Arc<Readiness>> = None;
    while board.changed().await.is_ok() {
        let found = board.borrow_and_update().readiness.clone();
        let Some(found) = found.filter(|found| kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, found)))
        else {
            continue;
        };
        kept = Some(Arc::clone(&found));
        let dir = dir.clone();
        match tokio::task::spawn_blocking(move || write(&dir, &found)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "The probe results could not be stored."),
            Err(error) => tracing::warn!(%error, "The probe results were not stored."),
        }
    }
}

/// Replaces the file in one step. It is not synced: a file that a power loss has emptied reads as `None`.
fn write(dir: &Path, found: &Readiness) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer(&mut file, found)?;
    file.flush()?;
    file.persist(dir.join(NAME))?;
    Ok(())
}

/// Reads the file. Returns `None` if it does not exist or cannot be read.
pub(super) fn read(dir: &Path) -> Option<Readiness> {
    let content = safe_file::read_regular(&dir.join(NAME), safe_file::BYTES_MAX).ok()?;
    files::readiness(&content.bytes)
}

/// Reads the file again whenever it changes.
#[derive(Debug, Default)]
pub(super) struct Watched {
    seen: Option<SystemTime>,
}

impl Watched {
    /// Returns the content if the file has changed since the last call, else `None`.
    pub(super) fn news(&mut self, dir: &Path) -> Option<Readiness> {
        let now = dir.join(NAME).metadata().and_then(|metadata: Metadata| metadata.modified()).ok();
        if now.is_none() || now == self.seen {
            return None;
        }
        self.seen = now;
        read(dir)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::report::Overall;

    fn round(probed: &str) -> Readiness {
        let json = format!(
            r#"{{"probed":"{probed}","verdict":"ready","credentials_refused":false,"items":[],"changes":[]}}"#
        );
        files::readiness(json.as_bytes()).expect("a round")
    }

    #[tokio::test]
    async fn the_last_round_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        let (tell, board) = watch::channel(Board::default());
        let mut watched = Watched::default();
        assert_eq!((read(&dir), watched.news(&dir)), (None, None));
        tell.send_modify(|board| board.readiness = Some(Arc::new(round("2026-03-04T09:00:00Z"))));
        // `keep` ends when the sender is gone, after it has written the last round.
        drop(tell);
        keep(dir.clone(), board).await;
        let found = read(&dir).expect("it was written");
        assert_eq!(
            (found.verdict, found.probed.to_string().as_str()),
            (Overall::Ready, "2026-03-04T09:00:00Z")
        );
        assert_eq!((watched.news(&dir), watched.news(&dir)), (Some(found), None));
        let mode = dir.join(NAME).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it is the owner's");
    }

    #[test]
    fn what_is_no_readiness_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"items\":7}"] {
            std::fs::write(folder.path().join(NAME), text).unwrap();
            assert_eq!(read(folder.path()), None, "{text}");
        }
    }
}
