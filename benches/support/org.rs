//! A large org, for benches: 48,000 people, 300 clients, 60,000 places.

use consentwatch::consent::{
    Evidence, Kind, OrgId, Outcome, Reach, Rev, Row, RowPage, Seq, Severity, Sym, Symbol, Via,
};

const PEOPLE: u32 = 48_000;
const CLIENTS: u32 = 300;
const PLACES: u32 = 60_000;
/// The publication time of the first row, in milliseconds since 1970.
pub(crate) const START_MS: i64 = 1_772_000_000_000;

/// Returns the texts of the org.
pub(crate) fn symbols() -> Vec<(Sym, Symbol)> {
    let mut out = Vec::new();
    for n in 0..PEOPLE {
        let text = [format!("00u{n:017}"), format!("person.{n}@example.test"), format!("Person Number {n}")];
        out.push((Sym(1 + n), Symbol::of(&[&text[0], &text[1], &text[2]])));
    }
    for n in 0..CLIENTS {
        out.push((Sym(100_000 + n), Symbol::of(&[&format!("0oa{n:017}"), ""])));
        out.push((Sym(200_000 + n), Symbol::of(&["openid", &format!("orders.{n}.read"), "profile"])));
    }
    for n in 0..PLACES {
        let ip = format!("198.51.{}.{}", n / 250 % 250, n % 250);
        out.push((
            Sym(300_000 + n),
            Symbol::of(&[&ip, "Utrecht", "Netherlands", "64500", "example net", "no"]),
        ));
    }
    out.push((Sym(90_000), Symbol::of(&["aus00000000000000001", "default"])));
    out
}

/// Returns the row with a number, which is of one of the first `orgs` orgs.
fn row(seq: i64, orgs: u8) -> Row {
    let n = u32::try_from(seq).expect("a small number").wrapping_mul(2_654_435_761);
    Row {
        seq: Seq(seq),
        org: OrgId((n / 17 % u32::from(orgs)) as u8),
        rev: Rev(0),
        published_ms: START_MS + seq * 700,
        who: Sym(1 + n % PEOPLE),
        actor: Sym(1 + n % PEOPLE),
        client: Sym(100_000 + n / 7 % CLIENTS),
        server: Sym(90_000),
        scopes: Sym(200_000 + n / 11 % CLIENTS),
        from: Sym(300_000 + n / 13 % PLACES),
        kind: if n.is_multiple_of(5) { Kind::Revoke } else { Kind::Grant },
        reach: Reach::Named,
        via: Via::POLL,
        outcome: Outcome::Success,
        severity: Severity::Info,
        evidence: Evidence::GrantDetail,
        late: false,
        doubt: None,
        hidden: 0,
    }
}

/// Returns rows of one org.
pub(crate) fn page(from: i64, to: i64) -> RowPage {
    page_of(1, from, to)
}

/// Returns rows of several orgs, which have the same people and clients.
pub(crate) fn page_of(orgs: u8, from: i64, to: i64) -> RowPage {
    RowPage { rows: (from..to).map(|seq| row(seq, orgs)).collect(), ..RowPage::default() }
}

/// Returns rows of several orgs that together have the people, clients and scopes of the large one.
pub(crate) fn page_apart(orgs: u8, from: i64, to: i64) -> RowPage {
    let count = u32::from(orgs);
    let apart = |row: Row| {
        let org = row.who.0 % count;
        let own = |sym: Sym, first: u32| Sym(first + ((sym.0 - first) / count * count + org) % CLIENTS);
        let (client, scopes) = (own(row.client, 100_000), own(row.scopes, 200_000));
        Row { org: OrgId(org as u8), client, scopes, ..row }
    };
    RowPage { rows: (from..to).map(|seq| apart(row(seq, 1))).collect(), ..RowPage::default() }
}

/// Returns the resident memory of this process in MiB, from `/proc/self/status`.
pub(crate) fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}
