//! The parser of the filter language: words, `field:value`, `or`, negation and parentheses.

use jiff::tz::TimeZone;
use regex::RegexBuilder;

use super::condition::{Op, Test, lowered};
use super::expression::Expression;
use super::field::{FIELDS, Field};
use super::time::{duration_ms, span_of};

/// An error in a filter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why} (at character {})", .at + 1)]
pub struct FilterError {
    /// The position of the error in characters, counted from 0.
    pub at: usize,
    /// The error message.
    pub why: String,
}

/// The maximum number of characters of a filter.
const TEXT_MAX: usize = 1000;
/// The maximum number of conditions of a filter, so that each has a bit in a `u64`.
const TESTS_MAX: usize = 64;
/// The maximum nesting depth of parentheses and minus signs.
const DEPTH_MAX: usize = 50;
/// The maximum size in bytes of a compiled pattern.
const PATTERN_MAX: usize = 1 << 20;

/// Parses a filter. Returns its expression and its conditions.
pub(in crate::model) fn parse(
    text: &str,
    now_ms: i64,
    zone: &TimeZone,
) -> Result<(Expression, Vec<Test>), FilterError> {
    let mut parser =
        Parser { chars: text.chars().collect(), at: 0, depth: 0, tests: Vec::new(), now_ms, zone };
    if parser.chars.len() > TEXT_MAX {
        return Err(parser.error("a filter holds at most 1,000 characters"));
    }
    let root = parser.any()?;
    parser.blanks();
    if parser.at < parser.chars.len() {
        return Err(parser.error("this parenthesis was not opened"));
    }
    Ok((root, parser.tests))
}

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
    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.takes_or() {
            let place = self.at;
            let part = self.all()?;
            if matches!(&part, Expression::All(nothing) if nothing.is_empty()) {
                return Err(FilterError { at: place, why: "something must follow \"or\"".to_owned() });
            }
            parts.push(part);
        }
        Ok(if parts.len() == 1 { parts.swap_remove(0) } else { Expression::Any(parts) })
    }

    /// `{ term }`
    fn all(&mut self) -> Result<Expression, FilterError> {
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
        Ok(Expression::All(parts))
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("too deep: at most 50 levels"));
        }
        let node = match self.peek() {
            Some('-') if self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace()) => {
                self.at += 1;
                Expression::Not(Box::new(self.term()?))
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

    fn test(&mut self) -> Result<Expression, FilterError> {
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
            // A word may contain a colon, as in an IPv6 address or the scope api:read. But a name that is close to a
            // field's name is most likely a misspelled field.
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
                    return Err(fail("a time cannot be matched by a pattern"));
                }
                let regex =
                    RegexBuilder::new(&pattern).case_insensitive(true).size_limit(PATTERN_MAX).build();
                match regex {
                    Ok(regex) => Ok(Op::Matches(Box::new(regex))),
                    Err(regex::Error::CompiledTooBig(_)) => Err(fail("this pattern is too large")),
                    Err(_) => Err(fail("this is not a regular expression")),
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
                        number(&word).ok_or_else(|| fail("this is not a number"))
                    }
                    _ if word.starts_with(['<', '>']) => Err(fail("only time, age and asn can be compared")),
                    // A substring would match too much: grant also occurs in org_grant and admin_grant.
                    Field::Kind => Ok(Op::Begins(lowered(&word))),
                    _ => Ok(Op::Has(lowered(&word))),
                }
            }
        }
    }

    fn time(&self, word: &str) -> Result<Op, String> {
        let span = |text: &str| {
            span_of(text, self.zone)
                .ok_or_else(|| format!("\"{text}\" is not a time; write 2026-03-04 or 2026-03-04T09:15"))
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
        let length = duration_ms(rest).ok_or_else(|| "write an age, for example <2h or >7d".to_owned())?;
        let at = self.now_ms.saturating_sub(length);
        Ok(if younger { Op::Between(at, i64::MAX) } else { Op::Between(i64::MIN, at) })
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let open = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                None => {
                    return Err(FilterError {
                        at: open,
                        why: "this quotation mark is not closed".to_owned(),
                    });
                }
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

    fn add(&mut self, start: usize, field: Field, op: Op) -> Result<Expression, FilterError> {
        if self.tests.len() == TESTS_MAX {
            return Err(FilterError { at: start, why: "too many: at most 64 conditions".to_owned() });
        }
        self.tests.push(Test { field, op });
        Ok(Expression::Test(self.tests.len() - 1))
    }
}

/// Returns whether `name` is `word` with one letter wrong, missing or added.
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
