//! Tests the daily check with a damaged journal, a minimal fake org and a manual clock.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::consent::Consent;
use crate::intake::http::Route;
use crate::journal::{self, Opened, Settings};
use crate::okta::{Budget, Credentials, OrgUrl};
use crate::secret::Secret;

const NOW: &str = "2026-03-04T09:15:27Z";
const LIMIT: Duration = Duration::from_secs(20);
/// SQL that damages the list entry of the row whose number is appended. `EVENT` does the same to the row's event.
const LINE: &str = "UPDATE event SET outcome = 7, scopes = scopes + 1 WHERE seq = ";
const EVENT: &str = "UPDATE raw SET body = zeroblob(99) WHERE seq = ";

/// A check of a journal with rows 1 to 5, and an org that still has some of their events.
struct Rig {
    clock: Clock,
    tasks: Tasks,
    board: watch::Receiver<Board>,
    journal: OrgJournal,
    place: TempDir,
    disk: rusqlite::Connection,
    /// The first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
    tell: watch::Sender<Board>,
    work: Option<(Mending, MendingDoors)>,
    reader: Option<Reader>,
}

impl Rig {
    async fn new(kept: &[u32]) -> Self {
        let clock = Clock::manual(NOW.parse().unwrap());
        let place = TempDir::new().unwrap();
        let opened = journal::open(place.path(), Settings::default(), clock.clone()).unwrap();
        let Opened::Writer(journal) = opened else { panic!("somebody else writes") };
        let consents = (1..=5).map(consent).collect();
        journal.append(Batch { consents, ..Batch::default() }).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let org = OrgUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap().0;
        let (tasks, asked) = (Tasks::new(), Arc::default());
        let page = format!("[{}]", kept.iter().map(|n| event(*n)).collect::<Vec<_>>().join(","));
        tasks.spawn("org", serve(listener, page, Arc::clone(&asked)));
        let (tell, board) = watch::channel(Board::default());
        let credentials = Credentials::ssws(&Secret::new("00inventedToken")).unwrap();
        let doors = MendingDoors {
            client: OktaClient::new(&org, credentials, &Route::default(), clock.clone()).unwrap(),
            journal: journal.clone(),
            board: tell.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
        };
        let mending = Mending::new(org, Budget::new(1.0, Duration::from_secs(10)), 1);
        let disk = rusqlite::Connection::open(place.path().join("journal.sqlite3")).unwrap();
        let reader = Reader::open(place.path()).ok();
        Self { clock, tasks, board, journal, place, disk, asked, tell, work: Some((mending, doors)), reader }
    }

    fn damage(&self, change: &str, seq: i64) {
        assert_eq!(self.disk.execute(&format!("{change}{seq}"), []).unwrap(), 1, "{change}{seq}");
    }

    /// Starts a check while the poller is live, or is not.
    fn start(&mut self, is_well: bool) {
        if is_well {
            self.tell.send_if_modified(|board| board.set(Part::Poll, Pulse::Live));
        }
        let (mending, doors) = self.work.take().unwrap();
        let (lost, found) = watch::channel(None);
        let mender = Mender { journal: self.journal.clone(), board: self.tell.clone(), lost };
        let reader = self.reader.take().unwrap();
        self.tasks.spawn("scan", scan(reader, vec![mender], self.clock.clone(), self.tasks.clone()));
        self.tasks.spawn("mending", run(mending, doors, found));
    }

    /// Advances the clock until there is a note, or until there is none, and returns it.
    async fn note(&mut self, is: impl Fn(&[String]) -> bool) -> String {
        let clock = self.clock.clone();
        let told = async {
            let board = self.board.wait_for(|board| is(&board.notes.damage)).await.unwrap();
            board.notes.damage.concat()
        };
        passing(&clock, told).await
    }

    /// Advances the clock until a row is intact again.
    async fn until_sound(&self, seq: i64) {
        let sound = async {
            while self.damaged().contains(&seq) {
                tokio::task::yield_now().await;
            }
        };
        passing(&self.clock, sound).await;
    }

    /// Returns the rows that are damaged on the disk.
    fn damaged(&self) -> Vec<i64> {
        let scanned = Reader::open(self.place.path()).unwrap().scan_after(Seq(0), 99).unwrap().unwrap();
        scanned.damaged.iter().map(|row| row.seq.0).collect()
    }

    async fn stop(self) {
        assert!(self.tasks.finish(LIMIT).await);
        self.journal.close().await;
    }
}

/// Advances the clock while a future is pending.
async fn passing<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let moved = async {
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(500)),
            }
        }
    };
    tokio::time::timeout(LIMIT, moved).await.expect("it comes about")
}

fn event(n: u32) -> String {
    format!(
        r#"{{"uuid":"00000000-0000-4000-8000-{n:012}","published":"2026-03-04T09:0{n}:00.000Z","eventType":"app.oauth2.as.consent.grant"}}"#
    )
}

fn consent(n: u32) -> Consent {
    let received: Timestamp = NOW.parse().unwrap();
    okta::event(&event(n), received, Via::POLL).unwrap().remove(0)
}

/// Answers each request with this page.
async fn serve(listener: TcpListener, page: String, heard: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 2048];
            let read = socket.read(&mut bytes).await.unwrap();
            assert_ne!(read, 0, "the client went away");
            asked.extend_from_slice(&bytes[..read]);
        }
        let asked = String::from_utf8(asked).unwrap();
        heard.lock().unwrap().push(asked.lines().next().unwrap_or_default().to_owned());
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", page.len());
        socket.write_all(format!("{head}{page}").as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_damaged_is_mended_from_its_event_or_from_okta_and_the_rest_is_told() {
    let mut rig = Rig::new(&[3, 5]).await;
    rig.damage(LINE, 2);
    rig.damage(EVENT, 3);
    rig.damage(EVENT, 4);
    assert_eq!(rig.damaged(), [2, 3, 4]);
    // While the poller is not live nothing is requested, but lost rows are reported.
    rig.start(false);
    let note = rig.note(|notes| !notes.is_empty()).await;
    assert!(note.starts_with("2 rows of the journal are damaged on the disk, number 3, 4."), "{note}");
    assert!(note.contains("It is fetched again"), "{note}");
    assert_eq!((rig.damaged(), rig.asked.lock().unwrap().len()), (vec![3, 4], 0));
    rig.tell.send_if_modified(|board| board.set(Part::Poll, Pulse::Live));
    let note = rig.note(|notes| notes.concat().starts_with("1 row ")).await;
    assert!(note.starts_with("1 row of the journal is damaged on the disk, number 4."), "{note}");
    assert_eq!(rig.damaged(), [4]);
    let asked = rig.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1, "both at once: {asked:?}");
    for part in ["since=2026-03-04T09%3A02%3A59.000Z", "until=2026-03-04T09%3A04%3A01.000Z"] {
        assert!(asked[0].contains(part), "{asked:?}");
    }
    let mended = Reader::open(rig.place.path()).unwrap().record(Seq(3)).unwrap().unwrap();
    assert_eq!(*mended.raw, event(3));
    rig.stop().await;
}

#[tokio::test]
async fn a_note_of_damage_goes_when_the_next_day_finds_none() {
    let mut rig = Rig::new(&[]).await;
    rig.damage(EVENT, 4);
    rig.start(true);
    let note = rig.note(|notes| !notes.is_empty()).await;
    assert!(note.contains("number 4."), "{note}");
    // The row is removed for its age, and the damage with it.
    rig.damage("DELETE FROM event WHERE seq = ", 4);
    rig.damage("DELETE FROM raw WHERE seq = ", 4);
    rig.clock.advance(EVERY);
    assert_eq!(rig.note(<[String]>::is_empty).await, "");
    rig.stop().await;
}

#[tokio::test]
async fn a_row_whose_repair_the_journal_refuses_is_told_until_it_is_mended() {
    let mut rig = Rig::new(&[3]).await;
    rig.damage(LINE, 2);
    rig.damage(EVENT, 3);
    let full = "CREATE TRIGGER full BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'full'); END";
    rig.disk.execute_batch(full).unwrap();
    rig.start(true);
    // Row 2 is reported from the start, and row 3 is still reported after Okta returned its event.
    let note = rig.note(|notes| !notes.is_empty()).await;
    assert!(note.contains("number 2, 3."), "{note}");
    let asked = Arc::clone(&rig.asked);
    let is_asked = async {
        while asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    passing(&rig.clock, is_asked).await;
    let rest = async {
        while !rig.tasks.at_rest() {
            tokio::task::yield_now().await;
        }
    };
    passing(&rig.clock, rest).await;
    assert!(rig.board.borrow().notes.damage.concat().contains("number 2, 3."));
    assert_eq!(rig.damaged(), [2, 3]);
    rig.disk.execute_batch("DROP TRIGGER full").unwrap();
    rig.clock.advance(EVERY);
    assert_eq!(rig.note(<[String]>::is_empty).await, "");
    rig.until_sound(3).await;
    assert_eq!(rig.damaged(), [] as [i64; 0]);
    rig.stop().await;
}
