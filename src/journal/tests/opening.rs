//! Tests of opening a journal: versions, locks, damaged and foreign files, permissions.

use std::fs;

use tokio::sync::watch;

use super::*;
use crate::journal::{checksum, lock, schema};

/// Changes the file to format 10, which knew one org.
pub(super) fn forget_orgs(conn: &rusqlite::Connection) {
    conn.execute_batch(
        "CREATE TABLE old (id INTEGER PRIMARY KEY CHECK (id = 1), next_seq INTEGER NOT NULL, next_rev INTEGER NOT NULL,
            rows INTEGER NOT NULL, newest INTEGER NOT NULL, complete_since TEXT, trained INTEGER NOT NULL,
            late INTEGER NOT NULL DEFAULT 0, last_good TEXT, caught_up INTEGER, verified INTEGER,
            judged INTEGER NOT NULL DEFAULT 0, unconfirmed INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0,
            interval_ms INTEGER, sum INTEGER, sealed INTEGER NOT NULL DEFAULT 0, whole_from INTEGER NOT NULL DEFAULT 0,
            hour_began INTEGER NOT NULL DEFAULT 0, hour_rows INTEGER NOT NULL DEFAULT 0,
            hour_gone INTEGER NOT NULL DEFAULT 0, hour_sides INTEGER NOT NULL DEFAULT 0,
            ahead_ms INTEGER NOT NULL DEFAULT 0, suspended_ms INTEGER NOT NULL DEFAULT 0,
            altered INTEGER NOT NULL DEFAULT 0, hook_only INTEGER NOT NULL DEFAULT 0);
         INSERT INTO old SELECT 1, next_seq, next_rev, meta.rows, newest, complete_since, trained, late, last_good,
            caught_up, verified, judged, unconfirmed, missed, interval_ms, NULL, sealed, whole_from, hour_began, hour_rows,
            hour_gone, hour_sides, ahead_ms, suspended_ms, altered, hook_only FROM meta, org;
         DROP TABLE meta; DROP TABLE org; ALTER TABLE old RENAME TO meta;
         DROP INDEX event_key; DROP INDEX event_by_hook; DROP INDEX event_shared; DROP INDEX sym_unnamed;
         DROP INDEX side_key; DROP INDEX side_type; DROP INDEX side_session; DROP INDEX side_txn;
         ALTER TABLE event DROP COLUMN org; ALTER TABLE sym DROP COLUMN org; ALTER TABLE side DROP COLUMN org;
         ALTER TABLE reject DROP COLUMN org;
         CREATE UNIQUE INDEX event_key ON event (ts, uuid, part);
         CREATE INDEX event_by_hook ON event (doubt, received) WHERE via = 2;
         CREATE INDEX event_shared ON event (seq) WHERE doubt = 3;
         CREATE INDEX sym_unnamed ON sym (text) WHERE length(text) <= 80
            AND (text GLOB '0oa*' OR text GLOB '00u*' OR text GLOB 'aus*')
            AND (text GLOB '*' || char(31) OR text GLOB '*' || char(31, 31) || '*');
         CREATE UNIQUE INDEX side_key ON side (ts, uuid);
         CREATE INDEX side_type ON side (type, ts);
         CREATE INDEX side_session ON side (session) WHERE session IS NOT NULL;
         CREATE INDEX side_txn ON side (txn) WHERE txn IS NOT NULL;
         CREATE TABLE old (id INTEGER PRIMARY KEY AUTOINCREMENT, start TEXT NOT NULL, stop TEXT NOT NULL,
            why TEXT NOT NULL, sum INTEGER, UNIQUE (start, stop, why));
         INSERT INTO old SELECT id, start, stop, why, sum FROM gap; DROP TABLE gap; ALTER TABLE old RENAME TO gap;
         CREATE TABLE old (up INTEGER PRIMARY KEY, start INTEGER NOT NULL, stop INTEGER NOT NULL, sum INTEGER);
         INSERT INTO old SELECT up, start, stop, sum FROM listening;
         DROP TABLE listening; ALTER TABLE old RENAME TO listening;
         CREATE TABLE old (thing INTEGER NOT NULL, id TEXT NOT NULL, name TEXT, login TEXT, gone INTEGER NOT NULL,
            asked INTEGER NOT NULL, rev INTEGER NOT NULL, sum INTEGER, PRIMARY KEY (thing, id)) WITHOUT ROWID;
         INSERT INTO old SELECT thing, id, name, login, gone, asked, rev, sum FROM label;
         DROP TABLE label; ALTER TABLE old RENAME TO label; CREATE INDEX label_rev ON label (rev);
         CREATE TABLE old (source TEXT PRIMARY KEY, count INTEGER NOT NULL, first INTEGER NOT NULL,
            last INTEGER NOT NULL, sum INTEGER) WITHOUT ROWID;
         INSERT INTO old SELECT source, count, first, last, sum FROM unreadable;
         DROP TABLE unreadable; ALTER TABLE old RENAME TO unreadable;
         CREATE TABLE old (id INTEGER PRIMARY KEY CHECK (id = 1), query TEXT NOT NULL, next TEXT NOT NULL,
            last_published TEXT, since TEXT NOT NULL, caught_up INTEGER NOT NULL, sum INTEGER);
         INSERT INTO old SELECT 1, query, next, last_published, since, caught_up, NULL FROM bookmark;
         DROP TABLE bookmark; ALTER TABLE old RENAME TO bookmark;
         CREATE TABLE old (id INTEGER PRIMARY KEY CHECK (id = 1), query TEXT NOT NULL, goal TEXT NOT NULL,
            top TEXT NOT NULL, whole_from TEXT NOT NULL, start TEXT NOT NULL, next TEXT, sum INTEGER);
         INSERT INTO old SELECT 1, query, goal, top, whole_from, start, next, NULL FROM history;
         DROP TABLE history; ALTER TABLE old RENAME TO history; DROP TABLE stream; DROP TABLE published;
         PRAGMA user_version = 10;",
    )
    .unwrap();
    for table in ["meta", "bookmark", "history"] {
        checksum::seal_old_row(conn, table);
    }
}

/// Changes the file to what the first version left behind.
fn age(dir: &Path) {
    let conn = rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap();
    forget_orgs(&conn);
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
        assert_eq!((reader.coverage(OrgId(0)).unwrap().late, reader.counts().unwrap().rows), (7, 8));
        assert_eq!(reader.bookmark(OrgId(0)).unwrap(), Some(bookmark("n")));
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
    let fault = error.fault();
    assert!(fault.what.ends_with(", or is updating the journal."), "{fault}");
    assert!(fault.remedy.starts_with("Wait") && fault.remedy.contains("End"), "{fault}");
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
    let clock = Clock::manual(start());
    let entries = vec![OrgEntry::of_folder(dir.path(), clock.clone())];
    let second = claim.open(Settings::default(), clock, &head, entries, &[]).unwrap();
    assert_eq!(heard.borrow_and_update().last, Seq(3));
    second.orgs().next().unwrap().append(polled(3..5)).await.unwrap();
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
