//! What each command does for each answer that is not a page: the commands run against the simulated org over HTTP,
//! with a manual clock. The table is written by hand and is the contract.

use std::pin::pin;
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::consent::{Kind, OrgId};
use consentwatch::exit::Exit;
use consentwatch::export::Lines;
use consentwatch::journal::{Reader, Settings};
use consentwatch::model::Query;
use consentwatch::okta::{Credentials, OrgUrl, PollPlan};
use consentwatch::report::{Board, Part, Pulse};
use consentwatch::run::{self, Feed, FeedPlan, MarkedEvents, OrgPlan, SignIn, Source, TailOptions};
use consentwatch::secret::Secret;
use consentwatch::sim::{Plan, SimFault, SimOrg, Spell};
use consentwatch::tasks::Tasks;
use tokio::sync::watch;

const TOKEN: &str = "00invented-token";
/// The limit in real time for steps that take no time on the test's clock.
const LIMIT: Duration = Duration::from_secs(30);

/// What a command does while the org keeps giving the same answer.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Does {
    /// It asks again after these waits, in seconds, and continues.
    Again([u64; 4]),
    /// It ends with this code after a number of requests.
    Ends(u8, usize),
    /// It asks again until its patience is over, and ends with this code.
    EndsLater(u8),
}
use Does::{Again, Ends, EndsLater};

/// After 1, 2, 4 … s, up to a minute.
const BACK_OFF: Does = Again([1, 2, 4, 8]);
/// Once a minute.
const SLOW: Does = Again([60, 60, 60, 60]);
/// At the end of the rate limit's window: after ten seconds, plus one for safety, plus up to two of jitter.
const WINDOW: Does = Again([13, 13, 13, 13]);

/// An answer, and what `watch`, `tail`, `tail --once` and `backfill` do for it.
type Row = (&'static str, Does, Does, Does, Does);

/// A refused request.
const fn bad_request(fault: &'static str) -> Row {
    (fault, BACK_OFF, BACK_OFF, Ends(1, 3), Ends(1, 3))
}

/// Refused credentials or rights.
const fn refused(fault: &'static str) -> Row {
    (fault, SLOW, Ends(3, 1), Ends(3, 1), Ends(3, 1))
}

/// An answer that is not Okta's, or from a host that is not the org.
const fn wrong_place(fault: &'static str) -> Row {
    (fault, SLOW, SLOW, Ends(1, 1), Ends(1, 1))
}

/// An org that temporarily cannot answer.
const fn unavailable(fault: &'static str) -> Row {
    (fault, BACK_OFF, BACK_OFF, EndsLater(1), EndsLater(1))
}

const TABLE: &[Row] = &[
    bad_request("status_400_E0000001"),
    bad_request("status_400_E0000002"),
    bad_request("status_400_E0000003"),
    bad_request("status_400_E0000018"),
    bad_request("status_400_E0000021"),
    bad_request("status_400_E0000028"),
    bad_request("status_400_E0000030"),
    bad_request("status_400_E0000031"),
    bad_request("status_400_E0000053"),
    bad_request("status_400_E0000063"),
    bad_request("status_400"),
    bad_request("status_402"),
    bad_request("status_406"),
    bad_request("status_409_E0000195"),
    bad_request("status_410"),
    bad_request("status_413"),
    bad_request("status_414"),
    bad_request("status_415"),
    bad_request("status_422"),
    bad_request("status_451"),
    // A page from which the program cannot continue.
    bad_request("foreign_next"),
    bad_request("next_users"),
    bad_request("next_root"),
    bad_request("next_empty"),
    bad_request("next_filter"),
    bad_request("next_without_after"),
    refused("status_401_E0000004"),
    refused("status_401_E0000011"),
    refused("status_401_E0000015"),
    refused("status_401"),
    refused("unauthorized"),
    refused("status_403_E0000005"),
    refused("status_403_E0000006"),
    refused("status_403_E0000013"),
    refused("status_403_E0000014"),
    refused("status_403_E0000016"),
    refused("status_403_E0000023"),
    refused("status_403_E0000038"),
    refused("status_403"),
    refused("forbidden"),
    refused("forbidden_empty"),
    refused("status_405_E0000022"),
    wrong_place("status_404_E0000007"),
    wrong_place("status_404_E0000008"),
    wrong_place("status_404_E0000026"),
    wrong_place("status_404_E0000048"),
    wrong_place("status_404"),
    wrong_place("redirect"),
    wrong_place("status_301"),
    wrong_place("status_304"),
    wrong_place("status_307"),
    wrong_place("not_okta"),
    wrong_place("login_page"),
    ("rate_429", WINDOW, WINDOW, EndsLater(1), EndsLater(1)),
    unavailable("concurrency_429"),
    unavailable("status_408"),
    unavailable("status_423_E0000239"),
    unavailable("status_425"),
    unavailable("server_500"),
    unavailable("status_500_E0000053"),
    unavailable("status_501_E0000060"),
    unavailable("gateway_502"),
    unavailable("status_503_E0000010"),
    unavailable("status_504"),
    unavailable("status_599"),
    unavailable("cut_body"),
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Command {
    Watch,
    Tail,
    TailOnce,
    Backfill,
}

struct Rig {
    clock: Clock,
    tasks: Tasks,
    org_tasks: Tasks,
    org: SimOrg,
    feed: Feed,
    source: Option<Source>,
    folder: tempfile::TempDir,
}

impl Rig {
    async fn start(plan: Plan, command: Command) -> Self {
        Self::start_with(plan, command, false).await
    }

    async fn start_with(plan: Plan, command: Command, names: bool) -> Self {
        let clock = Clock::manual("2026-03-04T09:15:00Z".parse().expect("a time"));
        let (tasks, org_tasks) = (Tasks::new(), Tasks::new());
        let plan =
            Plan { token: TOKEN.to_owned(), rate_per_minute: 0.0, requests_per_minute: 60_000, ..plan };
        let listen = "127.0.0.1:0".parse().expect("an address");
        let org = SimOrg::start(listen, plan, &clock, &org_tasks).await.expect("the org starts");
        let folder = tempfile::tempdir().expect("a folder");
        let org_plan = OrgPlan {
            org: consentwatch::consent::KnownOrg::unnamed("example.okta.com"),
            poll: PollPlan {
                org: OrgUrl::parse(&org.url()).expect("a good URL").0,
                kinds: vec![Kind::Grant, Kind::Revoke],
                topics: Vec::new(),
                interval: Duration::from_secs(10),
                lookback: Duration::from_hours(24),
                page_size: 20,
                rate_share: 1.0,
                since: None,
                to_its_start: command == Command::TailOnce,
                jitter_seed: 1,
            },
            names,
            sign_in: Ok(SignIn {
                credentials: Credentials::ssws(&Secret::new(TOKEN)).expect("a token"),
                renew: None,
                route: run::Route::default(),
            }),
            readiness: None,
        };
        let plan = FeedPlan {
            dir: folder.path().join("org"),
            keep: Settings::default(),
            warnings: Vec::new(),
            hook: None,
            team: None,
            is_hook_left_out: false,
            orgs: vec![org_plan],
            others: Vec::new(),
            only_these_orgs: false,
        };
        let (feed, source) = run::open(plan, &clock, &tasks).await.expect("the feed opens");
        Self { clock, tasks, org_tasks, org, feed, source: Some(source), folder }
    }

    /// Runs the command and returns how it ended, or the waits until it asked again.
    async fn run(&mut self, command: Command, rounds: usize) -> (Option<u8>, Vec<u64>) {
        Box::pin(self.run_with(options(command), command, rounds)).await
    }

    async fn run_with(
        &mut self,
        options: TailOptions,
        command: Command,
        rounds: usize,
    ) -> (Option<u8>, Vec<u64>) {
        let source = self.source.take().expect("it runs once");
        let (clock, tasks, feed) = (&self.clock, &self.tasks, &self.feed);
        let mut board = feed.boards().remove(0);
        let mut work = pin!(async {
            let ended = match command {
                Command::Watch => {
                    let mut source = source;
                    loop {
                        let mut msgs = Vec::new();
                        while source.pull(&mut msgs) {}
                        source.moved().await;
                    }
                }
                Command::Backfill => {
                    let goal = clock.now().checked_sub(Duration::from_hours(48)).expect("a time");
                    run::backfill(goal, feed, source, clock, tasks).await
                }
                Command::Tail | Command::TailOnce => run::tail(options, feed, source, clock).await,
            };
            match ended {
                Ok(exit) => exit,
                Err((exit, words)) => {
                    assert!(words.ends_with('.'), "a whole sentence: {words}");
                    exit
                }
            }
        });
        let (mut waits, mut waited) = (Vec::new(), None);
        while waits.len() < rounds {
            let next = async {
                let until = wait_for(&mut board, waited).await;
                tokio::task::yield_now().await;
                until
            };
            let until = tokio::select! {
                exit = &mut work => return (Some(exit.code()), waits),
                until = next => until,
            };
            let Some(until) = until else {
                if matches!(command, Command::Watch | Command::Tail) {
                    return (None, waits);
                }
                // The org answers normally, and the command ends as time passes.
                for _ in 0..600 {
                    tokio::select! {
                        exit = &mut work => return (Some(exit.code()), waits),
                        () = at_rest(tasks, &self.org_tasks, clock) => clock.advance(Duration::from_secs(1)),
                    }
                }
                return (None, waits);
            };
            tokio::select! {
                exit = &mut work => return (Some(exit.code()), waits),
                () = settled() => {}
            }
            let wait = until.duration_since(clock.now());
            waits.push(u64::try_from(wait.as_millis()).expect("a wait lies ahead").div_ceil(1000));
            waited = Some(until);
            clock.advance(Duration::try_from(wait).expect("a wait lies ahead"));
        }
        (None, waits)
    }

    async fn stop(self) {
        drop(self.source);
        assert!(self.tasks.finish(LIMIT).await && self.org_tasks.finish(LIMIT).await, "every task ends");
        self.feed.close().await;
    }
}

/// Lets the command process its state before the clock advances.
async fn settled() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Waits until all tasks are sleeping and the command has processed its state.
async fn at_rest(tasks: &Tasks, org_tasks: &Tasks, clock: &Clock) {
    let rest = async {
        while !tasks.at_rest() || !org_tasks.at_rest() || clock.is_waking() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, rest).await.expect("it comes to rest");
    settled().await;
}

/// Waits until the poller is waiting for another time than before, or is live.
async fn wait_for(
    board: &mut watch::Receiver<Board>,
    before: Option<jiff::Timestamp>,
) -> Option<jiff::Timestamp> {
    let until = |board: &Board| match board.get(Part::Poll) {
        Pulse::Waiting(until, _) if Some(*until) != before => Some(Some(*until)),
        Pulse::Live => Some(None),
        _ => None,
    };
    let found = tokio::time::timeout(LIMIT, board.wait_for(|board| until(board).is_some())).await;
    until(&found.expect("the poller says something").expect("the board lives")).flatten()
}

fn options(command: Command) -> TailOptions {
    TailOptions {
        format: Lines::Json,
        since: None,
        ago: None,
        until: None,
        after: None,
        // The output of the commands is not checked here.
        filter: Some(Query::parse("ip:nowhere", 0, &jiff::tz::TimeZone::UTC).expect("a filter")),
        marked: MarkedEvents::default(),
        once: command == Command::TailOnce,
        allow_unreadable: false,
        updates: false,
        limit: None,
        auto: None,
    }
}

/// Returns whether waits match the table, except for jitter.
fn fit(waits: &[u64], wanted: [u64; 4]) -> bool {
    waits.len() == 4 && waits.iter().zip(wanted).all(|(wait, most)| *wait <= most && *wait * 4 >= most * 3)
}

/// Runs a command against each answer of the table.
async fn hold(command: Command) {
    let mut wrong = Vec::new();
    for (word, watch, tail, once, backfill) in TABLE {
        let fault = SimFault::from_word(word).unwrap_or_else(|| panic!("no fault {word}"));
        let wanted = match command {
            Command::Watch => watch,
            Command::Tail => tail,
            Command::TailOnce => once,
            Command::Backfill => backfill,
        };
        let plan = Plan { backlog: 40, faults: vec![fault], ..Plan::default() };
        let mut rig = Rig::start(plan, command).await;
        // Ten minutes are longer than the patience of any command.
        let rounds = if matches!(wanted, Again(_)) { 4 } else { 70 };
        let (ended, waits) = Box::pin(rig.run(command, rounds)).await;
        let requests = rig.org.requests();
        let is_so = match *wanted {
            Again(seconds) => ended.is_none() && fit(&waits, seconds),
            Ends(code, tries) => ended == Some(code) && requests == tries,
            EndsLater(code) => ended == Some(code) && requests > 3 && waits.iter().sum::<u64>() >= 50,
        };
        if !is_so {
            wrong.push(format!(
                "{word}: {ended:?} after {requests} requests, waits {waits:?}, not {wanted:?}"
            ));
        }
        rig.stop().await;
    }
    assert!(wrong.is_empty(), "{command:?}\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn watch_does_with_every_status_and_code_what_the_table_says() {
    Box::pin(hold(Command::Watch)).await;
}

#[tokio::test]
async fn tail_does_with_every_status_and_code_what_the_table_says() {
    Box::pin(hold(Command::Tail)).await;
}

#[tokio::test]
async fn tail_once_does_with_every_status_and_code_what_the_table_says() {
    Box::pin(hold(Command::TailOnce)).await;
}

#[tokio::test]
async fn backfill_does_with_every_status_and_code_what_the_table_says() {
    Box::pin(hold(Command::Backfill)).await;
}

/// The same answers to a request with a cursor: the poll restarts from the last event, notes the possible gap, and no
/// event is missing.
#[tokio::test]
async fn a_400_for_a_cursor_begins_anew_from_the_last_event() {
    for word in
        ["status_400_E0000001", "status_400_E0000053", "status_400_E0000031", "status_410", "status_400"]
    {
        let spell = Spell::from_words(&format!("{word}@2-2")).expect("a fault of one answer");
        for command in [Command::Tail, Command::TailOnce, Command::Backfill] {
            let plan = Plan { backlog: 150, spells: vec![spell.clone()], ..Plan::default() };
            let mut rig = Rig::start(plan, command).await;
            let (ended, waits) = rig.run(command, 40).await;
            assert_eq!(
                ended,
                if command == Command::Tail { None } else { Some(0) },
                "{word} {command:?} {waits:?}"
            );
            let reader = Reader::open(&rig.folder.path().join("org")).expect("the journal");
            let coverage = reader.coverage(OrgId::default()).expect("its coverage");
            if command == Command::Backfill {
                // Events that may have been missed were fetched.
                assert_eq!(coverage.gaps, []);
            } else {
                assert_eq!(coverage.gaps.len(), 1, "{word} {command:?}");
                assert!(
                    coverage.gaps[0].why.contains("no longer accepted the stored place"),
                    "{:?}",
                    coverage.gaps
                );
            }
            let held = rig.org.held();
            let wanted: usize = ["grant", "revoke"].iter().filter_map(|kind| held.get(*kind)).sum();
            assert_eq!(reader.counts().expect("counts").rows, wanted as u64, "{word} {command:?}");
            rig.stop().await;
        }
        // If the request without a cursor is refused too, it is treated as a bad request.
        let spell = Spell::from_words(&format!("{word}@2")).expect("a fault from an answer on");
        let plan = Plan { backlog: 150, spells: vec![spell], ..Plan::default() };
        let mut rig = Rig::start(plan, Command::TailOnce).await;
        assert_eq!(rig.run(Command::TailOnce, 40).await.0, Some(1), "{word}");
        assert_eq!(rig.org.requests(), 5, "{word}");
        rig.stop().await;
    }
}

/// Returns the number of rows in the journal.
fn rows(rig: &Rig) -> u64 {
    let reader = Reader::open(&rig.folder.path().join("org")).expect("the journal");
    reader.counts().expect("counts").rows
}

/// If persons cannot be looked up, `--once` prints rows without them after half a minute. It succeeds, since the log
/// was read to the end.
#[tokio::test]
async fn once_waits_half_a_minute_for_persons_and_no_longer() {
    let begun = "2026-03-04T09:15:00Z".parse::<jiff::Timestamp>().expect("a time");
    for (fault, wanted) in [(None, 0..=29), (Some("server_500@4"), 30..=31), (Some("status_429@4"), 30..=31)]
    {
        let spells = fault.map(|words| Spell::from_words(words).expect("a fault"));
        let plan =
            Plan { backlog: 30, is_plain: true, spells: spells.into_iter().collect(), ..Plan::default() };
        let mut rig = Rig::start_with(plan, Command::TailOnce, true).await;
        let all = TailOptions { filter: None, format: Lines::Text, ..options(Command::TailOnce) };
        let (ended, waits) = Box::pin(rig.run_with(all, Command::TailOnce, 40)).await;
        assert_eq!(ended, Some(0), "{fault:?} {waits:?}");
        let seconds = rig.clock.now().duration_since(begun).as_secs();
        assert!(wanted.contains(&seconds), "{fault:?}: it ended after {seconds} s");
        rig.stop().await;
    }
}

/// `tail --until` ends only after it has read events between the last poll and the requested end.
#[tokio::test]
async fn until_a_time_ends_once_the_log_was_read_up_to_it() {
    let mut rig = Rig::start(Plan { backlog: 15, ..Plan::default() }, Command::Tail).await;
    let until = rig.clock.now().checked_add(Duration::from_secs(5)).expect("a time");
    let (clock, org, mut board) = (rig.clock.clone(), rig.org.clone(), rig.feed.boards().remove(0));
    let source = rig.source.take().expect("a source");
    let options = TailOptions { until: Some(until), ..options(Command::Tail) };
    let ended = {
        let mut tail = pin!(run::tail(options, &rig.feed, source, &clock));
        let meanwhile = async {
            let is_live = |board: &Board| *board.get(Part::Poll) == Pulse::Live;
            drop(board.wait_for(is_live).await.expect("the board lives"));
            settled().await;
            clock.advance(Duration::from_secs(4));
            assert_eq!(org.emit(5).len(), 5);
            clock.advance(Duration::from_secs(1));
            for _ in 0..60 {
                settled().await;
                clock.advance(Duration::from_millis(100));
            }
        };
        tokio::select! {
            ended = &mut tail => ended,
            () = meanwhile => panic!("it did not end"),
        }
    };
    assert_eq!(ended, Ok(Exit::Done));
    assert!(rig.clock.now() >= until, "it ended before that time");
    let held = rig.org.held();
    let wanted: usize = ["grant", "revoke"].iter().filter_map(|kind| held.get(*kind)).sum();
    assert_eq!(rows(&rig), wanted as u64);
    rig.stop().await;
}
