//! The order of work in the event loop: what goes first, how many frames there are, and how it ends.

use std::time::Duration;

use consentwatch::exit::{Exit, Signal};
use consentwatch::model::{Mode, Msg};

use crate::rig::{Rig, backlog};

/// Longer than any frame waits for the one before.
const LATER: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_key_overtakes_a_thousand_messages_that_wait() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    let now = rig.clock.now();
    (0..1000).for_each(|_| rig.inbox.push(Msg::Minute(now)));
    rig.type_ahead("6");
    // The turn that reads the key passes on one message. The next turn passes on the key.
    assert!(rig.turn() && rig.turn());
    assert_eq!(rig.model.mode(), Mode::Sources);
    assert!(!rig.inbox.is_empty(), "the others wait");
    rig.pump();
    assert!(rig.inbox.is_empty());
}

#[tokio::test]
async fn work_begins_when_nothing_else_waits() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.press("f");
    rig.type_ahead("kind:revoke");
    let now = rig.clock.now();
    (0..10).for_each(|_| rig.inbox.push(Msg::Minute(now)));
    while rig.turn() && !rig.inbox.is_empty() {
        assert!(rig.model.filter.is_none(), "a filter is applied after what waits");
    }
    rig.pump();
    assert!(rig.model.filter.is_some());
}

#[tokio::test]
async fn a_held_key_is_one_frame() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.advance(LATER).await;
    let before = rig.writes().len();
    let at = |rig: &Rig| rig.model.list.window(&rig.model.rows, 60).cursor;
    rig.press("k");
    let start = at(&rig).expect("a row");
    rig.advance(LATER).await;
    let before = rig.writes().len().max(before);
    rig.type_ahead(&"k".repeat(20));
    // One turn takes all waiting keys, and the next one passes them on before it waits.
    assert!(rig.turn() && !rig.turn());
    assert_eq!(at(&rig), Some(start - 20));
    rig.pump();
    assert_eq!(rig.writes().len() - before, 1);
}

#[tokio::test]
async fn a_frame_is_not_the_reason_for_another_one() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    // Page 6 shows how many bytes were sent.
    rig.press("6");
    rig.advance(LATER).await;
    rig.advance(LATER).await;
    let before = rig.writes().len();
    for _ in 0..5 {
        rig.clock.advance(LATER);
        rig.pump();
    }
    assert_eq!(rig.writes().len(), before, "nothing changed");
}

#[tokio::test]
async fn a_terminal_that_was_left_is_painted_whole_again() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.advance(LATER).await;
    let before = rig.writes().len();
    rig.press("<^z>");
    rig.advance(LATER).await;
    let since = String::from_utf8(rig.writes().split_off(before).concat()).expect("UTF-8");
    let (_, left) = since.split_once("\x1b[?1049l").expect("the other screen is left");
    let (_, taken) = left.split_once("\x1b[?1049h").expect("and taken again");
    assert!(taken.contains("TIME"), "{since:?}");
    assert_eq!(rig.exit, None);
}

#[tokio::test]
async fn the_loop_ends_as_the_person_asks() {
    for (keys, exit) in [("q", Exit::Done), ("<^c>", Exit::Signal(Signal::Interrupt))] {
        let mut rig = Rig::start(backlog(5), 80, 24).await;
        rig.press(keys);
        assert_eq!(rig.exit, Some(exit), "{keys}");
        assert_eq!(rig.model.mode(), Mode::List);
    }
}

#[tokio::test]
async fn a_size_that_changed_and_changed_back_is_painted_whole() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.advance(LATER).await;
    let before = rig.writes().len();
    rig.tell(Msg::Resize(80, 24));
    rig.advance(LATER).await;
    let since = String::from_utf8(rig.writes().split_off(before).concat()).expect("UTF-8");
    assert!(since.contains("TIME"), "the terminal may have cut what it showed: {since:?}");
}
