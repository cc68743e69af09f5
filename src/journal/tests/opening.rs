//! Tests of opening a journal: versions, locks, damaged and foreign files, permissions.

use std::fs;

use tokio::sync::watch;

use super::*;
use crate::journal::{lock, schema};

/// Changes the file to what the first version left behind.
fn age(dir: &Path) {
    let conn = rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap();
    conn.execute_batch(
        "DROP TABLE label; DROP INDEX sym_unnamed;
         DROP TABLE history; ALTER TABLE meta DROP COLUMN late; ALTER TABLE meta DROP COLUMN last_good;
         DROP INDEX event_shared; DROP INDEX event_by_hook; DROP TABLE hook_copy;
         ALTER TABLE event DROP COLUMN doubt;
         ALTER TABLE meta DROP COLUMN altered; ALTER TABLE meta DROP COLUMN hook_only;
         ALTER TABLE event DROP COLUMN grants; ALTER TABLE event DROP COLUMN session; DROP TABLE listening; DROP TABLE side;
         DROP TABLE unreadable;
         ALTER TABLE meta DROP COLUMN caught_up; ALTER TABLE meta DROP COLUMN verified;
         ALTER TABLE meta DROP COLUMN judged; ALTER TABLE meta DROP COLUMN unconfirmed;
         ALTER TABLE meta DROP COLUMN missed; ALTER TABLE meta DROP COLUMN interval_ms;
         ALTER TABLE event DROP COLUMN sum; ALTER TABLE sym DROP COLUMN sum; ALTER TABLE bookmark DROP COLUMN sum;
         ALTER TABLE gap DROP COLUMN sum; ALTER TABLE reject DROP COLUMN sum; ALTER TABLE dict DROP COLUMN sum;
         ALTER TABLE meta DROP COLUMN sum; ALTER TABLE meta DROP COLUMN sealed;
         ALTER TABLE meta DROP COLUMN whole_from; ALTER TABLE meta DROP COLUMN hour_began;
         ALTER TABLE meta DROP COLUMN hour_rows; ALTER TABLE meta DROP COLUMN hour_gone;
         ALTER TABLE meta DROP COLUMN hour_sides; ALTER TABLE meta DROP COLUMN ahead_ms;
         ALTER TABLE meta DROP COLUMN suspended_ms;
         DROP TABLE hidden; DROP TABLE clean; PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[tokio::test]
async fn an_older_version_is_brought_up_to_date_by_writer_and_reader() {
    for by_reader in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let journal = writer(dir.path());
        journal.append(Batch { bookmark: Some(bookmark("n")), ..polled(500..501) }).await.unwrap();
        journal.append(polled(0..7)).await.unwrap();
        journal.close().await;
        age(dir.path());
        if !by_reader {
            writer(dir.path()).close().await;
        }
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!((reader.coverage().unwrap().late, reader.counts().unwrap().rows), (7, 8));
        assert_eq!(reader.bookmark().unwrap(), Some(bookmark("n")));
        let conn = rusqlite::Connection::open(dir.path().join("journal.sqlite3")).unwrap();
        let format: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(format, schema::FORMAT);
    }
}

#[test]
fn an_older_version_in_use_is_left_to_who_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), Settings::default()).close();
    age(dir.path());
    let lock = lock::ask(&dir.path().join("journal.lock")).unwrap();
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::OlderInUse { .. }), "{error:?}");
    assert!(error.fault().remedy.contains("End"), "{}", error.fault());
    drop(lock);
    assert!(Reader::open(dir.path()).is_ok());
}

#[tokio::test]
async fn the_numbers_go_on_after_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    journal.append(polled(0..5)).await.unwrap();
    let other = journal.clone();
    journal.close().await;
    assert!(matches!(other.append(polled(5..6)).await, Err(AppendError::Closed)));
    other.close().await;
    let journal = writer(dir.path());
    assert_eq!(journal.head().borrow().last, Seq(5));
    assert_eq!(journal.append(polled(4..7)).await.unwrap().head.last, Seq(7));
}

#[tokio::test]
async fn a_second_opener_follows() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let second = open(dir.path(), Settings::default(), Clock::manual(start())).unwrap();
    let Opened::Follower { holder } = second else { panic!("two writers") };
    assert_eq!(holder, std::process::id().to_string());
    let mut reader = Reader::open(dir.path()).unwrap();
    let version = reader.data_version().unwrap();
    assert_eq!(reader.data_version().unwrap(), version);
    journal.append(polled(0..3)).await.unwrap();
    assert_ne!(reader.data_version().unwrap(), version);
    assert_eq!(reader.head().unwrap().last, Seq(3));
    assert_eq!(reader.after(Seq(0), 9).unwrap().rows.len(), 3);
}

#[tokio::test]
async fn whoever_followed_goes_on_hearing_when_this_process_writes() {
    let dir = tempfile::tempdir().unwrap();
    let first = writer(dir.path());
    first.append(polled(0..3)).await.unwrap();
    let (head, mut heard) = watch::channel(Head::default());
    let name = std::process::id().to_string();
    assert!(matches!(claim(dir.path()).unwrap(), Claimed::Elsewhere(holder) if holder == name));
    assert_eq!(holder(dir.path()).unwrap(), Holder::Process { name, is_stopped: false });
    first.close().await;
    assert_eq!(holder(dir.path()).unwrap(), Holder::Nobody);
    let Claimed::Ours(claim) = claim(dir.path()).unwrap() else { panic!("it is free") };
    let second = claim.open(Settings::default(), Clock::manual(start()), &head).unwrap();
    assert_eq!(heard.borrow_and_update().last, Seq(3));
    second.append(polled(3..5)).await.unwrap();
    assert_eq!(heard.borrow_and_update().last, Seq(5));
    drop(head);
    // The writer has ended when the last sender is dropped.
    second.close().await;
    assert!(heard.changed().await.is_err());
}

#[test]
fn a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), Settings::default());
    store.conn.pragma_update(None, "user_version", 99).unwrap();
    store.close();
    let file = dir.path().join("journal.sqlite3");
    let before = fs::read(&file).unwrap();
    let error = open(dir.path(), Settings::default(), Clock::manual(start())).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error:?}");
    assert!(error.fault().what.contains("newer version"));
    assert!(matches!(Reader::open(dir.path()), Err(OpenError::Newer { .. })));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_damaged_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.sqlite3");
    store(dir.path(), Settings::default()).close();
    let sound = fs::read(&file).unwrap();
    let mut torn = sound.clone();
    torn[100..].fill(0xa5);
    let foreign = b"This file belongs to somebody else and is a good deal longer than a header.".to_vec();
    for bytes in [torn, sound[..3000].to_vec(), foreign] {
        fs::write(&file, &bytes).unwrap();
        let error = open(dir.path(), Settings::default(), Clock::manual(start())).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        assert_eq!(error.fault().brief, "damaged journal");
        assert!(matches!(Reader::open(dir.path()), Err(OpenError::Damaged { .. })));
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("journal.sqlite3");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&file).unwrap();
    let error = open(dir.path(), Settings::default(), Clock::manual(start())).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn an_empty_file_is_a_new_journal() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("journal.sqlite3"), b"").unwrap();
    assert!(matches!(Reader::open(dir.path()), Err(OpenError::Missing { .. })));
    assert_eq!(writer(dir.path()).append(polled(0..1)).await.unwrap().new, 1);
}

#[test]
fn a_place_that_cannot_be_has_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"x").unwrap();
    let error =
        open(&file.join("org.example.test"), Settings::default(), Clock::manual(start())).unwrap_err();
    let fault = error.fault();
    assert_eq!(fault.brief, "not a directory");
    assert!(fault.remedy.contains("--data-dir"), "{fault}");
    assert!(matches!(Reader::open(dir.path()), Err(OpenError::Missing { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/org.example.test");
    let journal = writer(&dir);
    journal.append(polled(0..1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 4, "the file, its WAL, its shared memory and the lock");
}
