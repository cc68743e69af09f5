//! Tests with a simulated Okta, as lists of requests and answers.

use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-03-04T09:15:27Z";
const DATE: &str = "Wed, 04 Mar 2026 09:15:27 GMT";
const NOW_S: i64 = 1_772_615_727;
/// The parameters in the links of this plan.
const FILTER: &str = "filter=eventType+eq+%22app.oauth2.as.consent.grant%22+or+eventType+sw+%22app.oauth2.as.consent.revoke%22";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn plan() -> PollPlan {
    PollPlan {
        org: OrgUrl::parse("https://example.test").unwrap().0,
        kinds: vec![Kind::Revoke, Kind::Grant],
        topics: Vec::new(),
        interval: s(10),
        lookback: s(24 * 3600),
        page_size: 2,
        rate_share: 0.5,
        since: None,
        to_its_start: false,
        jitter_seed: 1,
    }
}

fn fresh() -> Poller {
    Poller::new(plan(), None, time(NOW))
}

fn place(query: &str) -> Bookmark {
    Bookmark {
        query: query.to_owned(),
        next: format!("/api/v1/logs?limit=2&{FILTER}&after=1_1"),
        last_published: Some(time("2026-03-04T09:00:00Z")),
        since: time("2026-03-01T00:00:00Z"),
        caught_up: true,
    }
}

fn url(poller: &mut Poller, up: Duration) -> String {
    match poller.step(up) {
        Step::Send(request) => request.url,
        other @ Step::Wait { .. } => panic!("{other:?}"),
    }
}

fn until(poller: &mut Poller, up: Duration) -> Duration {
    match poller.step(up) {
        Step::Wait { until } => until,
        other @ Step::Send(_) => panic!("{other:?}"),
    }
}

fn left(poller: &mut Poller, up: Duration) -> Duration {
    until(poller, up).saturating_sub(up)
}

#[expect(clippy::unnecessary_wraps, reason = "answers stand beside errors in the tables below")]
fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Reply, SendError> {
    let headers = headers.iter().copied().chain([("date", DATE)]).collect();
    Ok(Reply { status, headers, body: body.as_bytes().to_vec() })
}

fn next(number: u32) -> String {
    format!("<https://example.test/api/v1/logs?limit=2&{FILTER}&after=1_{number}>; rel=\"next\"")
}

fn body(events: u32) -> String {
    events_from(0, events)
}

/// Returns events of the last minute, numbered from `first` on.
fn events_from(first: u32, events: u32) -> String {
    let event = |n| {
        let second = n % 10;
        format!(
            r#"{{"uuid":"00000000-0000-0000-0000-{n:012}","published":"2026-03-04T09:15:0{second}Z","eventType":"app.oauth2.as.consent.grant"}}"#
        )
    };
    format!("[{}]", (first..first + events).map(event).collect::<Vec<_>>().join(","))
}

fn page(number: u32, events: u32) -> Result<Reply, SendError> {
    answer(200, &[("link", &next(number))], &body(events))
}

fn take(poller: &mut Poller, up: u64, result: Result<Reply, SendError>) -> Taken {
    url(poller, s(up));
    poller.take(time(NOW), s(up), result)
}

#[test]
fn the_first_request_is_a_polling_query() {
    let mut poller = fresh();
    let url = url(&mut poller, s(0));
    assert_eq!(
        url,
        "https://example.test/api/v1/logs?since=2026-03-03T09%3A15%3A27.000Z&limit=2&sortOrder=ASCENDING\
         &filter=eventType+eq+%22app.oauth2.as.consent.grant%22+or+eventType+sw+%22app.oauth2.as.consent.revoke%22"
    );
    assert_eq!(poller.query(), "grant,revoke");
}

#[test]
fn a_first_start_under_a_wrong_clock_asks_by_oktas() {
    for wrong in ["2026-03-06T09:15:27Z", "2036-03-04T09:15:27Z", "1986-03-04T09:15:27Z"] {
        let last_good = Some(time("2025-11-01T00:00:00Z"));
        let mut poller = Poller::new(plan(), None, time(wrong)).resting_since(last_good, time(wrong));
        assert!(!url(&mut poller, s(0)).contains("since=2026-03-03T09%3A15%3A27"), "{wrong}");
        assert!(poller.set_right(time(NOW)));
        assert!(url(&mut poller, s(0)).contains("since=2026-03-03T09%3A15%3A27.000Z"), "{wrong}");
        assert!(!poller.set_right(time(NOW)), "once is enough");
        let taken = take(&mut poller, 0, page(1, 1));
        assert_eq!(taken.bookmark.unwrap().since, time("2026-03-03T09:15:27Z"));
        let gap = taken.gap.expect("nobody asked for more than 90 days");
        assert_eq!((gap.from, gap.to), (time("2025-11-01T00:00:00Z"), time("2025-12-04T09:15:27Z")));
    }
    // An answer to the old query is ignored, and the request after it counts all the same.
    let mut poller = Poller::new(plan(), None, time("2036-03-04T09:15:27Z"));
    url(&mut poller, s(0));
    assert!(poller.set_right(time(NOW)));
    let Ok(reply) = page(1, 1) else { panic!() };
    poller.discard(time(NOW), &reply);
    assert!(url(&mut poller, s(0)).contains("since=2026-03-03T09%3A15%3A27.000Z"));
    assert_eq!(poller.budget().usage(s(0)).used, 2);
    // A cursor needs no time.
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time("2036-03-04T09:15:27Z"));
    let before = url(&mut poller, s(0));
    assert!(!poller.set_right(time(NOW)));
    assert_eq!(url(&mut poller, s(0)), before);
}

#[test]
fn of_a_place_that_was_damaged_the_newest_row_is_where_it_begins_and_the_gap_is_told() {
    let lost = Bookmark { query: String::new(), next: String::new(), caught_up: false, ..place("") };
    let mut poller = Poller::new(plan(), Some(lost), time(NOW));
    assert!(url(&mut poller, s(0)).contains("since=2026-03-04T08%3A55%3A00.000Z"));
    let gap = take(&mut poller, 0, page(1, 1)).gap.expect("a gap");
    assert_eq!((gap.from, gap.to), (time("2026-03-04T08:55:00Z"), time(NOW)));
}

#[test]
fn a_full_page_goes_on_at_once_and_a_short_one_rests() {
    let mut poller = fresh();
    let full = take(&mut poller, 0, page(1, 2));
    assert_eq!((full.consents.len(), full.caught_up, full.pulse), (2, false, Pulse::Catching));
    assert!(url(&mut poller, s(0)).ends_with("after=1_1"));
    let short = take(&mut poller, 0, page(2, 1));
    assert_eq!((short.caught_up, short.pulse), (true, Pulse::Live));
    assert_eq!(until(&mut poller, s(0)), s(10));
    let bookmark = short.bookmark.unwrap();
    assert!(bookmark.next.ends_with("&after=1_2") && bookmark.caught_up, "{}", bookmark.next);
    assert_eq!(bookmark.last_published, Some(time("2026-03-04T09:15:01Z")));
}

#[test]
fn an_empty_page_with_a_next_link_never_spins() {
    let mut poller = fresh();
    for round in 0..5 {
        let taken = take(&mut poller, round * 10, page(1, 0));
        assert_eq!(taken.pulse, Pulse::Live);
        assert_eq!(taken.bookmark.is_some(), round == 0, "what did not change is not stored again");
        assert_eq!(until(&mut poller, s(round * 10)), s(round * 10 + 10));
    }
}

#[test]
fn a_link_without_a_limit_has_the_default_one() {
    let mut poller = fresh();
    let link = format!("<https://example.test/api/v1/logs?{FILTER}&after=1_9>; rel=next");
    take(&mut poller, 0, answer(200, &[("link", &link)], &body(2)));
    assert!(take(&mut poller, 0, page(2, 9)).caught_up);
}

#[test]
fn a_full_page_that_leads_to_itself_rests() {
    let mut poller = fresh();
    take(&mut poller, 0, page(1, 2));
    take(&mut poller, 0, answer(200, &[("link", &next(1))], &events_from(2, 2)));
    assert_eq!(until(&mut poller, s(0)), s(10));
}

#[test]
fn a_stored_place_is_asked_as_it_was() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    assert_eq!(
        url(&mut poller, s(0)),
        format!("https://example.test/api/v1/logs?limit=2&{FILTER}&after=1_1")
    );
    let taken = take(&mut poller, 0, page(1, 0));
    assert_eq!((taken.bookmark, taken.gap), (None, None));
}

#[test]
fn other_kinds_begin_anew_and_say_what_was_not_asked() {
    let mut poller = Poller::new(plan(), Some(place("grant,org_grant")), time(NOW));
    assert!(url(&mut poller, s(0)).contains("since=2026-03-04T08%3A55%3A00.000Z"));
    let gap = take(&mut poller, 0, page(1, 0)).gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2026-03-01T00:00:00Z"), time("2026-03-04T08:55:00Z")));
    assert!(gap.why.ends_with(": revoke"), "{}", gap.why);
    assert_eq!(take(&mut poller, 10, page(2, 0)).gap, None);
}

#[test]
fn fewer_kinds_leave_no_gap() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke,org_grant")), time(NOW));
    assert!(url(&mut poller, s(0)).contains("since="));
    assert_eq!(take(&mut poller, 0, page(1, 0)).gap, None);
}

#[test]
fn a_link_to_another_host_is_not_followed() {
    let own = plan().org.host().to_owned();
    for (place, told) in [
        ("https://evil.test".to_owned(), "https://evil.test,".to_owned()),
        // The same host without its TLS, at another port, and with a name that would be sent along.
        (format!("http://{own}"), format!("http://{own},")),
        (format!("https://{own}:8443"), format!("https://{own}:8443,")),
        (format!("https://ada:hush@{own}"), "has a user name or a password,".to_owned()),
    ] {
        let mut poller = fresh();
        let link = format!(r#"<{place}/api/v1/logs?after=1>; rel="next""#);
        let before = url(&mut poller, s(0));
        let taken = take(&mut poller, 0, answer(200, &[("link", &link)], &body(1)));
        assert_eq!(taken.bookmark, None);
        assert_eq!(taken.consents.len(), 1, "what came is good");
        let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{place}: {:?}", taken.pulse) };
        assert!(fault.passes && fault.what.contains(&told) && !fault.what.contains("hush"), "{fault}");
        assert!(left(&mut poller, s(0)) <= s(1));
        assert_eq!(url(&mut poller, s(1)), before);
    }
}

#[test]
fn without_a_next_link_the_place_stays() {
    let mut poller = fresh();
    let before = url(&mut poller, s(0));
    let taken = take(&mut poller, 0, answer(200, &[], &body(2)));
    assert!(taken.warning.is_some() && taken.bookmark.is_some());
    assert_eq!(until(&mut poller, s(0)), s(10));
    assert_eq!(url(&mut poller, s(10)), before);
    // The fault for the same page without a link is the missing link, not a link that leads in a circle.
    let mut up = s(10);
    for round in 0..4 {
        let taken = poller.take(time(NOW), up, answer(200, &[], &body(2)));
        let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{:?}", taken.pulse) };
        assert_eq!((fault.brief.as_str(), fault.passes), ("no next link", round < 2));
        assert!(fault.remedy.contains("removes Link headers"), "{fault}");
        up = until(&mut poller, up);
        assert_eq!(url(&mut poller, up), before);
    }
    assert_eq!(poller.take(time(NOW), up, page(1, 2)).pulse, Pulse::Catching);
}

#[test]
fn the_rate_limit_is_kept_by_the_servers_clock() {
    let reset = (NOW_S + 30).to_string();
    let headers = [
        ("x-rate-limit-limit", "50"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", reset.as_str()),
        ("x-okta-request-id", "Zfirst"),
    ];
    let mut poller = fresh();
    url(&mut poller, s(0));
    // Our own clock is an hour off.
    let taken = poller.take(time("2026-03-04T10:15:27Z"), s(0), answer(429, &headers, ""));
    assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if fault.passes && !fault.refused));
    let wait = until(&mut poller, s(0));
    assert!(wait >= s(31) && wait <= s(33), "{wait:?}");
    poller.poll_now(s(1));
    assert_eq!(until(&mut poller, s(1)), wait, "a person cannot cut a rate limit's wait short");
    let Step::Send(request) = poller.step(wait) else { panic!() };
    assert_eq!(
        request.headers,
        [("X-Okta-Retry-For", "Zfirst".to_owned()), ("X-Okta-Retry-Count", "1".to_owned())]
    );
    poller.take(time(NOW), wait, answer(429, &[("x-okta-request-id", "Zsecond")], ""));
    let again = until(&mut poller, wait);
    let Step::Send(request) = poller.step(again) else { panic!() };
    assert_eq!(
        request.headers,
        [("X-Okta-Retry-For", "Zfirst".to_owned()), ("X-Okta-Retry-Count", "2".to_owned())]
    );
    poller.take(time(NOW), again, page(1, 2));
    let Step::Send(request) = poller.step(again + s(60)) else { panic!() };
    assert!(request.headers.is_empty());
}

#[test]
fn too_many_at_once_is_backed_off_without_their_reset() {
    let far = (NOW_S + 3000).to_string();
    let headers =
        [("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", far.as_str())];
    let mut poller = fresh();
    let mut up = s(0);
    for most in [1, 2, 4, 8, 16, 32, 60, 60] {
        url(&mut poller, up);
        poller.take(time(NOW), up, answer(429, &headers, ""));
        let wait = left(&mut poller, up);
        assert!(wait <= s(most) && wait >= s(most).mul_f64(0.7), "{wait:?} of {most}");
        up += wait;
    }
}

#[test]
fn the_interval_leaves_others_their_share() {
    let mut poller = fresh();
    assert_eq!(poller.interval(), s(10));
    let link = next(1);
    let reset = (NOW_S + 40).to_string();
    let headers = |remaining| {
        [
            ("link", link.as_str()),
            ("x-rate-limit-limit", "8"),
            ("x-rate-limit-remaining", remaining),
            ("x-rate-limit-reset", reset.as_str()),
        ]
    };
    take(&mut poller, 0, answer(200, &headers("7"), "[]"));
    assert_eq!(poller.interval(), s(15));
    assert_eq!(until(&mut poller, s(0)), s(15));
    take(&mut poller, 15, answer(200, &headers("0"), "[]"));
    poller.poll_now(s(16));
    assert_eq!(until(&mut poller, s(16)), s(15 + 41));
}

#[test]
fn a_backlog_uses_its_share_at_once_and_then_walks() {
    let mut poller = fresh();
    let reset = (NOW_S + 40).to_string();
    for (number, remaining, wait) in [(1, "49", 0), (2, "25", 0), (3, "24", 2)] {
        let link = next(number);
        let headers = [
            ("link", link.as_str()),
            ("x-rate-limit-limit", "50"),
            ("x-rate-limit-remaining", remaining),
            ("x-rate-limit-reset", reset.as_str()),
        ];
        poller.take(time(NOW), s(0), answer(200, &headers, &events_from(number * 2, 2)));
        let due = if wait == 0 { matches!(poller.step(s(0)), Step::Send(_)) } else { false };
        assert!(due || until(&mut poller, s(0)) > s(wait), "{remaining}");
    }
    assert_eq!(poller.interval(), s(10));
}

#[test]
fn a_dead_cursor_begins_anew_with_a_gap() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    let taken = take(&mut poller, 0, answer(400, &[], r#"{"errorCode":"E0000053"}"#));
    assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if fault.passes));
    assert_eq!(taken.gap, None, "the gap is stored with the page that follows it");
    let again = until(&mut poller, s(0));
    assert!(url(&mut poller, again).contains("since=2026-03-04T08%3A55%3A00.000Z"));
    let taken = poller.take(time(NOW), again, page(5, 1));
    let gap = taken.gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2026-03-04T08:55:00Z"), time(NOW)));
    assert_eq!(taken.bookmark.unwrap().since, time("2026-03-01T00:00:00Z"));
}

#[test]
fn a_cursor_that_is_gone_is_a_dead_one_too() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    take(&mut poller, 0, answer(410, &[], r#"{"errorCode":"E0000007"}"#));
    let again = until(&mut poller, s(0));
    assert!(url(&mut poller, again).contains("since=2026-03-04T08%3A55%3A00.000Z"));
    // Refused again after the first page, which was full: it begins before the events of that page.
    poller.take(time(NOW), again, page(5, 2));
    url(&mut poller, again);
    poller.take(time("2026-03-04T09:20:00Z"), again, answer(400, &[], r#"{"errorCode":"E0000001"}"#));
    let again = until(&mut poller, again);
    assert!(url(&mut poller, again).contains("since=2026-03-04T09%3A10%3A01.000Z"));
    let gap = poller.take(time(NOW), again, page(6, 1)).gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2026-03-04T09:10:01Z"), time("2026-03-04T09:20:00Z")));
    assert!(gap.why.starts_with("Okta no longer accepted the stored place"), "{}", gap.why);
}

#[test]
fn a_restart_never_asks_for_more_than_okta_keeps() {
    let mut old = place("grant,revoke");
    old.last_published = Some(time("2025-08-01T00:00:00Z"));
    old.since = time("2025-07-01T00:00:00Z");
    let mut poller = Poller::new(plan(), Some(old), time(NOW));
    // A link that carries a `since` of more than 180 days ago is refused like a dead cursor.
    take(&mut poller, 0, answer(400, &[], r#"{"errorCode":"E0000053"}"#));
    let again = until(&mut poller, s(0));
    assert!(url(&mut poller, again).contains("since=2025-12-04T09%3A15%3A27.000Z"));
    let gap = poller.take(time(NOW), again, page(5, 1)).gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2025-08-01T00:00:00Z"), time(NOW)));
}

#[test]
fn what_okta_gave_up_while_nobody_asked_is_a_gap() {
    let rested = |last_good| {
        Poller::new(plan(), Some(place("grant,revoke")), time(NOW))
            .resting_since(Some(time(last_good)), time(NOW))
    };
    assert_eq!(take(&mut rested("2025-12-10T00:00:00Z"), 0, page(1, 0)).gap, None);
    let gap = take(&mut rested("2025-11-04T00:00:00Z"), 0, page(1, 0)).gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2025-11-04T00:00:00Z"), time("2025-12-04T09:15:27Z")));
}

#[test]
fn no_minute_has_more_requests_than_our_share() {
    let mut poller = fresh();
    let (mut up, mut sent) = (s(0), Vec::new());
    for number in 1..200 {
        while let Step::Wait { until } = poller.step(up) {
            up = until;
        }
        url(&mut poller, up);
        sent.push(up);
        let link = next(number);
        // The answers do not count our requests, so only our own budget can.
        let reset = (NOW_S + 40).to_string();
        let headers = [
            ("link", &*link),
            ("x-rate-limit-limit", "50"),
            ("x-rate-limit-remaining", "49"),
            ("x-rate-limit-reset", &reset),
        ];
        poller.take(time(NOW), up, answer(200, &headers, &events_from(number * 2, 2)));
        let minute = sent.iter().filter(|at| **at + s(60) > up).count();
        assert!(minute <= 25, "{minute}");
        up += Duration::from_millis(10);
    }
    assert!(up < s(60 * 9), "it used what was its own: {up:?}");
}

#[test]
fn a_bad_request_is_asked_again_with_growing_waits_up_to_a_minute() {
    for code in ["E0000001", "E0000053", "E0000031"] {
        let mut poller = fresh();
        let before = url(&mut poller, s(0));
        let body = format!(r#"{{"errorCode":"{code}","errorSummary":"bad filter"}}"#);
        let mut up = s(0);
        for (round, most) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            assert_eq!(url(&mut poller, up), before);
            let taken = poller.take(time(NOW), up, answer(400, &[], &body));
            let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{:?}", taken.pulse) };
            assert!(fault.what.contains("bad filter") && !fault.refused);
            // A program that waits for the end gives up at the third.
            assert_eq!(fault.passes, round < 2, "{code}");
            let wait = left(&mut poller, up);
            assert!(wait <= s(most) && wait >= s(most).mul_f64(0.7), "{wait:?} of {most}");
            up += wait;
        }
        url(&mut poller, up);
        assert_eq!(poller.take(time(NOW), up, page(1, 1)).pulse, Pulse::Live);
        up += s(10);
        url(&mut poller, up);
        poller.take(time(NOW), up, page(2, 0));
        up += s(10);
        // A cursor that is refused later is a new fault, and is counted from one.
        url(&mut poller, up);
        let taken = poller.take(time(NOW), up, answer(400, &[], &body));
        assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if fault.passes));
    }
}

#[test]
fn a_next_link_that_does_not_go_on_with_the_query_is_not_followed_and_costs_no_place() {
    let good = format!("{FILTER}&after=1_9");
    for (link, wanted) in [
        (format!("https://example.test/api/v1/users?{good}"), "/api/v1/users"),
        (format!("/?{good}"), "leads to /,"),
        (String::new(), "leads to /,"),
        ("/api/v1/logs?filter=eventType+eq+%22x%22&after=1_9".to_owned(), "filter"),
        (format!("/api/v1/logs?{FILTER}"), "no cursor"),
        (format!("/api/v1/logs?{good}&until=2026-03-05T00:00:00Z"), "until"),
    ] {
        let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
        let before = url(&mut poller, s(0));
        let link = format!("<{link}>; rel=\"next\"");
        let mut up = s(0);
        for (round, most) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            assert_eq!(url(&mut poller, up), before, "{link}");
            let taken = poller.take(time(NOW), up, answer(200, &[("link", &link)], &body(1)));
            // The events are stored once.
            let kept = (None, usize::from(round == 0), false);
            assert_eq!((taken.bookmark, taken.consents.len(), taken.caught_up), kept, "{link}");
            let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{link}: {:?}", taken.pulse) };
            assert!(fault.what.contains(wanted), "{fault}");
            assert_eq!(fault.passes, round < 2, "{link}");
            let wait = left(&mut poller, up);
            assert!(wait <= s(most) && wait >= s(most).mul_f64(0.7), "{wait:?} of {most}");
            up += wait;
        }
        url(&mut poller, up);
        let taken = poller.take(time(NOW), up, page(7, 1));
        assert_eq!(taken.pulse, Pulse::Live, "{link}");
        assert!(taken.bookmark.is_some_and(|bookmark| bookmark.next.ends_with("after=1_7")));
    }
}

#[test]
fn a_stored_place_that_cannot_be_one_is_dropped_with_a_gap() {
    for next in [
        "/api/v1/users?limit=2&after=1_1".to_owned(),
        "/".to_owned(),
        String::new(),
        "/api/v1/logs".to_owned(),
        "/api/v1/logs?limit=2&after=1_1".to_owned(),
        format!("/api/v1/logs?{FILTER}"),
        format!("/api/v1/logs?{FILTER}&after=1_1&since=2099-01-01T00:00:00Z"),
        format!("https://evil.test/api/v1/logs?{FILTER}&after=1_1"),
    ] {
        let stored = Bookmark { next: next.clone(), ..place("grant,revoke") };
        let mut poller = Poller::new(plan(), Some(stored), time(NOW));
        assert!(poller.dropped().is_some_and(|words| words.contains("dropped")), "{next}");
        let first = url(&mut poller, s(0));
        // Five minutes before the last event.
        assert!(first.starts_with("https://example.test/api/v1/logs?since=2026-03-04T08%3A55%3A00.000Z&"));
        assert!(first.ends_with(FILTER), "{first}");
        let taken = poller.take(time(NOW), s(0), page(5, 1));
        let gap = taken.gap.unwrap_or_else(|| panic!("no gap: {next}"));
        assert_eq!((gap.from, gap.to), (time("2026-03-04T08:55:00Z"), time(NOW)));
        assert!(gap.why.contains("was dropped"), "{}", gap.why);
        assert_eq!(taken.bookmark.unwrap().since, time("2026-03-01T00:00:00Z"));
    }
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    assert_eq!(poller.dropped(), None);
    assert!(url(&mut poller, s(0)).ends_with("after=1_1"));
}

#[test]
fn a_quiet_log_without_a_cursor_is_read_from_its_beginning_again() {
    let mut poller = fresh();
    let first = url(&mut poller, s(0));
    let mut stored = None;
    for round in 0..3 {
        let link = format!("<{first}>; rel=\"next\"");
        let taken = take(&mut poller, round * 10, answer(200, &[("link", &link)], "[]"));
        assert_eq!((taken.pulse, taken.warning, taken.gap), (Pulse::Live, None, None));
        stored = taken.bookmark.or(stored);
    }
    // The same is true after a restart, without a gap.
    let mut poller = Poller::new(plan(), stored, time("2026-03-04T09:20:00Z"));
    assert_eq!(poller.dropped(), None);
    assert_eq!(url(&mut poller, s(0)), first);
    let taken =
        poller.take(time(NOW), s(0), answer(200, &[("link", &format!("<{first}>; rel=next"))], &body(1)));
    let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{:?}", taken.pulse) };
    assert!(fault.what.contains("no cursor"), "{fault}");
}

#[test]
fn a_beginning_without_a_cursor_never_grows_older_than_okta_takes() {
    let link = |url: &str| format!("<{url}>; rel=\"next\"");
    let quiet = |poller: &mut Poller, now: &str, up: u64| {
        let asked = url(poller, s(up));
        poller.take(time(now), s(up), answer(200, &[("link", &link(&asked))], "[]"))
    };
    let mut poller = fresh();
    let stored = quiet(&mut poller, NOW, 0).bookmark.unwrap();
    // Within one run. For a month, nothing new has to be stored.
    assert_eq!(quiet(&mut poller, "2026-07-01T00:00:00Z", 10).bookmark, None);
    let moved = quiet(&mut poller, "2026-07-10T00:00:00Z", 20).bookmark.unwrap();
    assert!(url(&mut poller, s(30)).contains("since=2026-04-11T00%3A00%3A00.000Z"));
    assert!(moved.next.contains("since=2026-04-11T00%3A00%3A00.000Z"), "{}", moved.next);
    assert_eq!(moved.since, stored.since, "nothing was passed over");
    let later = quiet(&mut poller, "2026-07-10T00:00:10Z", 30);
    assert_eq!((later.bookmark, later.pulse, later.gap), (None, Pulse::Live, None));
    // And in a later run.
    let now = "2026-09-20T09:15:27Z";
    let mut poller = Poller::new(plan(), Some(stored), time(now));
    assert_eq!(poller.dropped(), None);
    assert!(url(&mut poller, s(0)).contains("since=2026-06-22T09%3A15%3A27.000Z"));
    let taken = quiet(&mut poller, now, 0);
    assert!(taken.bookmark.unwrap().next.contains("since=2026-06-22T09%3A15%3A27.000Z"));
    assert_eq!((taken.pulse, taken.gap), (Pulse::Live, None));
}

#[test]
fn a_full_page_that_comes_again_with_the_same_next_link_is_an_error() {
    let mut poller = fresh();
    take(&mut poller, 0, page(1, 2));
    // The link of the page after the first leads to itself.
    assert_eq!(
        take(&mut poller, 0, answer(200, &[("link", &next(1))], &events_from(2, 2))).pulse,
        Pulse::Catching
    );
    let mut up = until(&mut poller, s(0));
    assert_eq!(up, s(10));
    for (round, most) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
        url(&mut poller, up);
        let taken = poller.take(time(NOW), up, answer(200, &[("link", &next(1))], &events_from(2, 2)));
        let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{:?}", taken.pulse) };
        assert_eq!((fault.brief.as_str(), fault.passes), ("the same page again", round < 2));
        let wait = left(&mut poller, up);
        assert!(wait <= s(most) && wait >= s(most).mul_f64(0.7), "{wait:?} of {most}");
        up += wait;
    }
    // A short page that grows does not repeat, nor does the first page of another process.
    url(&mut poller, up);
    let grown = poller.take(time(NOW), up, answer(200, &[("link", &next(1))], &events_from(2, 1)));
    assert_eq!(grown.pulse, Pulse::Live);
    let mut again = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    let taken = take(&mut again, 0, answer(200, &[("link", &next(1))], &events_from(2, 1)));
    assert_eq!(taken.pulse, Pulse::Live);
}

#[test]
fn the_same_page_with_ever_new_next_links_does_not_spin() {
    let mut poller = fresh();
    take(&mut poller, 0, page(1, 2));
    for round in 0..5 {
        let taken = take(&mut poller, round * 10, page(round as u32 + 2, 2));
        assert_eq!(taken.pulse, Pulse::Catching);
        assert_eq!(until(&mut poller, s(round * 10)), s(round * 10 + 10));
    }
}

#[test]
fn without_believable_rate_headers_a_minute_has_two_requests_a_second_and_ten_more() {
    for headers in [
        &[][..],
        &[
            ("x-rate-limit-limit", "99999999"),
            ("x-rate-limit-remaining", "99999999"),
            ("x-rate-limit-reset", "1"),
        ],
    ] {
        let mut poller = fresh();
        let (mut up, mut sent) = (s(0), Vec::new());
        for number in 1..400 {
            while let Step::Wait { until } = poller.step(up) {
                up = until;
            }
            url(&mut poller, up);
            sent.push(up);
            let link = next(number);
            let headers = [&[("link", &*link)][..], headers].concat();
            poller.take(time(NOW), up, answer(200, &headers, &events_from(number * 2, 2)));
            let minute = sent.iter().filter(|at| **at + s(60) > up).count();
            assert!(minute <= 130, "{minute}");
        }
        assert!(up > s(190) && up < s(200), "{up:?}");
    }
}

#[test]
fn a_short_page_of_older_events_is_not_the_last() {
    // A server that cuts pages at one record, whatever limit is asked for.
    let old = events_from(3, 1).replace("09:15:0", "08:00:0");
    for to_its_start in [false, true] {
        let mut poller = Poller::new(PollPlan { to_its_start, ..plan() }, None, time(NOW));
        for number in 1..4 {
            let old = old.replace("000003", &format!("{number:06}"));
            let taken = take(&mut poller, 0, answer(200, &[("link", &next(number))], &old));
            assert_eq!((taken.pulse, taken.caught_up), (Pulse::Catching, false));
            assert!(!taken.bookmark.unwrap().caught_up);
        }
        // An event of this minute makes the page the last for a poller that continues, but not for one that ends at its
        // start.
        let taken = take(&mut poller, 0, page(4, 1));
        assert_eq!(taken.caught_up, !to_its_start);
        if to_its_start {
            assert!(take(&mut poller, 0, page(5, 0)).caught_up, "an empty page is");
        }
    }
}

#[test]
fn who_ends_at_its_start_has_read_up_to_it() {
    let now = time(NOW);
    let at = |published: &str| {
        format!(
            r#"[{{"uuid":"00000000-0000-0000-0000-000000000001","published":"{published}","eventType":"t"}}]"#
        )
    };
    for (published, reaches) in [
        ("2026-03-04T09:15:26.999Z", false),
        ("2026-03-04T09:15:27Z", true),
        ("2026-03-04T09:16:20Z", true),
        // A wrong clock proves nothing about the present.
        ("2099-01-01T00:00:00Z", false),
    ] {
        let mut poller = Poller::new(PollPlan { to_its_start: true, ..plan() }, None, now);
        let taken = take(&mut poller, 0, answer(200, &[("link", &next(1))], &at(published)));
        assert_eq!((taken.caught_up, taken.pulse == Pulse::Live), (reaches, reaches), "{published}");
    }
}

#[test]
fn a_cursor_that_dies_three_times_in_a_row_does_not_pass() {
    let mut poller = fresh();
    let mut up = s(0);
    for round in 0..4 {
        url(&mut poller, up);
        // The first page is returned each time, and no other; that is no way to continue.
        poller.take(time(NOW), up, page(1, 2));
        url(&mut poller, up);
        let taken = poller.take(time(NOW), up, answer(400, &[], r#"{"errorCode":"E0000001"}"#));
        let Pulse::Waiting(_, fault) = taken.pulse else { panic!("{:?}", taken.pulse) };
        assert_eq!((fault.brief.as_str(), fault.passes), ("place in the log refused", round < 2));
        up += s(60);
    }
}

#[test]
fn a_gateways_400_does_not_cost_the_place() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    take(&mut poller, 0, answer(400, &[], "<html>"));
    assert_eq!(until(&mut poller, s(0)), s(60));
    assert!(url(&mut poller, s(60)).contains("after=1_1"));
}

#[test]
fn a_refusal_is_tried_every_minute_for_ever() {
    for (status, text) in
        [(401, r#"{"errorCode":"E0000011"}"#), (403, ""), (401, r#"{"errorCode":"E0000015"}"#)]
    {
        let mut poller = fresh();
        for round in 0..20 {
            let taken = take(&mut poller, round * 60, answer(status, &[], text));
            assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if fault.refused && !fault.passes));
            assert_eq!(until(&mut poller, s(round * 60)), s(round * 60 + 60));
        }
        poller.poll_now(s(1150));
        url(&mut poller, s(1150));
    }
}

#[test]
fn what_is_not_oktas_answer_is_tried_slowly() {
    for (status, text) in [(200, "<html>sign in</html>"), (200, "{}"), (200, ""), (302, ""), (404, "<html>")]
    {
        let mut poller = fresh();
        let taken = take(&mut poller, 0, answer(status, &[], text));
        assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if !fault.passes), "{status} {text}");
        assert_eq!(until(&mut poller, s(0)), s(60));
    }
}

#[test]
fn failures_back_off_at_the_same_place_and_are_forgotten() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    let failures = [
        Err(SendError::Timeout),
        answer(503, &[], r#"{"errorCode":"E0000010"}"#),
        answer(500, &[], r#"{"errorCode":"E0000009"}"#),
        answer(200, &[], "[{\"uuid\""),
        Err(SendError::Connect("refused".to_owned())),
    ];
    let mut up = s(0);
    for (round, failure) in failures.into_iter().enumerate() {
        assert!(url(&mut poller, up).ends_with("after=1_1"));
        let taken = poller.take(time(NOW), up, failure);
        assert!(matches!(taken.pulse, Pulse::Waiting(_, ref fault) if fault.passes));
        let wait = left(&mut poller, up);
        assert!(wait <= s(1 << round) && wait >= s(1 << round).mul_f64(0.7), "{wait:?}");
        up += wait;
    }
    poller.take(time(NOW), up, page(2, 0));
    let up = up + s(10);
    poller.take(time(NOW), up, Err(SendError::Timeout));
    assert!(left(&mut poller, up) <= s(1));
}

#[test]
fn a_beginning_is_kept_within_retention() {
    let plan = PollPlan { since: Some(time("2020-01-01T00:00:00Z")), ..plan() };
    let mut poller = Poller::new(plan, None, time(NOW));
    assert!(url(&mut poller, s(0)).contains("since=2025-12-04T09%3A15%3A27.000Z"));
    let mut future =
        Poller::new(PollPlan { since: Some(time("2030-01-01T00:00:00Z")), ..self::plan() }, None, time(NOW));
    assert!(url(&mut future, s(0)).contains("since=2026-03-04T09"));
}

#[test]
fn an_event_of_the_future_does_not_move_the_restart_there() {
    let mut poller = fresh();
    let text = r#"[{"eventType":"t","published":"2099-01-01T00:00:00Z"}]"#;
    let taken = take(&mut poller, 0, answer(200, &[("link", &next(1))], text));
    assert_eq!(taken.bookmark.unwrap().last_published, Some(time(NOW)));
}

/// Returns a link that continues the query.
const GOOD: &str = "</api/v1/logs?filter=eventType+eq+%22app.oauth2.as.consent.grant%22+or+eventType+sw+%22app.oauth2.as.consent.revoke%22&limit=1&after=1>; rel=next";

proptest! {
    #[test]
    fn no_answer_makes_it_spin_or_leave_its_host(
        answers in proptest::collection::vec(
            (prop::sample::select(vec![200_u16, 200, 200, 301, 400, 401, 403, 404, 429, 500, 503]),
             prop::sample::select(vec!["[]", "[{\"eventType\":\"t\"},{\"eventType\":\"u\"}]", "<html>", "{}", "", "["]),
             prop::sample::select(vec!["<https://example.test/a?limit=1&after=1>; rel=next", "</b?after=2>; rel=next", GOOD, "<https://evil.test/>; rel=next", ""]),
             "[0-9]{0,12}", "[0-9]{0,3}", "[0-9]{0,3}", any::<bool>()),
            1..30),
        share in prop_oneof![Just(f64::NAN), Just(0.0), Just(-1.0), Just(9.0), 0.0..1.0_f64],
    ) {
        let mut poller = Poller::new(PollPlan { rate_share: share, ..plan() }, None, time(NOW));
        let mut up = Duration::ZERO;
        let mut at_once = 0;
        for (status, text, link, reset, limit, remaining, nudge) in answers {
            match poller.step(up) {
                Step::Send(request) => prop_assert!(request.url.starts_with("https://example.test/")),
                Step::Wait { until } => prop_assert!(until > up),
            }
            let headers = [
                ("link", link), ("x-rate-limit-reset", reset.as_str()), ("x-rate-limit-limit", limit.as_str()),
                ("x-rate-limit-remaining", remaining.as_str()), ("retry-after", reset.as_str()),
            ];
            let taken = poller.take(time(NOW), up, answer(status, &headers, text));
            if nudge {
                poller.poll_now(up);
            }
            match poller.step(up) {
                Step::Send(_) if !nudge => {
                    at_once += 1;
                    prop_assert_eq!(taken.pulse, Pulse::Catching);
                }
                Step::Send(_) => {}
                Step::Wait { until } => {
                    prop_assert!(until.saturating_sub(up) <= s(6000).max(poller.interval()));
                    up = until;
                }
            }
        }
        prop_assert!(at_once <= 30);
    }
}
