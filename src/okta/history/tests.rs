//! Tests with a simulated Okta that keeps a log of a few events.

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::report::Gap;

const NOW: &str = "2026-03-04T09:15:27Z";
/// The parameters in the links of this plan.
const FILTER: &str = "filter=eventType+eq+%22app.oauth2.as.consent.grant%22";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn days_ago(days: u64) -> Timestamp {
    back(time(NOW), Duration::from_hours(24 * days))
}

fn plan(goal: Timestamp) -> HistoryPlan {
    HistoryPlan {
        org: OrgUrl::parse("https://example.test").unwrap().0,
        kinds: vec![Kind::Grant],
        goal,
        page_size: 3,
        jitter_seed: 1,
    }
}

fn budget(limit: u64) -> Budget {
    let budget = Budget::new(0.5, Duration::from_secs(10));
    budget.learn(Some(super::super::headers::Rate { limit: Some(limit), ..Default::default() }));
    budget
}

fn complete(since: Timestamp) -> Coverage {
    Coverage { complete_since: Some(since), ..Coverage::default() }
}

fn begin(goal: Timestamp, since: Timestamp, stored: Option<HistoryMark>) -> History {
    History::new(plan(goal), &complete(since), stored, budget(600), time(NOW))
}

/// Answers like a bounded query: by `published`, both ends included, no next link on the last page. The cursor is the
/// number of events before the page.
fn page(log: &[Timestamp], url: &str) -> Reply {
    let url = Url::parse(url).unwrap();
    let get =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (since, until) = (time(&get("since").unwrap()), time(&get("until").unwrap()));
    let (limit, skip) = (get("limit").unwrap(), get("after").unwrap_or("0".to_owned()));
    let (limit, skip): (usize, usize) = (limit.parse().unwrap(), skip.parse().unwrap());
    let all: Vec<_> = log.iter().enumerate().filter(|(_, at)| (since..=until).contains(*at)).collect();
    let event = |(n, at): &(usize, &Timestamp)| {
        format!(
            r#"{{"uuid":"00000000-0000-4000-8000-{n:012}","published":"{at:.3}","eventType":"app.oauth2.as.consent.grant"}}"#
        )
    };
    let body: Vec<String> = all.iter().skip(skip).take(limit).map(event).collect();
    let mut next = url.clone();
    let pairs: Vec<_> = url.query_pairs().filter(|(key, _)| key != "after").collect();
    next.query_pairs_mut().clear().extend_pairs(pairs).append_pair("after", &(skip + limit).to_string());
    let link = (skip + limit < all.len()).then(|| ("link", format!("<{next}>; rel=\"next\"")));
    let headers = link.into_iter().collect();
    Reply { status: 200, headers, body: format!("[{}]", body.join(",")).into_bytes() }
}

fn refusal(status: u16, headers: &[(&str, &str)], code: &str) -> Reply {
    let body = format!(r#"{{"errorCode":"{code}"}}"#).into_bytes();
    Reply { status, headers: headers.iter().copied().collect(), body }
}

/// All results: the numbers of the uuids, the marks, the URLs.
#[derive(Default)]
struct Walk {
    got: Vec<i64>,
    marks: Vec<HistoryMark>,
    urls: Vec<String>,
    up: Duration,
}

impl Walk {
    /// Continues for at most `most` requests.
    fn go(&mut self, history: &mut History, log: &[Timestamp], most: usize) {
        for _ in 0..most {
            while let Step::Wait { until } = history.step(self.up) {
                if history.is_done() {
                    return;
                }
                self.up = until;
            }
            let Step::Send(request) = history.step(self.up) else { panic!() };
            let fetched = history.take(time(NOW), self.up, Ok(page(log, &request.url)));
            self.urls.push(request.url);
            self.got.extend(fetched.consents.iter().map(|consent| consent.key.published_ms));
            self.marks.extend(fetched.mark);
        }
    }
}

fn hourly(days: u64) -> Vec<Timestamp> {
    (0..days * 24).rev().map(|hours| back(time(NOW), Duration::from_hours(hours))).collect()
}

#[test]
fn it_asks_back_from_what_is_complete_by_bounded_queries() {
    let mut history = begin(days_ago(90), time("2026-03-03T09:15:27Z"), None);
    let Step::Send(request) = history.step(Duration::ZERO) else { panic!() };
    assert_eq!(
        request.url,
        "https://example.test/api/v1/logs?since=2026-03-03T03%3A20%3A27.000Z&until=2026-03-03T09%3A20%3A28.000Z\
         &limit=3&sortOrder=ASCENDING&filter=eventType+eq+%22app.oauth2.as.consent.grant%22"
    );
}

#[test]
fn a_walk_brings_everything_and_the_mark_says_how_far() {
    let log = hourly(10);
    let mut history = begin(days_ago(7), days_ago(1), None);
    let mut walk = Walk::default();
    walk.go(&mut history, &log, 1000);
    assert!(history.is_done());
    let wanted: Vec<i64> = log
        .iter()
        .filter(|at| **at >= days_ago(7) && **at < days_ago(1))
        .map(|at| at.as_millisecond())
        .collect();
    assert!(wanted.iter().all(|ms| walk.got.contains(ms)));
    let last = walk.marks.last().unwrap();
    assert_eq!((last.whole_from, last.goal), (days_ago(7), days_ago(7)));
    assert_eq!(last.top, days_ago(1).checked_add(OVERLAP).unwrap());
    // The complete part only grows downward, and only by a stretch whose last page came.
    assert!(walk.marks.is_sorted_by(|a, b| a.whole_from >= b.whole_from && a.top == b.top));
    let before = walk.marks.iter().filter(|mark| mark.next.is_some());
    assert!(before.clone().count() > 10);
    for mark in before {
        assert!(mark.whole_from > mark.from);
    }
}

#[test]
fn quiet_times_are_asked_for_in_ever_longer_stretches() {
    let mut history = begin(days_ago(90), days_ago(1), None);
    let mut walk = Walk::default();
    walk.go(&mut history, &[], 1000);
    assert!(history.is_done() && walk.urls.len() <= 10, "{}", walk.urls.len());
}

#[test]
fn dense_times_are_asked_for_in_shorter_ones() {
    let log: Vec<Timestamp> =
        (0..3000).rev().map(|minutes| back(time(NOW), Duration::from_mins(minutes))).collect();
    let mut history = begin(days_ago(2), days_ago(1), None);
    let mut walk = Walk::default();
    walk.go(&mut history, &log, 1000);
    assert!(history.is_done());
    let stretches = walk.urls.iter().filter(|url| !url.contains("after=")).count();
    assert!(stretches > 20, "{stretches}");
    assert!(history.length < Duration::from_hours(1), "{:?}", history.length);
}

#[test]
fn where_nothing_is_missing_nothing_is_asked() {
    for history in [
        begin(days_ago(7), days_ago(8), None),
        begin(days_ago(7), days_ago(7), None),
        History::new(plan(days_ago(7)), &Coverage::default(), None, budget(600), time(NOW)),
    ] {
        let mut history = history;
        assert!(history.is_done());
        assert_eq!(history.step(Duration::ZERO), Step::Wait { until: Duration::MAX });
    }
}

#[test]
fn gaps_within_reach_are_fetched_as_well() {
    let gap = |from, to| Gap { from, to, why: String::new() };
    let coverage = Coverage {
        gaps: vec![gap(days_ago(30), days_ago(20)), gap(days_ago(4), days_ago(3))],
        ..complete(days_ago(40))
    };
    let mut history = History::new(plan(days_ago(10)), &coverage, None, budget(600), time(NOW));
    let mut walk = Walk::default();
    walk.go(&mut history, &hourly(10), 1000);
    let last = walk.marks.last().unwrap();
    assert_eq!(last.top, days_ago(3).checked_add(OVERLAP).unwrap());
    assert_eq!(last.whole_from, days_ago(10));
    let far = History::new(
        plan(days_ago(10)),
        &Coverage { gaps: Vec::new(), ..coverage },
        None,
        budget(9),
        time(NOW),
    );
    assert!(far.is_done());
}

#[test]
fn the_goal_is_never_older_than_what_okta_keeps() {
    let mut history = begin(days_ago(400), days_ago(89), None);
    let mut walk = Walk::default();
    walk.go(&mut history, &[], 100);
    assert_eq!(walk.marks.last().unwrap().whole_from, days_ago(90));
    assert!(walk.urls.iter().all(|url| !url.contains("since=2025-12-03")), "{:?}", walk.urls);
}

#[test]
fn a_stored_mark_is_gone_on_from_where_it_fits() {
    let mark = HistoryMark {
        query: "grant".to_owned(),
        goal: days_ago(30),
        top: days_ago(1),
        whole_from: days_ago(4),
        from: days_ago(6),
        next: Some(format!("/api/v1/logs?{FILTER}&after=9")),
    };
    let first = |since: Timestamp, stored: &HistoryMark| {
        let mut history = begin(days_ago(60), since, Some(stored.clone()));
        let Step::Send(request) = history.step(Duration::ZERO) else { panic!() };
        request.url
    };
    assert_eq!(first(days_ago(4), &mark), format!("https://example.test/api/v1/logs?{FILTER}&after=9"));
    let begun = HistoryMark { next: None, ..mark.clone() };
    assert!(first(days_ago(4), &begun).contains("until=2026-02-28T09%3A15%3A28"));
    // Rows removed since, a change of kinds, and a stretch that Okta no longer keeps make the fetch start over.
    assert!(first(days_ago(3), &mark).contains("until=2026-03-01T09%3A20%3A28"));
    assert!(
        first(days_ago(4), &HistoryMark { query: "revoke".to_owned(), ..mark.clone() }).contains("until=")
    );
    let old = HistoryMark { whole_from: days_ago(89), from: days_ago(91), ..mark };
    let mut history = begin(days_ago(90), days_ago(89), Some(old));
    let Step::Send(request) = history.step(Duration::ZERO) else { panic!() };
    assert!(request.url.contains("since=2025-12-05T03%3A15%3A27"), "{}", request.url);
}

#[test]
fn a_dead_link_asks_for_half_of_the_stretch_again() {
    let log = hourly(2);
    let mut history = begin(days_ago(2), days_ago(1), None);
    let mut walk = Walk::default();
    walk.go(&mut history, &log, 1);
    let before = walk.marks.last().unwrap().clone();
    assert!(before.next.is_some());
    for status in [400, 410] {
        while let Step::Wait { until } = history.step(walk.up) {
            walk.up = until;
        }
        let fetched = history.take(time(NOW), walk.up, Ok(refusal(status, &[], "E0000001")));
        assert!(matches!(fetched.pulse, Pulse::Waiting(_, ref fault) if fault.passes));
        let mark = fetched.mark.unwrap();
        assert_eq!((mark.next, mark.whole_from), (None, before.whole_from));
        assert!(mark.from > before.from);
        walk.go(&mut history, &log, 1);
        if history.mark.next.is_none() {
            break;
        }
    }
    walk.go(&mut history, &log, 1000);
    assert!(history.is_done());
    assert_eq!(walk.got.iter().collect::<std::collections::BTreeSet<_>>().len(), 24);
}

#[test]
fn a_bad_request_a_wrong_link_and_a_circle_keep_the_place_and_are_asked_again() {
    let good = format!("/api/v1/logs?{FILTER}&after=1");
    let stretch = |place: &str| format!("{}&since=2026-03-03T03:20:27Z{place}", good.clone());
    for (link, code, wanted) in [
        (String::new(), "E0000053", "E0000053"),
        (good.replace("logs", "users"), "", "/api/v1/users"),
        ("/".to_owned(), "", "leads to /,"),
        (format!("https://evil.test{good}"), "", "https://evil.test"),
        (good.replace("grant", "revoke"), "", "filter"),
        (stretch("&until=2026-03-04T09:15:27Z"), "", "until"),
        (good.clone() + "&since=2026-03-01T00:00:00Z", "", "since"),
        ("circle".to_owned(), "", "leads back to that page"),
    ] {
        let mut history = begin(days_ago(9), time("2026-03-03T09:15:27Z"), None);
        let mut up = Duration::ZERO;
        if link == "circle" {
            let Step::Send(_) = history.step(up) else { panic!() };
            let headers = [("link", format!("<{good}>; rel=next"))].into_iter().collect();
            let first = Reply { status: 200, headers, body: b"[{}]".to_vec() };
            assert_eq!(history.take(time(NOW), up, Ok(first)).pulse, Pulse::Catching);
            while let Step::Wait { until } = history.step(up) {
                up = until;
            }
        }
        let (before, link) = (history.mark.clone(), if link == "circle" { good.clone() } else { link });
        for (round, most) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            let Step::Send(request) = history.step(up) else { panic!("{link}") };
            let reply = if code.is_empty() {
                let headers = [("link", format!("<{link}>; rel=next"))].into_iter().collect();
                Reply { status: 200, headers, body: b"[{}]".to_vec() }
            } else {
                refusal(400, &[], code)
            };
            let fetched = history.take(time(NOW), up, Ok(reply));
            let kept = usize::from(code.is_empty() && round == 0);
            assert_eq!(fetched.rejects.len(), kept, "what came is kept, once");
            let Pulse::Waiting(_, fault) = fetched.pulse else { panic!("{link}: {:?}", fetched.pulse) };
            assert!(fault.what.contains(wanted), "{fault}");
            assert_eq!(fault.passes, round < 2, "{link}");
            assert_eq!(history.mark, before);
            let Step::Wait { until } = history.step(up) else { panic!("{link}") };
            let wait = until.saturating_sub(up);
            assert!(wait <= Duration::from_secs(most), "{link} {wait:?}");
            up = until;
            let Step::Send(again) = history.step(up) else { panic!("{link}") };
            assert_eq!(again.url, request.url);
        }
    }
}

#[test]
fn a_stored_place_that_cannot_be_one_is_dropped_and_its_stretch_asked_again() {
    let mark = HistoryMark {
        query: "grant".to_owned(),
        goal: days_ago(30),
        top: days_ago(1),
        whole_from: days_ago(4),
        from: days_ago(6),
        next: None,
    };
    for next in [
        "/api/v1/users?after=9".to_owned(),
        "/".to_owned(),
        "/api/v1/logs?after=9".to_owned(),
        format!("/api/v1/logs?{FILTER}"),
        format!("/api/v1/logs?{FILTER}&after=9&until=2026-03-04T00:00:00Z"),
    ] {
        let stored = HistoryMark { next: Some(next.clone()), ..mark.clone() };
        let mut history = begin(days_ago(60), days_ago(4), Some(stored));
        assert!(history.dropped().is_some_and(|words| words.contains("nothing is lost")), "{next}");
        let Step::Send(request) = history.step(Duration::ZERO) else { panic!() };
        assert!(request.url.contains("&until=2026-02-28T09%3A15%3A28") && !request.url.contains("after="));
    }
    let good = format!("/api/v1/logs?{FILTER}&after=9&since=2026-02-26T09:15:27Z&until=2026-02-28T09:15:28Z");
    let history = begin(days_ago(60), days_ago(4), Some(HistoryMark { next: Some(good), ..mark }));
    assert_eq!(history.dropped(), None);
}

#[test]
fn an_empty_page_that_leads_to_itself_is_the_last() {
    let mut history = begin(days_ago(9), days_ago(1), None);
    let mut up = Duration::ZERO;
    let Step::Send(_) = history.step(up) else { panic!() };
    let link = format!("</api/v1/logs?{FILTER}&after=1>; rel=next");
    let headers: super::super::headers::Headers = [("link", link)].into_iter().collect();
    let first = Reply { status: 200, headers: headers.clone(), body: b"[{}]".to_vec() };
    history.take(time(NOW), up, Ok(first));
    while let Step::Wait { until } = history.step(up) {
        up = until;
    }
    let before = history.whole_from();
    history.take(time(NOW), up, Ok(Reply { status: 200, headers, body: b"[]".to_vec() }));
    assert!(history.whole_from() < before);

    let mut history = begin(days_ago(9), days_ago(1), None);
    let Step::Send(request) = history.step(Duration::ZERO) else { panic!() };
    let headers = [("link", format!("<{}>; rel=next", request.url))].into_iter().collect();
    let before = history.whole_from();
    history.take(time(NOW), Duration::ZERO, Ok(Reply { status: 200, headers, body: b"[]".to_vec() }));
    assert!(history.whole_from() < before);
}

#[test]
fn refusals_and_failures_keep_the_place() {
    let mut history = begin(days_ago(9), days_ago(1), None);
    let mut up = Duration::ZERO;
    for answer in [
        Ok(refusal(401, &[], "E0000011")),
        Ok(refusal(403, &[], "E0000006")),
        Ok(refusal(429, &[("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "0")], "E0000047")),
        Ok(refusal(503, &[], "E0000010")),
        Err(SendError::Timeout),
        Ok(Reply {
            status: 200,
            headers: super::super::headers::Headers::default(),
            body: b"<html>".to_vec(),
        }),
        Ok(Reply { status: 200, headers: super::super::headers::Headers::default(), body: b"[".to_vec() }),
    ] {
        while let Step::Wait { until } = history.step(up) {
            up = until;
        }
        let before = history.mark.clone();
        let fetched = history.take(time(NOW), up, answer);
        assert!(matches!(fetched.pulse, Pulse::Waiting(..)) && fetched.mark.is_none());
        assert_eq!(history.mark, before);
        assert!(matches!(history.step(up), Step::Wait { until } if until > up));
    }
}

#[test]
fn history_keeps_to_what_the_live_poller_leaves() {
    let budget = budget(20);
    let mut history =
        History::new(plan(days_ago(90)), &complete(days_ago(1)), None, budget.clone(), time(NOW));
    let mut walk = Walk::default();
    walk.go(&mut history, &hourly(90), 21);
    // Ten requests a minute are ours; the live poller uses six.
    assert!(walk.up >= Duration::from_mins(5), "{:?}", walk.up);
    assert_eq!(budget.interval(), Duration::from_secs(10));
    drop(history);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn killed_anywhere_it_brings_everything(
        gaps_min in proptest::collection::vec(0_u64..600, 0..120),
        kills in proptest::collection::vec(0_usize..12, 0..8),
    ) {
        let mut log = Vec::new();
        let mut at = time(NOW);
        for gap in gaps_min {
            at = back(at, Duration::from_mins(gap));
            log.insert(0, at);
        }
        let (goal, start) = (days_ago(20), days_ago(1));
        let mut walk = Walk::default();
        let mut since = start;
        for most in kills.into_iter().chain([10_000]) {
            let mut history = begin(goal, since, walk.marks.last().cloned());
            walk.go(&mut history, &log, most);
            // The effect of the marks on the journal.
            since = since.min(walk.marks.last().map_or(start, |mark| mark.whole_from));
        }
        prop_assert_eq!(since, goal);
        for at in log.iter().filter(|at| **at >= goal && **at <= start) {
            prop_assert!(walk.got.contains(&at.as_millisecond()), "{at} is missing");
        }
    }
}
