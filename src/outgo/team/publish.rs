//! The task that publishes an org.

mod state;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;

use super::lease::{Holder, LEASE_FOR, LeaseKeeper};
use super::page::{self, Facts, Next};
use crate::clock::Clock;
use crate::consent::{KnownOrg, Label, OrgId, Rev, Seq};
use crate::jetstream::{LinkState, RequestError, Retention, TeamLink};
use crate::journal::{OrgJournal, Published, ReadError, Reader, TeamStream};
use crate::report::{Board, Fault, Part, Pulse};
use crate::tasks::Tasks;
use crate::team::{
    LEASE_STREAM, Lease, State, Stream, TeamPage, TeamProgress, Through, check_schema, escape, pack,
};

/// Everything that publishing an org needs.
pub struct PublishDoors {
    /// The org.
    pub org: KnownOrg,
    /// The event kinds that this process asks for.
    pub query: String,
    /// Where to note how far it is published.
    pub journal: OrgJournal,
    /// The state of the parts, which is published too.
    pub board: watch::Sender<Board>,
    /// The clock that hears the org's time.
    pub clock: Clock,
    /// Its stop ends this task, which gives up the lease.
    pub tasks: Tasks,
    /// The connection.
    pub link: watch::Receiver<LinkState>,
    /// The address of the server without the login.
    pub server: Arc<str>,
    /// What this process calls itself: the host and the process.
    pub name: String,
    /// How long the server keeps the events.
    pub keep: Duration,
    /// How far the streams are stored here.
    pub progress: watch::Receiver<TeamProgress>,
    /// Whether there is a way to the org. Without one, this process leaves the lease to others.
    pub can_poll: bool,
    /// Starts everything that asks Okta. The tasks are stopped when another collector has the lease.
    pub begin: Begin,
}

/// Starts tasks, or says why it cannot.
type Begin = Box<dyn Fn(&Tasks) -> Result<(), Box<Fault>> + Send + Sync>;

/// How long a collector that has never reached the server waits before it polls alone.
const ALONE_AFTER: Duration = LEASE_FOR;
/// How long a new holder of the lease waits until it has stored what is on the server.
const WHOLE_WITHIN: Duration = Duration::from_mins(10);
/// The most bytes of a message that watchers may write.
const SMALL_MESSAGE: i32 = 16 * 1024;
/// How often to look whether an administrator has removed a stream.
const MAKE_EVERY: Duration = Duration::from_mins(1);
/// How long the tasks that ask Okta get to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the state is published if nothing changes, and at most if something does.
const STATE_EVERY: Duration = Duration::from_secs(10);
const STATE_AT_MOST: Duration = Duration::from_secs(1);
/// How often it is noted in the journal how far it is published.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long the notes of watchers on how far they have read are kept.
const LAGS_FOR: Duration = Duration::from_mins(5);
/// How often the positions of watchers are read, how many of them, and how many bytes.
const LAGS_EVERY: Duration = Duration::from_secs(15);
const WATCHERS_MAX: usize = 2000;
const LAGS_BYTES: usize = 2_000_000;
/// How many labels wait for their acknowledgments at a time.
const LABELS_AT_ONCE: usize = 64;
/// What the server needs beside the body of a message.
const OVERHEAD: usize = 2048;
/// The wait after a request failed.
const RETRY: Duration = Duration::from_secs(3);

/// Publishes an org until the tasks stop, and polls it as long as this process has the lease. `reader` reads what is to be
/// published.
pub async fn publish(doors: PublishDoors, reader: Reader) {
    let stopping = doors.tasks.stopping();
    let Ok(Some(journal)) = reader.journal_id() else {
        return tracing::error!("The journal's key is damaged, so nothing is published.");
    };
    let lease = Lease {
        journal: journal.clone(),
        collector: doors.name.clone(),
        query: doors.query.clone(),
        at: doors.clock.now(),
    };
    let lease = LeaseKeeper::new(&doors.org.key, lease, doors.clock.clone());
    let mut publisher = Publisher {
        dir: reader.dir(),
        reader: Some(reader),
        begun: doors.clock.uptime(),
        doors,
        journal,
        lease,
        asking: None,
        published: Published::default(),
        noted: Published::default(),
        noted_at: Duration::ZERO,
        last_own: None,
        events: 0,
        labels: 0,
        state_at: None,
        last_state: None,
        watchers: Vec::new(),
        lags_at: None,
        made_at: Duration::ZERO,
        own_fault: None,
        held_since: None,
        is_stream_lost: false,
        left_out: 0,
    };
    stopping.run_until_cancelled(publisher.run()).await;
    publisher.stop_asking().await;
    let link = publisher.doors.link.borrow().link().cloned();
    if let Some(link) = link {
        // The other collectors wait for it.
        let released = publisher.lease.release(&link);
        tokio::time::timeout(PATIENCE, released).await.ok();
    }
}

struct Publisher {
    doors: PublishDoors,
    /// The folder of the journal.
    dir: PathBuf,
    /// Reads the journal, or `None` while another thread does.
    reader: Option<Reader>,
    begun: Duration,
    /// The id of the journal.
    journal: String,
    lease: LeaseKeeper,
    /// What asks Okta, if this process does.
    asking: Option<Tasks>,
    published: Published,
    /// What the journal knows of that.
    noted: Published,
    noted_at: Duration,
    /// The number of the last message that this journal published, or `None` before the server was asked.
    last_own: Option<u64>,
    /// The last message of the stream of events that this process knows.
    events: u64,
    /// The same of the stream of labels.
    labels: u64,
    /// The state that was published last, and the uptime then.
    last_state: Option<State>,
    state_at: Option<Duration>,
    /// How far watchers are behind, when that was read.
    watchers: Vec<(String, u64)>,
    lags_at: Option<Duration>,
    /// The uptime at which the streams were looked at.
    made_at: Duration,
    /// The short form of the fault that this task has put on the board.
    own_fault: Option<String>,
    /// The uptime since which this process has the lease, if it has it.
    held_since: Option<Duration>,
    /// Whether a stream was missing a moment ago.
    is_stream_lost: bool,
    /// Rows that are too large for the server.
    left_out: u64,
}

/// What is to be published next, packed.
struct Prepared {
    next: Next,
    /// The messages, each with the place after it.
    bodies: Vec<(Vec<u8>, Through)>,
    /// Rows that are too large for the server.
    left_out: u64,
}

/// A reader that comes back from another thread, and what it read.
type Preparing = (Reader, Result<Prepared, Ended>);

/// Reads what comes after a place, and packs it.
fn prepare(reader: &Reader, org: OrgId, after: &Published, largest: usize) -> Result<Prepared, Ended> {
    let failed = |error: ReadError| Ended::Journal(Box::new(error.fault()));
    // What came from the server meanwhile need not go there.
    let after = &after.clone().or_farther(&reader.published(org, &after.born).map_err(failed)?);
    let mut next = page::next(reader, org, after).map_err(failed)?;
    let mut left_out = 0;
    let bodies = match next.page.take() {
        Some(page) => page::bodies(page, page::through(after), largest, &mut left_out)
            .map_err(|error| RequestError::Other(error.to_string()))?,
        None => Vec::new(),
    };
    Ok(Prepared { next, bodies, left_out })
}

/// Why one connection is not used any longer.
enum Ended {
    Link,
    Request(RequestError),
    Journal(Box<Fault>),
}

impl From<RequestError> for Ended {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl Publisher {
    async fn run(&mut self) {
        if !self.doors.can_poll {
            // It puts the reason on the board.
            self.start_asking();
        }
        loop {
            let state = self.doors.link.borrow_and_update().clone();
            let LinkState::Up(link) = state else {
                if !self.without_link().await {
                    return;
                }
                continue;
            };
            self.lease.hurry();
            self.last_own = None;
            let ended = self.with(&link).await;
            if let Ended::Request(RequestError::NoStream(name)) = &ended
                && !std::mem::replace(&mut self.is_stream_lost, true)
            {
                tracing::warn!(org = self.doors.org.label(), %name, "A stream is gone; it is made anew.");
                continue;
            }
            let fault = match ended {
                Ended::Link => continue,
                Ended::Request(error) => error.fault(
                    &self.doors.server,
                    "Collecting goes on; what is not published waits in the journal, and the program tries again.",
                ),
                Ended::Journal(fault) => *fault,
            };
            self.fail(&fault);
            self.ask_alone();
            tokio::select! {
                _ = self.doors.clock.sleep(RETRY) => {}
                changed = self.doors.link.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Waits for a connection. A collector that has never had one, and so knows of no other collector, polls after a
    /// while. Returns `false` if there never will be one.
    async fn without_link(&mut self) -> bool {
        let state = self.doors.link.borrow().clone();
        if let LinkState::Down(fault) = state {
            self.fail(&fault.fault(&self.doors.server));
        }
        self.ask_alone();
        let alone_at = if self.asking.is_none() && self.lease.holder == Holder::Unknown {
            self.begun + ALONE_AFTER
        } else {
            Duration::MAX
        };
        tokio::select! {
            changed = self.doors.link.changed() => changed.is_ok(),
            _ = self.doors.clock.sleep_until(alone_at) => true,
        }
    }

    /// Polls without a lease if no collector is known that has it.
    fn ask_alone(&mut self) {
        let is_late = self.doors.clock.uptime() >= self.begun + ALONE_AFTER;
        if is_late && self.lease.holder == Holder::Unknown && self.asking.is_none() {
            tracing::warn!(
                org = self.doors.org.label(),
                "The team's server says nothing of another collector, so this one polls without a lease."
            );
            self.start_asking();
        }
    }

    fn fail(&mut self, fault: &Fault) {
        let mut before = None;
        self.own_fault = Some(fault.brief.clone());
        self.doors.board.send_if_modified(|board| {
            before = board.get(Part::Team).fault().map(|fault| fault.brief.clone());
            board.set(Part::Team, Pulse::Down(fault.clone()))
        });
        if before.as_ref() != Some(&fault.brief) {
            tracing::warn!(org = self.doors.org.label(), causes = ?fault.chain, "{fault}");
        }
    }

    fn start_asking(&mut self) {
        let asking = Tasks::new();
        if let Err(fault) = (self.doors.begin)(&asking) {
            tracing::warn!(org = self.doors.org.label(), "{fault}");
            self.doors.board.send_if_modified(|board| board.set(Part::Poll, Pulse::Down(*fault)));
            // It is tried again in a moment.
            return;
        }
        self.asking = Some(asking);
    }

    async fn stop_asking(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.finish(PATIENCE).await;
        }
    }

    /// Works on one connection until it ends.
    async fn with(&mut self, link: &TeamLink) -> Ended {
        match self.try_with(link).await {
            Ok(()) => Ended::Link,
            Err(ended) => ended,
        }
    }

    async fn try_with(&mut self, link: &TeamLink) -> Result<(), Ended> {
        self.make_streams(link, true).await?;
        self.made_at = self.doors.clock.uptime();
        self.find_own_place(link).await?;
        let mut head = self.doors.journal.head();
        loop {
            if self.doors.link.borrow().link().is_none() {
                return Ok(());
            }
            self.keep_lease(link).await?;
            head.borrow_and_update();
            let facts = self.publish_all(link).await?;
            self.tell_state(link, facts).await?;
            self.note_published().await;
            self.hear_lags(link).await;
            self.is_stream_lost = false;
            if self.doors.clock.uptime() >= self.made_at + MAKE_EVERY {
                self.make_streams(link, false).await?;
                self.made_at = self.doors.clock.uptime();
                let facts = link.stream_facts(&Stream::Events.name(&self.doors.org.key)).await?;
                if facts.born != self.published.born {
                    self.find_own_place(link).await?;
                }
            }
            self.tell_board();
            let next = self.lease.next().min(self.doors.clock.uptime() + STATE_AT_MOST);
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Ok(()) },
                _ = self.doors.clock.sleep_until(next) => {}
                changed = self.doors.link.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// Makes the streams of the org.
    async fn make_streams(&mut self, link: &TeamLink, may_change: bool) -> Result<(), RequestError> {
        let key = &self.doors.org.key;
        let of = |stream: Stream| {
            let (max_age, is_last_only) = match stream {
                Stream::Events => (self.doors.keep, false),
                Stream::Lags => (LAGS_FOR, true),
                _ => (Duration::ZERO, true),
            };
            Retention {
                name: stream.name(key),
                subjects: stream.subjects(key),
                max_age,
                is_last_only,
                is_in_memory: stream == Stream::Lags,
                // Watchers may write these.
                largest: if matches!(stream, Stream::Lags | Stream::Notes) { SMALL_MESSAGE } else { -1 },
                most: if stream == Stream::Lags { WATCHERS_MAX as i64 } else { -1 },
            }
        };
        for wanted in Stream::ALL.map(of) {
            link.make_stream(&wanted, may_change).await?;
        }
        let name = LEASE_STREAM.to_owned();
        let subjects = "cw.lease.>".to_owned();
        let lease = Retention {
            name,
            subjects,
            max_age: LEASE_FOR,
            is_last_only: true,
            is_in_memory: false,
            largest: SMALL_MESSAGE,
            most: -1,
        };
        link.make_stream(&lease, may_change).await
    }

    /// Finds out how far this journal is published: as far as the journal knows, or as the last message that it published
    /// says.
    async fn find_own_place(&mut self, link: &TeamLink) -> Result<(), Ended> {
        let org = self.doors.journal.org();
        let stream = Stream::Events.name(&self.doors.org.key);
        let facts = link.stream_facts(&stream).await?;
        self.events = facts.last;
        let reader = self.take_reader()?;
        let known = reader.published(org, &facts.born);
        let position = reader.stream_position(org, TeamStream::Events);
        self.reader = Some(reader);
        let failed = |error: ReadError| Ended::Journal(Box::new(error.fault()));
        let (known, position) = (known.map_err(failed)?, position.map_err(failed)?);
        // A server that was restored from a backup has less than this journal has seen.
        let is_shorter = position.is_some_and(|at| at.born == facts.born && at.high > facts.last);
        let known =
            if is_shorter { Published { born: facts.born.clone(), ..Published::default() } } else { known };
        let found = link.last_of(&stream, &self.subject()).await?;
        self.last_own = Some(found.as_ref().map_or(0, |message| message.seq));
        let readable = found.filter(|message| check_schema(message.schema.as_deref()).is_ok());
        let page = readable.and_then(|message| TeamPage::of_body(&message.body).ok());
        self.published = match page.map(|page| page.through) {
            // Without one, it is new there, the stream was made anew, or the server has removed it by its age.
            None => known.clone(),
            Some(place) => Published {
                born: facts.born,
                row: known.row.max(Seq(place.row)),
                change: known.change.max(Rev(place.change)),
                side: known.side.max(place.side),
            },
        };
        self.noted = known;
        Ok(())
    }

    fn subject(&self) -> String {
        format!("{}.{}", Stream::Events.subject(&self.doors.org.key), self.journal)
    }

    /// Takes or renews the lease when that is due, and does what follows from it.
    async fn keep_lease(&mut self, link: &TeamLink) -> Result<(), RequestError> {
        if !self.doors.can_poll {
            return Ok(());
        }
        self.lease.keep(link).await?;
        self.follow_lease().await;
        Ok(())
    }

    /// Starts or stops what asks Okta, as the lease says.
    async fn follow_lease(&mut self) {
        match (&self.lease.holder, self.asking.is_some()) {
            (Holder::Own(_), false) => {
                // Where the collector before it stopped comes with what is on the server.
                let up = self.doors.clock.uptime();
                let since = *self.held_since.get_or_insert(up);
                if !self.doors.progress.borrow().is_whole {
                    if up < since + WHOLE_WITHIN {
                        return;
                    }
                    tracing::warn!(
                        org = self.doors.org.label(),
                        "Not everything of the team's server is stored here yet; polling begins all the same."
                    );
                }
                tracing::info!(org = self.doors.org.label(), "This collector polls now.");
                self.start_asking();
                self.state_at = None;
            }
            (Holder::Other(lease), is_asking) => {
                self.held_since = None;
                let holder = lease.collector.clone();
                let words = if lease.query == self.doors.query {
                    Vec::new()
                } else {
                    vec![format!(
                        "The collector {} polls {} and asks for other events than this one: {} there, {} here. Give \
                         both the same poll.events.",
                        lease.collector,
                        self.doors.org.label(),
                        lease.query,
                        self.doors.query
                    )]
                };
                if is_asking {
                    tracing::warn!(org = self.doors.org.label(), %holder, "Another collector polls now.");
                    self.stop_asking().await;
                }
                self.doors.board.send_if_modified(|board| {
                    let is_new = board.set(Part::Poll, Pulse::Elsewhere(holder.clone()));
                    board.set(Part::Readiness, Pulse::Elsewhere(holder));
                    for note in words.iter().filter(|note| !board.notes.poll.contains(note)) {
                        tracing::warn!("{note}");
                    }
                    std::mem::replace(&mut board.notes.poll, words.clone()) != words || is_new
                });
            }
            _ => {}
        }
    }

    /// Publishes everything that is new. Returns what the state says of the journal at that moment.
    async fn publish_all(&mut self, link: &TeamLink) -> Result<Option<Facts>, Ended> {
        let mut prepared = self.prepare(link, self.published.clone()).await?;
        loop {
            let Prepared { next, bodies, left_out } = prepared;
            let Next { labels, published, has_more, facts, .. } = next;
            self.note_left_out(left_out);
            let following =
                if has_more { Some(self.begin_to_prepare(link, published.clone())?) } else { None };
            let sent = self.send_all(link, &labels, bodies).await;
            let following = match following {
                Some(following) => Some(self.finish_preparing(following.await)?),
                None => None,
            };
            sent?;
            self.published = published;
            let Some(following) = following else { return Ok(facts) };
            prepared = following;
            self.keep_lease(link).await?;
            if self.doors.clock.uptime() >= self.noted_at + NOTE_EVERY {
                self.note_published().await;
            }
        }
    }

    fn take_reader(&mut self) -> Result<Reader, Ended> {
        match self.reader.take() {
            Some(reader) => Ok(reader),
            // A thread took it along.
            None => Reader::open(&self.dir).map_err(|error| Ended::Journal(Box::new(error.fault()))),
        }
    }

    /// Begins to read what comes after a place, and to pack it, on another thread.
    fn begin_to_prepare(
        &mut self,
        link: &TeamLink,
        after: Published,
    ) -> Result<impl Future<Output = Option<Preparing>> + use<>, Ended> {
        let (reader, org) = (self.take_reader()?, self.doors.journal.org());
        let largest = link.max_payload().saturating_sub(OVERHEAD);
        let work = tokio::task::spawn_blocking(move || {
            let prepared = prepare(&reader, org, &after, largest);
            (reader, prepared)
        });
        Ok(async { work.await.ok() })
    }

    fn finish_preparing(&mut self, done: Option<Preparing>) -> Result<Prepared, Ended> {
        let Some((reader, prepared)) = done else {
            return Err(
                RequestError::Other("nothing: what it was to be told could not be read".to_owned()).into()
            );
        };
        self.reader = Some(reader);
        prepared
    }

    async fn prepare(&mut self, link: &TeamLink, after: Published) -> Result<Prepared, Ended> {
        let done = self.begin_to_prepare(link, after)?.await;
        self.finish_preparing(done)
    }

    fn note_left_out(&mut self, left_out: u64) {
        if left_out > 0 {
            self.left_out += left_out;
            tracing::warn!(
                org = self.doors.org.label(),
                left_out,
                "Events are too large for the team's server."
            );
        }
    }

    async fn publish_labels(&mut self, link: &TeamLink, labels: &[Label]) -> Result<(), Ended> {
        let prefix = Stream::Labels.subject(&self.doors.org.key);
        let mut sent = FuturesUnordered::new();
        let mut numbers = Vec::new();
        for label in labels {
            let subject = format!("{prefix}.{}.{}", label.thing.code(), escape(label.id.exact()));
            let body = serde_json::to_vec(label).map_err(std::io::Error::from).and_then(|body| pack(&body));
            let body = body.map_err(|error| RequestError::Other(error.to_string()))?;
            let (link, journal) = (link.clone(), self.journal.clone());
            sent.push(async move { link.publish(subject, Some(&journal), body, None).await });
            if sent.len() >= LABELS_AT_ONCE {
                numbers.extend(sent.next().await);
            }
        }
        while let Some(number) = sent.next().await {
            numbers.push(number);
        }
        for number in numbers {
            self.labels = self.labels.max(number?);
        }
        Ok(())
    }

    /// Publishes names, and then the bodies of a page.
    async fn send_all(
        &mut self,
        link: &TeamLink,
        labels: &[Label],
        bodies: Vec<(Vec<u8>, Through)>,
    ) -> Result<(), Ended> {
        self.publish_labels(link, labels).await?;
        for (body, place) in bodies {
            let number = self.publish_body(link, body, place).await?;
            self.last_own = Some(number);
            self.events = self.events.max(number);
            let now = format!("cw.now.{}", escape(&self.doors.org.key));
            link.send(now, number.to_string().into_bytes()).await;
        }
        Ok(())
    }

    /// Publishes a message. After a lost acknowledgment the server has it already, and says that the subject has moved on.
    async fn publish_body(
        &mut self,
        link: &TeamLink,
        body: Vec<u8>,
        place: Through,
    ) -> Result<u64, RequestError> {
        let expected = self.last_own.unwrap_or(0);
        match link.publish(self.subject(), Some(&self.journal), body.clone(), Some(expected)).await {
            Err(RequestError::Overtaken) => {
                let stream = Stream::Events.name(&self.doors.org.key);
                let found = link.last_of(&stream, &self.subject()).await?;
                match found {
                    // The message that was sent before, with everything in it.
                    Some(message) if message.body == body => Ok(message.seq),
                    // The server has removed the last one by its age, or the stream was made anew.
                    None => {
                        let facts = link.stream_facts(&stream).await?;
                        if facts.born != self.published.born {
                            return Err(RequestError::NoStream(stream));
                        }
                        link.publish(self.subject(), Some(&self.journal), body, Some(0)).await
                    }
                    Some(message) => {
                        tracing::warn!(
                            seq = message.seq,
                            ?place,
                            "The subject of this journal was written by another."
                        );
                        Err(RequestError::Overtaken)
                    }
                }
            }
            number => number,
        }
    }
}
