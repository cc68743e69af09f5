//! Tests the limits on rows that only the hook has delivered.

use super::*;

async fn below(ceiling: Ceiling, keep: Settings) -> Rig {
    let (place, clock) = (TempDir::new().unwrap(), manual());
    let Opened::Writer(journal) = journal::open(place.path(), keep, clock.clone()).unwrap() else {
        panic!("somebody else writes")
    };
    Rig::below(ceiling, place, journal, clock, None).await
}

async fn brief(rig: &mut Rig) -> String {
    let clock = rig.clock.clone();
    let impaired = rig.board.wait_for(|board| matches!(board.get(Part::Hook), Pulse::Impaired(_)));
    let fault = slowly(&clock, impaired).await.unwrap().get(Part::Hook).fault().cloned().unwrap();
    assert!(fault.doing.contains("503") && fault.remedy.contains("head -c 32 /dev/urandom"), "{fault}");
    fault.brief
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unconfirmed_rows_is_answered_503_above_a_ceiling_that_is_said() {
    let mut rig = below(Ceiling { burst: 5, per_second: 1 }, Settings::default()).await;
    let many: Vec<String> = (0..4).map(event).collect();
    assert_eq!(rig.status(&post(&envelope(&many))).await, 204);
    assert_eq!(rig.status(&post(&envelope(&many))).await, 503, "there is not room for four more");
    // An event that the log has shown is not a new row, and gives its room back.
    for _ in 0..10 {
        assert_eq!(rig.status(&one(0)).await, 204);
    }
    assert_eq!(rig.status(&one(4)).await, 204);
    assert_eq!(rig.status(&one(5)).await, 503);
    assert_eq!(rig.status(&post("not json")).await, 503, "nothing more is read");
    let clock = rig.clock.clone();
    let health = slowly(&clock, rig.health("refused", |hook| hook.refused.unconfirmed == 3)).await;
    assert_eq!((health.refused.total(), health.new), (3, 5), "never a 4xx");
    let ready = rig.send(&request("GET", "/readyz", &[], "")).await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "too many unconfirmed\n"));
    assert_eq!(brief(&mut rig).await, "too many unconfirmed");
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.status(&one(5)).await, 204, "one more a second");
    let lives = rig.board.wait_for(|board| *board.get(Part::Hook) == Pulse::Live);
    drop(slowly(&clock, lives).await.unwrap());
    assert_eq!(rig.rows(), 6);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_below_the_ceiling_too() {
    let rig = below(Ceiling { burst: 6, per_second: 1 }, Settings::default()).await;
    let odd = |count: usize| post(&envelope(&vec!["1".to_owned(); count]));
    assert_eq!(rig.status(&odd(4)).await, 204);
    assert_eq!(rig.status(&odd(3)).await, 503, "there is not room for three more");
    // A body that is not a delivery is stored as a record too.
    assert_eq!(rig.status(&post("not json")).await, 400);
    assert_eq!(rig.status(&post("not json")).await, 400);
    assert_eq!(rig.status(&post("not json")).await, 503);
    assert_eq!(rig.reader().counts().unwrap().rejects, 6);
    rig.clock.advance(Duration::from_secs(1));
    assert_eq!(rig.status(&odd(1)).await, 204, "one more a second");
    assert_eq!(rig.status(&one(1)).await, 503);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_event_takes_the_room_of_several() {
    let rig = below(Ceiling { burst: 9, per_second: 1 }, Settings::default()).await;
    let large = |n: usize| {
        let filler = "x".repeat(50 * 1024);
        post(&envelope(&[event(n).replace('{', &format!(r#"{{"filler":"{filler}","#))]))
    };
    assert_eq!(rig.status(&large(1)).await, 204);
    // An event that is stored already gives its room back.
    for _ in 0..5 {
        assert_eq!(rig.status(&large(1)).await, 204);
    }
    assert_eq!(rig.status(&large(2)).await, 204);
    assert_eq!(rig.status(&large(3)).await, 503, "two of some fifty KiB take the room of eight");
    assert_eq!(rig.status(&one(4)).await, 204);
    assert_eq!(rig.status(&one(5)).await, 503);
    assert_eq!(rig.rows(), 3);
    rig.stop().await;
}

/// Advances the clock until a condition holds.
async fn passing(clock: &Clock, is: impl Fn() -> bool) {
    let moved = async {
        while !is() {
            clock.advance(Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, moved).await.expect("it comes about");
}

#[tokio::test]
async fn a_time_in_which_deliveries_were_refused_is_no_time_of_listening() {
    let rig = below(Ceiling { burst: 1, per_second: 1 }, Settings::default()).await;
    rig.clock.hear(rig.clock.now());
    assert_eq!(rig.status(&one(0)).await, 204);
    let disk = rusqlite::Connection::open(rig.place.path().join("journal.sqlite3")).unwrap();
    let times = || -> Vec<(i64, i64)> {
        let mut all = disk.prepare_cached("SELECT start, stop FROM listening ORDER BY start").unwrap();
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    passing(&rig.clock, || times().len() == 1).await;
    // A delivery over the limit, and one that cannot be read, so that its events are unknown.
    for (before, body, status) in [(1, envelope(&[event(1), event(2)]), 503), (2, "not json".to_owned(), 400)]
    {
        let refused = rig.clock.now().as_millisecond();
        assert_eq!(rig.status(&post(&body)).await, status);
        passing(&rig.clock, || times().len() > before || times()[before - 1].1 > refused).await;
        let times = times();
        assert_eq!(
            times.len(),
            before + 1,
            "what was refused is not missed: {times:?}, refused at {refused}"
        );
        assert!(times[before - 1].1 <= refused && refused <= times[before].0, "{times:?}, {refused}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_keeps_as_many_unconfirmed_rows_as_it_may_is_answered_503() {
    let keep = Settings { keep_unconfirmed: 3, ..Settings::default() };
    let mut rig = below(Ceiling::default(), keep).await;
    for n in 0..3 {
        assert_eq!(rig.status(&one(n)).await, 204);
    }
    assert_eq!(rig.status(&one(3)).await, 503);
    assert_eq!(brief(&mut rig).await, "too many unconfirmed");
    // The log shows one of them.
    let shown = crate::okta::event(&event(1), rig.clock.now(), crate::consent::Via::POLL).unwrap();
    let batch = Batch { consents: shown, ..Batch::default() };
    assert_eq!(rig.journal.append(batch).await.unwrap().merged, 1);
    assert_eq!(rig.status(&one(3)).await, 204);
    assert_eq!(rig.rows(), 4);
    rig.stop().await;
}
