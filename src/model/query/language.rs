//! The filter language: words, `field:value`, `or`, parentheses.

use jiff::civil;
use jiff::tz::TimeZone;
use regex::{Regex, RegexBuilder};

use crate::consent::{Row, Symbol, Symbols};
use crate::model::data::text_arena::{Wanted, lower};
use crate::model::data::text_columns;

/// A filter that was understood.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    root: Node,
    tests: Vec<Test>,
}

impl PartialEq for Query {
    /// The same text says the same, at the same time and in the same zone.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

/// Why a filter was not understood, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why} (at character {})", .at + 1)]
pub struct FilterError {
    /// The character, counted from 0.
    pub at: usize,
    /// What is wrong there, and what is expected.
    pub why: String,
}

/// Parts of a consent that the list does not hold; whoever has the whole consent can filter on them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deep<'a> {
    /// `uuid`
    pub uuid: &'a str,
    /// `transaction.id`
    pub txn: &'a str,
    /// The session's id.
    pub session: &'a str,
    /// The raw user agent.
    pub agent: &'a str,
    /// The event's message.
    pub message: &'a str,
    /// The note of its mark, or `None` if it is not marked.
    pub mark: Option<&'a str>,
}

#[derive(Clone, Debug)]
pub(in crate::model) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(usize),
}

/// One condition.
#[derive(Clone, Debug)]
pub(in crate::model) struct Test {
    pub(in crate::model) field: Field,
    pub(in crate::model) op: Op,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum Field {
    Any,
    Kind,
    Who,
    Actor,
    Client,
    Server,
    Scope,
    Outcome,
    Ip,
    Country,
    City,
    Asn,
    Proxy,
    Via,
    Severity,
    Time,
    Age,
    Uuid,
    Txn,
    Session,
    Agent,
    Message,
    Standing,
    Mark,
}

/// The words of the language.
const FIELDS: &[(&str, Field)] = &[
    ("kind", Field::Kind),
    ("who", Field::Who),
    ("actor", Field::Actor),
    ("client", Field::Client),
    ("server", Field::Server),
    ("scope", Field::Scope),
    ("outcome", Field::Outcome),
    ("ip", Field::Ip),
    ("country", Field::Country),
    ("city", Field::City),
    ("asn", Field::Asn),
    ("proxy", Field::Proxy),
    ("via", Field::Via),
    ("severity", Field::Severity),
    ("time", Field::Time),
    ("age", Field::Age),
    ("uuid", Field::Uuid),
    ("txn", Field::Txn),
    ("session", Field::Session),
    ("agent", Field::Agent),
    ("message", Field::Message),
    ("standing", Field::Standing),
    ("mark", Field::Mark),
];

#[derive(Clone, Debug)]
pub(in crate::model) enum Op {
    /// Lower-case text that must occur, in whatever case.
    Has(String),
    /// Text that must occur just so.
    HasExact(String),
    /// The whole text, just so.
    Is(String),
    /// Lower-case text that must stand at the beginning.
    Begins(String),
    Matches(Box<Regex>),
    Present,
    /// Milliseconds since 1970, half open.
    Between(i64, i64),
    /// A number: AS numbers.
    Number(std::ops::RangeInclusive<i64>),
}

impl Query {
    /// Reads a filter. `now_ms` is what `age:` counts back from; times without a zone are read in `zone`.
    ///
    /// # Errors
    /// Names the character at which the text stops making sense.
    pub fn parse(text: &str, now_ms: i64, zone: &TimeZone) -> Result<Self, FilterError> {
        let mut parser =
            Parser { chars: text.chars().collect(), at: 0, depth: 0, tests: Vec::new(), now_ms, zone };
        if parser.chars.len() > TEXT_MAX {
            return Err(parser.error("a filter holds at most 1,000 characters"));
        }
        let root = parser.any()?;
        parser.blanks();
        if parser.at < parser.chars.len() {
            return Err(parser.error("this closes nothing"));
        }
        Ok(Self { text: text.to_owned(), root, tests: parser.tests })
    }

    /// Returns the text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        matches!(&self.root, Node::All(parts) if parts.is_empty())
    }

    /// Reads what somebody searches for: one text, anywhere in a row, in any case unless it has a capital.
    pub fn search(text: &str) -> Self {
        let has_capital = text.chars().any(char::is_uppercase);
        let op = if has_capital { Op::HasExact(text.to_owned()) } else { Op::Has(lowered(text)) };
        let tests = vec![Test { field: Field::Any, op }];
        Self { text: text.to_owned(), root: Node::Test(0), tests }
    }

    /// Whether a whole consent passes, or a row as far as it goes. Without `deep`, what the list does not hold fails.
    pub fn holds(&self, row: &Row, symbols: &Symbols, deep: Option<&Deep<'_>>) -> bool {
        let mut scratch = String::new();
        self.root.holds(&mut |index| self.tests[index].holds(row, symbols, deep, &mut scratch))
    }

    /// Whether all that this lets through was let through by another: both join conditions by "and", and each of the
    /// other's texts stands within one of these.
    pub fn narrows(&self, other: &Self) -> bool {
        if self.is_deep() || other.is_deep() {
            return false;
        }
        let (Node::All(these), Node::All(those)) = (&self.root, &other.root) else { return false };
        those.iter().all(|part| {
            let Node::Test(index) = part else { return false };
            let before = &other.tests[*index];
            these.iter().any(|part| match part {
                Node::Test(index) => self.tests[*index].implies(before),
                _ => false,
            })
        })
    }

    /// Whether it asks for what the list does not hold.
    pub fn is_deep(&self) -> bool {
        self.tests.iter().any(|test| test.field.is_deep())
    }

    /// Which of the conditions on what the list does not hold are met, a bit each.
    pub fn deep_bits(&self, deep: &Deep<'_>) -> u64 {
        let mut scratch = String::new();
        let mut is_met = |test: &Test| test.deep(deep).is_some_and(|text| test.op.takes(text, &mut scratch));
        (0..).zip(&self.tests).filter(|(_, test)| is_met(test)).fold(0, |bits, (index, _)| bits | 1 << index)
    }

    /// The same without what the list does not hold: lets through whatever this may let through.
    pub(in crate::model) fn shallow(&self) -> Self {
        let root = self.root.shallow(&self.tests, false);
        Self { text: self.text.clone(), root, tests: self.tests.clone() }
    }

    /// Whether it asks how a consent stands, which other rows decide.
    pub fn looks_at_standing(&self) -> bool {
        self.tests.iter().any(|test| test.field == Field::Standing)
    }

    /// Whether it asks for marks or their notes, which the person changes.
    pub fn looks_at_marks(&self) -> bool {
        self.tests.iter().any(|test| test.field == Field::Mark)
    }

    /// Returns a field that only the screen can answer, which has all rows at hand, if the filter asks for one.
    pub fn screen_field(&self) -> Option<&'static str> {
        self.looks_at_standing().then_some("standing")
    }

    pub(in crate::model) fn root(&self) -> &Node {
        &self.root
    }

    pub(in crate::model) fn tests(&self) -> &[Test] {
        &self.tests
    }
}

impl Field {
    fn is_deep(self) -> bool {
        matches!(self, Self::Uuid | Self::Txn | Self::Session | Self::Agent | Self::Message)
    }

    /// The columns whose texts it looks at; none if it looks at something else.
    pub(in crate::model) fn columns(self) -> u8 {
        match self {
            Self::Any => text_columns::ALL,
            Self::Who => text_columns::WHO,
            Self::Actor => text_columns::ACTOR,
            Self::Client => text_columns::CLIENT,
            Self::Server => text_columns::SERVER,
            Self::Scope => text_columns::SCOPES,
            Self::Ip | Self::City | Self::Country | Self::Asn | Self::Proxy => text_columns::FROM,
            _ => 0,
        }
    }

    /// The first and the last field of a text that it looks at.
    pub(in crate::model) fn parts(self) -> (usize, usize) {
        match self {
            Self::Ip => (0, 0),
            Self::City => (1, 1),
            Self::Country => (2, 2),
            Self::Asn => (3, 4),
            Self::Proxy => (5, 5),
            _ => (0, usize::MAX),
        }
    }
}

impl Node {
    /// The same where each condition on what the list does not hold is met, or below a minus is not.
    fn shallow(&self, tests: &[Test], is_below_not: bool) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.shallow(tests, is_below_not)).collect();
        match self {
            Self::Test(index) if tests[*index].field.is_deep() && is_below_not => Self::Any(Vec::new()),
            Self::Test(index) if tests[*index].field.is_deep() => Self::All(Vec::new()),
            Self::Test(index) => Self::Test(*index),
            Self::Not(part) => Self::Not(Box::new(part.shallow(tests, !is_below_not))),
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
        }
    }

    /// The tests that must hold and those that must not, a bit each, if that is all it says.
    pub(in crate::model) fn conjunction(&self) -> Option<(u64, u64)> {
        let parts = match self {
            Self::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().try_fold((0, 0), |(met, unmet), part| match part {
            Self::Test(index) => Some((met | 1 << index, unmet)),
            Self::Not(part) => match **part {
                Self::Test(index) => Some((met, unmet | 1 << index)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether it holds where the tests hold of which `test` says so.
    pub(in crate::model) fn holds(&self, test: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(test)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
            Self::Not(part) => !part.holds(test),
            Self::Test(index) => test(*index),
        }
    }
}

impl Test {
    fn holds(&self, row: &Row, symbols: &Symbols, deep: Option<&Deep<'_>>, scratch: &mut String) -> bool {
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
        let columns = [row.who, row.actor, row.client, row.server, row.scopes, row.from];
        let wanted = self.field.columns();
        let is_in_text = columns
            .iter()
            .enumerate()
            .any(|(index, sym)| wanted & (1 << index) != 0 && self.takes_text(symbols.joined(*sym), scratch));
        let is_in_time = self.span().is_some_and(|span| is_within(row.published_ms, span));
        is_in_text || is_in_time || self.takes_word(Words::of(row), scratch)
    }

    fn deep<'d>(&self, deep: &Deep<'d>) -> Option<&'d str> {
        Some(match self.field {
            Field::Uuid => deep.uuid,
            Field::Txn => deep.txn,
            Field::Session => deep.session,
            Field::Agent => deep.agent,
            Field::Message => deep.message,
            _ => return None,
        })
    }

    /// Whether one field of a text is what it asks for.
    pub(in crate::model) fn takes(&self, field: &str, scratch: &mut String) -> bool {
        self.op.takes(field, scratch)
    }

    /// Whether an interned text holds it in one of the fields that it looks at.
    pub(in crate::model) fn takes_text(&self, joined: &str, scratch: &mut String) -> bool {
        let (first, last) = self.field.parts();
        let says_something = || joined.bytes().any(|byte| byte != Symbol::SEPARATOR as u8 && byte != b'-');
        if matches!(self.op, Op::Present) && (first, last) == (0, usize::MAX) && says_something() {
            // Most begin so; no need to take them apart.
            return true;
        }
        let fields =
            joined.split(Symbol::SEPARATOR).skip(first).take(last.saturating_sub(first).saturating_add(1));
        fields.into_iter().any(|field| self.op.takes(field, scratch))
    }

    /// Whether one of the words of a row that are no texts holds it.
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

    /// Whether the note of a mark holds it; a mark without one is present all the same.
    pub(in crate::model) fn takes_mark(&self, note: &str, scratch: &mut String) -> bool {
        self.field == Field::Mark && (matches!(self.op, Op::Present) || self.op.takes(note, scratch))
    }

    /// The times that fit, half open, if it is about a row's time. A row without a time fits none.
    pub(in crate::model) fn span(&self) -> Option<(i64, i64)> {
        let is_time = matches!(self.field, Field::Time | Field::Age);
        is_time.then_some(match &self.op {
            Op::Between(from, to) => (*from, *to),
            _ => (i64::MIN, i64::MAX),
        })
    }

    /// Whether wherever this holds another one does.
    fn implies(&self, other: &Self) -> bool {
        let is_within = match (&self.op, &other.op) {
            (Op::Has(longer), Op::Has(shorter)) => longer.contains(shorter.as_str()),
            (Op::Begins(longer), Op::Begins(shorter)) => longer.starts_with(shorter.as_str()),
            _ => false,
        };
        self.field == other.field && is_within
    }
}

/// Whether a time, in milliseconds since 1970, is one and lies in a span.
pub(in crate::model) fn is_within(published_ms: i64, (from, to): (i64, i64)) -> bool {
    published_ms != 0 && (from..to).contains(&published_ms)
}

/// What a row says in words of ours.
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

    /// What every text holds that it takes, if there is such a thing.
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

/// A text in lower case, letter by letter as [`lower`] has it: a sigma at the end of a word is like any other.
fn lowered(text: &str) -> String {
    let mut out = String::new();
    lower(text, &mut out);
    out
}

/// Characters of a filter.
const TEXT_MAX: usize = 1000;
/// Conditions of a filter, so that each has a bit of its own.
pub(in crate::model) const TESTS_MAX: usize = 64;
/// Open parentheses and minus signs at once.
const DEPTH_MAX: usize = 50;
/// Bytes that a compiled pattern may take.
const PATTERN_MAX: usize = 1 << 20;

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    tests: Vec<Test>,
    now_ms: i64,
    zone: &'a TimeZone,
}

impl Parser<'_> {
    /// `all { "or" all }`
    fn any(&mut self) -> Result<Node, FilterError> {
        let mut parts = vec![self.all()?];
        while self.takes_or() {
            let place = self.at;
            let part = self.all()?;
            if matches!(&part, Node::All(nothing) if nothing.is_empty()) {
                return Err(FilterError { at: place, why: "something must follow \"or\"".to_owned() });
            }
            parts.push(part);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Node::Any(parts) })
    }

    /// `{ term }`
    fn all(&mut self) -> Result<Node, FilterError> {
        let mut parts = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                None | Some(')') => break,
                _ if self.is_or() => {
                    if parts.is_empty() {
                        return Err(self.error("something must stand before \"or\""));
                    }
                    break;
                }
                _ => parts.push(self.term()?),
            }
        }
        Ok(Node::All(parts))
    }

    fn term(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("too deep: at most 50 levels"));
        }
        let node = match self.peek() {
            Some('-') if self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace()) => {
                self.at += 1;
                Node::Not(Box::new(self.term()?))
            }
            Some('(') => {
                let open = self.at;
                self.at += 1;
                let inner = self.any()?;
                self.blanks();
                if self.peek() != Some(')') {
                    return Err(FilterError { at: open, why: "this parenthesis is not closed".to_owned() });
                }
                self.at += 1;
                inner
            }
            _ => self.test()?,
        };
        self.depth -= 1;
        Ok(node)
    }

    fn test(&mut self) -> Result<Node, FilterError> {
        let start = self.at;
        if self.peek() == Some('"') {
            let words = self.quoted()?;
            return self.add(start, Field::Any, Op::Has(lowered(&words)));
        }
        let mut name = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_alphabetic) {
            name.push(c);
            self.at += 1;
        }
        if self.peek() == Some(':') {
            if let Some((_, field)) = FIELDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(&name)) {
                self.at += 1;
                let op = self.value(*field)?;
                return self.add(start, *field, op);
            }
            // A colon inside a word is a word: an IPv6 address, a scope such as api:read. But a lone name before it
            // is most likely a field that was misspelt.
            let known: Vec<&str> = FIELDS.iter().map(|(word, _)| *word).collect();
            if !name.is_empty() && self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace()) {
                let near = known.iter().any(|word| close(word, &name));
                if near {
                    return Err(FilterError {
                        at: start,
                        why: format!("no field \"{name}\"; the fields are {}", known.join(" ")),
                    });
                }
            }
        }
        self.at = start;
        let word = self.word();
        self.add(start, Field::Any, Op::Has(lowered(&word)))
    }

    fn value(&mut self, field: Field) -> Result<Op, FilterError> {
        let start = self.at;
        let fail = |why: &str| FilterError { at: start, why: why.to_owned() };
        match self.peek() {
            None => Err(fail("a value must follow the colon; * means any")),
            Some(c) if c.is_whitespace() || c == ')' => {
                Err(fail("a value must follow the colon; * means any"))
            }
            Some('~') => {
                self.at += 1;
                let pattern = if self.peek() == Some('"') { self.quoted()? } else { self.word() };
                if matches!(field, Field::Time | Field::Age) {
                    return Err(fail("a time is compared, not matched by a pattern"));
                }
                let regex =
                    RegexBuilder::new(&pattern).case_insensitive(true).size_limit(PATTERN_MAX).build();
                match regex {
                    Ok(regex) => Ok(Op::Matches(Box::new(regex))),
                    Err(regex::Error::CompiledTooBig(_)) => Err(fail("this pattern grows too big")),
                    Err(_) => Err(fail("this is no regular expression")),
                }
            }
            Some('"') => Ok(Op::Has(lowered(&self.quoted()?))),
            Some('=') if !matches!(field, Field::Time | Field::Age) => {
                self.at += 1;
                let whole = if self.peek() == Some('"') { self.quoted()? } else { self.word() };
                Ok(Op::Is(whole))
            }
            Some(_) => {
                let word = self.word();
                match field {
                    _ if word == "*" => Ok(Op::Present),
                    Field::Time => self.time(&word).map_err(|why| fail(&why)),
                    Field::Age => self.age(&word).map_err(|why| fail(&why)),
                    Field::Asn if word.starts_with(['<', '>']) => {
                        number(&word).ok_or_else(|| fail("this is no number"))
                    }
                    _ if word.starts_with(['<', '>']) => Err(fail("only time, age and asn have an order")),
                    // Every kind but two ends like another: grant, org_grant, admin_grant.
                    Field::Kind => Ok(Op::Begins(lowered(&word))),
                    _ => Ok(Op::Has(lowered(&word))),
                }
            }
        }
    }

    fn time(&self, word: &str) -> Result<Op, String> {
        let span = |text: &str| {
            span_of(text, self.zone)
                .ok_or_else(|| format!("\"{text}\" is no time; write 2026-03-04 or 2026-03-04T09:15"))
        };
        if let Some((from, to)) = word.split_once("..") {
            let from = if from.is_empty() { i64::MIN } else { span(from)?.0 };
            let to = if to.is_empty() { i64::MAX } else { span(to)?.1 };
            return Ok(Op::Between(from, to));
        }
        if let Some(rest) = word.strip_prefix(">=") {
            return Ok(Op::Between(span(rest)?.0, i64::MAX));
        }
        if let Some(rest) = word.strip_prefix('>') {
            return Ok(Op::Between(span(rest)?.1, i64::MAX));
        }
        if let Some(rest) = word.strip_prefix("<=") {
            return Ok(Op::Between(i64::MIN, span(rest)?.1));
        }
        if let Some(rest) = word.strip_prefix('<') {
            return Ok(Op::Between(i64::MIN, span(rest)?.0));
        }
        let (from, to) = span(word)?;
        Ok(Op::Between(from, to))
    }

    fn age(&self, word: &str) -> Result<Op, String> {
        let younger = word.starts_with('<');
        let rest = word.trim_start_matches(['<', '>', '=']);
        let length = duration_ms(rest).ok_or_else(|| "write an age such as <2h or >7d".to_owned())?;
        let at = self.now_ms.saturating_sub(length);
        Ok(if younger { Op::Between(at, i64::MAX) } else { Op::Between(i64::MIN, at) })
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                None => return Err(FilterError { at: open, why: "this quotation is not closed".to_owned() }),
                Some('"') => break,
                Some('\\') if matches!(self.chars.get(self.at + 1), Some('"' | '\\')) => {
                    out.push(self.chars[self.at + 1]);
                    self.at += 2;
                }
                Some(c) => {
                    out.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn word(&mut self) -> String {
        let mut out = String::new();
        let mut open = 0;
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() => break,
                '(' => open += 1,
                ')' if open == 0 => break,
                ')' => open -= 1,
                _ => {}
            }
            out.push(c);
            self.at += 1;
        }
        out
    }

    fn takes_or(&mut self) -> bool {
        self.blanks();
        let is = self.is_or();
        if is {
            self.at += 2;
        }
        is
    }

    fn is_or(&self) -> bool {
        let at = |n: usize| self.chars.get(self.at + n).copied();
        matches!(at(0), Some('o' | 'O'))
            && matches!(at(1), Some('r' | 'R'))
            && at(2).is_none_or(|c| c.is_whitespace() || c == '(')
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn error(&self, why: &str) -> FilterError {
        FilterError { at: self.at, why: why.to_owned() }
    }

    fn add(&mut self, start: usize, field: Field, op: Op) -> Result<Node, FilterError> {
        if self.tests.len() == TESTS_MAX {
            return Err(FilterError { at: start, why: "too many: at most 64 conditions".to_owned() });
        }
        self.tests.push(Test { field, op });
        Ok(Node::Test(self.tests.len() - 1))
    }
}

/// Whether a name is a field with one letter wrong, missing or too many.
fn close(word: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let same = word.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    let same_end = word.chars().rev().zip(name.chars().rev()).take_while(|(a, b)| a == b).count();
    let longer = word.len().max(name.len());
    word.len().abs_diff(name.len()) <= 1 && same + same_end + 1 >= longer && longer > 2
}

fn number(word: &str) -> Option<Op> {
    let value: i64 = word.trim_start_matches(['<', '>', '=']).parse().ok()?;
    Some(Op::Number(match word {
        w if w.starts_with(">=") => value..=i64::MAX,
        w if w.starts_with('>') => value.checked_add(1)?..=i64::MAX,
        w if w.starts_with("<=") => i64::MIN..=value,
        _ => i64::MIN..=value.checked_sub(1)?,
    }))
}

/// Reads `90s`, `15m`, `24h`, `7d`.
pub(in crate::model) fn duration_ms(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let value: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let each = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    value.checked_mul(each).filter(|ms| *ms >= 0)
}

/// Returns the stretch of time that a day, a minute, a second or an instant names: milliseconds, half open.
pub(in crate::model) fn span_of(text: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Some((exact.as_millisecond(), exact.as_millisecond().saturating_add(1)));
    }
    let in_zone =
        |at: civil::DateTime| at.to_zoned(zone.clone()).ok().map(|at| at.timestamp().as_millisecond());
    if let Ok(date) = text.parse::<civil::Date>()
        && !text.contains('T')
    {
        let next = date.tomorrow().ok()?;
        return Some((in_zone(date.at(0, 0, 0, 0))?, in_zone(next.at(0, 0, 0, 0))?));
    }
    let at = text.parse::<civil::DateTime>().ok()?;
    let length = if text.matches(':').count() > 1 { 1_000 } else { 60_000 };
    let from = in_zone(at)?;
    Some((from, from.saturating_add(length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Sym;
    use crate::model::data::rows::tests::row;

    fn symbols() -> Symbols {
        let mut symbols = Symbols::default();
        symbols.put(Sym(1), &Symbol::of(&["00u1", "ada@example.test", "Ada Łukasz ΟΔΟΣ"]));
        symbols.put(Sym(2), &Symbol::of(&["0oa1", "Figma"]));
        symbols.put(Sym(3), &Symbol::of(&["aus1", "default"]));
        symbols.put(Sym(4), &Symbol::of(&["launch/patient", "orders.read"]));
        symbols.put(
            Sym(5),
            &Symbol::of(&["192.0.2.10", "Utrecht", "Netherlands", "64500", "example net", "no"]),
        );
        symbols
    }

    #[track_caller]
    fn check(query: &str, expected: bool) {
        let now = 1_772_615_728_000;
        let parsed = Query::parse(query, now, &TimeZone::UTC).expect("a good filter");
        assert_eq!(parsed.holds(&row(1, now - 3_600_000), &symbols(), None), expected, "{query}");
    }

    #[test]
    fn words_match_anywhere_in_any_case() {
        check("", true);
        check("ADA", true);
        check("łukasz", true);
        // The last letter of this has a form of its own where a word ends.
        check("ΟΔΟΣ", true);
        check("who:\"οδοσ\"", true);
        check("ada figma", true);
        check("ada slack", false);
        check("\"ada łukasz\"", true);
        check("-slack", true);
        check("-figma", false);
        check("grant", true);
    }

    #[test]
    fn fields_look_in_their_own_place() {
        check("who:ada", true);
        check("client:ada", false);
        check("client:0oa1", true);
        check("scope:orders.read", true);
        check("scope:~^launch/", true);
        check("country:netherlands", true);
        check("asn:>64000", true);
        check("asn:<64000", false);
        check("asn:*", true);
        check("proxy:no", true);
        check("actor:*", false);
        check("-actor:*", true);
        check("outcome:success", true);
        check("kind:grant via:poll severity:info", true);
        check("kind:G", true);
        check("kind:rant or kind:grants", false);
    }

    #[test]
    fn or_and_parentheses() {
        check("slack or figma", true);
        check("slack or zoom", false);
        check("ada (slack or figma)", true);
        check("-(slack or zoom)", true);
        check("or1 or figma", true);
        check("orders", true);
    }

    #[test]
    fn times() {
        check("age:<2h", true);
        check("age:>2h", false);
        check("time:2026-03-04", true);
        check("time:2026-03-03", false);
        check("time:2026-03-04..2026-03-05", true);
        check("time:>2026-03-04", false);
        check("time:>=2026-03-04T08:15", true);
        check("time:..2026-03-01", false);
    }

    #[track_caller]
    fn fails(query: &str, at: usize) {
        let error = Query::parse(query, 0, &TimeZone::UTC).expect_err("a bad filter");
        assert_eq!(error.at, at, "{error}");
    }

    #[test]
    fn errors_name_the_character() {
        fails("ada (figma", 4);
        fails("ada )", 4);
        fails("\"ada", 0);
        fails("who:", 4);
        fails("x scop:read", 2);
        fails("time:yesterday", 5);
        fails("client:>5", 7);
        fails("scope:~[", 6);
        fails("or ada", 0);
        fails("ada or", 6);
        fails(&"(".repeat(60), 50);
        fails(&"ada ".repeat(65), 256);
    }

    #[test]
    fn a_colon_in_a_word_is_no_field() {
        check("2001:db8::1", false);
        check("api:read", false);
        check("https://x", false);
    }

    #[test]
    fn a_longer_filter_narrows_a_shorter() {
        let query = |text: &str| Query::parse(text, 0, &TimeZone::UTC).expect("a good filter");
        for (text, before) in [
            ("ada", ""),
            ("adam", "ada"),
            ("ada fig", "ada"),
            ("ada -slack", "ada"),
            ("client:figma who:ada", "client:fig"),
            ("kind:grant", "kind:gr"),
        ] {
            assert!(query(text).narrows(&query(before)), "{text} and {before}");
        }
        for (text, before) in [
            ("", "ada"),
            ("ada", "adam"),
            ("ada or bo", "ada"),
            ("who:ada", "client:ada"),
            ("-adam", "-ada"),
            ("scope:~ab", "scope:~a"),
            ("age:<2h", "age:<3h"),
        ] {
            assert!(!query(text).narrows(&query(before)), "{text} and {before}");
        }
    }

    #[test]
    fn a_search_minds_capitals_if_it_has_one() {
        let finds = |text: &str| Query::search(text).holds(&row(1, 1), &symbols(), None);
        assert!(finds("figma") && finds("Figma") && finds("łukasz") && finds("example net"));
        assert!(!finds("FIGMA") && !finds("slack"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_can_break_the_parser(text in "\\PC{0,60}") {
            drop(Query::parse(&text, 0, &TimeZone::UTC));
        }
    }
}
