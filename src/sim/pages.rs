//! Pages of the System Log, for polling and bounded queries, including the faults that change them.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal};
use super::entry::Entry;
use super::event;
use super::fault::{CAP, SimFault};
use super::org::locked;
use super::query::Query;
use super::server::{Call, ELSEWHERE, LOGS};

/// The number of entries read each time the log is locked.
const STRIDE: usize = 512;
/// The malformed records of [`SimFault::BadRecord`].
const JUNK: [&str; 3] = ["17", r#"{"uuid":5,"published":[],"eventType":null}"#, "\"text\""];

impl Call<'_> {
    /// Answers a request to the System Log.
    pub(super) fn logs(&mut self) -> Answer {
        let query = match Query::parse(self.query, self.now.as_millisecond()) {
            Ok(query) => query,
            Err(refusal) => return self.refuse(&refusal),
        };
        let cursor = query.after.as_deref();
        if cursor.is_some() && self.is(SimFault::ExpiredCursor) {
            return self.refuse(&Refusal::validation("after", "The cursor has expired."));
        }
        let page = match query.until_ms {
            None => self.poll(&query),
            Some(until_ms) => self.bounded(&query, until_ms),
        };
        let (entries, next) = match page {
            Ok(page) => page,
            Err(refusal) => return self.refuse(&refusal),
        };
        let own = query.link(None);
        let path = |base: &str, query: &str| {
            if query.is_empty() { format!("{base}{LOGS}") } else { format!("{base}{LOGS}?{query}") }
        };
        let mut answer = Answer::json(self.page(&entries));
        if let Some(next) = next {
            let link = next.map_or_else(|| own.clone(), |cursor| query.link(Some(&cursor)));
            answer = answer.with("link", format!("<{}>; rel=\"next\"", self.led_astray(&query, &link)));
        }
        answer.with("link", format!("<{}>; rel=\"self\"", path(&self.base, &own)))
    }

    /// Returns the URL of a next link, changed by the faults.
    fn led_astray(&self, query: &Query, link: &str) -> String {
        let base = if self.is(SimFault::ForeignNext) { ELSEWHERE } else { &self.base };
        if self.is(SimFault::NextEmpty) {
            return String::new();
        }
        let path = match () {
            () if self.is(SimFault::NextUsers) => "/api/v1/users",
            () if self.is(SimFault::NextRoot) => "/",
            () => LOGS,
        };
        let link = match () {
            () if self.is(SimFault::NextFilter) => link.replace("consent", "token"),
            () if self.is(SimFault::NextWithoutAfter) => query.without_cursor(),
            () => link.to_owned(),
        };
        format!("{base}{path}?{link}")
    }

    /// Returns the most records in a page.
    fn limit(&self, query: &Query) -> usize {
        if self.is(SimFault::CappedPages) { query.limit.min(CAP) } else { query.limit }
    }

    /// Returns the number of records in a page that come from faults.
    fn extra(&self, query: &Query) -> usize {
        // A first page repeats nothing. If it were short, a client would take it for the last page.
        let repeats = query.after.is_some() && self.is(SimFault::Duplicates);
        let extra = if self.is(SimFault::BadRecord) { JUNK.len() } else { 0 } + usize::from(repeats);
        if self.limit(query) > extra { extra } else { 0 }
    }

    /// Returns the page of a polling query, in the order of logging and always with a next link. If there are no new
    /// events, the next link is the request's own URL, since some clients would request a new cursor at once and never
    /// pause.
    fn poll(&self, query: &Query) -> Result<Page, Refusal> {
        let mut at = match &query.after {
            None => locked(&self.org.log).since(query.since_ms),
            Some(cursor) => self.position(cursor).ok_or_else(bad_cursor)?,
        };
        let room = self.limit(query) - self.extra(query);
        let mut entries = Vec::new();
        if query.after.is_some() && self.is(SimFault::Duplicates) && room < query.limit {
            entries.extend(at.checked_sub(1).and_then(|last| locked(&self.org.log).at(last).cloned()));
        }
        let repeated = entries.len();
        let mut next = None;
        'page: while entries.len() < room + repeated {
            let stride = locked(&self.org.log).from(at, STRIDE);
            if stride.is_empty() {
                break;
            }
            for entry in stride {
                at += 1;
                if self.takes(query, &entry) {
                    next = Some(format!("{}_{at}", entry.persisted_ms));
                    entries.push(entry);
                    if entries.len() == room + repeated {
                        break 'page;
                    }
                }
            }
        }
        if next.is_none() {
            entries.clear();
        }
        if query.after.is_some() && self.is(SimFault::SamePage) {
            next = None;
        }
        Ok((entries, Some(next)))
    }

    /// Returns the position of a polling cursor, or `None` if this org did not issue the cursor.
    fn position(&self, cursor: &str) -> Option<usize> {
        let (time, position) = cursor.split_once('_')?;
        let (time, position): (i64, usize) = (time.parse().ok()?, position.parse().ok()?);
        let last = locked(&self.org.log).at(position.checked_sub(1)?).map(|entry| entry.persisted_ms);
        (last == Some(time)).then_some(position)
    }

    /// Returns the page of a bounded query, in the order of publication. The last page has no next link.
    fn bounded(&self, query: &Query, until_ms: i64) -> Result<Page, Refusal> {
        let span = (query.since_ms, until_ms);
        let mut after = match &query.after {
            None => None,
            Some(cursor) => {
                let uuid = Uuid::parse_str(cursor).map_err(|_| bad_cursor())?;
                Some(locked(&self.org.log).key(uuid).ok_or_else(bad_cursor)?)
            }
        };
        let room = self.limit(query) - self.extra(query);
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        loop {
            let stride = locked(&self.org.log).between(span, after, query.newest_first, STRIDE);
            let Some((last, _)) = stride.last() else { return Ok((entries, None)) };
            after = Some(*last);
            for (_, entry) in stride {
                if !self.takes(query, &entry) {
                    continue;
                }
                if entries.len() == room {
                    let cursor = entries.last().map(|entry| entry.uuid.to_string());
                    return Ok((entries, cursor.map(Some)));
                }
                entries.push(entry);
            }
        }
    }

    fn takes(&self, query: &Query, entry: &Entry) -> bool {
        let by_type = query.filter.as_ref().is_none_or(|filter| {
            !filter.only_event_type() || filter.passes(&json!({ "eventType": entry.event.names()[0] }))
        });
        let needs_text = !query.keywords.is_empty()
            || query.filter.as_ref().is_some_and(|filter| !filter.only_event_type());
        if !by_type || !needs_text {
            return by_type;
        }
        let text = event::write(&self.org.population, entry);
        let lower = text.to_lowercase();
        query.keywords.iter().all(|word| lower.contains(word))
            && query.filter.as_ref().is_none_or(|filter| {
                serde_json::from_str::<Value>(&text).is_ok_and(|event| filter.passes(&event))
            })
    }

    fn page(&mut self, entries: &[Arc<Entry>]) -> String {
        let mut records: Vec<String> =
            entries.iter().map(|entry| event::write(&self.org.population, entry)).collect();
        if self.is(SimFault::OutOfOrder) {
            self.dice.shuffle(&mut records);
        }
        if self.is(SimFault::BadRecord) && !records.is_empty() {
            for (number, junk) in JUNK.into_iter().enumerate() {
                records.insert((number * 2).min(records.len()), junk.to_owned());
            }
        }
        let mut body =
            String::with_capacity(2 + records.iter().map(|record| record.len() + 1).sum::<usize>());
        body.push('[');
        for (number, record) in records.iter().enumerate() {
            if number > 0 {
                body.push(',');
            }
            body.push_str(record);
        }
        body.push(']');
        body
    }
}

/// The entries of a page and its next link: none, the page's own URL again, or a new cursor.
type Page = (Vec<Arc<Entry>>, Option<Option<String>>);

fn bad_cursor() -> Refusal {
    Refusal::validation("after", "The cursor is not valid.")
}
