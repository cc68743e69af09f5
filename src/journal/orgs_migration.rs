//! The migration to format 11, in which one journal can hold several orgs.
//!
//! The rows of a journal that had one org get the number 0, which does not change their checksums. So nothing that
//! grows with the number of rows is written again, except indexes: some two seconds per million rows.

use rusqlite::Connection;

use super::checksum::{self, BOOKMARK, HISTORY, META, NO_SUM, ORG, Table};
use super::paths::key_of_folder;
use crate::consent::KnownOrg;

/// Adds the number of the org to each table whose rows belong to one, and to its keys. What `meta` says of one org
/// moves to the table `org`.
///
/// `key` identifies an org for ever; it is empty until a writer says which org the first one is. `host` and `name` are
/// what people see. `polls` says whether the last process that opened the journal to fill it works or worked for the
/// org. A value that damage turned into NULL becomes empty, so that its row is not lost and still counts as damaged.
pub(super) const ORGS: &str = "CREATE TABLE org (id INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 254),
        key TEXT NOT NULL UNIQUE, host TEXT NOT NULL, name TEXT, polls INTEGER NOT NULL DEFAULT 0,
        rows INTEGER NOT NULL DEFAULT 0, newest INTEGER NOT NULL DEFAULT 0, complete_since TEXT,
        late INTEGER NOT NULL DEFAULT 0, last_good TEXT, caught_up INTEGER, interval_ms INTEGER,
        ahead_ms INTEGER NOT NULL DEFAULT 0, verified INTEGER, judged INTEGER NOT NULL DEFAULT 0,
        unconfirmed INTEGER NOT NULL DEFAULT 0, missed INTEGER NOT NULL DEFAULT 0, altered INTEGER NOT NULL DEFAULT 0,
        hook_only INTEGER NOT NULL DEFAULT 0, whole_from INTEGER NOT NULL DEFAULT 0,
        hour_began INTEGER NOT NULL DEFAULT 0, hour_rows INTEGER NOT NULL DEFAULT 0, hour_gone INTEGER NOT NULL DEFAULT 0,
        hour_sides INTEGER NOT NULL DEFAULT 0, suspended_ms INTEGER NOT NULL DEFAULT 0, sum INTEGER);
    INSERT INTO org (id, key, host, rows, newest, complete_since, late, last_good, caught_up, interval_ms, ahead_ms,
            verified, judged, unconfirmed, missed, altered, hook_only, whole_from, hour_began, hour_rows, hour_gone,
            hour_sides, suspended_ms)
        SELECT 0, '', '', COALESCE(rows, 0), COALESCE(newest, 0), complete_since, COALESCE(late, 0), last_good, caught_up,
            interval_ms, COALESCE(ahead_ms, 0), verified, COALESCE(judged, 0), COALESCE(unconfirmed, 0),
            COALESCE(missed, 0), COALESCE(altered, 0), COALESCE(hook_only, 0), COALESCE(whole_from, 0),
            COALESCE(hour_began, 0), COALESCE(hour_rows, 0), COALESCE(hour_gone, 0), COALESCE(hour_sides, 0),
            COALESCE(suspended_ms, 0) FROM meta;
    CREATE TABLE meta_new (id INTEGER PRIMARY KEY CHECK (id = 1), next_seq INTEGER NOT NULL, next_rev INTEGER NOT NULL,
        rows INTEGER NOT NULL, trained INTEGER NOT NULL, sealed INTEGER NOT NULL, sum INTEGER);
    INSERT INTO meta_new SELECT 1, COALESCE(next_seq, 0), COALESCE(next_rev, 0), COALESCE(rows, 0),
        COALESCE(trained, 0), COALESCE(sealed, 0), sum FROM meta;
    DROP TABLE meta;
    ALTER TABLE meta_new RENAME TO meta;
    ALTER TABLE event ADD COLUMN org INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sym ADD COLUMN org INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE side ADD COLUMN org INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE reject ADD COLUMN org INTEGER NOT NULL DEFAULT 0;
    DROP INDEX event_key;
    CREATE UNIQUE INDEX event_key ON event (org, ts, uuid, part);
    DROP INDEX event_by_hook;
    CREATE INDEX event_by_hook ON event (org, doubt, received) WHERE via = 2;
    DROP INDEX event_shared;
    CREATE INDEX event_shared ON event (org) WHERE doubt = 3;
    DROP INDEX sym_unnamed;
    CREATE INDEX sym_unnamed ON sym (org, text) WHERE length(text) <= 80
        AND (text GLOB '0oa*' OR text GLOB '00u*' OR text GLOB 'aus*')
        AND (text GLOB '*' || char(31) OR text GLOB '*' || char(31, 31) || '*');
    DROP INDEX side_key;
    DROP INDEX side_type;
    DROP INDEX side_session;
    DROP INDEX side_txn;
    CREATE UNIQUE INDEX side_key ON side (org, ts, uuid);
    CREATE INDEX side_type ON side (org, type, ts);
    CREATE INDEX side_session ON side (org, session) WHERE session IS NOT NULL;
    CREATE INDEX side_txn ON side (org, txn) WHERE txn IS NOT NULL;
    CREATE TABLE gap_new (id INTEGER PRIMARY KEY AUTOINCREMENT, start TEXT NOT NULL, stop TEXT NOT NULL,
        why TEXT NOT NULL, org INTEGER NOT NULL DEFAULT 0, sum INTEGER, UNIQUE (org, start, stop, why));
    INSERT OR IGNORE INTO gap_new (id, start, stop, why, sum)
        SELECT id, COALESCE(start, ''), COALESCE(stop, ''), COALESCE(why, ''), sum FROM gap;
    DROP TABLE gap;
    ALTER TABLE gap_new RENAME TO gap;
    CREATE TABLE listening_new (org INTEGER NOT NULL, up INTEGER NOT NULL, start INTEGER NOT NULL,
        stop INTEGER NOT NULL, sum INTEGER, PRIMARY KEY (org, up)) WITHOUT ROWID;
    INSERT OR IGNORE INTO listening_new SELECT 0, up, COALESCE(start, 0), COALESCE(stop, 0), sum FROM listening;
    DROP TABLE listening;
    ALTER TABLE listening_new RENAME TO listening;
    CREATE TABLE label_new (org INTEGER NOT NULL, thing INTEGER NOT NULL, id TEXT NOT NULL, name TEXT, login TEXT,
        gone INTEGER NOT NULL, asked INTEGER NOT NULL, rev INTEGER NOT NULL, sum INTEGER,
        PRIMARY KEY (org, thing, id)) WITHOUT ROWID;
    INSERT OR IGNORE INTO label_new SELECT 0, COALESCE(thing, 0), COALESCE(id, ''), name, login, COALESCE(gone, 0),
        COALESCE(asked, 0), COALESCE(rev, 0), sum FROM label;
    DROP TABLE label;
    ALTER TABLE label_new RENAME TO label;
    CREATE INDEX label_rev ON label (rev);
    CREATE TABLE unreadable_new (org INTEGER NOT NULL, source TEXT NOT NULL, count INTEGER NOT NULL,
        first INTEGER NOT NULL, last INTEGER NOT NULL, sum INTEGER, PRIMARY KEY (org, source)) WITHOUT ROWID;
    INSERT OR IGNORE INTO unreadable_new SELECT 0, COALESCE(source, ''), COALESCE(count, 0), COALESCE(first, 0),
        COALESCE(last, 0), sum FROM unreadable;
    DROP TABLE unreadable;
    ALTER TABLE unreadable_new RENAME TO unreadable;
    CREATE TABLE bookmark_new (org INTEGER PRIMARY KEY, query TEXT NOT NULL, next TEXT NOT NULL, last_published TEXT,
        since TEXT NOT NULL, caught_up INTEGER NOT NULL, sum INTEGER);
    INSERT INTO bookmark_new SELECT 0, COALESCE(query, ''), COALESCE(next, ''), last_published, COALESCE(since, ''),
        COALESCE(caught_up, 0), sum FROM bookmark;
    DROP TABLE bookmark;
    ALTER TABLE bookmark_new RENAME TO bookmark;
    CREATE TABLE history_new (org INTEGER PRIMARY KEY, query TEXT NOT NULL, goal TEXT NOT NULL, top TEXT NOT NULL,
        whole_from TEXT NOT NULL, start TEXT NOT NULL, next TEXT, sum INTEGER);
    INSERT INTO history_new SELECT 0, COALESCE(query, ''), COALESCE(goal, ''), COALESCE(top, ''),
        COALESCE(whole_from, ''), COALESCE(start, ''), next, sum FROM history;
    DROP TABLE history;
    ALTER TABLE history_new RENAME TO history;";

/// The tables of format 10 that hold a part of an event under the number of its row.
const ROW_TABLES: [&str; 5] = ["event", "raw", "delivery", "hidden", "hook_copy"];

/// Which of the rows that change in this migration were sound before it. A damaged row stays damaged.
pub(super) struct Sound {
    meta: bool,
    bookmark: bool,
    history: bool,
}

impl Sound {
    /// Checks a journal of format 10.
    pub(super) fn of(conn: &Connection) -> rusqlite::Result<Self> {
        let is_sound = |table| Ok::<_, rusqlite::Error>(checksum::count_damaged(conn, table)? == 0);
        Ok(Self { meta: is_sound(META)?, bookmark: is_sound(BOOKMARK)?, history: is_sound(HISTORY)? })
    }

    /// Names the org of the journal, and writes the checksums of the changed rows.
    pub(super) fn finish(self, conn: &Connection, folder: &str) -> rusqlite::Result<()> {
        let KnownOrg { key, host, .. } = org_of(conn, folder)?;
        conn.execute("UPDATE org SET key = ?1, host = ?2", (key, host))?;
        seal(conn, META, 1, self.meta)?;
        seal(conn, ORG, 0, self.meta)?;
        seal(conn, BOOKMARK, 0, self.bookmark)?;
        seal(conn, HISTORY, 0, self.history)
    }
}

/// Removes the rows of a journal of format 10 that keep it from being migrated: events that came in a second time while
/// the index of their keys was damaged, and a row whose number was changed in a table that should have one row. Of the
/// same event, the oldest row stays. The counters then count as damaged, so the writer counts again.
pub(super) fn remove_duplicates(conn: &Connection) -> rusqlite::Result<()> {
    // A row that is missing in an index cannot be deleted, so the indexes are made anew first.
    conn.execute_batch(
        "DROP INDEX event_key; REINDEX event; CREATE INDEX event_key ON event (ts, uuid, part);
         DROP INDEX side_key; REINDEX side; CREATE INDEX side_key ON side (ts, uuid);",
    )?;
    let later = "SELECT seq FROM event AS later WHERE EXISTS (SELECT 1 FROM event AS first INDEXED BY event_key
        WHERE first.ts = later.ts AND first.uuid = later.uuid AND first.part = later.part AND first.seq < later.seq)";
    let events: Vec<i64> = conn.prepare(later)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in ROW_TABLES {
        let mut delete = conn.prepare(&format!("DELETE FROM {table} WHERE seq = ?1"))?;
        for seq in &events {
            delete.execute([seq])?;
        }
    }
    let later = "DELETE FROM side WHERE EXISTS (SELECT 1 FROM side AS first INDEXED BY side_key
        WHERE first.ts = side.ts AND first.uuid = side.uuid AND first.id < side.id)";
    let sides = conn.execute(later, [])?;
    for table in ["meta", "bookmark", "history"] {
        let one = format!("SELECT id FROM {table} ORDER BY id <> 1, id LIMIT 1");
        conn.execute(&format!("DELETE FROM {table} WHERE id <> ({one})"), [])?;
    }
    tracing::warn!(
        events = events.len(),
        sides,
        "Rows that a damaged index let in a second time were removed."
    );
    conn.execute("UPDATE meta SET sum = ?1", [NO_SUM]).map(drop)
}

/// Returns the org of a journal of format 10. Each org had a folder of its own, which had the name of its host. If the
/// name cannot be a host, or the journal has stored nothing, key and host are empty, and the first writer's first org
/// takes the entry.
pub(super) fn org_of(conn: &Connection, folder: &str) -> rusqlite::Result<KnownOrg> {
    let is_used = "SELECT EXISTS (SELECT 1 FROM meta WHERE next_seq > 1) OR EXISTS (SELECT 1 FROM event)
        OR EXISTS (SELECT 1 FROM bookmark) OR EXISTS (SELECT 1 FROM side) OR EXISTS (SELECT 1 FROM reject)
        OR EXISTS (SELECT 1 FROM gap) OR EXISTS (SELECT 1 FROM listening) OR EXISTS (SELECT 1 FROM label)";
    let is_used: bool = conn.query_row(is_used, [], |row| row.get(0))?;
    let key = if is_used { key_of_folder(folder) } else { "" };
    Ok(KnownOrg { key: key.into(), host: key.into(), name: None })
}

fn seal(conn: &Connection, table: Table, key: i64, is_sound: bool) -> rusqlite::Result<()> {
    if is_sound {
        checksum::seal_row(conn, table, &[&key])
    } else {
        conn.execute(&format!("UPDATE {} SET sum = ?1", table.name), [NO_SUM]).map(drop)
    }
}
