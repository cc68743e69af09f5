//! The columns of the list, and their sort keys.

use std::cmp::Ordering;

use super::Known;
use super::caseless::Caseless;
use super::row_ref::RowRef;
use super::sym_column::SymColumn;
use crate::consent::{Evidence, OrgId, Person, Sym, Symbols};

/// A column of the list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the heads")]
pub enum Column {
    #[default]
    Time,
    Org,
    Age,
    Kind,
    Who,
    Client,
    Server,
    Scopes,
    State,
    From,
    Via,
}

impl Column {
    /// All columns, in their default order on the screen.
    pub const ALL: [Self; 11] = [
        Self::Time,
        Self::Org,
        Self::Age,
        Self::Kind,
        Self::Who,
        Self::Client,
        Self::Server,
        Self::Scopes,
        Self::State,
        Self::From,
        Self::Via,
    ];

    /// Returns the heading of the column.
    pub fn head(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Org => "ORG",
            Self::Age => "AGE",
            Self::Kind => "KIND",
            Self::Who => "WHO",
            Self::Client => "CLIENT",
            Self::Server => "SERVER",
            Self::Scopes => "SCOPES",
            Self::State => "STATE",
            Self::From => "FROM",
            Self::Via => "VIA",
        }
    }

    /// Returns the name of the column in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Org => "org",
            Self::Age => "age",
            Self::Kind => "kind",
            Self::Who => "who",
            Self::Client => "client",
            Self::Server => "server",
            Self::Scopes => "scopes",
            Self::State => "state",
            Self::From => "from",
            Self::Via => "via",
        }
    }

    /// Returns the column with a name, or `None` if there is none. `ip` and `place` name the same column.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ip" | "place" => Some(Self::From),
            name => Self::ALL.into_iter().find(|column| column.name() == name),
        }
    }

    /// Returns the column to sort by after this one. Age is skipped, because it sorts like time, and so is the org
    /// unless there are several.
    #[must_use]
    pub fn next_sort(self, has_several_orgs: bool) -> Self {
        let sorts = || {
            let is_one = move |column: &Self| match column {
                Self::Age => false,
                Self::Org => has_several_orgs,
                _ => true,
            };
            Self::ALL.into_iter().filter(is_one)
        };
        let place = sorts().position(|column| column == self).unwrap_or(0);
        sorts().cycle().nth(place + 1).unwrap_or_default()
    }

    /// Returns the text columns that the column sorts by, as bits, or 0 if it sorts by a number.
    pub(in crate::model) fn texts(self) -> u8 {
        use super::text_columns::{ACTOR, CLIENT, FROM, SCOPES, SERVER, WHO};
        match self {
            Self::Who => WHO | ACTOR,
            Self::Client => CLIENT,
            Self::Server => SERVER,
            Self::Scopes => SCOPES,
            Self::From => FROM,
            _ => 0,
        }
    }

    /// Returns the fields of a text to sort by: those that are shown. For an address, the country and city come first.
    pub(in crate::model) fn words(self, symbols: &Symbols, sym: Sym) -> [Caseless<'_>; 3] {
        let field = |index| symbols.field(sym, index);
        let words = match self {
            Self::Who => [Person::shown(field(0), field(1), field(2)).unwrap_or(""), "", ""],
            Self::Client | Self::Server if field(1).is_empty() => [field(0), "", ""],
            Self::Client | Self::Server => [field(1), field(0), ""],
            Self::From => [field(2), field(1), field(0)],
            _ => [symbols.joined(sym), "", ""],
        };
        words.map(Caseless)
    }

    /// Returns the class and the text to sort a row by. Rows are sorted by class first; rows without a text come last.
    pub(in crate::model) fn text(self, known: &Known<'_>, at: RowRef) -> (u32, Sym) {
        // Reads one column, and not the whole row, because this is called for each of a million rows.
        let (chunk, index) = known.rows.chunk_of(at);
        let [who, actor, client, server, scopes, from] = &chunk.texts;
        let class = |column: &SymColumn| {
            let sym = column.get(index);
            (u32::from(sym == Sym(0)) * 2, sym)
        };
        match self {
            Self::Who => match class(who) {
                (_, Sym(0)) if chunk.evidence(index) == Evidence::NotApplicable => (1, actor.get(index)),
                known => known,
            },
            Self::Client => class(client),
            Self::Server => class(server),
            Self::Scopes => class(scopes),
            Self::From => class(from),
            _ => (0, Sym(0)),
        }
    }

    /// Returns the number to sort a row by.
    pub(in crate::model) fn number(self, known: &Known<'_>, at: RowRef) -> u32 {
        match self {
            Self::Org => {
                let (chunk, index) = known.rows.chunk_of(at);
                u32::from(known.rows.org_rank(OrgId(chunk.org[index])))
            }
            Self::Kind => {
                let (chunk, index) = known.rows.chunk_of(at);
                u32::from(chunk.kind[index])
            }
            Self::State => known.ledger.standing(at) as u32,
            Self::Via => {
                let row = known.rows.get(at);
                u32::from(row.via.code()) * 2 + u32::from(row.doubt.is_some())
            }
            _ => 0,
        }
    }

    /// Compares two rows by this column, and equal rows by time.
    pub(in crate::model) fn compare(self, known: &Known<'_>, one: RowRef, other: RowRef) -> Ordering {
        let symbols = known.rows.symbols();
        let words = |at| {
            let (class, sym) = self.text(known, at);
            (class, self.words(symbols, sym))
        };
        let by_column = match self.texts() {
            0 => self.number(known, one).cmp(&self.number(known, other)),
            _ => words(one).cmp(&words(other)),
        };
        by_column.then_with(|| known.rows.key(one).cmp(&known.rows.key(other)))
    }
}
