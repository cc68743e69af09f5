//! The rig: the simulated org, the real client, poller and journal, the model and a buffer for a screen, with a time
//! that moves by hand.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use consentwatch::clock::Clock;
use consentwatch::consent::{Kind, Topic};
use consentwatch::journal::Settings;
use consentwatch::model::{Chord, Effect, Key, Model, Msg, Origin, SaveOrder, Zone, update};
use consentwatch::okta::{Credentials, Dpop, OrgUrl, PollPlan, ServiceApp, SigningKey};
use consentwatch::report::{Part, Pulse};
use consentwatch::run::{self, Feed, FeedPlan, Keeper, Probing, Route, Source};
use consentwatch::secret::{Secret, SecretSource};
use consentwatch::sim::{self, Plan, SimOrg};
use consentwatch::tasks::Tasks;
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::golden;

const TOKEN: &str = "00invented-token";
/// A test that has not come to rest by then never will.
const LIMIT: Duration = Duration::from_secs(30);

pub struct Rig {
    pub clock: Clock,
    pub org: SimOrg,
    pub model: Model,
    pub feed: Feed,
    source: Source,
    lookups: Option<run::LookUps>,
    /// Files that were to be written.
    pub ordered: Vec<SaveOrder>,
    /// What was handed to the terminal's clipboard.
    pub copied: Vec<(String, String)>,
    keeper: Keeper,
    tasks: Tasks,
    /// The org lives on when the screen ends.
    org_tasks: Tasks,
    theme: Theme,
    /// Holds the journal, and the token where it is read again.
    pub folder: tempfile::TempDir,
}

/// A plan of so many consents in the past and none to come by themselves.
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
    /// Starts with ids as the events have them.
    pub async fn start(plan: Plan, width: u16, height: u16) -> Self {
        Self::open(plan, token(), width, height, false).await
    }

    /// Starts, and what ids are called is looked up.
    pub async fn start_with_names(plan: Plan, width: u16, height: u16) -> Self {
        Self::open(plan, token(), width, height, true).await
    }

    /// Starts on a variant of the org, and its readiness is probed every five minutes.
    pub async fn start_probing(variant: &str, width: u16, height: u16) -> Self {
        let shape = sim::Shape::from_word(variant).expect("a variant");
        let plan = Plan { variant: shape.variant(), shape, ..backlog(60) };
        let probing =
            Probing { server: "default".to_owned(), public_url: None, interval: Duration::from_mins(5) };
        let mut rig = Box::pin(Self::open_with(plan, token(), width, height, false, Some(probing))).await;
        rig.drive(Duration::ZERO, |rig| rig.model.board.readiness.is_some()).await;
        rig.settle().await;
        rig
    }

    /// The same as a service app that was granted only these scopes, and asks for what it needs by default.
    pub async fn start_as_app(mut plan: Plan, granted: &[&str], width: u16, height: u16) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pkcs8 = pair.to_pkcs8v1().expect("its form");
        let private = pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8.as_ref()));
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its form");
        let (client_id, key_id) = ("0oaWATCHERWATCHER1d7".to_owned(), "first".to_owned());
        plan.apps.push(sim::ServiceApp {
            client_id: client_id.clone(),
            key_id: key_id.clone(),
            public_key: pem::encode(&pem::Pem::new("PUBLIC KEY", spki.as_ref())),
            scopes: granted.iter().map(|scope| (*scope).to_owned()).collect(),
            role: sim::Role::ReadOnly,
            dpop: true,
        });
        let app = ServiceApp {
            client_id,
            key: SigningKey::read(&Secret::new(private), None).expect("a key"),
            key_id: Some(key_id),
            scopes: granted.iter().map(|scope| (*scope).to_owned()).collect(),
            dpop: Dpop::Auto,
        };
        Self::open(plan, Credentials::Service(app), width, height, true).await
    }

    async fn open(plan: Plan, credentials: Credentials, width: u16, height: u16, names: bool) -> Self {
        Self::open_with(plan, credentials, width, height, names, None).await
    }

    async fn open_with(
        plan: Plan,
        credentials: Credentials,
        width: u16,
        height: u16,
        names: bool,
        readiness: Option<Probing>,
    ) -> Self {
        let start: Timestamp = "2026-03-04T09:15:00Z".parse().expect("a time");
        let (clock, tasks, org_tasks) = (Clock::manual(start), Tasks::new(), Tasks::new());
        let listen = "127.0.0.1:0".parse().expect("an address");
        let org = SimOrg::start(listen, plan, &clock, &org_tasks).await.expect("the org starts");
        let folder = tempfile::tempdir().expect("a folder");
        let (feed, source) = open(&org, credentials, names, readiness, folder.path(), &clock, &tasks).await;
        let origin = Origin { org: "example.okta.com".to_owned(), tag: String::new() };
        let model = Model::new(origin, Zone::default(), (width, height), clock.now());
        let theme = Theme::new(ThemeKind::Dark, Depth::True);
        let keeper = Keeper::open(&folder.path().join("org"));
        let mut rig = Self {
            clock,
            org,
            model,
            feed,
            source,
            lookups: None,
            ordered: Vec::new(),
            copied: Vec::new(),
            keeper,
            tasks,
            org_tasks,
            theme,
            folder,
        };
        rig.begin(false).await;
        rig
    }

    async fn begin(&mut self, is_fresh: bool) {
        let mut msgs = Vec::new();
        self.keeper.begin(&mut self.model, is_fresh, &mut msgs);
        for msg in msgs {
            self.tell(msg);
        }
        self.settle().await;
    }

    /// Looks whether another screen left something.
    pub fn look(&mut self) {
        if let Some(msg) = self.keeper.look() {
            self.tell(msg);
        }
    }

    /// Ends the screen, does something to its folder, and starts it again on the same org.
    pub async fn restart(self, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        Box::pin(self.started_again(false, meanwhile)).await
    }

    /// The same, and the last place is forgotten.
    pub async fn restart_fresh(self) -> Self {
        Box::pin(self.started_again(true, |_| {})).await
    }

    async fn started_again(self, is_fresh: bool, meanwhile: impl FnOnce(&std::path::Path)) -> Self {
        let Self {
            clock,
            org,
            model,
            feed,
            source,
            lookups,
            copied: _,
            ordered: _,
            mut keeper,
            tasks,
            org_tasks,
            theme,
            folder,
        } = self;
        keeper.keep_place(&model);
        drop((source, lookups, keeper));
        assert!(tasks.finish(LIMIT).await, "every task ends");
        feed.close().await;
        meanwhile(&folder.path().join("org"));
        let tasks = Tasks::new();
        let (feed, source) = open(&org, token(), false, None, folder.path(), &clock, &tasks).await;
        let (width, height) = model.size;
        let model = Model::new(model.origin, Zone::default(), (width, height), clock.now());
        let keeper = Keeper::open(&folder.path().join("org"));
        let mut rig = Self {
            clock,
            org,
            model,
            feed,
            source,
            lookups: None,
            ordered: Vec::new(),
            copied: Vec::new(),
            keeper,
            tasks,
            org_tasks,
            theme,
            folder,
        };
        rig.begin(is_fresh).await;
        rig
    }

    /// Waits until everything that is under way is done and shown. A poller that waits for the time is at rest.
    pub async fn settle(&mut self) {
        let settled = tokio::time::timeout(LIMIT, async {
            loop {
                let mut msgs = Vec::new();
                while self.source.pull(&mut msgs) {}
                let quiet = msgs.is_empty();
                for msg in msgs {
                    self.tell(msg);
                }
                let begun = *self.source.board().get(Part::Poll) != Pulse::Starting;
                let at_rest = self.tasks.at_rest() && self.org_tasks.at_rest();
                if quiet && begun && at_rest && !self.clock.is_waking() && self.source.at_rest() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(settled.is_ok(), "nothing came to rest; the screen is\n{}", self.frame());
    }

    /// Moves the time and waits for what that sets off.
    pub async fn advance(&mut self, length: Duration) {
        self.clock.advance(length);
        self.settle().await;
    }

    /// Moves the time by small steps until something is so.
    pub async fn drive(&mut self, step: Duration, is_so: impl Fn(&Self) -> bool) {
        let driven = tokio::time::timeout(LIMIT, async {
            while !is_so(self) {
                self.clock.advance(step);
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                let mut msgs = Vec::new();
                self.source.pull(&mut msgs);
                for msg in msgs {
                    self.tell(msg);
                }
            }
        })
        .await;
        assert!(driven.is_ok(), "it never became so; the screen is\n{}", self.frame());
    }

    pub fn tell(&mut self, msg: Msg) {
        let found = self.keeper.saw(&msg);
        for effect in update(&mut self.model, msg) {
            match effect {
                Effect::Remember(query) => {
                    if let Some(answer) = self.keeper.remember(&query) {
                        self.tell(answer);
                    }
                }
                Effect::Mark(seq, note) => {
                    let answer = self.keeper.mark(seq, note, self.clock.now());
                    self.tell(answer);
                }
                Effect::Read(seq) => {
                    let answer = self.source.record(seq);
                    self.tell(answer);
                }
                Effect::ReadBeside { seq, session, transaction } => {
                    let answer = self.source.beside(seq, session.as_deref(), transaction.as_deref());
                    self.tell(answer);
                }
                Effect::LookUp(order) => {
                    let lookups = self.lookups.get_or_insert_with(|| {
                        let records = self.source.records().expect("a reader");
                        run::LookUps::start(records).expect("a thread")
                    });
                    lookups.ask(order);
                }
                Effect::ForgetLookUp(number) => {
                    if let Some(lookups) = &self.lookups {
                        lookups.forget(number);
                    }
                }
                Effect::Save(order) => self.ordered.push(order),
                Effect::StopSave => self.ordered.clear(),
                Effect::Copy { what, text } => self.copied.push((what, text)),
                Effect::FetchSession(seq) => self.feed.fetch_session(seq),
                Effect::Work => self.tell(Msg::Work),
                Effect::PollNow => {
                    self.feed.nudge.notify_one();
                    self.feed.probe.notify_one();
                }
                Effect::Suspend | Effect::Redraw | Effect::Quit | Effect::Interrupt => {}
            }
        }
        if let Some(found) = found {
            self.tell(found);
        }
    }

    /// Waits until all that was to be looked up is, and shows it.
    pub async fn look_up(&mut self) {
        while self.model.looking.left().is_some() {
            let lookups = self.lookups.as_mut().expect("somebody who looks");
            let found = tokio::time::timeout(LIMIT, lookups.found()).await.expect("an answer");
            self.tell(found.expect("an answer"));
        }
    }

    /// Presses keys written as text: `jj<enter>G`.
    pub fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let (chord, length) = match rest.strip_prefix('<').and_then(|named| named.split_once('>')) {
                Some((name, _)) => (named_key(name), name.len() + 2),
                None => (Chord::char(c), c.len_utf8()),
            };
            self.tell(Msg::Key(chord));
            rest = rest.get(length..).unwrap_or("");
        }
    }

    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(&self.model, &self.theme, &mut buffer);
        buffer
    }

    /// The frame with its styles.
    pub fn frame(&self) -> String {
        golden::print(&self.buffer(), &self.theme)
    }

    /// The frame's text.
    pub fn text(&self) -> String {
        self.frame().split("--- styles").next().unwrap_or_default().to_owned()
    }
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
    let plan = FeedPlan {
        dir: folder.join("org"),
        keep: Settings::default(),
        poll: PollPlan {
            org: url,
            kinds: Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
            topics: Topic::ALL.to_vec(),
            interval: Duration::from_secs(10),
            lookback: Duration::from_hours(24),
            page_size: 100,
            rate_share: 1.0,
            since: None,
            until: None,
            to_its_start: false,
            jitter_seed: 1,
        },
        names,
        credentials,
        renew: Some(SecretSource::File(folder.join("token"))),
        route: Route::default(),
        warnings: Vec::new(),
        hook: None,
        is_hook_left_out: false,
        readiness,
    };
    run::open(plan, clock, tasks).await.expect("the feed opens")
}
