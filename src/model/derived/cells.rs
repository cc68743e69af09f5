//! The texts of a row's cells in the list: made visible and masked, and not truncated to a width.

use std::borrow::Cow;

use crate::consent::{Doubt, Evidence, Kind, OrgId, Outcome, Person, Row, Sym, Symbols, visible};
use crate::model::{Column, Fit, Model, Number, RowRef, Standing, width};

/// The maximum number of bytes of a name that are shown. A line holds no more, and the limit bounds the cost of a very
/// long name in each frame.
const NAME_MAX: usize = 4096;
/// The maximum number of bytes of all scopes of a row.
const WORDS_MAX: usize = 16 * 1024;

/// Returns a name made visible. Reads at most [`NAME_MAX`] bytes of it.
fn seen(text: &str) -> Cow<'_, str> {
    match text.get(..text.floor_char_boundary(NAME_MAX)) {
        Some(start) if start.len() < text.len() => format!("{}…", visible(start)).into(),
        _ => visible(text),
    }
}

/// The kind of a cell's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CellKind {
    /// There is a value.
    Value,
    /// There is no value.
    Empty,
    /// The value is not known.
    Unknown,
}

/// Returns who consented. Addresses that end in `domain` are shown without it; see [`Fit::domain`].
pub fn who<'a>(model: &'a Model, row: &Row, domain: Option<&str>) -> (Cow<'a, str>, CellKind) {
    let symbols = model.rows.symbols();
    if model.mask.is_on() {
        return masked(model, row);
    }
    let name = |sym: Sym| {
        let field = |index| symbols.field(sym, index);
        Person::shown(field(0), field(1), field(2)).map(|name| short(name, field(0), domain))
    };
    match (name(row.who), row.evidence) {
        (Some(name), Evidence::Session) => (format!("{name} ?").into(), CellKind::Value),
        (Some(name), _) => (name, CellKind::Value),
        (None, Evidence::NotApplicable) => match name(row.actor) {
            Some(name) => (format!("by {name}").into(), CellKind::Empty),
            None => ("-".into(), CellKind::Empty),
        },
        (None, _) => match symbols.field(row.actor, 2) {
            "" => ("unknown".into(), CellKind::Unknown),
            actor => (format!("unknown (by {})", seen(actor)).into(), CellKind::Unknown),
        },
    }
}

/// Returns who consented, as a pseudonym.
fn masked<'a>(model: &'a Model, row: &Row) -> (Cow<'a, str>, CellKind) {
    let person = |sym| model.mask.person(model.rows.symbols(), sym);
    match (person(row.who), person(row.actor), row.evidence) {
        (Some(name), _, Evidence::Session) => (format!("{name} ?").into(), CellKind::Value),
        (Some(name), ..) => (name.into(), CellKind::Value),
        (None, Some(actor), Evidence::NotApplicable) => (format!("by {actor}").into(), CellKind::Empty),
        _ => ("unknown".into(), CellKind::Unknown),
    }
}

/// Returns a name without the mail domain that the heading shows. Under such a heading, a name that is
/// neither an address nor an id gets quotation marks, since it would read as an address of that domain.
fn short<'a>(name: &'a str, id: &str, domain: Option<&str>) -> Cow<'a, str> {
    let Some(domain) = domain else { return seen(name) };
    match name.strip_suffix(domain) {
        Some(local) if !local.is_empty() && !local.contains(['@', '"']) => seen(local),
        _ if name.contains('@') || name == id => seen(name),
        _ => format!("\"{}\"", seen(name)).into(),
    }
}

/// Returns the mail domain, with its `@`, of the person shown in WHO, or `None` if the name is not a mail address.
pub(in crate::model) fn domain<'a>(symbols: &'a Symbols, row: &Row) -> Option<&'a str> {
    let sym = if row.who == Sym(0) { row.actor } else { row.who };
    let field = |index| symbols.field(sym, index);
    let name = Person::shown(field(0), field(1), field(2))?;
    name.rfind('@').filter(|at| *at > 0).and_then(|at| name.get(at..))
}

/// Returns the name of a client or a server, or its id if it has no name, or `none` if it has neither.
pub fn either<'a>(model: &'a Model, sym: Sym, none: &'static str) -> (Cow<'a, str>, CellKind) {
    let symbols = model.rows.symbols();
    let shown = match (symbols.field(sym, 0), symbols.field(sym, 1)) {
        ("", "") => return (none.into(), CellKind::Empty),
        (id, "") => id,
        (_, label) => label,
    };
    let words = seen(shown);
    if model.mask.is_on() {
        return (model.mask.text(&words).into_owned().into(), CellKind::Value);
    }
    (words, CellKind::Value)
}

/// Returns the label of an org, or a dash if the org is not known.
pub fn org(model: &Model, org: OrgId) -> (Cow<'_, str>, CellKind) {
    match model.rows.orgs().label(org) {
        "" => ("-".into(), CellKind::Empty),
        label => (seen(label), CellKind::Value),
    }
}

/// The maximum number of orgs that are named after a client. More are counted.
const ALSO_MAX: usize = 2;

/// Returns in which other orgs there are consents for a client, such as `also in preview`, or `None` if there are none.
pub fn also_in(model: &Model, client: Number) -> Option<String> {
    let others = model.ledger.also_in(model.rows.symbols(), client);
    match others.len() {
        0 => None,
        1..=ALSO_MAX => {
            let orgs = others.iter().map(|other| org(model, model.ledger.clients.org(*other)).0);
            Some(format!("also in {}", orgs.collect::<Vec<_>>().join(", ")))
        }
        count => Some(format!("also in {count} orgs")),
    }
}

/// Returns the width of the longest label of an org, or `None` unless there are several orgs.
pub fn org_width(model: &Model) -> Option<u16> {
    let orgs = model.rows.orgs();
    let widths = orgs.iter().map(|(_, org)| width(&seen(org.label())));
    widths.max().filter(|_| orgs.is_several())
}

/// Returns the scopes, separated by spaces, and their number. If the server column is hidden, a server other than the
/// default one is put in front.
pub fn scopes(model: &Model, row: &Row, fit: Option<&Fit>) -> (String, usize) {
    let symbols = model.rows.symbols();
    let (mut words, mut count) = (String::new(), 0);
    if !symbols.joined(row.scopes).is_empty() {
        for name in symbols.fields(row.scopes) {
            if words.len() < WORDS_MAX {
                words.push_str(if count > 0 { " " } else { "" });
                words.push_str(&seen(name));
            }
            count += 1;
        }
    }
    match words.len() {
        0 => words.push('-'),
        WORDS_MAX.. => words.push('…'),
        _ => {}
    }
    if fit.is_some_and(|fit| fit.folds_server(&model.shape)) && !is_default_server(symbols, row) {
        words = format!("{}: {words}", either(model, row.server, "-").0);
    }
    (words, count)
}

/// Returns whether a row belongs to the server `default` or to none. Most orgs have only that server.
pub(in crate::model) fn is_default_server(symbols: &Symbols, row: &Row) -> bool {
    match (symbols.field(row.server, 0), symbols.field(row.server, 1)) {
        (id, "") => matches!(id, "" | "default"),
        (_, name) => name == "default",
    }
}

/// Returns the address, followed by `proxy` if it is one, and the place. Returns `None` if both are unknown.
pub fn from<'a>(model: &'a Model, row: &Row) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let symbols = model.rows.symbols();
    let field = |index| symbols.field(row.from, index);
    let (ip, city, country) = (field(0), field(1), field(2));
    if ip.is_empty() && country.is_empty() {
        return None;
    }
    let place = match (city, country) {
        ("", place) | (place, "") => seen(place),
        (city, country) => format!("{} {}", seen(city), seen(country)).into(),
    };
    let ip = if model.mask.is_on() && !ip.is_empty() { model.mask.address(ip).into() } else { seen(ip) };
    let ip = if field(5) == "yes" { format!("{ip} proxy").into() } else { ip };
    Some((ip, place))
}

/// Returns the word for a row's kind, and whether the event failed.
///
/// A `!` after the word marks a failed event. A `#` with a number counts the secrets that were hidden, because somebody
/// put them into a log that many can read. Some kinds have a short word for narrow columns.
pub fn kind(row: &Row, columns: u16) -> (Cow<'static, str>, bool) {
    let has_failed = !matches!(row.outcome, Outcome::Success | Outcome::None | Outcome::Allow);
    let with_signs = |word: &'static str| -> Cow<'static, str> {
        let failed = if has_failed { "!" } else { "" };
        match (row.hidden, has_failed) {
            (0, false) => word.into(),
            (0, true) => format!("{word}!").into(),
            (count, _) => format!("{word}{failed} #{count}").into(),
        }
    };
    let whole = with_signs(row.kind.word());
    let short = match row.kind {
        Kind::OrgGrant => "org",
        Kind::AdminGrant => "adm +",
        Kind::AdminRevoke => "adm -",
        Kind::Grant | Kind::Revoke | Kind::Other => return (whole, has_failed),
    };
    (if width(&whole) > columns { with_signs(short) } else { whole }, has_failed)
}

/// Returns the word for a standing, shortened if the column is narrow.
pub fn standing(standing: Standing, width: u16) -> &'static str {
    match standing {
        Standing::Partly if width < 14 => "partly",
        Standing::CannotTell if width < 11 => "unknown",
        other => other.word(),
    }
}

/// Returns the word for how a row came, or for the doubt about it.
pub fn via(row: &Row) -> (&'static str, CellKind) {
    match row.doubt {
        Some(Doubt::Unconfirmed) => ("hook only", CellKind::Unknown),
        Some(Doubt::Missed) => ("poll only", CellKind::Unknown),
        Some(Doubt::SharedId) => ("shared id", CellKind::Unknown),
        Some(Doubt::Altered) => ("altered?", CellKind::Unknown),
        None => (row.via.word(), CellKind::Empty),
    }
}

/// Returns the full texts of who, client and scopes of a row, after its org if there are several.
pub fn whole(model: &Model, at: RowRef) -> Vec<String> {
    let row = model.rows.get(at);
    let mut client = either(model, row.client, "unknown").0.into_owned();
    if !is_default_server(model.rows.symbols(), &row) {
        client = format!("{client} at {}", either(model, row.server, "-").0);
    }
    let org = model.rows.orgs().is_several().then(|| org(model, row.org).0.into_owned());
    let texts = [who(model, &row, None).0.into_owned(), client, scopes(model, &row, None).0];
    org.into_iter().chain(texts).collect()
}

/// Returns the width that a row's cell needs in a column, in full and in short form.
pub(in crate::model) fn needs(
    model: &Model,
    at: RowRef,
    row: &Row,
    column: Column,
    domain: Option<&str>,
) -> (u16, u16) {
    let same = |columns: u16| (columns, columns);
    match column {
        Column::Time => same(if is_today(model, row.published_ms) { 8 } else { 12 }),
        // A row that comes later may be of any org.
        Column::Org => same(org_width(model).unwrap_or(0)),
        Column::Age => same(5),
        Column::State => match model.ledger.standing(at) {
            // The standing is not known yet. These are the widths of most of its words.
            Standing::Pending => (11, 8),
            found => (width(found.word()), width(standing(found, 0))),
        },
        Column::Kind => {
            let needed = |columns| width(&kind(row, columns).0);
            (needed(u16::MAX), needed(0))
        }
        Column::Who => same(width(&who(model, row, domain).0)),
        Column::Client => same(width(&either(model, row.client, "unknown").0)),
        Column::Server => same(width(&either(model, row.server, "-").0)),
        Column::Scopes => same(width(&scopes(model, row, None).0)),
        Column::From => match from(model, row) {
            Some((ip, place)) => {
                let ip = width(&ip);
                (ip.saturating_add(1).saturating_add(width(&place)), ip)
            }
            None => same(1),
        },
        Column::Via => same(width(via(row).0)),
    }
}

/// Returns whether a time is today in the zone of the screen, or missing.
pub(in crate::model) fn is_today(model: &Model, ms: i64) -> bool {
    let date = |at: jiff::Timestamp| at.to_zoned(model.zone.shown.clone()).date();
    ms == 0 || jiff::Timestamp::from_millisecond(ms).is_ok_and(|at| date(at) == date(model.now))
}
