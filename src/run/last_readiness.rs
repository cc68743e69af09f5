//! Keeps the result of the last readiness probe of each org in a file beside the journal. Exports read it, since they do not probe.
//! So do screens that follow another process, since only that process probes.

use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::consent::OrgId;
use crate::files;
use crate::report::{Board, Readiness};
use crate::safe_file;

/// The file of the only org of a journal from a version that knew one org.
const OF_ONE: &str = "readiness.json";

/// Returns the name of an org's file.
fn name(key: &str) -> String {
    format!("readiness-{key}.json")
}

/// Writes each round of probes of an org to its file until the board closes. `key` is the org's key.
pub(super) async fn keep(dir: PathBuf, key: Box<str>, mut board: watch::Receiver<Board>) {
    let mut kept: Option<Arc<Readiness>> = None;
    while board.changed().await.is_ok() {
        let found = board.borrow_and_update().readiness.clone();
        let Some(found) = found.filter(|found| kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, found)))
        else {
            continue;
        };
        kept = Some(Arc::clone(&found));
        let path = dir.join(name(&key));
        match tokio::task::spawn_blocking(move || write(&path, &found)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "The probe results could not be stored."),
            Err(error) => tracing::warn!(%error, "The probe results were not stored."),
        }
    }
}

/// Replaces the file in one step. It is not synced: a file that a power loss has emptied reads as `None`.
fn write(path: &Path, found: &Readiness) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    serde_json::to_writer(&mut file, found)?;
    file.flush()?;
    file.persist(path)?;
    Ok(())
}

/// Reads the file of an org. The first org may have one from a version that knew one org. Returns `None` if there is none
/// or it cannot be read.
pub(super) fn read(dir: &Path, key: &str, org: OrgId) -> Option<Readiness> {
    let of_one = (org == OrgId::default()).then(|| dir.join(OF_ONE));
    read_file(&dir.join(name(key))).or_else(|| read_file(&of_one?))
}

fn read_file(path: &Path) -> Option<Readiness> {
    let content = safe_file::read_regular(path, safe_file::BYTES_MAX).ok()?;
    files::readiness(&content.bytes)
}

/// Reads the file of an org again whenever it changes.
#[derive(Debug, Default)]
pub(super) struct Watched {
    seen: Option<SystemTime>,
}

impl Watched {
    /// Returns the content if the file has changed since the last call, else `None`.
    pub(super) fn news(&mut self, dir: &Path, key: &str) -> Option<Readiness> {
        let path = dir.join(name(key));
        let now = path.metadata().and_then(|metadata: Metadata| metadata.modified()).ok();
        if now.is_none() || now == self.seen {
            return None;
        }
        self.seen = now;
        read_file(&path)
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
        let read = || read(&dir, "org", OrgId(1));
        assert_eq!((read(), watched.news(&dir, "org")), (None, None));
        tell.send_modify(|board| board.readiness = Some(Arc::new(round("2026-03-04T09:00:00Z"))));
        // `keep` ends when the sender is gone, after it has written the last round.
        drop(tell);
        keep(dir.clone(), "org".into(), board).await;
        let found = read().expect("it was written");
        assert_eq!(
            (found.verdict, found.probed.to_string().as_str()),
            (Overall::Ready, "2026-03-04T09:00:00Z")
        );
        assert_eq!((watched.news(&dir, "org"), watched.news(&dir, "org")), (Some(found.clone()), None));
        assert_eq!(super::read(&dir, "other", OrgId(1)), None);
        let mode = dir.join(name("org")).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it is the owner's");
    }

    #[test]
    fn what_is_no_readiness_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{\"items\":7}"] {
            std::fs::write(folder.path().join(name("org")), text).unwrap();
            assert_eq!(read(folder.path(), "org", OrgId(0)), None, "{text}");
        }
        // The file of a version that knew one org is that of the first org.
        let round = serde_json::to_string(&round("2026-03-04T09:00:00Z")).unwrap();
        std::fs::write(folder.path().join(OF_ONE), round).unwrap();
        assert!(read(folder.path(), "org", OrgId(0)).is_some());
        assert_eq!(read(folder.path(), "other", OrgId(1)), None);
    }
}
