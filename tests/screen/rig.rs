//! The test rig: the simulated org, the real client, poller, journal and event loop, with a terminal and a keyboard in
//! memory and a manual clock.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consentwatch::clock::Clock;
use consentwatch::consent::{Kind, Topic};
use consentwatch::exit::Exit;
use consentwatch::journal::Settings;
use consentwatch::model::{Chord, Key, Model, Msg, Origin, Zone};
use consentwatch::okta::{Credentials, Dpop, OrgUrl, PollPlan, ServiceApp, SigningKey};
use consentwatch::report::{Part, Pulse};
use consentwatch::run::{self, Auto, Feed, FeedPlan, KeptNotes, OrgPlan, Probing, Route, SignIn, Source};
use consentwatch::screen::{Ends, EventLoop, Pace, Performer};
use consentwatch::secret::{Secret, SecretSource};
use consentwatch::sim::{self, Plan, SimOrg};
use consentwatch::tasks::Tasks;
use consentwatch::tui::clipboard::Between;
use consentwatch::tui::{Device, Input, Keyboard, Screen, Setup};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use futures_util::FutureExt as _;
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use tokio::sync::mpsc;

use crate::golden;

const TOKEN: &str = "00invented-token";
/// Keys that can be typed ahead.
const TYPED_MAX: usize = 128;
/// The time limit for a test to come to rest.
const LIMIT: Duration = Duration::from_secs(30);

/// A terminal in memory, which records one write per frame.
#[derive(Clone, Debug)]
pub struct Memory {
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
    size: Size,
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.lock().expect("the writes").push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Device for Memory {
    fn measure(&self) -> Size {
        self.size
    }

    fn stop_job(&self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Rig {
    pub clock: Clock,
    pub org: SimOrg,
    event_loop: EventLoop<Memory, Source>,
    /// The result of the loop, if it has ended.
    pub exit: Option<Exit>,
    terminal: Memory,
    typed: mpsc::Sender<Input>,
    feed: Feed,
    tasks: Tasks,
    /// The org keeps running when the screen ends.
    org_tasks: Tasks,
    pub theme: Theme,
    /// The folder of the journal, and of the token file if there is one.
    pub folder: tempfile::TempDir,
}

impl Deref for Rig {
    type Target = EventLoop<Memory, Source>;

    fn deref(&self) -> &Self::Target {
        &self.event_loop
    }
}

impl DerefMut for Rig {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.event_loop
    }
}

/// Returns a plan with a number of past consents and no live ones.
pub fn backlog(backlog: usize) -> Plan {
    Plan {
        backlog,
        rate_per_minute: 0.0,
        token: TOKEN.to_owned(),
        requests_per_minute: 60_000,
        ..Plan::default()
    }
}

impl Rig {
    /// Starts a screen without look-ups.
    pub async fn start(plan: Plan, width: u16, height: u16) -> Self {
        Self::open(plan, token(), width, height, false).await
    }

    /// Starts a screen with automatic snapshots.
    pub async fn start_with_snapshots(plan: Plan, auto: Auto, width: u16, height: u16) -> Self {
        Self::open_with(plan, token(), (width, height), false, None, auto).await
    }

    /// Starts a screen with look-ups of names.
    pub async fn start_with_names(plan: Plan, width: u16, height: u16) -> Self {
        Self::open(plan, token(), width, height, true).await
    }

    /// Starts a screen on a variant of the org, with readiness probes every five minutes.
    pub async fn start_probing(variant: &str, width: u16, height: u16) -> Self {
        let shape = sim::OrgShape::from_word(variant).expect("a variant");
        let plan = Plan { variant: shape.variant(), shape, ..backlog(60) };
        let probing =
            Probing { server: "default".to_owned(), public_url: None, interval: Duration::from_mins(5) };
        let mut rig =
            Box::pin(Self::open_with(plan, token(), (width, height), false, Some(probing), Auto::default()))
                .await;
        rig.drive(Duration::ZERO, |rig| rig.model.sources.first().board.readiness.is_some()).await;
        rig.settle().await;
        rig
    }

    /// The same, as a service app that was granted only these scopes and requests the default ones.
    pub async fn start_as_app(mut plan: Plan, granted: &[&str], width: u16, height: u16) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pkcs8 = pair.to_pkcs8v1().expect("its form");
        let private = pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8.as_ref()));
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its form");
        let (client_id, key_id) = ("0oaWATCHERWATCHER1d7".to_owned(), "first".to_owned());
        plan.apps.push(sim::SimServiceApp {
            client_id: client_id.clone(),
            key_id: key_id.clone(),
            public_key: pem::encode(&pem::Pem::new("PUBLIC KEY", spki.as_ref())),
            scopes: granted.iter().map(|scope| (*scope).to_owned()).collect(),
            role: sim::AdminRole::ReadOnly,
            dpop: true,
        });
        let app = ServiceApp {
            client_id,
            key: Arc::new(SigningKey::read(&Secret::new(private), None).expect("a key")),
            key_id: Some(key_id),
            scopes: granted.iter().map(|scope| (*scope).to_owned()).collect(),
            dpop: Dpop::Auto,
        };
        Self::open(plan, Credentials::Service(app), width, height, true).await
    }

    async fn open(plan: Plan, credentials: Credentials, width: u16, height: u16, names: bool) -> Self {
        Self::open_with(plan, credentials, (width, height), names, None, Auto::default()).await
    }

    async fn open_with(
        plan: Plan,
        credentials: Credentials,
        size: (u16, u16),
        names: bool,
        readiness: Option<Probing>,
        auto: Auto,
    ) -> Self {
        let start: Timestamp = "2026-03-04T09:15:00Z".parse().expect("a time");
        let (clock, tasks, org_tasks) = (Clock::manual(start), Tasks::new(), Tasks::new());
        let listen = "127.0.0.1:0".parse().expect("an address");
        let org = SimOrg::start(listen, plan, &clock, &org_tasks).await.expect("the org starts");
        let folder = tempfile::tempdir().expect("a folder");
        let (feed, source) = open(&org, credentials, names, readiness, folder.path(), &clock, &tasks).await;
        let parts = Parts { clock, org, tasks, org_tasks, folder, auto };
        let mut rig = Self::over(parts, (feed, source), size, false);
        rig.settle().await;
        rig
    }

    /// Starts the loop on an open feed.
    fn over(
        parts: Parts,
        (feed, source): (Feed, Source),
        (width, height): (u16, u16),
        is_fresh: bool,
    ) -> Self {
        let Parts { clock, org, tasks, org_tasks, folder, auto } = parts;
        let origin = Origin { org: "example.okta.com".to_owned(), tag: String::new() };
        let model = Model::new(origin, Zone::default(), (width, height), clock.now());
        let theme = Theme::new(ThemeKind::Dark, Depth::True);
        let terminal = Memory { writes: Arc::default(), size: Size::new(width, height) };
        let screen =
            Screen::over(terminal.clone(), terminal.size, Setup::default()).expect("a terminal in memory");
        let (typed, inputs) = mpsc::channel(TYPED_MAX);
        let keyboard = Keyboard::of(inputs).expect("a keyboard in memory");
        let snapshots = folder.path().join("snapshots");
        let performer = Performer::new(Some(feed.clone()), snapshots, auto, Some(Between::Nothing));
        let pace = Pace { max_fps: 30, bytes_per_second: 0, snapshot_every: auto.every, stop_after: None };
        let ends = (screen, keyboard, Ends::none());
        let mut event_loop =
            EventLoop::new(model, theme.clone(), ends, source, performer, pace, (&clock, &tasks));
        event_loop.begin(KeptNotes::open(&folder.path().join("org")), is_fresh).expect("threads");
        Self { clock, org, event_loop, exit: None, terminal, typed, feed, tasks, org_tasks, theme, folder }
    }

    /// Runs the loop until it waits for something other than its workers.
    pub fn pump(&mut self) {
        let real = Clock::system();
        while self.exit.is_none() && (self.turn() || self.performer.is_busy()) {
            std::thread::yield_now();
            assert!(real.uptime() < LIMIT, "a worker does not answer; the screen is\n{}", self.frame());
        }
    }

    /// Ends the screen, changes something in its folder, and starts it again on the same org.
    pub async fn restart(self, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        Box::pin(self.started_again(false, meanwhile)).await
    }

    /// The same, with `--fresh`.
    pub async fn restart_fresh(self) -> Self {
        Box::pin(self.started_again(true, |_| {})).await
    }

    async fn started_again(self, is_fresh: bool, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        let (size, auto) = (self.model.size, self.performer.auto);
        let Self { clock, org, event_loop, feed, tasks, org_tasks, folder, .. } = self;
        Box::pin(event_loop.finish()).await;
        assert!(tasks.finish(LIMIT).await, "every task ends");
        feed.close().await;
        meanwhile(&folder.path().join("org"));
        let tasks = Tasks::new();
        let (feed, source) = open(&org, token(), false, None, folder.path(), &clock, &tasks).await;
        let parts = Parts { clock, org, tasks, org_tasks, folder, auto };
        let mut rig = Self::over(parts, (feed, source), size, is_fresh);
        rig.settle().await;
        rig
    }

    /// Waits until all work is done and shown. A poller that waits for the clock is at rest.
    pub async fn settle(&mut self) {
        let settled = tokio::time::timeout(LIMIT, async {
            loop {
                self.pump();
                let source = self.event_loop.source();
                let begun = *source.boards().remove(0).get(Part::Poll) != Pulse::Starting;
                let at_rest = self.tasks.at_rest() && self.org_tasks.at_rest() && source.at_rest();
                if begun && at_rest && !self.clock.is_waking() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(settled.is_ok(), "nothing came to rest; the screen is\n{}", self.frame());
    }

    /// Advances the clock and waits until all work is done.
    pub async fn advance(&mut self, length: Duration) {
        self.clock.advance(length);
        self.settle().await;
    }

    /// Advances the clock in small steps until a condition holds.
    pub async fn drive(&mut self, step: Duration, is_so: impl Fn(&Self) -> bool) {
        let driven = tokio::time::timeout(LIMIT, async {
            while !is_so(self) {
                self.clock.advance(step);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                self.pump();
            }
        })
        .await;
        assert!(driven.is_ok(), "it never became so; the screen is\n{}", self.frame());
    }

    /// Sends the loop a message, as user input if it is such, and runs it.
    pub fn tell(&mut self, msg: Msg) {
        match msg {
            Msg::Key(chord) => self.input(Input::Key(chord)),
            Msg::Click(column, row) => self.input(Input::Click(column, row)),
            Msg::Wheel { down } => self.input(Input::Wheel(down)),
            Msg::Paste(text) => self.input(Input::Paste(text)),
            Msg::Resize(width, height) => self.input(Input::Resize(width, height)),
            msg => {
                self.inbox.push(msg);
                self.pump();
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.typed.try_send(input).expect("a loop that takes what is typed");
        self.pump();
    }

    /// Runs the loop with its workers until a condition holds.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(LIMIT, async {
            self.pump();
            while !is_so(self) {
                self.exit = self.event_loop.turn().await.expect("a terminal in memory does not fail");
                self.pump();
            }
        })
        .await;
        assert!(waited.is_ok(), "{what}: it never became so; the screen is\n{}", self.frame());
    }

    /// Waits until all look-ups are done and shown.
    pub async fn look_up(&mut self) {
        self.until("look-ups", |rig| rig.model.whole_reads.left().is_none()).await;
    }

    /// Ends the screen with the quit key, and returns its last message.
    pub async fn finish(self) -> Vec<String> {
        Box::pin(self.event_loop.finish()).await
    }

    /// The same, but keeps the folder of its files.
    pub async fn finish_and_keep(self) -> (tempfile::TempDir, Vec<String>) {
        let Self { event_loop, folder, .. } = self;
        let words = Box::pin(event_loop.finish()).await;
        (folder, words)
    }

    /// Returns everything sent to the terminal, one write per frame.
    pub fn writes(&self) -> Vec<Vec<u8>> {
        self.terminal.writes.lock().expect("the writes").clone()
    }

    /// Types single-character keys while the loop is busy.
    pub fn type_ahead(&mut self, keys: &str) {
        for key in keys.chars() {
            self.typed.try_send(Input::Key(Chord::char(key))).expect("room for what is typed");
        }
    }

    /// Runs one turn of the loop, and returns whether there was something to do.
    pub fn turn(&mut self) -> bool {
        // Without tokio's budget, which would make a repeatedly polled loop yield without a reason.
        let turned = tokio::task::unconstrained(self.event_loop.turn()).now_or_never();
        turned.map(|turned| self.exit = turned.expect("a terminal in memory does not fail")).is_some()
    }

    /// Returns the texts that were sent to the terminal's clipboard.
    pub fn copied(&self) -> Vec<String> {
        let text = String::from_utf8(self.writes().concat()).expect("UTF-8");
        let encoded = text.split("\x1b]52;c;").skip(1).filter_map(|rest| rest.split('\x07').next());
        encoded
            .map(|encoded| String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("UTF-8"))
            .collect()
    }

    /// Presses keys without waiting for the workers.
    pub fn press_without_answer(&mut self, keys: &str) {
        for chord in chords(keys) {
            self.typed.try_send(Input::Key(chord)).expect("a loop that takes what is typed");
            while self.exit.is_none() && self.turn() {}
        }
    }

    /// Presses keys written as text: `jj<enter>G`.
    pub fn press(&mut self, keys: &str) {
        for chord in chords(keys) {
            self.tell(Msg::Key(chord));
        }
    }

    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw_cells(&self.model, &self.theme, &mut buffer);
        buffer
    }

    /// Returns the frame with its styles.
    pub fn frame(&self) -> String {
        golden::print(&self.buffer(), &self.theme)
    }

    /// Returns the frame's text.
    pub fn text(&self) -> String {
        self.frame().split("--- styles").next().unwrap_or_default().to_owned()
    }
}

/// The parts of a rig that remain when its screen ends.
struct Parts {
    clock: Clock,
    org: SimOrg,
    tasks: Tasks,
    org_tasks: Tasks,
    folder: tempfile::TempDir,
    auto: Auto,
}

/// Parses keys written as text.
fn chords(keys: &str) -> Vec<Chord> {
    let (mut chords, mut rest) = (Vec::new(), keys);
    while let Some(c) = rest.chars().next() {
        let (chord, length) = match rest.strip_prefix('<').and_then(|named| named.split_once('>')) {
            Some((name, _)) => (named_key(name), name.len() + 2),
            None => (Chord::char(c), c.len_utf8()),
        };
        chords.push(chord);
        rest = rest.get(length..).unwrap_or("");
    }
    chords
}

fn named_key(name: &str) -> Chord {
    match name {
        "enter" => Chord::plain(Key::Enter),
        "clear" => Chord::ctrl('u'),
        "esc" => Chord::plain(Key::Esc),
        "tab" => Chord::plain(Key::Tab),
        "pgdn" => Chord::plain(Key::PageDown),
        "pgup" => Chord::plain(Key::PageUp),
        "end" => Chord::plain(Key::End),
        "up" => Chord::plain(Key::Up),
        "down" => Chord::plain(Key::Down),
        name if name.starts_with('^') => Chord::ctrl(name.chars().last().expect("a letter")),
        other => panic!("no key {other}"),
    }
}

fn token() -> Credentials {
    Credentials::ssws(&Secret::new(TOKEN)).expect("a token")
}

async fn open(
    org: &SimOrg,
    credentials: Credentials,
    names: bool,
    readiness: Option<Probing>,
    folder: &std::path::Path,
    clock: &Clock,
    tasks: &Tasks,
) -> (Feed, Source) {
    let (url, _) = OrgUrl::parse(&org.url()).expect("a good URL");
    let org_plan = OrgPlan {
        org: consentwatch::consent::KnownOrg::unnamed(url.host()),
        poll: PollPlan {
            org: url,
            kinds: Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
            topics: Topic::ALL.to_vec(),
            interval: Duration::from_secs(10),
            lookback: Duration::from_hours(24),
            page_size: 100,
            rate_share: 1.0,
            since: None,
            to_its_start: false,
            jitter_seed: 1,
        },
        names,
        sign_in: Ok(SignIn {
            credentials,
            renew: Some(SecretSource::File(folder.join("token"))),
            route: Route::default(),
        }),
        readiness,
    };
    let plan = FeedPlan {
        dir: folder.join("org"),
        keep: Settings::default(),
        warnings: Vec::new(),
        hook: None,
        team: None,
        is_hook_left_out: false,
        orgs: vec![org_plan],
        others: Vec::new(),
        only_these_orgs: false,
    };
    run::open(plan, clock, tasks).await.expect("the feed opens")
}
