//! What was last known of an org's readiness, in a file beside its journal: for exports, which ask nobody, and for
//! screens that follow another process, which alone probes.

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

/// Writes down each round of probes, for as long as there are any.
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
            Ok(Err(error)) => tracing::warn!(%error, "What was probed could not be written down."),
            Err(error) => tracing::warn!(%error, "What was probed was not written down."),
        }
    }
}

/// Replaces the file as a whole. One that a power loss has emptied is read as none.
fn write(dir: &Path, found: &Readiness) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer(&mut file, found)?;
    file.flush()?;
    file.persist(dir.join(NAME))?;
    Ok(())
}

/// Reads it. Returns `None` if it was never written, or cannot be read.
pub(super) fn read(dir: &Path) -> Option<Readiness> {
    let content = safe_file::read_regular(&dir.join(NAME), safe_file::BYTES_MAX).ok()?;
    files::readiness(&content.bytes)
}

/// Reads it again whenever it is another one.
#[derive(Debug, Default)]
pub(super) struct Watched {
    seen: Option<SystemTime>,
}

impl Watched {
    /// Returns what is new.
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
        // It ends when nobody tells any more, and has written what it heard by then.
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
