use std::fs;

use jiff::Timestamp;

use super::*;
use crate::clock::Clock;
use crate::consent::{OrgId, Seq, Via};
use crate::journal::sample::{self, START_MS};
use crate::journal::write::store::Store;
use crate::journal::{Batch, Opened, Reader, Settings, open};

const ORG: &str = "example.okta.com";

fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS + second * 1000).unwrap()
}

fn marked(number: u64, note: &str) -> Marked {
    Marked { org: ORG.into(), key: sample::consent(number, Via::POLL).key, at: at(1), note: note.into() }
}

fn notes(dir: &Path) -> Vec<String> {
    let notes = Notes::look(dir).unwrap().unwrap();
    notes.marks().unwrap().iter().map(|marked| marked.note.to_string()).collect()
}

#[test]
fn marks_come_back_and_go() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Notes::look(dir.path()).unwrap().is_none());
    let mut here = Notes::open(dir.path()).unwrap();
    let mut there = Notes::open(dir.path()).unwrap();
    for (number, note) in [(3, ""), (1, "first"), (2, "second"), (1, "first, mended")] {
        here.put(&marked(number, note)).unwrap();
    }
    assert_eq!(notes(dir.path()), ["first, mended", "second", ""]);
    assert_eq!(here.marks().unwrap()[0], marked(1, "first, mended"));
    assert!(there.is_moved().unwrap() && !there.is_moved().unwrap());
    assert!(!here.is_moved().unwrap(), "what one wrote oneself is no news");
    there.remove(ORG, &marked(2, "").key).unwrap();
    there.remove(ORG, &marked(9, "").key).unwrap();
    assert!(here.is_moved().unwrap());
    assert_eq!(notes(dir.path()), ["first, mended", ""]);
    here.put(&marked(1, &"é".repeat(5000))).unwrap();
    assert_eq!(here.marks().unwrap()[0].note.chars().count(), Notes::NOTE_MAX);
}

#[test]
fn filters_are_remembered_once_each_the_last_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    for query in ["ada", "bo", "ada"] {
        notes.remember(query).unwrap();
    }
    assert_eq!(Notes::open(dir.path()).unwrap().filters().unwrap(), ["ada", "bo"]);
    for number in 0..Notes::FILTERS_MAX + 20 {
        notes.remember(&format!("who:{number}")).unwrap();
    }
    let kept = notes.filters().unwrap();
    assert_eq!((kept.len(), kept[0].as_str()), (Notes::FILTERS_MAX, "who:219"));
    let count: u32 = notes.ask("SELECT COUNT(*) FROM filter", |row| row.get(0)).unwrap();
    assert_eq!(count as usize, Notes::FILTERS_MAX);
}

#[test]
fn the_place_is_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    notes.keep_place(&[("page", "sources".into()), ("filter", "ada".into())]).unwrap();
    notes.keep_place(&[("page", "consents".into()), ("columns", "x".repeat(10_000))]).unwrap();
    let place = Notes::open(dir.path()).unwrap().place().unwrap();
    let names: Vec<&str> = place.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["columns", "page"]);
    assert_eq!((place[0].1.len(), place[1].1.as_str()), (Notes::TEXT_MAX, "consents"));
}

#[test]
fn no_more_than_is_bounded_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    let many = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         INSERT INTO mark SELECT i, randomblob(16), 0, 'x', 0, '' FROM n",
        Notes::MARKS_MAX
    );
    notes.conn.execute(&many, []).unwrap();
    assert!(matches!(notes.put(&marked(1, "")), Err(NotesError::Full)));
    let mut first = notes.marks().unwrap().swap_remove(0);
    first.note = "one that is there takes a note".into();
    notes.put(&first).unwrap();
    notes.remove(&first.org, &first.key).unwrap();
    notes.put(&marked(1, "")).unwrap();
}

#[test]
fn what_is_damaged_foreign_or_newer_is_refused_and_left() {
    for (what, spoil) in [
        ("newer", "PRAGMA user_version = 9"),
        ("damaged", "PRAGMA application_id = 7"),
        ("damaged", "PRAGMA application_id = 0; PRAGMA user_version = 0"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        Notes::open(dir.path()).unwrap().conn.execute_batch(spoil).unwrap();
        let before = fs::read(dir.path().join(FILE)).unwrap();
        for error in [Notes::open(dir.path()).err(), Notes::look(dir.path()).err()] {
            let fault = error.unwrap().fault();
            assert!(fault.brief.starts_with(what), "{fault}");
            assert!(fault.to_string().contains("The screen keeps working"), "{fault}");
        }
        assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), "this is a letter, and not a short one: it has more than a header")
        .unwrap();
    assert!(matches!(Notes::open(dir.path()), Err(NotesError::Damaged { .. })));
    // Overwrites pages in the middle of the file.
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    for number in 0..500 {
        notes.put(&marked(number, "a note that fills some pages of the file")).unwrap();
    }
    notes.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(notes);
    let mut bytes = fs::read(dir.path().join(FILE)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xff);
    fs::write(dir.path().join(FILE), bytes).unwrap();
    assert!(matches!(Notes::open(dir.path()), Err(NotesError::Damaged { .. })));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    notes.put(&marked(1, "secret")).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn a_file_that_another_screen_holds_does_not_hold_up_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut here = Notes::open(dir.path()).unwrap();
    let there = Notes::open(dir.path()).unwrap();
    there.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fault = here.put(&marked(1, "")).unwrap_err().fault();
    assert_eq!(fault.brief, "marks busy");
    there.conn.execute_batch("ROLLBACK").unwrap();
    here.put(&marked(1, "")).unwrap();
}

fn store(dir: &Path, settings: Settings) -> Store {
    Store::new(crate::journal::connection::connect_writer(dir).unwrap(), settings).unwrap()
}

fn seqs(dir: &Path) -> Vec<i64> {
    Reader::open(dir)
        .unwrap()
        .present(Seq(0), Seq(i64::MAX), 10_000)
        .unwrap()
        .iter()
        .map(|seq| seq.0)
        .collect()
}

fn fill(store: &mut Store, numbers: std::ops::Range<u64>) {
    let consents = numbers.map(|number| sample::consent(number, Via::POLL)).collect();
    store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
}

#[test]
fn marked_rows_are_spared_by_age_and_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings { keep_days: 1, keep_rows: 10, ..Settings::default() });
    fill(&mut store, 0..1200);
    let mut notes = Notes::open(dir.path()).unwrap();
    for number in [0, 7, 700] {
        notes.put(&marked(number, "")).unwrap();
    }
    while store.prune_some(at(1)).unwrap() {}
    // Ten rows are kept: the three marked ones and the newest seven.
    assert_eq!(seqs(dir.path()), [1, 8, 701, 1194, 1195, 1196, 1197, 1198, 1199, 1200]);
    // The writer sees marks that come and go while it runs.
    notes.remove(ORG, &marked(7, "").key).unwrap();
    notes.put(&marked(1195, "")).unwrap();
    while store.prune_some(at(100 * 86_400)).unwrap() {}
    assert_eq!(seqs(dir.path()), [1, 701, 1196]);
}

#[test]
fn nothing_is_removed_while_marks_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings { keep_days: 1, keep_rows: 10, ..Settings::default() });
    fill(&mut store, 0..100);
    fs::write(dir.path().join(FILE), "damaged beyond what can be read").unwrap();
    assert!(!store.prune_some(at(1)).unwrap());
    assert_eq!(seqs(dir.path()).len(), 100);
    fs::remove_file(dir.path().join(FILE)).unwrap();
    while store.prune_some(at(1)).unwrap() {}
    assert_eq!(seqs(dir.path()).len(), 10);
}

#[tokio::test]
async fn a_key_finds_its_row_in_a_journal_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let key = sample::consent(20, Via::POLL).key;
    for (numbers, seq) in [(0..30, 21), (15..30, 6)] {
        for file in ["journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
            fs::remove_file(dir.path().join(file)).ok();
        }
        let opened = open(dir.path(), Settings::default(), Clock::manual(at(60))).unwrap();
        let Opened::Writer(journal) = opened else { panic!("held") };
        let consents = numbers.map(|number| sample::consent(number, Via::POLL)).collect();
        journal.append(Batch { consents, ..Batch::default() }).await.unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        assert_eq!(reader.seq_of(OrgId(0), &key).unwrap(), Some(Seq(seq)));
        assert_eq!(reader.key_of(Seq(seq)).unwrap(), Some((OrgId(0), key)));
        assert_eq!(reader.key_of(Seq(99)).unwrap(), None);
        drop(reader);
        journal.close().await;
    }
    assert_eq!(
        Reader::open(dir.path()).unwrap().seq_of(OrgId(0), &sample::consent(3, Via::POLL).key).unwrap(),
        None
    );
}

/// Changes a file to format 1, in which marks had no org.
fn forget_orgs(dir: &Path) {
    let conn = Connection::open(dir.join(FILE)).unwrap();
    conn.execute_batch(
        "ALTER TABLE mark RENAME TO new;
         CREATE TABLE mark (ts INTEGER NOT NULL, uuid BLOB NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL,
            note TEXT NOT NULL, PRIMARY KEY (ts, uuid, part)) WITHOUT ROWID;
         INSERT INTO mark SELECT ts, uuid, part, at, note FROM new;
         DROP TABLE new; DROP TABLE shared; PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[test]
fn marks_of_format_1_belong_to_the_org_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join(ORG);
    let mut notes = Notes::open(&dir).unwrap();
    notes.put(&marked(1, "first")).unwrap();
    notes.put(&marked(2, "")).unwrap();
    notes.remember("ada").unwrap();
    let marks = notes.marks().unwrap();
    drop(notes);
    forget_orgs(&dir);
    let looked = Notes::look(&dir).unwrap().unwrap();
    assert_eq!(looked.marks().unwrap(), marks, "read as they are");
    assert_eq!(looked.number("user_version").unwrap(), 1);
    let mut notes = Notes::open(&dir).unwrap();
    assert_eq!((notes.marks().unwrap(), notes.filters().unwrap()), (marks.clone(), vec!["ada".to_owned()]));
    assert_eq!(looked.marks().unwrap(), marks, "the file was migrated meanwhile");
    // A mark belongs to one org.
    let other = Marked { org: "b.okta.com".into(), ..marked(1, "another event") };
    notes.put(&other).unwrap();
    notes.remove(ORG, &marked(1, "").key).unwrap();
    assert_eq!(notes.marks().unwrap(), [other, marked(2, "")]);
}

#[test]
fn marks_in_a_folder_whose_name_is_no_host_belong_to_the_org_that_began_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("team");
    let mut notes = Notes::open(&dir).unwrap();
    notes.put(&marked(1, "first")).unwrap();
    drop(notes);
    forget_orgs(&dir);
    let of = |org: &str| [Marked { org: org.into(), ..marked(1, "first") }];
    // The journal is nobody's yet.
    drop(store(&dir, Settings::default()));
    assert_eq!(Notes::open(&dir).unwrap().marks().unwrap(), of(""));
    store(&dir, Settings::default()).settle_any(&[crate::consent::KnownOrg::unnamed(ORG)]).unwrap().unwrap();
    assert_eq!(Notes::look(&dir).unwrap().unwrap().marks().unwrap(), of(ORG));
    let mut notes = Notes::open(&dir).unwrap();
    assert_eq!(notes.marks().unwrap(), of(ORG));
    notes.remove(ORG, &marked(1, "").key).unwrap();
    assert_eq!(notes.marks().unwrap(), []);
}

#[test]
fn what_a_team_shares_replaces_only_the_note_that_was_compared() {
    let dir = tempfile::tempdir().unwrap();
    let mut notes = Notes::open(dir.path()).unwrap();
    let key = EventKey { published_ms: 7, id: EventId::Uuid([1; 16]), part: 0 };
    let mark = |note: &str| Marked { org: "a".into(), key, at: time(9), note: note.into() };
    let shared = |number, text: Option<&str>| SharedNote { key, number, text: text.map(str::to_owned) };
    let theirs = shared(4, Some("hers"));
    assert!(notes.replace("a", None, Some(&mark("hers")), &theirs).unwrap());
    assert_eq!(
        (notes.marks().unwrap(), notes.shared("a").unwrap()),
        (vec![mark("hers")], vec![theirs.clone()])
    );
    // A screen has written meanwhile.
    notes.put(&mark("mine")).unwrap();
    assert!(!notes.replace("a", Some("hers"), None, &shared(5, None)).unwrap());
    assert_eq!((notes.marks().unwrap(), notes.shared("a").unwrap()), (vec![mark("mine")], vec![theirs]));
    assert!(notes.replace("a", Some("mine"), None, &shared(5, None)).unwrap());
    assert_eq!((notes.marks().unwrap(), notes.shared("a").unwrap()), (Vec::new(), vec![shared(5, None)]));
    assert_eq!(notes.shared("b").unwrap(), []);
    notes.forget_shared("a").unwrap();
    assert_eq!(notes.shared("a").unwrap(), []);
}

#[test]
fn notes_of_format_2_are_kept_and_can_be_shared() {
    let dir = tempfile::tempdir().unwrap();
    let mark = Marked {
        org: "a".into(),
        key: EventKey { published_ms: 7, id: EventId::Uuid([1; 16]), part: 0 },
        at: time(9),
        note: "kept".into(),
    };
    Notes::open(dir.path()).unwrap().put(&mark).unwrap();
    let conn = Connection::open(dir.path().join(FILE)).unwrap();
    conn.execute_batch("DROP TABLE shared; PRAGMA user_version = 2;").unwrap();
    drop(conn);
    assert_eq!(Notes::look(dir.path()).unwrap().unwrap().marks().unwrap(), std::slice::from_ref(&mark));
    let notes = Notes::open(dir.path()).unwrap();
    assert_eq!((notes.marks().unwrap(), notes.shared("a").unwrap()), (vec![mark], Vec::new()));
}
