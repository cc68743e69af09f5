//! Conversations with a false Okta, as lists of messages.

use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-03-04T09:15:27Z";
const DATE: &str = "Wed, 04 Mar 2026 09:15:27 GMT";
const NOW_S: i64 = 1_772_615_727;

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
        until: None,
        jitter_seed: 1,
    }
}

fn fresh() -> Poller {
    Poller::new(plan(), None, time(NOW))
}

fn place(query: &str) -> Bookmark {
    Bookmark {
        query: query.to_owned(),
        next: "/api/v1/logs?limit=2&after=1_1".to_owned(),
        last_published: Some(time("2026-03-04T09:00:00Z")),
        since: time("2026-03-01T00:00:00Z"),
        caught_up: true,
    }
}

fn url(poller: &mut Poller, up: Duration) -> String {
    match poller.step(up) {
        Step::Send(request) => request.url,
        other => panic!("{other:?}"),
    }
}

fn until(poller: &mut Poller, up: Duration) -> Duration {
    match poller.step(up) {
        Step::Wait { until } => until,
        other => panic!("{other:?}"),
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
    format!("<https://example.test/api/v1/logs?limit=2&after=1_{number}>; rel=\"next\"")
}

fn body(events: u32) -> String {
    let event = |n| {
        format!(
            r#"{{"uuid":"00000000-0000-0000-0000-{n:012}","published":"2026-03-04T09:0{n}:00Z","eventType":"app.oauth2.as.consent.grant"}}"#
        )
    };
    format!("[{}]", (0..events).map(event).collect::<Vec<_>>().join(","))
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
fn a_full_page_goes_on_at_once_and_a_short_one_rests() {
    let mut poller = fresh();
    let full = take(&mut poller, 0, page(1, 2));
    assert_eq!((full.consents.len(), full.caught_up, full.pulse), (2, false, Pulse::Catching));
    assert!(url(&mut poller, s(0)).ends_with("after=1_1"));
    let short = take(&mut poller, 0, page(2, 1));
    assert_eq!((short.caught_up, short.pulse), (true, Pulse::Live));
    assert_eq!(until(&mut poller, s(0)), s(10));
    let bookmark = short.bookmark.unwrap();
    assert_eq!((bookmark.next.as_str(), bookmark.caught_up), ("/api/v1/logs?limit=2&after=1_2", true));
    assert_eq!(bookmark.last_published, Some(time("2026-03-04T09:01:00Z")));
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
    let link = r#"<https://example.test/api/v1/logs?after=1_9>; rel="next""#;
    take(&mut poller, 0, answer(200, &[("link", link)], &body(2)));
    assert!(take(&mut poller, 0, page(2, 9)).caught_up);
}

#[test]
fn a_full_page_that_leads_to_itself_rests() {
    let mut poller = fresh();
    take(&mut poller, 0, page(1, 2));
    take(&mut poller, 0, page(1, 2));
    assert_eq!(until(&mut poller, s(0)), s(10));
}

#[test]
fn a_stored_place_is_asked_as_it_was() {
    let mut poller = Poller::new(plan(), Some(place("grant,revoke")), time(NOW));
    assert_eq!(url(&mut poller, s(0)), "https://example.test/api/v1/logs?limit=2&after=1_1");
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
        (format!("https://ada:word@{own}"), "another place".to_owned()),
    ] {
        let mut poller = fresh();
        let link = format!(r#"<{place}/api/v1/logs?after=1>; rel="next""#);
        let before = url(&mut poller, s(0));
        let taken = take(&mut poller, 0, answer(200, &[("link", &link)], &body(1)));
        assert_eq!(taken.bookmark, None);
        let Pulse::Down(fault) = taken.pulse else { panic!("{place}: {:?}", taken.pulse) };
        assert!(!fault.passes && fault.what.contains(&told) && !fault.what.contains("word"), "{fault}");
        assert!(matches!(poller.step(s(9999)), Step::Stop(_)));
        poller.poll_now(s(9999));
        assert_eq!(url(&mut poller, s(9999)), before);
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
}

#[test]
fn a_bounded_query_ends() {
    let until_time = time("2026-03-04T00:00:00Z");
    let mut poller = Poller::new(PollPlan { until: Some(until_time), ..plan() }, None, time(NOW));
    assert!(url(&mut poller, s(0)).contains("&until=2026-03-04T00%3A00%3A00.000Z&"));
    assert_eq!(take(&mut poller, 0, page(1, 2)).bookmark, None);
    let last = take(&mut poller, 0, answer(200, &[], &body(1)));
    assert!(last.caught_up && poller.is_done() && last.warning.is_none());
    assert_eq!(until(&mut poller, s(0)), Duration::MAX);
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
    let headers = |remaining| {
        [("link", link.as_str()), ("x-rate-limit-limit", "8"), ("x-rate-limit-remaining", remaining)]
    };
    take(&mut poller, 0, answer(200, &headers("7"), "[]"));
    assert_eq!(poller.interval(), s(15));
    assert_eq!(until(&mut poller, s(0)), s(15));
    let reset = (NOW_S + 40).to_string();
    let low = [&headers("0")[..], &[("x-rate-limit-reset", reset.as_str())]].concat();
    take(&mut poller, 15, answer(200, &low, "[]"));
    poller.poll_now(s(16));
    assert_eq!(until(&mut poller, s(16)), s(15 + 41));
}

#[test]
fn a_backlog_uses_its_share_at_once_and_then_walks() {
    let mut poller = fresh();
    for (number, remaining, wait) in [(1, "49", 0), (2, "25", 0), (3, "24", 2)] {
        let link = next(number);
        let headers =
            [("link", link.as_str()), ("x-rate-limit-limit", "50"), ("x-rate-limit-remaining", remaining)];
        poller.take(time(NOW), s(0), answer(200, &headers, &body(2)));
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
    // Refused once more behind the first page, which was full: it begins before what that page brought.
    poller.take(time(NOW), again, page(5, 2));
    url(&mut poller, again);
    poller.take(time("2026-03-04T09:20:00Z"), again, answer(400, &[], r#"{"errorCode":"E0000001"}"#));
    let again = until(&mut poller, again);
    assert!(url(&mut poller, again).contains("since=2026-03-04T08%3A56%3A00.000Z"));
    let gap = poller.take(time(NOW), again, page(6, 1)).gap.unwrap();
    assert_eq!((gap.from, gap.to), (time("2026-03-04T08:56:00Z"), time("2026-03-04T09:20:00Z")));
    assert!(gap.why.starts_with("Okta did not take the stored place"), "{}", gap.why);
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
        // The answers do not count ours, so only our own books can.
        let headers = [("link", &*link), ("x-rate-limit-limit", "50"), ("x-rate-limit-remaining", "49")];
        poller.take(time(NOW), up, answer(200, &headers, &body(2)));
        let minute = sent.iter().filter(|at| **at + s(60) > up).count();
        assert!(minute <= 25, "{minute}");
        up += Duration::from_millis(10);
    }
    assert!(up < s(60 * 9), "it used what was its own: {up:?}");
}

#[test]
fn a_bad_request_without_a_cursor_needs_a_person() {
    let mut poller = fresh();
    let taken =
        take(&mut poller, 0, answer(400, &[], r#"{"errorCode":"E0000053","errorSummary":"bad filter"}"#));
    assert!(matches!(taken.pulse, Pulse::Down(_)));
    assert!(matches!(poller.step(s(9999)), Step::Stop(fault) if fault.what.contains("bad filter")));
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

proptest! {
    #[test]
    fn no_answer_makes_it_spin_or_leave_its_host(
        answers in proptest::collection::vec(
            (prop::sample::select(vec![200_u16, 200, 200, 301, 400, 401, 403, 404, 429, 500, 503]),
             prop::sample::select(vec!["[]", "[{\"eventType\":\"t\"},{\"eventType\":\"u\"}]", "<html>", "{}", "", "["]),
             prop::sample::select(vec!["<https://example.test/a?limit=1&after=1>; rel=next", "</b?after=2>; rel=next", "<https://evil.test/>; rel=next", ""]),
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
                Step::Stop(_) => poller.poll_now(up),
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
                Step::Stop(_) => prop_assert!(matches!(taken.pulse, Pulse::Down(_))),
            }
        }
        prop_assert!(at_once <= 30);
    }
}
