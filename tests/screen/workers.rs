//! A disk that does not respond, or a file of notes that another program has locked: keys still work, only the newest
//! detail is read, and nothing is lost.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use consentwatch::consent::{Beside, Consent, Seq};
use consentwatch::model::{Mark, Mode, Msg};
use consentwatch::run::{NoteStore, Place, Records};
use futures_util::FutureExt as _;
use jiff::Timestamp;

use crate::rig::{Rig, backlog};

/// The longest delay that a user does not notice.
const AT_ONCE: Duration = Duration::from_millis(20);
/// The time limit for a worker to start.
const LIMIT: Duration = Duration::from_secs(30);

/// A simulated disk. While it is stuck, each call waits.
#[derive(Clone, Default)]
struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    is_stuck: bool,
    /// The calls, in order.
    calls: Vec<String>,
}

impl Disk {
    fn stuck() -> Self {
        let disk = Self::default();
        disk.0.0.lock().expect("the disk").is_stuck = true;
        disk
    }

    fn answer(&self) {
        self.0.0.lock().expect("the disk").is_stuck = false;
        self.0.1.notify_all();
    }

    fn calls(&self) -> Vec<String> {
        self.0.0.lock().expect("the disk").calls.clone()
    }

    fn call(&self, words: String) {
        let mut state = self.0.0.lock().expect("the disk");
        state.calls.push(words);
        self.0.1.notify_all();
        drop(self.0.1.wait_while(state, |state| state.is_stuck).expect("the disk"));
    }

    /// Waits until a number of calls have begun.
    fn wait_for(&self, count: usize) {
        let state = self.0.0.lock().expect("the disk");
        let (state, waited) =
            self.0.1.wait_timeout_while(state, LIMIT, |state| state.calls.len() < count).expect("the disk");
        assert!(!waited.timed_out(), "{:?}", state.calls);
    }
}

impl NoteStore for Disk {
    fn mark(&mut self, seq: Seq, note: Option<String>, now: Timestamp) -> Msg {
        self.call(format!("mark {} {note:?}", seq.0));
        Msg::Marked(seq, note.map(|note| Mark { at: now, note: note.into() }))
    }

    fn remember(&mut self, query: &str) -> Option<Msg> {
        self.call(format!("remember {query}"));
        None
    }

    fn keep_place(&mut self, _: Place) {
        self.call("place".to_owned());
    }

    fn look(&mut self) -> Option<Msg> {
        self.call("look".to_owned());
        None
    }

    fn marks(&mut self) -> Option<Msg> {
        self.call("marks".to_owned());
        None
    }

    fn missing(&self) -> HashSet<i64> {
        HashSet::new()
    }
}

impl Records for Disk {
    fn record(&mut self, seq: Seq) -> Result<Option<Consent>, String> {
        self.call(format!("record {}", seq.0));
        Err(format!("no record {}", seq.0))
    }

    fn beside(&mut self, _: Seq, _: Option<&str>, _: Option<&str>) -> Beside {
        Beside::default()
    }
}

/// Starts a screen whose workers use these disks.
async fn start(records: &Disk, notes: &Disk) -> Rig {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.start_workers(Box::new(records.clone()), Box::new(notes.clone())).expect("threads");
    rig
}

fn turns(rig: &mut Rig) {
    while rig.turn() {}
}

fn here(rig: &Rig) -> Seq {
    rig.model.rows.get(rig.model.list.cursor().expect("a row")).seq
}

#[tokio::test]
async fn keys_are_answered_while_no_disk_answers() {
    let (records, notes) = (Disk::stuck(), Disk::stuck());
    let mut rig = start(&records, &notes).await;
    // A mark, and the detail.
    rig.press_without_answer(" <enter>");
    records.wait_for(1);
    notes.wait_for(1);
    for (keys, mode) in [("6", Mode::Sources), ("1", Mode::List)] {
        let before = rig.writes().len();
        rig.press_without_answer(keys);
        rig.clock.advance(AT_ONCE);
        turns(&mut rig);
        assert_eq!(rig.model.mode(), mode);
        assert!(rig.writes().len() > before, "{keys} changed the screen");
    }
    records.answer();
    notes.answer();
    rig.pump();
    assert_eq!(rig.model.rows.marks().iter().count(), 1);
}

#[tokio::test]
async fn the_newest_wish_wins() {
    let (records, notes) = (Disk::stuck(), Disk::default());
    let mut rig = start(&records, &notes).await;
    rig.press_without_answer("<enter>");
    let first = here(&rig);
    records.wait_for(1);
    rig.press_without_answer("kkkkk");
    let last = here(&rig);
    assert_ne!(first, last);
    records.answer();
    rig.pump();
    assert_eq!(records.calls(), [format!("record {}", first.0), format!("record {}", last.0)]);
    let failure = rig.model.opened.as_ref().and_then(|opened| opened.failure.clone());
    assert_eq!(failure, Some(format!("no record {}", last.0)));
}

#[tokio::test]
async fn a_frame_waits_a_moment_for_the_detail_and_no_longer() {
    let (records, notes) = (Disk::stuck(), Disk::default());
    let mut rig = start(&records, &notes).await;
    rig.advance(Duration::from_secs(1)).await;
    let before = rig.writes().len();
    rig.press_without_answer("<enter>");
    assert_eq!(rig.writes().len(), before, "the detail may still come in time");
    rig.clock.advance(AT_ONCE);
    turns(&mut rig);
    assert_eq!(rig.writes().len(), before + 1);
    records.answer();
    rig.pump();
}

#[tokio::test]
async fn nothing_is_lost_at_the_end() {
    let (records, notes) = (Disk::default(), Disk::stuck());
    let mut rig = start(&records, &notes).await;
    rig.press_without_answer(" ");
    notes.wait_for(1);
    rig.press_without_answer("k ");
    rig.press_without_answer("k ");
    let answers = notes.clone();
    let mut finish = Box::pin(rig.finish());
    assert!(finish.as_mut().now_or_never().is_none(), "it waits for the disk");
    answers.answer();
    assert_eq!(finish.await, Vec::<String>::new());
    let calls = notes.calls();
    let marks = calls.iter().filter(|call| call.starts_with("mark ")).count();
    assert_eq!((marks, calls.last().map(String::as_str)), (3, Some("place")), "{calls:?}");
}

#[tokio::test]
async fn a_disk_that_hangs_is_told_and_does_not_hold_the_end() {
    let (records, notes) = (Disk::default(), Disk::stuck());
    let mut rig = start(&records, &notes).await;
    rig.press_without_answer(" ");
    notes.wait_for(1);
    rig.clock.advance(Duration::from_secs(3));
    turns(&mut rig);
    assert!(rig.text().contains("The disk with marks and notes has not answered"), "{}", rig.text());
    let clock = rig.clock.clone();
    let mut finish = Box::pin(rig.finish());
    assert!(finish.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(10));
    let words = finish.await;
    assert!(words.iter().any(|words| words.contains("may be lost")), "{words:?}");
    notes.answer();
}

#[tokio::test]
async fn a_file_of_notes_that_another_program_holds_is_told_and_the_next_mark_is_kept() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    let file = rig.folder.path().join("org/notes.sqlite3");
    let other = rusqlite::Connection::open(&file).expect("the notes");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else holds it");
    rig.press("k ");
    let notice = rig.model.notice.as_ref().expect("a notice");
    assert!(notice.is_bad() && notice.text.contains("Another program has locked"), "{}", notice.text);
    assert!(rig.text().contains("Another program has locked"), "{}", rig.text());
    assert!(rig.model.rows.marks().is_empty(), "what was not kept is not shown as kept");
    // Everything else continues to work.
    rig.press("6");
    assert_eq!(rig.model.mode(), Mode::Sources);
    rig.press("6");
    other.execute_batch("ROLLBACK").expect("it is let go");
    let marked = here(&rig);
    rig.press(" ");
    let rig = rig.restart(|_| {}).await;
    let marks: Vec<Seq> = rig.model.rows.marks().iter().map(|(seq, _)| seq).collect();
    assert_eq!(marks, [marked]);
}
