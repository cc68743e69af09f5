//! The conditions of a filter: the field of a row that each reads, and the test on it.

use regex::Regex;

use super::field::Field;
use crate::consent::{KnownOrg, Row, Symbol, Symbols};
use crate::model::data::text_arena::{Wanted, lower};

/// One condition of a filter.
#[derive(Clone, Debug)]
pub(in crate::model) struct Test {
    pub(in crate::model) field: Field,
    pub(in crate::model) op: Op,
}

/// The test of a condition on a text, a time or a number.
#[derive(Clone, Debug)]
pub(in crate::model) enum Op {
    /// The text contains this lower-case text, ignoring case.
    Has(String),
    /// The text contains this text, with this case.
    HasExact(String),
    /// The text equals this text, with this case.
    Is(String),
    /// The text starts with this lower-case text, ignoring the case of ASCII letters.
    Begins(String),
    Matches(Box<Regex>),
    Present,
    /// The time is in this half-open span, in milliseconds since 1970.
    Between(i64, i64),
    /// The AS number is in this range.
    Number(std::ops::RangeInclusive<i64>),
}

/// The fields of a full consent that the columns of the list lack, for deep conditions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deep<'a> {
    /// The `uuid`.
    pub uuid: &'a str,
    /// The `transaction.id`.
    pub txn: &'a str,
    /// The id of the session.
    pub session: &'a str,
    /// The raw user agent.
    pub agent: &'a str,
    /// The message of the event.
    pub message: &'a str,
    /// The note of the row's mark, or `None` if it is not marked.
    pub mark: Option<&'a str>,
    /// The label and the host of the row's org, empty if they are not known.
    pub org: [&'a str; 2],
}

impl Test {
    /// Returns whether a row meets the condition. Without `deep`, a deep condition is not met.
    pub(in crate::model) fn holds(
        &self,
        row: &Row,
        symbols: &Symbols,
        deep: Option<&Deep<'_>>,
        scratch: &mut String,
    ) -> bool {
        if let Some(deep) = deep
            && let Some(text) = self.deep(deep)
        {
            return self.op.takes(text, scratch);
        }
        if let Some(note) = deep.and_then(|deep| deep.mark)
            && self.takes_mark(note, scratch)
        {
            return true;
        }
        if let (Field::Org, Some(deep)) = (self.field, deep) {
            return deep.org.iter().any(|text| self.op.takes(text, scratch));
        }
        let columns = [row.who, row.actor, row.client, row.server, row.scopes, row.from];
        let wanted = self.field.columns();
        let is_in_text = columns
            .iter()
            .enumerate()
            .any(|(index, sym)| wanted & (1 << index) != 0 && self.takes_text(symbols.joined(*sym), scratch));
        let is_in_time = self.span().is_some_and(|span| is_within(row.published_ms, span));
        is_in_text || is_in_time || self.takes_word(Words::of(row), scratch)
    }

    /// Returns the deep field that the condition reads, or `None` if the condition is not deep.
    pub(in crate::model) fn deep<'d>(&self, deep: &Deep<'d>) -> Option<&'d str> {
        Some(match self.field {
            Field::Uuid => deep.uuid,
            Field::Txn => deep.txn,
            Field::Session => deep.session,
            Field::Agent => deep.agent,
            Field::Message => deep.message,
            _ => return None,
        })
    }

    /// Returns whether one part of a text meets the condition.
    pub(in crate::model) fn takes(&self, field: &str, scratch: &mut String) -> bool {
        self.op.takes(field, scratch)
    }

    /// Returns whether one of the parts of an interned text that the condition reads meets it.
    pub(in crate::model) fn takes_text(&self, joined: &str, scratch: &mut String) -> bool {
        let (first, last) = self.field.parts();
        let says_something = || joined.bytes().any(|byte| byte != Symbol::SEPARATOR as u8 && byte != b'-');
        if matches!(self.op, Op::Present) && (first, last) == (0, usize::MAX) && says_something() {
            // Fast path: any part with content meets the condition, so the text need not be split.
            return true;
        }
        let fields =
            joined.split(Symbol::SEPARATOR).skip(first).take(last.saturating_sub(first).saturating_add(1));
        fields.into_iter().any(|field| self.op.takes(field, scratch))
    }

    /// Returns whether one of the row's words for codes meets the condition.
    pub(in crate::model) fn takes_word(&self, words: Words, scratch: &mut String) -> bool {
        match self.field {
            Field::Kind | Field::Any => self.op.takes(words.kind, scratch),
            Field::Outcome => self.op.takes(words.outcome, scratch),
            Field::Via => self.op.takes(words.via, scratch),
            Field::Severity => self.op.takes(words.severity, scratch),
            Field::Standing => self.op.takes(words.standing, scratch),
            _ => false,
        }
    }

    /// Returns whether the label or the host of an org meets the condition.
    pub(in crate::model) fn takes_org(&self, org: &KnownOrg, scratch: &mut String) -> bool {
        self.field == Field::Org && [org.label(), &org.host].iter().any(|text| self.op.takes(text, scratch))
    }

    /// Returns whether the note of a mark meets the condition. A mark without a note counts as present.
    pub(in crate::model) fn takes_mark(&self, note: &str, scratch: &mut String) -> bool {
        self.field == Field::Mark && (matches!(self.op, Op::Present) || self.op.takes(note, scratch))
    }

    /// Returns the half-open span of accepted times, if the condition is on the time. A row without a time is not
    /// accepted.
    pub(in crate::model) fn span(&self) -> Option<(i64, i64)> {
        let is_time = matches!(self.field, Field::Time | Field::Age);
        is_time.then_some(match &self.op {
            Op::Between(from, to) => (*from, *to),
            _ => (i64::MIN, i64::MAX),
        })
    }

    /// Returns whether this condition implies another one.
    pub(in crate::model) fn implies(&self, other: &Self) -> bool {
        let is_within = match (&self.op, &other.op) {
            (Op::Has(longer), Op::Has(shorter)) => longer.contains(shorter.as_str()),
            (Op::Begins(longer), Op::Begins(shorter)) => longer.starts_with(shorter.as_str()),
            _ => false,
        };
        self.field == other.field && is_within
    }
}

/// Returns whether a time, in milliseconds since 1970, is not 0 and lies in a span.
pub(in crate::model) fn is_within(published_ms: i64, (from, to): (i64, i64)) -> bool {
    published_ms != 0 && (from..to).contains(&published_ms)
}

/// The words of the filter language for a row's codes.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Words {
    pub(in crate::model) kind: &'static str,
    pub(in crate::model) outcome: &'static str,
    pub(in crate::model) via: &'static str,
    pub(in crate::model) severity: &'static str,
    pub(in crate::model) standing: &'static str,
}

impl Words {
    fn of(row: &Row) -> Self {
        Self {
            kind: row.kind.word(),
            outcome: row.outcome.word(),
            via: row.via.told(row.doubt),
            severity: row.severity.word(),
            standing: "",
        }
    }
}

impl Op {
    pub(in crate::model) fn takes(&self, text: &str, scratch: &mut String) -> bool {
        match self {
            Self::Has(needle) => {
                scratch.clear();
                lower(text, scratch);
                memchr::memmem::find(scratch.as_bytes(), needle.as_bytes()).is_some()
            }
            Self::Is(whole) => text == whole,
            Self::HasExact(needle) => memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some(),
            Self::Begins(needle) => {
                text.get(..needle.len()).is_some_and(|start| start.eq_ignore_ascii_case(needle))
            }
            Self::Matches(regex) => regex.is_match(text),
            Self::Present => !text.is_empty() && text != "-",
            Self::Number(range) => text.parse().is_ok_and(|number| range.contains(&number)),
            Self::Between(..) => false,
        }
    }

    /// Returns a text that every accepted text contains, if there is one.
    pub(in crate::model) fn wanted(&self) -> Option<Wanted> {
        let (text, is_all) = match self {
            Self::Has(needle) => (needle, true),
            Self::HasExact(text) | Self::Is(text) => (text, false),
            _ => return None,
        };
        let needle = lowered(text);
        (!needle.is_empty()).then_some(Wanted { needle, is_all })
    }
}

/// Returns a text in lower case, converted letter by letter as by [`lower`]. A final sigma is like any other sigma.
pub(in crate::model) fn lowered(text: &str) -> String {
    let mut out = String::new();
    lower(text, &mut out);
    out
}
