//! The file's layout, its migrations, and how a connection is set up.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::orgs_migration::{self, ORGS, Sound};
use super::tables::identity;
use super::{checksum, pack};

/// Marks a SQLite file as a journal of this program ("CsWj").
pub(super) const APPLICATION_ID: i64 = 0x4373_576a;

/// The migrations: the one at index `n` brings a file from format `n` to `n + 1`. A released one is never edited; new
/// ones are appended.
const MIGRATIONS: &[&str] = &[
    // Lists load the narrow table; bodies are in another one, so that a scan touches few pages. The key begins with the
    // time because a key that begins with a random uuid makes every insertion land on another page.
    "CREATE TABLE event (
        seq INTEGER PRIMARY KEY, ts INTEGER NOT NULL, uuid BLOB NOT NULL, part INTEGER NOT NULL,
        rev INTEGER NOT NULL, kind INTEGER NOT NULL, via INTEGER NOT NULL, outcome INTEGER NOT NULL,
        severity INTEGER NOT NULL, evidence INTEGER NOT NULL, late INTEGER NOT NULL,
        who INTEGER NOT NULL, actor INTEGER NOT NULL, client INTEGER NOT NULL, server INTEGER NOT NULL,
        scopes INTEGER NOT NULL, origin INTEGER NOT NULL, received INTEGER NOT NULL);
     CREATE UNIQUE INDEX event_key ON event (ts, uuid, part);
     CREATE INDEX event_rev ON event (rev) WHERE rev > 0;
     CREATE TABLE sym (id INTEGER PRIMARY KEY, h INTEGER NOT NULL, text TEXT NOT NULL);
     CREATE INDEX sym_h ON sym (h);
     CREATE TABLE dict (id INTEGER PRIMARY KEY, own INTEGER NOT NULL, body BLOB NOT NULL);
     CREATE TABLE raw (seq INTEGER PRIMARY KEY, dict INTEGER NOT NULL, body BLOB NOT NULL);
     CREATE TABLE delivery (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
     CREATE TABLE reject (id INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, source TEXT NOT NULL,
        why TEXT NOT NULL, body BLOB NOT NULL, length INTEGER NOT NULL);
     CREATE TABLE gap (id INTEGER PRIMARY KEY AUTOINCREMENT, start TEXT NOT NULL, stop TEXT NOT NULL,
        why TEXT NOT NULL, UNIQUE (start, stop, why));
     CREATE TABLE bookmark (id INTEGER PRIMARY KEY CHECK (id = 1), query TEXT NOT NULL, next TEXT NOT NULL,
        last_published TEXT, since TEXT NOT NULL, caught_up INTEGER NOT NULL);
     CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), next_seq INTEGER NOT NULL, next_rev INTEGER NOT NULL,
        rows INTEGER NOT NULL, newest INTEGER NOT NULL, complete_since TEXT, trained INTEGER NOT NULL);
     INSERT INTO meta VALUES (1, 1, 1, 0, 0, NULL, 0);",
    // Where fetching older history resumes; the number of late rows, so that no query counts them among a million; when
    // the log was last read successfully.
    "CREATE TABLE history (id INTEGER PRIMARY KEY CHECK (id = 1), query TEXT NOT NULL, goal TEXT NOT NULL,
        top TEXT NOT NULL, whole_from TEXT NOT NULL, start TEXT NOT NULL, next TEXT);
     ALTER TABLE meta ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE meta ADD COLUMN last_good TEXT;
     UPDATE meta SET late = (SELECT COUNT(*) FROM event WHERE late <> 0);",
    // Names of ids, and an index of the few texts that hold only an id, so that a new name finds its texts without a
    // scan.
    "CREATE TABLE label (thing INTEGER NOT NULL, id TEXT NOT NULL, name TEXT, login TEXT, gone INTEGER NOT NULL,
        asked INTEGER NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (thing, id)) WITHOUT ROWID;
     CREATE INDEX label_rev ON label (rev);
     CREATE INDEX sym_unnamed ON sym (text) WHERE length(text) <= 80
        AND (text GLOB '0oa*' OR text GLOB '00u*' OR text GLOB 'aus*')
        AND (text GLOB '*' || char(31) OR text GLOB '*' || char(31, 31) || '*');",
    // Columns for scope grants and sessions; whether the log and the hook confirm each other; the periods in which this
    // program listened for the hook; and side events.
    "ALTER TABLE event ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE event ADD COLUMN grants BLOB;
     ALTER TABLE event ADD COLUMN session INTEGER;
     CREATE INDEX event_hook_only ON event (received) WHERE via = 2 AND doubt = 0;
     CREATE TABLE listening (up INTEGER PRIMARY KEY, start INTEGER NOT NULL, stop INTEGER NOT NULL);
     ALTER TABLE meta ADD COLUMN caught_up INTEGER;
     ALTER TABLE meta ADD COLUMN verified INTEGER;
     ALTER TABLE meta ADD COLUMN judged INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE meta ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE meta ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE side (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, uuid BLOB NOT NULL,
        type TEXT NOT NULL, txn TEXT, session TEXT, received INTEGER NOT NULL, body BLOB NOT NULL);
     CREATE UNIQUE INDEX side_key ON side (ts, uuid);
     CREATE INDEX side_type ON side (type, ts);
     CREATE INDEX side_session ON side (session) WHERE session IS NOT NULL;
     CREATE INDEX side_txn ON side (txn) WHERE txn IS NOT NULL;",
    // How long the poller waits between two polls, so that a follower can tell a slow poller from a stopped one.
    "ALTER TABLE meta ADD COLUMN interval_ms INTEGER;",
    // An index of the few rows that share their uuid with a row of other content, so that counting them is fast.
    "CREATE INDEX event_shared ON event (seq) WHERE doubt = 3;",
    // The number of unreadable records per source; of the records themselves only the newest are kept.
    "CREATE TABLE unreadable (source TEXT PRIMARY KEY, count INTEGER NOT NULL, first INTEGER NOT NULL,
        last INTEGER NOT NULL) WITHOUT ROWID;
     INSERT INTO unreadable SELECT source, COUNT(*), MIN(received), MAX(received) FROM reject GROUP BY source;",
    CHECKSUMS,
    HIDDEN_VALUES,
    // The hook's copies that contradict the log's record or add to it; the number of rows whose copies contradict each
    // other; the number of rows that only a hook has delivered, and an index of those by doubt and age.
    "CREATE TABLE hook_copy (seq INTEGER PRIMARY KEY, dict INTEGER NOT NULL, body BLOB NOT NULL, sum INTEGER);
     DROP INDEX event_hook_only;
     CREATE INDEX event_by_hook ON event (doubt, received) WHERE via = 2;
     ALTER TABLE meta ADD COLUMN altered INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE meta ADD COLUMN hook_only INTEGER NOT NULL DEFAULT 0;
     UPDATE meta SET hook_only = (SELECT COUNT(*) FROM event WHERE via = 2);",
    ORGS,
    TEAM,
];

/// Adds what a team needs: how far each stream of the server is stored here, and how far this journal is published there.
const TEAM: &str = "CREATE TABLE stream (org INTEGER NOT NULL, name INTEGER NOT NULL, born TEXT NOT NULL,
        low INTEGER NOT NULL, high INTEGER NOT NULL, sum INTEGER, PRIMARY KEY (org, name)) WITHOUT ROWID;
    CREATE TABLE published (org INTEGER PRIMARY KEY, born TEXT NOT NULL, seq INTEGER NOT NULL, rev INTEGER NOT NULL,
        side INTEGER NOT NULL, sum INTEGER);";

/// Adds checksums. Rows and texts get theirs in the background; `sealed` says that all have one. Also adds the state of
/// pruning by age: rows published before `whole_from` were removed; `hour_began` is the start of the hour, `hour_rows`
/// the number of rows at that time, and `hour_gone` and `hour_sides` the numbers of rows and side events removed since.
/// `ahead_ms` is how far the clock was ahead of Okta's at the last successful poll, `suspended_ms` for how long nothing
/// was removed by age.
const CHECKSUMS: &str = "ALTER TABLE event ADD COLUMN sum INTEGER;
    ALTER TABLE sym ADD COLUMN sum INTEGER;
    ALTER TABLE meta ADD COLUMN sum INTEGER;
    ALTER TABLE bookmark ADD COLUMN sum INTEGER;
    ALTER TABLE history ADD COLUMN sum INTEGER;
    ALTER TABLE gap ADD COLUMN sum INTEGER;
    ALTER TABLE listening ADD COLUMN sum INTEGER;
    ALTER TABLE label ADD COLUMN sum INTEGER;
    ALTER TABLE side ADD COLUMN sum INTEGER;
    ALTER TABLE reject ADD COLUMN sum INTEGER;
    ALTER TABLE dict ADD COLUMN sum INTEGER;
    ALTER TABLE unreadable ADD COLUMN sum INTEGER;
    ALTER TABLE meta ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN whole_from INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN hour_began INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN hour_rows INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN hour_gone INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN hour_sides INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN ahead_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN suspended_ms INTEGER NOT NULL DEFAULT 0;
    UPDATE meta SET sealed = NOT EXISTS (SELECT 1 FROM event) AND NOT EXISTS (SELECT 1 FROM sym);";

/// Creates two tables: `hidden` counts the hidden values of each row that has any; `clean` holds the
/// journal's key and the progress of cleaning. `stop` and `sides` are the last row and the last side event that an
/// earlier version may have stored. A journal without events needs no cleaning.
const HIDDEN_VALUES: &str =
    "CREATE TABLE hidden (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, sum INTEGER);
     CREATE TABLE clean (id INTEGER PRIMARY KEY CHECK (id = 1), secret BLOB NOT NULL, step INTEGER NOT NULL,
        at INTEGER NOT NULL, stop INTEGER NOT NULL, sides INTEGER NOT NULL, dict INTEGER NOT NULL, sum INTEGER);
     INSERT INTO clean (id, secret, step, at, stop, sides, dict) SELECT 1, x'',
        CASE WHEN EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM side) OR EXISTS (SELECT 1 FROM reject)
            THEN 0 ELSE 7 END, 0,
        (SELECT COALESCE(MAX(seq), 0) FROM event), (SELECT COALESCE(MAX(id), 0) FROM side), 0;";

/// The tables that hold a part of a row under its number. Code that removes a row removes it from all of them.
pub(super) const ROW_TABLES: [&str; 5] = ["event", "raw", "delivery", "hidden", "hook_copy"];

/// The format that this program writes.
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// What a file was found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// A journal of this format, which may be older than [`FORMAT`]; 0 is an empty file.
    Format(i64),
    /// Another program's file.
    Foreign,
}

/// Returns what a file is. Only reads.
pub(super) fn look(conn: &Connection) -> rusqlite::Result<Found> {
    let id: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    check_names(conn)?;
    Ok(match (id, tables) {
        // The program may have been killed between the file's creation and its first migration.
        (0, 0) if format == 0 => Found::Format(0),
        (APPLICATION_ID, _) => Found::Format(format),
        _ => Found::Foreign,
    })
}

/// Checks that the stored schema is ASCII text, since a byte of it may have changed on the disk.
fn check_names(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("SELECT name, tbl_name, sql FROM sqlite_schema")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        for column in 0..3 {
            let text = checksum::bytes(row.get_ref(column)?);
            if !text.is_ascii() {
                return Err(checksum::Mismatch::error("sqlite_schema"));
            }
        }
    }
    Ok(())
}

/// Sets up the connection that writes. The page size counts only for a file that is still empty.
pub(super) fn set_up_writer(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("PRAGMA page_size = 8192; PRAGMA cache_size = -4096; PRAGMA cell_size_check = ON;")?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // The automatic checkpoint is the backstop for a stream that never pauses: 32 MB of WAL.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 4000, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    conn.execute_batch("PRAGMA synchronous = FULL;")
}

/// Sets up a connection that only reads. Its cache stays small: a list reads every page once.
pub(super) fn set_up_reader(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("PRAGMA cache_size = -1024; PRAGMA query_only = ON;")
}

/// Migrates a file to [`FORMAT`]. Each step is one transaction that also stores the new format number, so a killed
/// program resumes there. `name` is the name of the journal's folder.
pub(super) fn migrate(conn: &mut Connection, from: i64, name: &str) -> rusqlite::Result<()> {
    let folder = conn.path().map(Path::new).and_then(Path::parent).and_then(Path::to_str).map(str::to_owned);
    let is_old = (1..FORMAT).contains(&from);
    if let Some(folder) = folder.filter(|_| is_old) {
        // Sorting millions of keys for an index needs hundreds of megabytes. The system's temporary folder may be
        // small.
        put_temporary_files(conn, &folder)?;
    }
    let migrated = run(conn, from, name);
    if is_old {
        put_temporary_files(conn, "")?;
    }
    migrated
}

/// Sets the folder for the temporary files of SQLite. An empty name means the folder of the system.
pub(super) fn put_temporary_files(conn: &Connection, folder: &str) -> rusqlite::Result<()> {
    conn.pragma_update(None, "temp_store_directory", folder)
}

fn run(conn: &mut Connection, from: i64, name: &str) -> rusqlite::Result<()> {
    for (format, step) in (0_i64..).zip(MIGRATIONS) {
        if format < from {
            continue;
        }
        match take(conn, format, step, name, |_| Ok(())) {
            Err(error) if *step == ORGS && breaks_constraint(&error) => {
                take(conn, format, step, name, orgs_migration::remove_duplicates)?;
            }
            taken => taken?,
        }
    }
    Ok(())
}

/// Returns whether a step failed because of rows that no table or index may hold, such as two with the same key.
fn breaks_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Takes a step of the migration, after what `prepare` does in the same transaction.
fn take(
    conn: &mut Connection,
    format: i64,
    step: &str,
    name: &str,
    prepare: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    prepare(&tx)?;
    let has_sums = MIGRATIONS.iter().take(format as usize).any(|before| *before == CHECKSUMS);
    let is_sound = has_sums && checksum::count_damaged(&tx, checksum::META)? == 0;
    let before_orgs = if step == ORGS { Some(Sound::of(&tx)?) } else { None };
    tx.execute_batch(step)?;
    if is_sound && before_orgs.is_none() {
        // A step may change the counters. One that changes rows of events sets their checksums to NULL, and
        // `sealed` to 0.
        checksum::seal_row(&tx, checksum::META, &[&1])?;
    }
    if format == 0 {
        tx.execute("INSERT INTO dict (id, own, body) VALUES (1, 0, ?1)", [pack::SHIPPED])?;
    }
    if step == CHECKSUMS {
        checksum::seal_tables(&tx)?;
    }
    if step == HIDDEN_VALUES {
        identity::put_secret(&tx)?;
    }
    if let Some(sound) = before_orgs {
        sound.finish(&tx, name)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", format + 1)?;
    tx.commit()
}
