//! Names that an org of Okta gave for its ids. They are stored beside the rows and filled in when rows are read.
//!
//! A row's texts stay as its event had them. A name is filled in only where the event gives nothing but an id, so that
//! a later answer from Okta never replaces what the event says.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::consent::{Label, OrgId, Rev, Sym, Symbol, Thing, Untrusted};
use crate::journal::checksum;
use crate::journal::meta::Meta;

/// The condition for texts that hold only an id. Its wording must be that of the index `sym_unnamed`, or SQLite would
/// not use it.
const UNNAMED: &str = "length(text) <= 80 AND (text GLOB '0oa*' OR text GLOB '00u*' OR text GLOB 'aus*')
    AND (text GLOB '*' || char(31) OR text GLOB '*' || char(31, 31) || '*')";

/// Stores names from an org. If a name has not changed, only its time is updated. A thing that is gone keeps its last
/// name.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    org: OrgId,
    meta: &mut Meta,
    labels: &[Label],
) -> rusqlite::Result<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO label (thing, id, name, login, gone, asked, rev, org) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (org, thing, id) DO UPDATE SET asked = excluded.asked, gone = excluded.gone,
            name = CASE WHEN excluded.gone THEN name ELSE excluded.name END,
            login = CASE WHEN excluded.gone THEN login ELSE excluded.login END,
            rev = CASE WHEN excluded.gone OR name IS excluded.name AND login IS excluded.login THEN rev
                ELSE excluded.rev END",
    )?;
    for label in labels {
        if get(tx, org, label.thing, label.id.exact())?.is_none() {
            // There is none, or a damaged one, of which nothing may be kept.
            let key = (org.0, label.thing.code(), label.id.exact());
            let sql = "DELETE FROM label WHERE org = ?1 AND thing = ?2 AND id = ?3";
            tx.prepare_cached(sql)?.execute(key)?;
        }
        let text = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
        insert.execute(params![
            label.thing.code(),
            label.id.exact(),
            text(&label.name),
            text(&label.login),
            label.is_gone,
            label.asked.as_millisecond(),
            meta.next_rev,
            org.0,
        ])?;
        checksum::seal_row(tx, checksum::LABEL, &[&org.0, &label.thing.code(), &label.id.exact()])?;
    }
    meta.next_rev += 1;
    Ok(())
}

/// Returns whether there are any labels.
pub(in crate::journal) fn any(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM label)")?.query_row([], |row| row.get(0))
}

/// Returns the label of an id of an org, or `None` if Okta was not asked about it or the label is damaged.
pub(in crate::journal) fn get(
    conn: &Connection,
    org: OrgId,
    thing: Thing,
    id: &str,
) -> rusqlite::Result<Option<Label>> {
    let sql = "SELECT * FROM label WHERE org = ?1 AND thing = ?2 AND id = ?3";
    let found = conn.prepare_cached(sql)?.query_row((org.0, thing.code(), id), read).optional()?;
    Ok(found.flatten())
}

/// Returns the things of an org that Okta was asked about at `since` or later, each with its id.
pub(in crate::journal) fn asked_since(
    conn: &Connection,
    org: OrgId,
    since: Timestamp,
) -> rusqlite::Result<Vec<(Thing, String)>> {
    let sql = "SELECT * FROM label WHERE org = ?1 AND asked >= ?2";
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query((org.0, since.as_millisecond()))?;
    let mut asked = Vec::new();
    while let Some(row) = found.next()? {
        // A damaged label counts as not asked for, so that it is asked for again.
        if let Some(label) = read(row)? {
            asked.push((label.thing, label.id.exact().to_owned()));
        }
    }
    Ok(asked)
}

/// Returns a text of an org that holds only an id with its name filled in, or `None` if the name is not known or the
/// text holds more.
pub(in crate::journal) fn filled(
    conn: &Connection,
    org: OrgId,
    text: &str,
) -> rusqlite::Result<Option<Symbol>> {
    let Some((thing, id)) = Thing::unnamed_in(text) else { return Ok(None) };
    Ok(get(conn, org, thing, id)?.and_then(|label| label.fill(text)))
}

/// Returns the texts that are filled in from labels with changes above `after` up to `to`.
pub(in crate::journal) fn filled_since(
    conn: &Connection,
    after: Rev,
    to: Rev,
) -> rusqlite::Result<Vec<(Sym, Symbol)>> {
    let mut statement = conn.prepare_cached("SELECT * FROM label WHERE rev > ?1 AND rev <= ?2")?;
    let labels: Vec<(OrgId, Label)> = statement
        .query_map((after.0, to.0), |row| {
            let Some(label) = read(row)? else { return Ok(None) };
            Ok(Some((OrgId(row.get("org")?), label)))
        })?
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    let mut find = conn.prepare_cached(&texts_of())?;
    let mut filled = Vec::new();
    for (org, label) in labels {
        let mut texts = find.query((org.0, label.id.exact()))?;
        while let Some(row) = texts.next()? {
            if let Some(symbol) = label.fill(row.get_ref(1)?.as_str().unwrap_or_default()) {
                filled.push((Sym(row.get(0)?), symbol));
            }
        }
    }
    Ok(filled)
}

/// Returns the labels of an org that changed after `rev`, about `n`, in the order of the changes, the number of the last
/// change that was looked at, and whether there may be more. Several labels may have one change.
pub(in crate::journal) fn changed(
    conn: &Connection,
    org: OrgId,
    rev: Rev,
    n: usize,
) -> rusqlite::Result<(Vec<Label>, Option<Rev>, bool)> {
    let sql = "SELECT * FROM label WHERE rev > ?1 AND +org = ?2 AND rev <=
        (SELECT MAX(rev) FROM (SELECT rev FROM label WHERE rev > ?1 AND +org = ?2 ORDER BY rev LIMIT ?3)) ORDER BY rev";
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query((rev.0, org.0, n as i64))?;
    let (mut labels, mut last, mut looked) = (Vec::new(), None, 0);
    while let Some(row) = found.next()? {
        looked += 1;
        last = Some(Rev(row.get("rev")?));
        labels.extend(read(row)?);
    }
    Ok((labels, last, looked >= n))
}

/// Returns the query for the texts of an org that hold only a certain id.
fn texts_of() -> String {
    format!(
        "SELECT id, text FROM sym
         WHERE org = ?1 AND text >= ?2 || char(31) AND text < ?2 || char(32) AND {UNNAMED}"
    )
}

/// Removes labels that no text needs any more: a person's name must not outlive the rows that contain it.
pub(in crate::journal) fn sweep(conn: &Connection) -> rusqlite::Result<()> {
    let sql = format!(
        "DELETE FROM label WHERE NOT EXISTS (SELECT 1 FROM sym WHERE org = label.org AND text >= label.id || char(31)
            AND text < label.id || char(32) AND {UNNAMED})"
    );
    conn.execute(&sql, []).map(drop)
}

/// Reads a row with all its columns. Returns `None` if it is damaged.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Label>> {
    if !checksum::holds(row)? {
        return Ok(None);
    }
    let Some(thing) = Thing::from_code(row.get("thing")?) else { return Ok(None) };
    let text = |text: Option<String>| text.map(Untrusted::new);
    Ok(Some(Label {
        thing,
        id: Untrusted::new(row.get::<_, String>("id")?),
        name: text(row.get("name")?),
        login: text(row.get("login")?),
        is_gone: row.get("gone")?,
        asked: Timestamp::from_millisecond(row.get("asked")?).unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::consent::{Attribution, Evidence, Person, RowPage, Seq, UserId, Via, Who};
    use crate::journal::sample::{self, START_MS};
    use crate::journal::write::store::Store;
    use crate::journal::{Batch, Reader, Settings};

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(START_MS + ms).unwrap()
    }

    fn store(dir: &Path) -> Store {
        let settings = Settings { keep_days: 1, keep_rows: 1_000_000, ..Settings::default() };
        Store::new(crate::journal::connection::connect_writer(dir).unwrap(), settings).unwrap()
    }

    fn write(store: &mut Store, batch: &Batch) {
        store.write([batch].into_iter()).unwrap();
    }

    /// A consent whose event names its client by nothing but the id.
    fn unnamed(number: u64) -> crate::consent::Consent {
        let mut consent = sample::consent(number, Via::POLL);
        consent.client.id = Some(crate::consent::ClientId::new("0oaDDDDDDDDDDDDDD1d7"));
        consent.client.label = None;
        consent
    }

    fn rows(numbers: std::ops::Range<u64>) -> Batch {
        Batch { consents: numbers.map(unnamed).collect(), ..Batch::default() }
    }

    fn label(name: Option<&str>, asked: i64) -> Batch {
        let label = Label {
            thing: Thing::Client,
            id: Untrusted::new("0oaDDDDDDDDDDDDDD1d7"),
            name: name.map(Untrusted::new),
            login: None,
            is_gone: name.is_none(),
            asked: at(asked),
        };
        Batch { labels: vec![label], ..Batch::default() }
    }

    fn clients(page: &RowPage) -> Vec<String> {
        let is_client = |text: &str| text.starts_with("0oaD");
        let texts = page.symbols.iter().map(|(_, symbol)| symbol.as_str());
        texts.filter(|text| is_client(text)).map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_name_reaches_rows_read_before_and_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        write(&mut store, &rows(0..3));
        let (mut early, mut late) = (Reader::open(dir.path()).unwrap(), Reader::open(dir.path()).unwrap());
        assert_eq!(clients(&early.newest(9).unwrap()), ["0oaDDDDDDDDDDDDDD1d7\x1f"]);
        assert!(early.record(Seq(1)).unwrap().unwrap().labels.is_empty());
        let before = early.head().unwrap().change;

        write(&mut store, &label(Some("Figma"), 5));
        let after = early.head().unwrap().change;
        assert!(after > before);
        let filled = early.renamed(before, after).unwrap();
        assert_eq!(filled.len(), 1);
        assert_eq!(filled[0].1, Symbol::of(&["0oaDDDDDDDDDDDDDD1d7", "Figma"]));
        assert_eq!(clients(&late.newest(9).unwrap()), ["0oaDDDDDDDDDDDDDD1d7\x1fFigma"]);
        assert_eq!(clients(&Reader::open(dir.path()).unwrap().bare().newest(9).unwrap()).len(), 1);
        let stored = late.record(Seq(2)).unwrap().unwrap();
        assert_eq!(stored.labels[0].name.as_ref().unwrap().exact(), "Figma");

        // The same answer again updates the time and is no change. A client that is gone keeps its last name.
        write(&mut store, &label(Some("Figma"), 9));
        write(&mut store, &label(None, 10));
        assert!(early.renamed(after, early.head().unwrap().change).unwrap().is_empty());
        let gone = &late.record(Seq(2)).unwrap().unwrap().labels[0];
        assert_eq!((gone.name.as_ref().unwrap().exact(), gone.is_gone, gone.asked), ("Figma", true, at(10)));
        let asked = |since| late.labels_asked_since(OrgId(0), at(since)).unwrap().len();
        assert_eq!((asked(10), asked(11)), (1, 0));
    }

    #[test]
    fn a_text_is_found_by_its_index() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let sql = format!("EXPLAIN QUERY PLAN {}", texts_of());
        let plan: String = store.conn.query_row(&sql, (0, "x"), |row| row.get(3)).unwrap();
        assert!(plan.contains("sym_unnamed (org=? AND text>? AND text<?)"), "{plan}");
    }

    #[test]
    fn a_name_goes_with_the_last_row_that_needs_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        write(&mut store, &rows(0..3));
        write(&mut store, &label(Some("Figma"), 5));
        let count = |store: &Store| -> i64 {
            store.conn.query_row("SELECT COUNT(*) FROM label", [], |row| row.get(0)).unwrap()
        };
        while store.prune_unbounded_some(at(DAY / 2)).unwrap() {}
        assert_eq!(count(&store), 1);
        // The highest text always stays, so that its number is not given out again.
        let named = sample::consent(DAY as u64 * 2 / 700, Via::POLL);
        write(&mut store, &Batch { consents: vec![named], ..Batch::default() });
        while store.prune_unbounded_some(at(DAY * 2)).unwrap() {}
        assert_eq!(count(&store), 0);
    }

    #[test]
    fn only_a_row_that_names_nobody_gets_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        let mut nobody = unnamed(1);
        nobody.who = Who { person: Person::default(), evidence: Evidence::Unknown };
        write(&mut store, &Batch { consents: vec![unnamed(0), nobody], ..Batch::default() });
        let mut reader = Reader::open(dir.path()).unwrap();
        let before = reader.newest(9).unwrap().rows;
        let change = reader.head().unwrap().change;
        let person = Person { id: Some(UserId::new("00uAAAAAAAAAAAAAA1d7")), ..Person::default() };
        let to = |seq| Attribution { seq: Seq(seq), person: person.clone(), evidence: Evidence::Session };
        write(&mut store, &Batch { attributions: vec![to(1), to(2), to(7)], ..Batch::default() });

        let changed = reader.changed(change, 9).unwrap().rows;
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].seq, changed[0].evidence), (Seq(2), Evidence::Session));
        assert_ne!(changed[0].who, before[1].who);
        let stored = reader.record(Seq(2)).unwrap().unwrap();
        assert_eq!((stored.person, stored.evidence), (person, Evidence::Session));
        assert_eq!(reader.newest(9).unwrap().rows[0], before[0]);
    }
}
