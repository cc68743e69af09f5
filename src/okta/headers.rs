//! The headers of an answer and their meaning.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// The headers of an answer, in their order. Names match regardless of case: HTTP/2 sends them in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

/// One link of a `Link` header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The text between the angle brackets.
    pub target: String,
    /// The relations, in lower case.
    pub rels: Vec<String>,
}

/// The rate limit that an answer reports. (Okta: rate limits, monitor usage.)
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    /// The requests allowed per window. Of several limits it is the most specific one, which may be a token's share.
    pub limit: Option<u64>,
    /// The requests left in this window.
    pub remaining: Option<u64>,
    /// When the window ends, in seconds since 1970 by the server's clock.
    pub reset: Option<i64>,
}

impl Rate {
    /// Returns whether it can be a real rate limit: all three figures are there, the limit is 1 to 100,000, no more
    /// remains than the limit, and the window ends within ten minutes of `date`, the server's own time. Okta's windows
    /// last about a minute, and its highest documented limits are some thousands (Okta: rate limits).
    fn is_believable(self, date: Timestamp) -> bool {
        let Self { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) } = self else {
            return false;
        };
        (1..=LIMIT_MAX).contains(&limit)
            && remaining <= limit
            && reset.abs_diff(date.as_second()) <= RESET_WITHIN.as_secs()
    }
}

/// The highest believable limit; no bucket of Okta's allows more requests per window.
const LIMIT_MAX: u64 = 100_000;

/// The furthest believable end of a window.
const RESET_WITHIN: Duration = Duration::from_mins(10);

/// The most links that are read.
const LINKS_MAX: usize = 64;

impl Headers {
    /// Adds a header. Drops cookies: no code here uses one, and a dropped cookie cannot leak.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        if !name.eq_ignore_ascii_case("set-cookie") {
            self.0.push((name, value.into()));
        }
    }

    /// Returns the first value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns every value of a header, one for each line.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Returns every link of every `Link` line, one per line or several joined by commas.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for line in self.get_all("link") {
            read_links(line, &mut links);
        }
        links
    }

    /// Returns the first link with a relation.
    pub fn link(&self, rel: &str) -> Option<String> {
        self.links().into_iter().find(|link| link.rels.iter().any(|r| r == rel)).map(|link| link.target)
    }

    /// Returns the rate limit, or `None` if the answer has none or an impossible one. If the answer has no `Date`,
    /// `now` is used in its place.
    pub fn believable_rate(&self, now: Timestamp) -> Option<Rate> {
        Some(self.rate()).filter(|rate| rate.is_believable(self.date().unwrap_or(now)))
    }

    /// Returns the rate limit of the answer, without a check that it is possible.
    pub fn rate(&self) -> Rate {
        let number = |name| self.get(name).and_then(|text| text.parse::<u64>().ok());
        Rate {
            limit: number("x-rate-limit-limit"),
            remaining: number("x-rate-limit-remaining"),
            reset: number("x-rate-limit-reset").and_then(|n| i64::try_from(n).ok()),
        }
    }

    /// Returns the server's own time, to the second.
    pub fn date(&self) -> Option<Timestamp> {
        http_date(self.get("date")?)
    }

    /// Returns how long to wait by `Retry-After`, which Okta does not document but a gateway may send. If the answer
    /// has no `Date`, `now` is used in its place.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let value = self.get("retry-after")?;
        if let Ok(seconds) = value.parse::<u64>() {
            return Some(Duration::from_secs(seconds));
        }
        let until = http_date(value)?;
        let from = self.date().unwrap_or(now);
        Some(Duration::from_secs(u64::try_from(until.as_second() - from.as_second()).unwrap_or(0)))
    }

    /// Returns how long the window of the rate limit still lasts, by the server's clock, because ours may be wrong.
    /// Returns `None` if the answer does not name the end.
    pub fn until_reset(&self, now: Timestamp) -> Option<Duration> {
        let from = self.date().unwrap_or(now).as_second();
        let left = self.rate().reset?.saturating_sub(from);
        Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
    }

    /// Returns the request id, which Okta's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.get("x-okta-request-id").filter(|id| !id.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name, value);
        }
        headers
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

/// Reads the links of one line. The target comes first and ends at its bracket, since URLs may contain commas.
fn read_links(line: &str, links: &mut Vec<Link>) {
    let mut rest = line;
    while links.len() < LINKS_MAX
        && let Some((_, from_target)) = rest.split_once('<')
        && let Some((target, parameters)) = from_target.split_once('>')
    {
        let (rels, after) = read_parameters(parameters);
        links.push(Link { target: target.trim().to_owned(), rels });
        rest = after;
    }
}

/// Reads parameters up to the comma that ends them. Only the first `rel` counts (RFC 8288, 3.3).
fn read_parameters(text: &str) -> (Vec<String>, &str) {
    let mut rels = None;
    let mut rest = text.trim_start();
    while let Some(parameter) = rest.strip_prefix(';') {
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let (name, after) = parameter.split_at(end);
        let value;
        (value, rest) = match after.strip_prefix('=') {
            Some(after) => read_value(after.trim_start()),
            None => (String::new(), after),
        };
        if name.trim().eq_ignore_ascii_case("rel") && rels.is_none() {
            rels = Some(value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect());
        }
        rest = rest.trim_start();
    }
    (rels.unwrap_or_default(), rest)
}

/// Reads a value, quoted or bare, and returns what follows it.
pub(super) fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find([';', ',']).unwrap_or(text.len()));
        return (value.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEXT: &str = "https://example.test/api/v1/logs?q=a,b;c&after=1_1";

    fn of(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().copied().collect()
    }

    #[test]
    fn links_come_one_a_line_or_joined() {
        let next = format!(r#"<{NEXT}>; rel="next""#);
        let this = r#"<https://example.test/api/v1/logs>; rel="self""#;
        let joined = format!("{this}, {next}");
        for headers in [
            of(&[("link", &next), ("Link", this)]),
            of(&[("Link", this), ("LINK", &next)]),
            of(&[("link", &joined)]),
        ] {
            assert_eq!(headers.link("next").as_deref(), Some(NEXT));
            assert_eq!(headers.links().len(), 2);
        }
    }

    #[test]
    fn relations_are_words() {
        for good in [
            "<u>;rel=next",
            "<u> ; Rel = \"prev NEXT\"",
            "<u>; title=\"a, <b>; rel=self\"; rel=next",
            "<u>; rel=next; rel=self",
        ] {
            assert_eq!(of(&[("link", good)]).link("next").as_deref(), Some("u"), "{good}");
        }
        for bad in ["<u>", "<u>; rel=nexts", "u; rel=next", "<u; rel=next", "<u>; rel=self; rel=next", ""] {
            assert_eq!(of(&[("link", bad)]).link("next"), None, "{bad}");
        }
    }

    #[test]
    fn the_window_is_measured_by_the_servers_clock() {
        let headers = of(&[
            ("date", "Wed, 04 Mar 2026 09:15:27 GMT"),
            ("X-Rate-Limit-Limit", "50"),
            ("X-Rate-Limit-Remaining", "0"),
            ("X-Rate-Limit-Reset", "1772615739"),
        ]);
        assert_eq!(headers.date().unwrap().as_second(), 1_772_615_727);
        assert_eq!(headers.until_reset(Timestamp::UNIX_EPOCH), Some(Duration::from_secs(12)));
        let gone = of(&[("date", "Wed, 04 Mar 2026 09:15:27 GMT"), ("x-rate-limit-reset", "5")]);
        assert_eq!(gone.until_reset(Timestamp::UNIX_EPOCH), Some(Duration::ZERO));
    }

    #[test]
    fn a_rate_limit_that_cannot_be_is_not_believed() {
        let now = Timestamp::from_second(1_772_615_727).unwrap();
        let far = Timestamp::UNIX_EPOCH;
        let date = "Wed, 04 Mar 2026 09:15:27 GMT";
        let rate = |limit: &str, remaining: &str, reset: &str, date: &str| {
            let headers = of(&[
                ("date", date),
                ("x-rate-limit-limit", limit),
                ("x-rate-limit-remaining", remaining),
                ("x-rate-limit-reset", reset),
            ]);
            // The server's time counts where it is named, ours where it is not.
            headers.believable_rate(if date.is_empty() { now } else { far })
        };
        for date in [date, ""] {
            for (limit, remaining, reset) in
                [("1", "0", "1772615787"), ("100000", "100000", "1772616327"), ("50", "49", "1772615127")]
            {
                let told = rate(limit, remaining, reset, date).unwrap_or_else(|| panic!("{limit} {reset}"));
                assert_eq!(told.limit.map(|limit| limit.to_string()).as_deref(), Some(limit));
            }
            for (limit, remaining, reset) in [
                ("0", "0", "1772615787"),
                ("100001", "7", "1772615787"),
                ("18446744073709551615", "7", "1772615787"),
                ("18446744073709551616", "7", "1772615787"),
                ("50", "51", "1772615787"),
                ("50", "-1", "1772615787"),
                ("50", "49", "1772616328"),
                ("50", "49", "1772615126"),
                ("50", "49", "9223372036854775807"),
                ("50", "49", "0"),
                ("50", "49", ""),
                ("50", "", "1772615787"),
                ("", "49", "1772615787"),
                ("fifty", "49", "1772615787"),
            ] {
                assert_eq!(rate(limit, remaining, reset, date), None, "{limit} {remaining} {reset}");
            }
        }
    }

    #[test]
    fn retry_after_has_two_forms() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(of(&[("retry-after", "7")]).retry_after(now), Some(Duration::from_secs(7)));
        let by_date = of(&[
            ("date", "Wed, 04 Mar 2026 09:15:27 GMT"),
            ("retry-after", "Wed, 04 Mar 2026 09:15:37 GMT"),
        ]);
        assert_eq!(by_date.retry_after(now), Some(Duration::from_secs(10)));
        assert_eq!(of(&[("retry-after", "soon")]).retry_after(now), None);
        assert_eq!(of(&[("retry-after", "-3")]).retry_after(now), None);
    }

    #[test]
    fn cookies_are_not_taken_in() {
        assert_eq!(of(&[("Set-Cookie", "sid=x")]), Headers::default());
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(link in ".*", date in ".*", reset in ".*") {
            let headers = of(&[("link", &link), ("date", &date), ("x-rate-limit-reset", &reset), ("retry-after", &date)]);
            prop_assert!(headers.links().len() <= LINKS_MAX);
            headers.until_reset(Timestamp::UNIX_EPOCH);
            headers.retry_after(Timestamp::UNIX_EPOCH);
        }
    }
}
