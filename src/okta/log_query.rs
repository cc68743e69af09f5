//! Queries of the System Log.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;
use url::form_urlencoded::Serializer;

use super::url::{LIMIT_MAX, LOGS, OrgUrl};
use crate::consent::{Kind, Topic};

/// How long Okta keeps events (Okta: System Log, retention). A `since` of more than 180 days is an error.
pub(super) const RETENTION: Duration = Duration::from_hours(90 * 24);

/// How far before the last event a new cursor begins. Okta stores an event up to about a second after its `published`.
pub(super) const OVERLAP: Duration = Duration::from_mins(5);

/// The limit of a link without the parameter (Okta: System Log query, `limit`).
const LIMIT_DEFAULT: usize = 100;

/// Returns the words for a set of kinds and topics, as bookmarks store them.
pub(super) fn query_of(kinds: &[Kind], topics: &[Topic]) -> String {
    let kinds = Kind::ALL.into_iter().filter(|kind| kinds.contains(kind) && kind.filter().is_some());
    let topics = Topic::ALL.into_iter().filter(|topic| topics.contains(topic));
    kinds.map(Kind::word).chain(topics.map(Topic::word)).collect::<Vec<_>>().join(",")
}

/// Returns the `filter` parameter for these events.
pub(super) fn filter_of(kinds: &[Kind], topics: &[Topic]) -> String {
    let kinds = Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)).filter_map(Kind::filter);
    let topics = Topic::ALL.into_iter().filter(|topic| topics.contains(topic)).map(Topic::filter);
    kinds.chain(topics).collect::<Vec<_>>().join(" or ")
}

/// Returns the URL of a query of the System Log that returns the oldest events first.
pub(super) fn logs_url(
    org: &OrgUrl,
    since: Timestamp,
    until: Option<Timestamp>,
    limit: u16,
    filter: &str,
) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("since", &format!("{since:.3}"));
    if let Some(until) = until {
        query.append_pair("until", &format!("{until:.3}"));
    }
    query.append_pair("limit", &limit.clamp(1, LIMIT_MAX).to_string());
    query.append_pair("sortOrder", "ASCENDING");
    query.append_pair("filter", filter);
    org.join(&format!("{LOGS}?{}", query.finish()))
}

/// Returns the time `length` before `from`.
pub(super) fn back(from: Timestamp, length: Duration) -> Timestamp {
    from.checked_sub(length).unwrap_or(Timestamp::MIN)
}

/// Returns the `limit` in the URL of a query.
pub(super) fn limit_of(url: &str) -> usize {
    let url = Url::parse(url).ok();
    let limit = url.and_then(|url| {
        url.query_pairs().find(|(name, _)| name == "limit").and_then(|(_, value)| value.parse::<usize>().ok())
    });
    limit.unwrap_or(LIMIT_DEFAULT).max(1)
}
