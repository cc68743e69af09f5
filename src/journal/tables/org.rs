//! The orgs that a journal knows, by number. An org keeps its number for ever, because rows refer to it.

use rusqlite::{Connection, Row};

use crate::consent::{KnownOrg, OrgId, OrgName, Orgs};
use crate::journal::checksum::{self, Mismatch};

/// The number of orgs that one journal can know. Numbers are not used again.
pub(in crate::journal) const ORGS_MAX: usize = 255;

/// An entry of the table.
struct Entry {
    id: OrgId,
    org: KnownOrg,
    is_polled: bool,
}

/// What [`settle`] found.
pub(in crate::journal) struct Settled {
    /// The numbers of the given orgs, in their order.
    pub(in crate::journal) ids: Vec<OrgId>,
    /// Whether readers have to read the orgs again.
    pub(in crate::journal) is_changed: bool,
    /// The key that the org of the folder had before Okta gave it another host.
    pub(in crate::journal) former_key: Option<Box<str>>,
}

/// Why a journal cannot be written for some orgs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::journal) enum Refused {
    /// The journal would know too many orgs.
    TooMany,
    /// Another org began the journal. This is its host.
    BegunBy(Box<str>),
}

/// Returns the host of the org that began the journal if it knows none of the `configured` orgs, and none of them may
/// take it over. Reads the table of orgs. `folder` is the name of the journal's folder.
///
/// # Errors
/// The orgs cannot be read, or one does not match its checksum.
pub(in crate::journal) fn begun_by_another(
    conn: &Connection,
    folder: &str,
    configured: &[KnownOrg],
) -> rusqlite::Result<Option<Box<str>>> {
    Ok(another(read(conn)?, folder, configured))
}

/// Returns what [`begun_by_another`] will return once a journal that knows no orgs was migrated, which makes `org` its
/// only one.
pub(in crate::journal) fn will_be_of_another(
    org: KnownOrg,
    folder: &str,
    configured: &[KnownOrg],
) -> Option<Box<str>> {
    another(vec![Entry { id: OrgId::default(), org, is_polled: false }], folder, configured)
}

fn another(known: Vec<Entry>, folder: &str, configured: &[KnownOrg]) -> Option<Box<str>> {
    let is_known = |org: &KnownOrg| number_of(&known, &[], org).is_some();
    let may_take = former(&known, folder, configured).or_else(|| nobodys(&known, folder, configured));
    if configured.iter().any(is_known) || may_take.is_some() {
        return None;
    }
    known.into_iter().next().map(|entry| entry.org.host)
}

/// Returns the only org that the journal knows, if one of the `configured` orgs is the same one under another host:
/// `folder`, the name of the journal's folder, is its key, and none of the configured orgs is the one that is known.
///
/// In a new journal, the only entry is nobody's, and the org of the folder gets it. Later only an administrator makes this
/// so: Okta gave the org another subdomain, and they renamed the folder to match, as the fault of the refused start
/// tells them to. Without `journal.name`, a changed URL by itself leads to another folder. The rows stay right, because Okta keeps the ids of an org when its subdomain changes. If somebody gives one
/// org's folder the name of another org, the rows of both get mixed. The program cannot tell these cases apart, so it
/// does this only for a journal with one org: in one with several, the name of the folder does not say which of them it
/// means.
fn former<'k>(known: &'k [Entry], folder: &str, configured: &[KnownOrg]) -> Option<&'k Entry> {
    let [only] = known else { return None };
    let is_renamed = only.id == OrgId::default() && configured.iter().any(|org| *org.key == *folder);
    (is_renamed && !only.is_any_of(configured)).then_some(only)
}

/// Returns the first entry if it is nobody's: that of a new journal, or one whose org cannot be told any more. The first
/// org of the first writer takes it. It belongs to somebody if one of the `configured` orgs has its key or its host, or
/// the name of the journal's folder.
fn nobodys<'k>(known: &'k [Entry], folder: &str, configured: &[KnownOrg]) -> Option<&'k Entry> {
    let first = known.first().filter(|entry| entry.id == OrgId::default() && is_unclear(&entry.org))?;
    let is_somebodys = first.is_any_of(configured) || former(known, folder, configured).is_some();
    (!is_somebodys).then_some(first)
}

impl Entry {
    /// Returns whether one of the orgs has the key or the host of the entry. Damage may have changed one of these.
    fn is_any_of(&self, orgs: &[KnownOrg]) -> bool {
        orgs.iter().any(|org| org.key == self.org.key || org.host == self.org.host)
    }
}

/// Returns whether an entry does not say which org it is of: nobody has begun it, or its key and host contradict each
/// other, because damage changed one of them or both.
fn is_unclear(org: &KnownOrg) -> bool {
    org.key.is_empty() || org.key != KnownOrg::key_of(&org.host)
}

/// Returns what stands for the key and the host of an org that cannot be told any more. No other entry has it, and no
/// host. The first entry has nothing, so that an org can take it.
pub(in crate::journal) fn unknown(id: u8) -> String {
    if id == 0 { String::new() } else { format!("#{id}") }
}

/// Returns the number of an org of a writer, or `None` if it is not `known`. `taken` are the numbers of the orgs before
/// it.
fn number_of(known: &[Entry], taken: &[OrgId], org: &KnownOrg) -> Option<OrgId> {
    let is_free = |entry: &&Entry| !taken.contains(&entry.id);
    // The host is the same text in another form. It finds an org whose key was damaged on the disk.
    let found = known.iter().find(|entry| entry.org.key == org.key);
    let found = found.or_else(|| known.iter().filter(is_free).find(|entry| entry.org.host == org.host));
    found.map(|entry| entry.id)
}

/// Finds or adds the orgs that a writer works for, stores their present hosts and names, and notes that only they are
/// polled. `folder` is the name of the journal's folder. `configured` are all orgs of the configuration. Returns
/// `None`, and changes nothing, if there are too many orgs.
pub(in crate::journal) fn settle(
    conn: &Connection,
    folder: &str,
    orgs: &[KnownOrg],
    configured: &[KnownOrg],
) -> rusqlite::Result<Option<Settled>> {
    let known = read(conn)?;
    let (former, nobodys) = (former(&known, folder, configured), nobodys(&known, folder, configured));
    let mut next = known.last().map_or(0, |entry| entry.id.index() + 1);
    let mut ids: Vec<OrgId> = Vec::new();
    for org in orgs {
        let found = match former {
            Some(entry) if *org.key == *folder => Some(entry.id),
            _ => number_of(&known, &ids, org)
                .or_else(|| nobodys.filter(|_| ids.is_empty()).map(|entry| entry.id)),
        };
        let id = found.map_or(next, OrgId::index);
        next += usize::from(found.is_none());
        if id >= ORGS_MAX {
            return Ok(None);
        }
        ids.push(OrgId(id as u8));
    }
    let mut is_changed = false;
    for entry in known.iter().filter(|entry| entry.is_polled && !ids.contains(&entry.id)) {
        conn.execute("UPDATE org SET polls = 0 WHERE id = ?1", [entry.id.0])?;
        checksum::seal_row(conn, checksum::ORG, &[&entry.id.0])?;
    }
    for entry in known.iter().filter(|entry| !ids.contains(&entry.id)) {
        // An org that is only configured keeps its entry, or takes the one of its former host.
        let is_its_own = |org: &&KnownOrg| match former {
            Some(_) => *org.key == *folder,
            None => is_unclear(&entry.org) && number_of(&known, &ids, org) == Some(entry.id),
        };
        let owner = configured.iter().filter(|org| !orgs.contains(org)).find(is_its_own);
        // What damage changed is not shown as true.
        let (unknown, id) = (unknown(entry.id.0), entry.id.0);
        let (key, host, name) = match owner {
            Some(org) => (&*org.key, &*org.host, org.name.as_ref().map(OrgName::as_str)),
            None if is_unclear(&entry.org) && *entry.org.key != *unknown => (&*unknown, &*unknown, None),
            None => continue,
        };
        conn.execute("UPDATE org SET key = ?2, host = ?3, name = ?4 WHERE id = ?1", (id, key, host, name))?;
        checksum::seal_row(conn, checksum::ORG, &[&id])?;
        is_changed = true;
    }
    for (id, org) in ids.iter().zip(orgs) {
        let entry = known.iter().find(|entry| entry.id == *id);
        let is_same = entry.is_some_and(|entry| entry.org == *org);
        if is_same && entry.is_some_and(|entry| entry.is_polled) {
            continue;
        }
        is_changed |= !is_same;
        let sql = "INSERT INTO org (id, key, host, name, polls) VALUES (?1, ?2, ?3, ?4, 1) ON CONFLICT (id)
            DO UPDATE SET key = excluded.key, host = excluded.host, name = excluded.name, polls = 1";
        let name = org.name.as_ref().map(OrgName::as_str);
        conn.execute(sql, (id.0, &org.key, &org.host, name))?;
        checksum::seal_row(conn, checksum::ORG, &[&id.0])?;
    }
    let former_key = former.map(|entry| entry.org.key.clone()).filter(|key| !key.is_empty());
    Ok(Some(Settled { ids, is_changed, former_key }))
}

/// Returns all orgs by number. A number that no org has, because the table is damaged, has an empty one.
///
/// # Errors
/// The orgs cannot be read, or one does not match its checksum.
pub(in crate::journal) fn all(conn: &Connection) -> rusqlite::Result<Orgs> {
    let mut all = Vec::new();
    for entry in read(conn)? {
        all.resize(entry.id.index(), KnownOrg { key: "".into(), host: "".into(), name: None });
        all.push(entry.org);
    }
    Ok(Orgs::new(all))
}

/// Returns the orgs that the last writer worked for.
///
/// # Errors
/// The orgs cannot be read, or one does not match its checksum.
pub(in crate::journal) fn polled(conn: &Connection) -> rusqlite::Result<Vec<OrgId>> {
    Ok(read(conn)?.into_iter().filter(|entry| entry.is_polled).map(|entry| entry.id).collect())
}

fn read(conn: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = conn.prepare_cached("SELECT * FROM org ORDER BY id")?;
    statement.query_map([], entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    if !checksum::holds(row)? {
        return Err(Mismatch::error(checksum::ORG.name));
    }
    let text = |column: &str| row.get::<_, String>(column).map(String::into_boxed_str);
    let name: Option<String> = row.get("name")?;
    Ok(Entry {
        id: OrgId(row.get("id")?),
        org: KnownOrg {
            key: text("key")?,
            host: text("host")?,
            name: name.and_then(|name| OrgName::parse(&name).ok()),
        },
        is_polled: row.get("polls")?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::journal::write::store::Store;
    use crate::journal::{Reader, Settings};

    fn store(dir: &Path) -> Store {
        Store::new(crate::journal::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
    }

    fn org(host: &str, name: Option<&str>) -> KnownOrg {
        KnownOrg {
            key: host.replace(':', "_").into(),
            host: host.into(),
            name: name.map(|name| OrgName::parse(name).unwrap()),
        }
    }

    fn numbers(store: &mut Store, orgs: &[KnownOrg]) -> Vec<u8> {
        store.settle_any(orgs).unwrap().unwrap().iter().map(|id| id.0).collect()
    }

    fn polled(store: &Store) -> Vec<u8> {
        let mut statement = store.conn.prepare("SELECT id FROM org WHERE polls ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn an_org_keeps_its_number_whatever_its_place_or_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        let (a, b, c) = (org("a.okta.com", None), org("127.0.0.1:8080", Some("b")), org("c.okta.com", None));
        assert_eq!(numbers(&mut store, &[a.clone(), b.clone()]), [0, 1]);
        assert_eq!(polled(&store), [0, 1]);
        assert_eq!(numbers(&mut store, &[c.clone(), b.clone(), a.clone()]), [2, 1, 0]);
        let renamed = org("a.okta.com", Some("prod"));
        assert_eq!(numbers(&mut store, std::slice::from_ref(&renamed)), [0]);
        assert_eq!(polled(&store), [0]);
        let orgs = Reader::open(dir.path()).unwrap().orgs().unwrap();
        assert_eq!(orgs, Orgs::new(vec![renamed, b, c]));
        assert_eq!(checksum::count_damaged(&store.conn, checksum::ORG).unwrap(), 0);
    }

    #[test]
    fn an_org_whose_key_was_damaged_is_found_by_its_host() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = self::store(dir.path());
        let orgs = [org("a.okta.com", None), org("127.0.0.1:8080", None)];
        assert_eq!(numbers(&mut store, &orgs), [0, 1]);
        store.conn.execute_batch("UPDATE org SET key = 'x' WHERE id = 1").unwrap();
        store.close();
        let mut store = self::store(dir.path());
        assert_eq!(numbers(&mut store, &orgs), [0, 1]);
        assert_eq!(Reader::open(dir.path()).unwrap().orgs().unwrap(), Orgs::new(orgs.to_vec()));
    }

    #[test]
    fn more_orgs_than_there_are_numbers_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        let orgs: Vec<KnownOrg> = (0..255).map(|number| org(&format!("{number}.okta.com"), None)).collect();
        assert_eq!(numbers(&mut store, &orgs), (0..255).collect::<Vec<u8>>());
        let before = Reader::open(dir.path()).unwrap().orgs().unwrap();
        let refused = store.settle_any(&[org("a.okta.com", None)]).unwrap();
        assert_eq!(refused, Err(Refused::TooMany));
        assert_eq!(Reader::open(dir.path()).unwrap().orgs().unwrap(), before);
        assert_eq!(numbers(&mut store, &orgs[3..5]), [3, 4]);
    }
}
