//! A parsed filter, and how it applies to a row.

use jiff::tz::TimeZone;

use super::condition::{Deep, Op, Test, lowered};
use super::expression::Expression;
use super::field::Field;
use super::parse::{FilterError, parse};
use crate::consent::{Row, Symbols};

/// A parsed filter.
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    root: Expression,
    tests: Vec<Test>,
}

impl PartialEq for Query {
    /// Compares the texts. Equal texts mean the same at the same time and in the same zone.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Query {}

impl Query {
    /// Parses a filter. `age:` is relative to `now_ms`, and times without a zone are in `zone`.
    ///
    /// # Errors
    /// Returns the position of the first character that cannot be parsed, and the reason.
    pub fn parse(text: &str, now_ms: i64, zone: &TimeZone) -> Result<Self, FilterError> {
        let (root, tests) = parse(text, now_ms, zone)?;
        Ok(Self { text: text.to_owned(), root, tests })
    }

    /// Returns the text of the filter.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the filter accepts every row.
    pub fn is_empty(&self) -> bool {
        matches!(&self.root, Expression::All(parts) if parts.is_empty())
    }

    /// Returns a query that finds a text anywhere in a row. It ignores case unless the text has a capital letter.
    pub fn search(text: &str) -> Self {
        let has_capital = text.chars().any(char::is_uppercase);
        let op = if has_capital { Op::HasExact(text.to_owned()) } else { Op::Has(lowered(text)) };
        let tests = vec![Test { field: Field::Any, op }];
        Self { text: text.to_owned(), root: Expression::Test(0), tests }
    }

    /// Returns whether a row passes. Without `deep`, deep conditions are not met.
    pub fn holds(&self, row: &Row, symbols: &Symbols, deep: Option<&Deep<'_>>) -> bool {
        let mut scratch = String::new();
        self.root.holds(&mut |index| self.tests[index].holds(row, symbols, deep, &mut scratch))
    }

    /// Returns whether every row that passes this filter is known to pass another one: both are conjunctions, and each
    /// condition of the other is implied by one of this filter.
    pub fn narrows(&self, other: &Self) -> bool {
        if self.is_deep() || other.is_deep() {
            return false;
        }
        let (Expression::All(these), Expression::All(those)) = (&self.root, &other.root) else {
            return false;
        };
        those.iter().all(|part| {
            let Expression::Test(index) = part else { return false };
            let before = &other.tests[*index];
            these.iter().any(|part| match part {
                Expression::Test(index) => self.tests[*index].implies(before),
                _ => false,
            })
        })
    }

    /// Returns whether the filter has a deep condition, which needs the full event.
    pub fn is_deep(&self) -> bool {
        self.tests.iter().any(|test| test.field.is_deep())
    }

    /// Returns the deep conditions that are met, as bits.
    pub fn deep_bits(&self, deep: &Deep<'_>) -> u64 {
        let mut scratch = String::new();
        let mut is_met = |test: &Test| test.deep(deep).is_some_and(|text| test.op.takes(text, &mut scratch));
        (0..).zip(&self.tests).filter(|(_, test)| is_met(test)).fold(0, |bits, (index, _)| bits | 1 << index)
    }

    /// Returns the query without deep conditions. It accepts every row that this query may accept.
    pub(in crate::model) fn shallow(&self) -> Self {
        let root = self.root.shallow(&self.tests, false);
        Self { text: self.text.clone(), root, tests: self.tests.clone() }
    }

    /// Returns whether the filter has a condition on the standing, which depends on other rows.
    pub fn looks_at_standing(&self) -> bool {
        self.tests.iter().any(|test| test.field == Field::Standing)
    }

    /// Returns whether the filter has a condition on the org.
    pub fn looks_at_orgs(&self) -> bool {
        self.tests.iter().any(|test| test.field == Field::Org)
    }

    /// Returns whether the filter has a condition on marks or notes, which the user changes.
    pub fn looks_at_marks(&self) -> bool {
        self.tests.iter().any(|test| test.field == Field::Mark)
    }

    /// Returns the name of a field that only the screen can evaluate, and the reason, if the filter uses one.
    pub fn screen_field(&self) -> Option<(&'static str, &'static str)> {
        self.looks_at_standing().then_some(("standing", "since it compares all rows"))
    }

    pub(in crate::model) fn root(&self) -> &Expression {
        &self.root
    }

    pub(in crate::model) fn tests(&self) -> &[Test] {
        &self.tests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Sym, Symbol};
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
        // The final sigma has its own lower-case form.
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
            ("org:prod", "org:pr"),
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
