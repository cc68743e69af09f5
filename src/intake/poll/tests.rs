//! Tests the polling loop with a minimal fake org, a real journal and a manual clock.

use std::sync::Mutex;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::consent::{Bookmark, Kind, OrgId};
use crate::intake::http::Route;
use crate::journal::{self, Opened, Reader, Settings};
use crate::okta::{Credentials, OrgUrl, PollPlan};
use crate::secret::{Secret, SecretSource};

const NOW: &str = "2026-03-04T09:15:27Z";
const LIMIT: Duration = Duration::from_secs(10);

struct Rig {
    clock: Clock,
    tasks: Tasks,
    board: watch::Receiver<Board>,
    nudge: Arc<Notify>,
    journal: OrgJournal,
    place: TempDir,
    org: OrgUrl,
    /// The requests that the org received, in full.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Rig {
    /// Starts the loop against an org that gives these answers in order.
    async fn start(answers: Vec<String>) -> Self {
        Self::renewed_from(None, answers).await
    }

    /// The same, with a source from which the credentials can be read again.
    async fn renewed_from(source: Option<SecretSource>, answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let org = OrgUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap().0;
        let clock = Clock::manual(NOW.parse().unwrap());
        let tasks = Tasks::new();
        let asked = Arc::default();
        tasks.spawn("org", serve(listener, answers, Arc::clone(&asked)));
        let place = TempDir::new().unwrap();
        let opened = journal::open(place.path(), Settings::default(), clock.clone()).unwrap();
        let Opened::Writer(journal) = opened else { panic!("somebody else writes") };
        let (board, seen) = watch::channel(Board::default());
        let rig = Self { clock, tasks, board: seen, nudge: Arc::default(), journal, place, org, asked };
        let poller = Poller::new(rig.plan(), None, rig.clock.now());
        let credentials = Credentials::ssws(&Secret::new("00inventedToken")).unwrap();
        let client = OktaClient::new(&rig.org, credentials, &Route::default(), rig.clock.clone()).unwrap();
        let client = client.with_renewal(source);
        let (clock, tasks) = (rig.clock.clone(), rig.tasks.clone());
        let work = run(poller, client, rig.journal.clone(), board, clock, tasks, Arc::clone(&rig.nudge));
        rig.tasks.spawn("poll", work);
        rig
    }

    fn plan(&self) -> PollPlan {
        PollPlan {
            org: self.org.clone(),
            kinds: vec![Kind::Grant],
            topics: Vec::new(),
            interval: Duration::from_secs(10),
            lookback: Duration::from_hours(1),
            page_size: 2,
            rate_share: 1.0,
            since: None,
            to_its_start: false,
            jitter_seed: 0,
        }
    }

    async fn until(&mut self, what: &str, is: impl Fn(&Board) -> bool) {
        let waited = tokio::time::timeout(LIMIT, self.board.wait_for(|board| is(board))).await;
        assert!(matches!(waited, Ok(Ok(_))), "never {what}");
    }

    async fn until_stored(&self, rows: i64) {
        let mut head = self.journal.head();
        let waited = tokio::time::timeout(LIMIT, head.wait_for(|head| head.last.0 >= rows)).await;
        assert!(matches!(waited, Ok(Ok(_))), "never {rows} rows");
    }

    fn bookmark(&self) -> Option<Bookmark> {
        Reader::open(self.place.path()).unwrap().bookmark(OrgId::default()).unwrap()
    }

    async fn stop(self) {
        assert!(self.tasks.finish(LIMIT).await);
        self.journal.close().await;
    }
}

async fn serve(listener: TcpListener, answers: Vec<String>, heard: Arc<Mutex<Vec<String>>>) {
    let origin = format!("http://{}", listener.local_addr().unwrap());
    for answer in answers {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 2048];
            let read = socket.read(&mut bytes).await.unwrap();
            asked.extend_from_slice(&bytes[..read]);
        }
        heard.lock().unwrap().push(String::from_utf8(asked).unwrap());
        socket.write_all(answer.replace("ORIGIN", &origin).as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

fn page(number: u32, uuids: &[u32]) -> String {
    let event = |n: &u32| {
        format!(
            r#"{{"uuid":"00000000-0000-4000-8000-{n:012}","published":"2026-03-04T09:15:00Z","eventType":"app.oauth2.as.consent.grant"}}"#
        )
    };
    let body = format!("[{}]", uuids.iter().map(event).collect::<Vec<_>>().join(","));
    let filter = "filter=eventType+eq+%22app.oauth2.as.consent.grant%22";
    let link = format!("link: <ORIGIN/api/v1/logs?limit=2&{filter}&after=1_{number}>; rel=\"next\"\r\n");
    answer("200 OK", &link, &body)
}

/// The same page with events of another minute and second.
fn at(moment: &str, page: &str) -> String {
    page.replace("09:15:00", moment)
}

fn is_live(board: &Board) -> bool {
    *board.get(Part::Poll) == Pulse::Live
}

#[tokio::test]
async fn pages_are_stored_with_their_place_and_the_next_waits_its_time() {
    let mut rig = Rig::start(vec![page(1, &[1, 2]), page(2, &[3]), page(3, &[4])]).await;
    rig.until("live", is_live).await;
    rig.until_stored(3).await;
    assert!(rig.bookmark().unwrap().next.ends_with("after=1_2"));
    assert_eq!(*rig.board.borrow().get(Part::Journal), Pulse::Live);
    rig.clock.advance(Duration::from_secs(10));
    rig.until_stored(4).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_nudge_polls_at_once() {
    let mut rig = Rig::start(vec![page(1, &[1]), page(2, &[2])]).await;
    rig.until("live", is_live).await;
    rig.nudge.notify_one();
    rig.until_stored(2).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_refusal_is_a_state_and_passes_when_it_is_lifted() {
    let refusal = answer("401 Unauthorized", "", r#"{"errorCode":"E0000011"}"#);
    let mut rig = Rig::start(vec![refusal, at("09:16:20", &page(1, &[1]))]).await;
    rig.until("refused", |board| board.get(Part::Poll).fault().is_some_and(|fault| fault.refused)).await;
    rig.clock.advance(Duration::from_mins(1));
    rig.until("live", is_live).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_in_the_middle_is_read_again_every_minute() {
    let refusal = || answer("401 Unauthorized", "", r#"{"errorCode":"E0000011"}"#);
    let place = TempDir::new().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, "00inventedToken").unwrap();
    let answers = vec![page(1, &[1]), refusal(), refusal(), at("09:17:30", &page(2, &[2]))];
    let mut rig = Rig::renewed_from(Some(SecretSource::File(file.clone())), answers).await;
    rig.until("live", is_live).await;
    rig.clock.advance(Duration::from_secs(10));
    let waits_until = |board: &Board| match board.get(Part::Poll) {
        Pulse::Waiting(until, fault) if fault.refused => Some(*until),
        _ => None,
    };
    rig.until("refused", |board| waits_until(board).is_some()).await;
    let first = waits_until(&rig.board.borrow()).unwrap();
    // While the file is missing or empty, the old credentials stay in use.
    std::fs::write(&file, "").unwrap();
    rig.clock.advance(Duration::from_mins(1));
    rig.until("refused again", |board| waits_until(board).is_some_and(|until| until > first)).await;
    std::fs::write(&file, "00successor").unwrap();
    rig.clock.advance(Duration::from_mins(1));
    rig.until("live", is_live).await;
    rig.until_stored(2).await;
    let asked = rig.asked.lock().unwrap().clone();
    let tokens: Vec<&str> =
        asked.iter().filter_map(|asked| asked.split("SSWS ").nth(1)?.lines().next()).collect();
    assert_eq!(tokens, ["00inventedToken", "00inventedToken", "00inventedToken", "00successor"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_bad_request_is_asked_again_without_a_person() {
    let refusal = |code: &str| answer("400 Bad Request", "", &format!(r#"{{"errorCode":"{code}"}}"#));
    let answers = vec![refusal("E0000001"), refusal("E0000053"), refusal("E0000031"), page(1, &[1])];
    let mut rig = Rig::start(answers).await;
    for (code, wait) in [("E0000001", 1), ("E0000053", 2), ("E0000031", 4)] {
        let is_told = |board: &Board| {
            let Pulse::Waiting(_, fault) = board.get(Part::Poll) else { return false };
            fault.what.contains(code) && fault.doing.contains("retries")
        };
        rig.until(code, is_told).await;
        rig.clock.advance(Duration::from_secs(wait));
    }
    rig.until("live", is_live).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_wait_that_is_asked_for_under_a_wrong_clock_is_kept() {
    // By this answer the clock is a year behind, so the query changes; the wait holds for every query.
    let headers = "date: Thu, 04 Mar 2027 09:15:27 GMT\r\nretry-after: 30\r\n";
    let wait = answer("429 Too Many Requests", headers, r#"{"errorCode":"E0000047"}"#);
    let mut rig = Rig::start(vec![wait, page(1, &[1])]).await;
    let is_told = |board: &Board| !matches!(board.get(Part::Poll), Pulse::Off | Pulse::Starting);
    rig.until("told", is_told).await;
    let brief = rig.board.borrow().get(Part::Poll).fault().map(|fault| fault.brief.clone());
    assert_eq!(brief.as_deref(), Some("429 rate limit"));
    assert_eq!(rig.asked.lock().unwrap().len(), 1);
    rig.clock.advance(Duration::from_mins(1));
    rig.until_stored(1).await;
    assert!(rig.asked.lock().unwrap()[1].contains("since=2027-03-04T08%3A15%3A27"));
    rig.stop().await;
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_kept_and_tried_again() {
    let mut rig = Rig::start(vec![page(1, &[1]), page(2, &[2]), at("09:16:00", &page(3, &[3]))]).await;
    rig.until("live", is_live).await;
    let disk = rusqlite::Connection::open(rig.place.path().join("journal.sqlite3")).unwrap();
    disk.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON bookmark BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    rig.clock.advance(Duration::from_secs(10));
    rig.until("held up", |board| board.get(Part::Poll).fault().is_some()).await;
    assert!(rig.board.borrow().get(Part::Journal).fault().is_some());
    assert!(rig.bookmark().unwrap().next.ends_with("after=1_1"));
    disk.execute_batch("DROP TRIGGER full").unwrap();
    // Thirty seconds cover every wait of the back-off, and the next poll is then due as well.
    rig.clock.advance(Duration::from_secs(30));
    rig.until_stored(3).await;
    rig.until("live", is_live).await;
    assert_eq!(*rig.board.borrow().get(Part::Journal), Pulse::Live);
    rig.stop().await;
}

#[tokio::test]
async fn a_closed_journal_ends_the_loop_and_says_so() {
    let mut rig = Rig::start(vec![page(1, &[1]), page(2, &[2])]).await;
    rig.until("live", is_live).await;
    rig.journal.clone().close().await;
    rig.clock.advance(Duration::from_secs(10));
    rig.until("down", |board| matches!(board.get(Part::Journal), Pulse::Down(_))).await;
    rig.until("down", |board| matches!(board.get(Part::Poll), Pulse::Down(_))).await;
    let now: Timestamp = NOW.parse().unwrap();
    assert_eq!(rig.bookmark().unwrap().since, now.checked_sub(Duration::from_hours(1)).unwrap());
    assert!(rig.tasks.finish(LIMIT).await);
}

#[tokio::test]
async fn nothing_is_under_way_while_it_waits() {
    let mut rig = Rig::start(vec![page(1, &[1])]).await;
    rig.until("live", is_live).await;
    let rest = async {
        while !rig.tasks.at_rest() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, rest).await.is_ok());
    rig.stop().await;
}
