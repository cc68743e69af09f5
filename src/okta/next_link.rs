//! Checks a link to the next page of the System Log before it is followed or stored.
//!
//! A client that follows a wrong link reads no more events and does not notice. Another path answers with
//! an array, and another filter answers with an empty one. The request also carries the credentials.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::error::clip;
use super::url::{LIMIT_MAX, LOGS, OrgUrl};
use crate::report::{Fault, Part};

/// The query that a link must continue.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The filter, decoded.
    pub(super) filter: String,
    /// The start of the query, or `None` if it is no longer known.
    pub(super) since: Option<Timestamp>,
    /// The latest possible start of the query.
    pub(super) latest: Timestamp,
    /// The end of the query, or `None` for a polling query, whose links name none.
    pub(super) until: Option<Timestamp>,
}

/// Why a link is not followed. The texts are safe to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum BadLink {
    /// It leads to another origin, which is the value if there is one to show.
    Elsewhere(Option<String>),
    /// It has a user name or a password.
    Credentials,
    /// It leads to this other path of the org.
    Path(String),
    /// It has no cursor.
    NoCursor,
    /// It asks for other events, by another filter or none.
    Filter,
    /// This parameter contradicts the query.
    Parameter(&'static str),
    /// It is longer than any link to a page.
    TooLong,
}

/// The maximum length of a link. Okta's take some 2 kB with a long filter.
const LENGTH_MAX: usize = 16 * 1024;

/// How far two equal times may differ: Okta may write a time with fewer digits than it was sent.
const SAME_WITHIN: SignedDuration = SignedDuration::from_secs(1);

/// Checks that a link continues a query, and returns its path and query. They are followed and stored unchanged:
/// `after` is opaque, and Okta's links combine parameters that its documentation calls exclusive (System Log query).
pub(super) fn accept(org: &OrgUrl, link: &str, asked: &Asked) -> Result<String, BadLink> {
    if link.len() > LENGTH_MAX {
        return Err(BadLink::TooLong);
    }
    let Some(place) = org.path_of(link) else {
        let url = Url::parse(link).ok();
        if url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(BadLink::Credentials);
        }
        return Err(BadLink::Elsewhere(url.map(|url| clip(&url.origin().ascii_serialization()))));
    };
    let (path, query) = place.split_once('?').unwrap_or((&place, ""));
    if path != LOGS {
        return Err(BadLink::Path(clip(path)));
    }
    let (mut has_cursor, mut has_filter) = (false, false);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let bad = match name.as_ref() {
            "after" => {
                has_cursor = !value.is_empty();
                !has_cursor
            }
            "filter" => {
                has_filter = true;
                if value != asked.filter {
                    return Err(BadLink::Filter);
                }
                false
            }
            "limit" => !value.parse::<u16>().is_ok_and(|limit| (1..=LIMIT_MAX).contains(&limit)),
            "sortOrder" => !value.eq_ignore_ascii_case("ASCENDING"),
            "since" => !value.parse().is_ok_and(|since| asked.begins_at(since)),
            "until" => !value.parse().is_ok_and(|until| asked.until.is_some_and(|ours| is_same(ours, until))),
            // Search words narrow the query as a filter does.
            "q" => !value.is_empty(),
            _ => false,
        };
        if bad {
            return Err(match name.as_ref() {
                "after" => BadLink::NoCursor,
                "limit" => BadLink::Parameter("limit"),
                "sortOrder" => BadLink::Parameter("sortOrder"),
                "since" => BadLink::Parameter("since"),
                "until" => BadLink::Parameter("until"),
                _ => BadLink::Parameter("q"),
            });
        }
    }
    match (has_cursor, has_filter) {
        (_, false) => Err(BadLink::Filter),
        (false, true) => Err(BadLink::NoCursor),
        (true, true) => Ok(place),
    }
}

impl Asked {
    fn begins_at(&self, since: Timestamp) -> bool {
        match self.since {
            Some(ours) => is_same(ours, since),
            None => since.duration_since(self.latest) <= SAME_WITHIN,
        }
    }
}

fn is_same(ours: Timestamp, theirs: Timestamp) -> bool {
    ours.duration_since(theirs).abs() <= SAME_WITHIN
}

/// Returns the start of the query in a stored link, if the link names it.
pub(super) fn since_of(place: &str) -> Option<Timestamp> {
    let (_, query) = place.split_once('?')?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "since").and_then(|(_, value)| value.parse().ok())
}

impl fmt::Display for BadLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(Some(origin)) => {
                write!(f, "leads elsewhere, to {origin}, and the credentials are not sent there")
            }
            Self::Elsewhere(None) => f.write_str("leads elsewhere, and the credentials are not sent there"),
            Self::Credentials => f.write_str("has a user name or a password, which no link to a page has"),
            Self::Path(path) => write!(f, "leads to {path}, which is not the System Log ({LOGS})"),
            Self::NoCursor => f.write_str("has no cursor (after)"),
            Self::Filter => f.write_str("asks for other events: its filter is not the one that was sent"),
            Self::Parameter(name) => write!(f, "contradicts the query: {name} is not what was sent"),
            Self::TooLong => f.write_str("is longer than any link to a page"),
        }
    }
}

impl BadLink {
    /// Returns the fault of a page with this link.
    pub(super) fn fault(&self) -> Fault {
        let (brief, remedy) = match self {
            Self::Elsewhere(_) => (
                "next link leads elsewhere",
                "Check the org URL: a custom domain and the org's own domain are two hosts.",
            ),
            _ => (
                "next link is wrong",
                "Check whether a proxy in between rewrites answers; if none does, tell Okta's support.",
            ),
        };
        Fault::new(
            Part::Poll,
            brief,
            &format!("The log's next link {self}."),
            "The link is not followed. The program retries at the same place, waiting up to a minute.",
            remedy,
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILTER: &str = r#"eventType eq "a.b" or eventType sw "c+d""#;
    const ENCODED: &str = "filter=eventType+eq+%22a.b%22+or+eventType%20sw%20%22c%2Bd%22";

    fn org() -> OrgUrl {
        OrgUrl::parse("https://example.test").unwrap().0
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn polled() -> Asked {
        Asked {
            filter: FILTER.to_owned(),
            since: Some(time("2026-03-04T09:00:00.250Z")),
            latest: time("2026-03-04T09:15:00Z"),
            until: None,
        }
    }

    fn bounded() -> Asked {
        Asked { until: Some(time("2026-03-05T00:00:00Z")), ..polled() }
    }

    fn check(place: &str, asked: &Asked) -> Result<String, BadLink> {
        accept(&org(), &format!("https://example.test{place}"), asked)
    }

    #[test]
    fn a_link_that_goes_on_with_the_query_is_followed_untouched() {
        for query in [
            format!("after=1_1&{ENCODED}"),
            format!("{ENCODED}&after=a%2Cb&limit=1&sortOrder=ascending"),
            format!("since=2026-03-04T09%3A00%3A00Z&limit=1000&sortOrder=ASCENDING&{ENCODED}&after=1_1"),
            format!("since=2026-03-04T10:00:00%2B01:00&{ENCODED}&after=1_1&expand=x&q="),
        ] {
            let place = format!("/api/v1/logs?{query}");
            assert_eq!(check(&place, &polled()), Ok(place.clone()), "{query}");
            assert_eq!(check(&place, &bounded()), Ok(place.clone()), "{query}");
            assert_eq!(accept(&org(), &place, &polled()), Ok(place), "relative");
        }
        let place = format!("/api/v1/logs?until=2026-03-05T00:00:00.000Z&{ENCODED}&after=1");
        assert_eq!(check(&place, &bounded()), Ok(place));
    }

    #[test]
    fn a_link_that_would_read_something_else_is_not_followed() {
        let good = format!("{ENCODED}&after=1_1");
        let path = |path: &str| BadLink::Path(path.to_owned());
        for (place, wanted) in [
            (format!("/api/v1/users?{good}"), path("/api/v1/users")),
            (format!("/?{good}"), path("/")),
            (String::new(), path("/")),
            (format!("/api/v1/logs/?{good}"), path("/api/v1/logs/")),
            (format!("/api/v1/logs/../users?{good}"), path("/api/v1/users")),
            (format!("/API/v1/logs?{good}"), path("/API/v1/logs")),
            (format!("/api/v1/logs%2F?{good}"), path("/api/v1/logs%2F")),
            ("/api/v1/logs".to_owned(), BadLink::Filter),
            ("/api/v1/logs?after=1_1".to_owned(), BadLink::Filter),
            (format!("/api/v1/logs?{ENCODED}"), BadLink::NoCursor),
            (format!("/api/v1/logs?{ENCODED}&after="), BadLink::NoCursor),
            (format!("/api/v1/logs?{good}&after="), BadLink::NoCursor),
            ("/api/v1/logs?filter=eventType+eq+%22a.b%22&after=1".to_owned(), BadLink::Filter),
            (format!("/api/v1/logs?{good}&filter=x"), BadLink::Filter),
            // A plus that is not encoded is a blank.
            (format!("/api/v1/logs?{}&after=1", ENCODED.replace("%2B", "+")), BadLink::Filter),
            (format!("/api/v1/logs?{good}&limit=0"), BadLink::Parameter("limit")),
            (format!("/api/v1/logs?{good}&limit=1001"), BadLink::Parameter("limit")),
            (format!("/api/v1/logs?{good}&limit="), BadLink::Parameter("limit")),
            (format!("/api/v1/logs?{good}&sortOrder=DESCENDING"), BadLink::Parameter("sortOrder")),
            (format!("/api/v1/logs?{good}&since=2026-03-04T09:01:00Z"), BadLink::Parameter("since")),
            (format!("/api/v1/logs?{good}&since=2020-03-04T09:00:00Z"), BadLink::Parameter("since")),
            (format!("/api/v1/logs?{good}&since=yesterday"), BadLink::Parameter("since")),
            (format!("/api/v1/logs?{good}&until=2026-03-05T00:00:00Z"), BadLink::Parameter("until")),
            (format!("/api/v1/logs?{good}&q=nobody"), BadLink::Parameter("q")),
            (format!("/api/v1/logs?{good}&x={}", "x".repeat(LENGTH_MAX)), BadLink::TooLong),
        ] {
            assert_eq!(check(&place, &polled()), Err(wanted), "{place:.200}");
        }
        let until = format!("/api/v1/logs?{good}&until=2026-03-06T00:00:00Z");
        assert_eq!(check(&until, &bounded()), Err(BadLink::Parameter("until")));
        for (link, origin) in [
            ("https://evil.test/api/v1/logs?after=1", Some("https://evil.test")),
            ("http://example.test/api/v1/logs?after=1", Some("http://example.test")),
            ("//evil.test/api/v1/logs", None),
        ] {
            assert_eq!(accept(&org(), link, &polled()), Err(BadLink::Elsewhere(origin.map(str::to_owned))));
        }
        for user in ["ada", "ada:pw", ":pw"] {
            let link = format!("https://{user}@example.test/api/v1/logs?{good}");
            assert_eq!(accept(&org(), &link, &polled()), Err(BadLink::Credentials), "{user}");
        }
    }

    #[test]
    fn of_a_stored_place_nobody_knows_the_start() {
        let stored = Asked { since: None, ..polled() };
        let place = |since: &str| format!("/api/v1/logs?since={since}&{ENCODED}&after=1");
        for since in ["2020-01-01T00:00:00Z", "2026-03-04T09:15:00Z"] {
            assert!(check(&place(since), &stored).is_ok(), "{since}");
            assert_eq!(since_of(&place(since)), Some(time(since)));
        }
        assert_eq!(check(&place("2099-01-01T00:00:00Z"), &stored), Err(BadLink::Parameter("since")));
        assert_eq!(since_of("/api/v1/logs?after=1"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_judged_in_words_that_fit(link in ".*", path in "[/a-z0-9.%?&=]*") {
            for link in [link, format!("https://example.test/{path}"), path] {
                if let Err(bad) = accept(&org(), &link, &polled()) {
                    let fault = bad.fault();
                    prop_assert!(fault.brief.chars().count() <= 30);
                    prop_assert!(fault.what.len() < 4000 && !fault.what.chars().any(char::is_control));
                }
            }
        }
    }
}
