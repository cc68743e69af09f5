//! The query parameters of the System Log, checked as strictly as Okta does.

use jiff::Timestamp;
use jiff::fmt::strtime;
use url::form_urlencoded;

use super::answer::Refusal;
use super::filter::{Filter, FilterError};

/// The span of a query without `since`: seven days (Okta: System Log query, since).
const DEFAULT_SPAN_MS: i64 = 7 * 24 * 3_600_000;
/// A start older than 180 days is refused (Okta: System Log query, errors).
const OLDEST_MS: i64 = 180 * 24 * 3_600_000;
const MAX_KEYWORDS: usize = 10;
const MAX_KEYWORD_CHARS: usize = 40;

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Query {
    /// All parameters, decoded, in their order.
    pub(super) pairs: Vec<(String, String)>,
    pub(super) since_ms: i64,
    /// The end of a bounded query, or `None` for a polling query.
    pub(super) until_ms: Option<i64>,
    pub(super) newest_first: bool,
    pub(super) after: Option<String>,
    pub(super) limit: usize,
    pub(super) filter: Option<Filter>,
    /// The words of `q` in lower case, which must all occur.
    pub(super) keywords: Vec<String>,
}

impl Query {
    /// Parses the query part of a URL. `now_ms` is the time of the request.
    pub(super) fn parse(text: &str, now_ms: i64) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).map(|(key, value)| (key.into(), value.into())).collect();
        let get = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let limit = match get("limit") {
            None => 100,
            Some(text) => match text.parse() {
                Ok(limit @ 0..=1000) => limit,
                _ => return Err(Refusal::validation("limit", "The limit must be a number from 0 to 1000.")),
            },
        };
        let newest_first = match get("sortOrder") {
            None | Some("ASCENDING") => false,
            Some("DESCENDING") => true,
            Some(_) => {
                return Err(Refusal::validation("sortOrder", "The order must be ASCENDING or DESCENDING."));
            }
        };
        let mut until_ms = get("until").map(date).transpose()?;
        if until_ms.is_none() && newest_first {
            // A descending query without `until` is bounded and ends now.
            until_ms = Some(now_ms);
        }
        let since_ms = match get("since") {
            Some(text) => date(text)?,
            None => until_ms.unwrap_or(now_ms) - DEFAULT_SPAN_MS,
        };
        if since_ms < now_ms - OLDEST_MS {
            return Err(Refusal::new(400, "E0000053", "Invalid parameter: since is more than 180 days ago."));
        }
        if until_ms.is_some_and(|until| until < since_ms) {
            return Err(Refusal::validation("until", "The end must not be before the start."));
        }
        let filter = match get("filter") {
            None => None,
            Some(text) => Some(Filter::parse(text).map_err(|error| refused(text, &error))?),
        };
        let keywords: Vec<String> =
            get("q").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        if keywords.len() > MAX_KEYWORDS
            || keywords.iter().any(|word| word.chars().count() > MAX_KEYWORD_CHARS)
        {
            return Err(Refusal::validation("q", "At most 10 words of 40 characters each are allowed."));
        }
        let after = get("after").map(str::to_owned);
        Ok(Self { pairs, since_ms, until_ms, newest_first, after, limit, filter, keywords })
    }

    /// Returns the query part without its cursor.
    pub(super) fn without_cursor(&self) -> String {
        let pairs = self.pairs.iter().filter(|(key, _)| key != "after");
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Returns the query part for a link. A given cursor replaces the cursor of the request.
    pub(super) fn link(&self, after: Option<&str>) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (key, value) in &self.pairs {
            if after.is_none() || key != "after" {
                text.append_pair(key, value);
            }
        }
        if let Some(after) = after {
            text.append_pair("after", after);
        }
        text.finish()
    }
}

fn refused(text: &str, error: &FilterError) -> Refusal {
    match error {
        FilterError::Invalid { what, position } => {
            let summary = format!("Invalid filter '{text}': {what} at position {position}.");
            Refusal::new(400, "E0000053", &summary)
        }
        FilterError::Unsupported { path, op } => {
            let summary = format!("Invalid search criteria: {op} is not supported for {path}.");
            Refusal::new(400, "E0000031", &summary)
        }
    }
}

/// Parses a time: RFC 3339, a date (midnight UTC), or the text form of a JavaScript `Date`, which Okta's Node SDK
/// sends.
fn date(text: &str) -> Result<i64, Refusal> {
    let bad = || {
        let summary = format!(
            "Bad request. Invalid date '{text}'. Dates must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZZ."
        );
        Refusal::new(400, "E0000030", &summary)
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    // An unencoded '+' was decoded as a space.
    let script = text.split_once(" (").map_or(text, |(head, _)| head).replacen("GMT ", "GMT+", 1);
    if let Ok(time) =
        strtime::parse("%a %b %d %Y %H:%M:%S GMT%z", &script).and_then(|parts| parts.to_timestamp())
    {
        return Ok(time.as_millisecond());
    }
    let midnight = format!("{text}T00:00:00Z");
    if let (10, Ok(time)) = (text.len(), midnight.parse::<Timestamp>()) {
        return Ok(time.as_millisecond());
    }
    Err(bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_772_615_728_000;

    fn code(text: &str) -> String {
        Query::parse(text, NOW_MS).err().map_or(String::new(), |refusal| refusal.code.into_owned())
    }

    #[test]
    fn dates_come_in_three_forms() {
        let since = |text: &str| Query::parse(text, NOW_MS).map(|query| query.since_ms).unwrap();
        assert_eq!(since("since=2026-03-01T00%3A00%3A00Z"), 1_772_323_200_000);
        assert_eq!(since("since=2026-03-01T01:00:00.000%2B01:00"), 1_772_323_200_000);
        assert_eq!(since("since=2026-03-01"), 1_772_323_200_000);
        for form in ["GMT%2B0000", "GMT+0000"] {
            let text =
                format!("since=Sun%20Mar%2001%202026%2000:00:00%20{form}%20(Coordinated%20Universal%20Time)");
            assert_eq!(since(&text), 1_772_323_200_000);
        }
        assert_eq!(since(""), NOW_MS - DEFAULT_SPAN_MS);
        for bad in ["since=yesterday", "since=", "until=17", "since=2026-03-0%C3%A9"] {
            assert_eq!(code(bad), "E0000030", "{bad}");
        }
        assert_eq!(code("since=2020-12-01T00:00:00Z"), "E0000053");
    }

    #[test]
    fn parameters_are_checked() {
        for bad in
            ["limit=abc", "limit=-1", "limit=1001", "limit=", "sortOrder=UP", "q=a+b+c+d+e+f+g+h+i+j+k"]
        {
            assert_eq!(code(bad), "E0000001", "{bad}");
        }
        assert_eq!(code(&format!("q={}", "x".repeat(41))), "E0000001");
        assert_eq!(code("since=2026-03-02&until=2026-03-01"), "E0000001");
        assert_eq!(code("filter=eventType+eqq+%22x%22"), "E0000053");
        assert_eq!(code("filter=debugContext.debugData.url+co+%22x%22"), "E0000031");
        assert_eq!(code("limit=0&limit=5000&unknown=1"), "");
    }

    #[test]
    fn links_say_again_what_was_asked() {
        let query =
            Query::parse("since=2026-03-01T00%3a00:00Z&filter=eventType%20eq%20%22a%22&limit=5", NOW_MS)
                .unwrap();
        let own = "since=2026-03-01T00%3A00%3A00Z&filter=eventType+eq+%22a%22&limit=5";
        assert_eq!(query.link(None), own);
        let next = query.link(Some("17_1"));
        assert_eq!(next, format!("{own}&after=17_1"));
        let query = Query::parse(&next, NOW_MS).unwrap();
        assert_eq!(query.link(None), next);
        assert_eq!(query.link(Some("18_2")), format!("{own}&after=18_2"));
    }
}
