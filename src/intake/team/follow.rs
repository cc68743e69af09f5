//! Follows the streams of an org: the newest rows first, the older ones behind them, and every new one as it comes.

mod state;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::decode::{Decoded, decode};
use super::fetch::{BYTES, Older, batch_of, decoded, fetch_older};
use crate::clock::Clock;
use crate::consent::{KnownOrg, Label};
use crate::jetstream::{FetchedMessages, LinkState, RequestError, StreamFacts, TeamLink};
use crate::journal::{
    AppendError, Batch, Commit, OrgJournal, ReadError, Reader, StreamPosition, TeamBatch, TeamStream,
};
use crate::report::{Board, Fault, Gap, Part, Pulse};
use crate::tasks::Tasks;
use crate::team::{Lag, MessageError, State, Stream, TeamProgress, check_schema, escape, unpack};

/// Everything that following an org needs.
pub struct TeamDoors {
    /// The org.
    pub org: KnownOrg,
    /// Where to store what comes.
    pub journal: OrgJournal,
    /// Reads how far it is stored.
    pub reader: Reader,
    /// Where people see the state.
    pub board: watch::Sender<Board>,
    /// The clock that hears the org's time.
    pub clock: Clock,
    /// Counts the work that is under way.
    pub tasks: Tasks,
    /// The connection.
    pub link: watch::Receiver<LinkState>,
    /// The address of the server without the login.
    pub server: Arc<str>,
    /// Makes this task look at once.
    pub nudge: Arc<Notify>,
    /// What this process calls itself: the host and the process.
    pub name: String,
    /// Whether this process is a collector too, which has the board to itself.
    pub is_collector: bool,
    /// Tells a collector how far this task has come.
    pub progress: watch::Sender<TeamProgress>,
}

/// How many new messages are asked for at first, and how many bytes.
const FIRST_MESSAGES: usize = 16;
const FIRST_BYTES: usize = 400_000;
/// The most messages in one transaction.
const MESSAGES_MAX: usize = 1000;
/// How often to look without being told.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often to look for a message that another node of the server's cluster has, and how many times.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOKS_MAX: u32 = 20;
/// How often to ask whether the stream is still the same one.
const FACTS_EVERY: Duration = Duration::from_mins(1);
/// How often a watcher says how far it has read if nothing happens.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// How often it says so at most.
const SAY_AT_MOST: Duration = Duration::from_secs(30);
/// How often a good poll without events is stored.
const POLL_EVERY: Duration = Duration::from_mins(1);
/// When a collector looks first for streams that it is about to make; later ones take twice as long each.
const MADE_WITHIN: Duration = Duration::from_millis(100);
/// The wait after a request failed.
const RETRY: Duration = Duration::from_secs(5);

/// Why one connection is not followed any longer.
enum Ended {
    /// The connection broke, or there is another.
    Link,
    /// A request failed.
    Request(RequestError),
    /// A message of a later version stands in the way.
    Newer(MessageError),
    /// The journal does not store, for now.
    Journal(Box<Fault>),
    /// The journal is closed for good.
    Closed,
}

impl From<RequestError> for Ended {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Self {
        Self::Journal(Box::new(error.fault()))
    }
}

/// Follows an org until the journal is closed or the task is canceled.
pub async fn follow(doors: TeamDoors) {
    let own = if doors.is_collector { doors.reader.journal_id().ok().flatten() } else { None };
    let mut follower = Follower {
        doors,
        own,
        position: None,
        first: 1,
        chunk: 1,
        older: None,
        floor: None,
        state: None,
        state_seq: 0,
        applied: None,
        poll_stored: None,
        labels: None,
        facts_at: None,
        last_lag: None,
        unread: 0,
        holder: None,
        own_fault: None,
        lease_at: None,
        announced_last: None,
    };
    let mut look_again = MADE_WITHIN;
    loop {
        let Some(link) = follower.wait_for_link().await else { return };
        let ended = follower.with(&link).await;
        follower.progress(false);
        let fault = match ended {
            Ok(()) | Err(Ended::Link) => continue,
            Err(Ended::Closed) => return,
            // A collector makes the streams in another task, and says there if it cannot.
            Err(Ended::Request(RequestError::NoStream(_))) if follower.doors.is_collector => {
                follower.facts_at = None;
                drop(follower.doors.clock.sleep(look_again).await);
                look_again = (look_again * 2).min(RETRY);
                continue;
            }
            Err(Ended::Request(error)) => {
                error.fault(&follower.doors.server, "The program tries again and shows what is stored here.")
            }
            Err(Ended::Newer(error)) => newer(&error),
            Err(Ended::Journal(fault)) => *fault,
        };
        follower.facts_at = None;
        follower.fail(&fault);
        // The state of the connection was looked at before, so only a new one ends the wait.
        let TeamDoors { clock, link, nudge, .. } = &mut follower.doors;
        tokio::select! {
            _ = clock.sleep(RETRY) => {}
            changed = link.changed() => if changed.is_err() { return },
            () = nudge.notified() => {}
        }
    }
}

fn newer(error: &MessageError) -> Fault {
    Fault::new(
        Part::Team,
        "newer collector",
        &format!("A message of the collector cannot be read: {error}."),
        "What comes after it waits on the server; nothing is lost.",
        "Update consentwatch on this machine.",
    )
}

struct Follower {
    doors: TeamDoors,
    /// The id of the journal if this process publishes too. Its own messages are left out.
    own: Option<String>,
    /// How far the stream of events is stored, or `None` before it was looked at.
    position: Option<StreamPosition>,
    /// The first message of the stream.
    first: u64,
    /// How many older messages to ask for.
    chunk: usize,
    /// Older messages that were fetched while others were stored.
    older: Option<Older>,
    /// The time before which rows may be missing because the server has removed their messages, once it is known.
    floor: Option<Timestamp>,
    state: Option<State>,
    state_seq: u64,
    /// The part of the state that was stored last.
    applied: Option<Batch>,
    /// The uptime at which a good poll was stored last.
    poll_stored: Option<Duration>,
    labels: Option<StreamPosition>,
    facts_at: Option<Duration>,
    /// What the server was told last of how far this watcher has read, and the uptime then.
    last_lag: Option<(Duration, Lag)>,
    /// How many messages or rows could not be read.
    unread: u64,
    /// The collector that has the lease, or `None` if none has it.
    holder: Option<String>,
    /// The short form of the fault that this task has told.
    own_fault: Option<String>,
    /// The uptime at which the lease was asked for.
    lease_at: Option<Duration>,
    /// What the collector says that the last message is, and how often it was looked for in vain.
    announced_last: Option<(u64, u32)>,
}

impl Follower {
    /// Waits for a connection and shows why there is none. Returns `None` if there never will be.
    async fn wait_for_link(&mut self) -> Option<TeamLink> {
        loop {
            let state = self.doors.link.borrow_and_update().clone();
            match state {
                LinkState::Up(link) => return Some(*link),
                LinkState::Connecting => {
                    let board = &self.doors.board;
                    board.send_if_modified(|board| board.set(Part::Team, Pulse::Starting));
                }
                LinkState::Down(fault) => self.fail(&fault.fault(&self.doors.server)),
            }
            self.doors.link.changed().await.ok()?;
        }
    }

    /// Shows a fault. A watcher has no other way to its rows, so its poll has the fault too.
    fn fail(&mut self, fault: &Fault) {
        let mut before = None;
        self.own_fault = Some(fault.brief.clone());
        let is_collector = self.doors.is_collector;
        self.doors.board.send_if_modified(|board| {
            before = board.get(Part::Team).fault().map(|fault| fault.brief.clone());
            let of_poll = Fault { part: Part::Poll, ..fault.clone() };
            let poll = !is_collector && board.set(Part::Poll, Pulse::Down(of_poll));
            board.set(Part::Team, Pulse::Down(fault.clone())) || poll
        });
        if before.as_ref() != Some(&fault.brief) {
            tracing::warn!(org = self.doors.org.label(), causes = ?fault.chain, "{fault}");
        }
    }

    /// Follows as long as the connection lasts.
    async fn with(&mut self, link: &TeamLink) -> Result<(), Ended> {
        let key = self.doors.org.key.clone();
        let mut pokes = link.listen(format!("cw.now.{}", escape(&key))).await?;
        let mut busy = self.doors.tasks.busy();
        loop {
            if self.doors.link.has_changed().is_err() {
                return Err(Ended::Closed);
            }
            if self.doors.link.borrow().link().is_none() {
                return Err(Ended::Link);
            }
            let up = self.doors.clock.uptime();
            if self.facts_at.is_none_or(|at| at + FACTS_EVERY <= up) {
                let facts = link.stream_facts(&Stream::Events.name(&key)).await?;
                self.settle(link, &facts).await?;
                self.facts_at = Some(up);
            }
            let newest = self.load_newer(link).await;
            if matches!(newest, Err(Ended::Newer(_))) {
                // What is older than the message that cannot be read need not wait for it.
                while self.load_older(link).await? {}
            }
            newest?;
            let has_older = self.load_older(link).await?;
            let has_labels = self.load_labels(link).await?;
            self.hear_state(link).await?;
            self.apply_state().await?;
            self.tell(has_older);
            self.say(link, has_older).await;
            self.progress(!has_older && self.is_state_applied());
            if has_older || has_labels {
                continue;
            }
            drop(busy);
            let wait = self.wait();
            tokio::select! {
                poke = pokes.next() => {
                    let Some(poke) = poke else { return Err(Ended::Link) };
                    self.poked(&poke.payload);
                    // One look answers all that wait.
                    while let Some(Some(poke)) = futures_util::FutureExt::now_or_never(pokes.next()) {
                        self.poked(&poke.payload);
                    }
                }
                _ = self.doors.clock.sleep(wait) => {}
                changed = self.doors.link.changed() => if changed.is_err() { return Err(Ended::Closed) },
                () = self.doors.nudge.notified() => self.facts_at = None,
            }
            busy = self.doors.tasks.busy();
        }
    }

    /// Looks at what the collector says that the last message is. If this journal has later ones, the stream is another.
    fn poked(&mut self, payload: &[u8]) {
        let last: Option<u64> = std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok());
        let (Some(position), Some(last)) = (&self.position, last) else { return };
        if last < position.high {
            self.facts_at = None;
        }
        self.announced_last = (last > position.high).then_some((last, 0));
    }

    /// Returns how long to wait without being told. Another node of a cluster than the one that was asked may have the last
    /// message already.
    fn wait(&mut self) -> Duration {
        let high = self.position.as_ref().map_or(0, |position| position.high);
        self.announced_last = self.announced_last.filter(|(last, _)| *last > high);
        // What the state builds upon is on the server.
        if let (None, Some(state)) = (&self.announced_last, &self.state)
            && state.events > high
        {
            self.announced_last = Some((state.events, 0));
        }
        match &mut self.announced_last {
            Some((last, looks)) if *last > high && *looks < LOOKS_MAX => {
                *looks += 1;
                LOOK_AGAIN
            }
            _ => LOOK_EVERY,
        }
    }

    /// Compares the stream with what is stored. Begins at the newest messages if nothing is, or if the stream was made
    /// anew; notes a gap if the server has removed messages that this journal never got.
    async fn settle(&mut self, link: &TeamLink, facts: &StreamFacts) -> Result<(), Ended> {
        self.first = facts.first.max(1);
        if self.position.is_none() {
            let org = self.doors.journal.org();
            self.position = self.doors.reader.stream_position(org, TeamStream::Events)?;
            self.labels = self.doors.reader.stream_position(org, TeamStream::Labels)?;
        }
        // A server that was restored from a backup has less than this journal has seen.
        let is_same = |at: &StreamPosition| at.born == facts.born && at.high <= facts.last;
        let known = self.position.take().filter(is_same);
        if known.is_none() {
            (self.older, self.floor, self.applied, self.chunk) = (None, None, None, 1);
        }
        // The state's stream may have been made anew by itself.
        self.state_seq = 0;
        let had_other =
            known.is_none() && self.doors.reader.newest_grant(self.doors.journal.org())?.is_some();
        let mut position = known.unwrap_or_else(|| {
            // The newest message is on the screen soonest if it comes alone.
            let low = facts.last.max(self.first);
            StreamPosition { stream: TeamStream::Events, born: facts.born.clone(), low, high: low - 1 }
        });
        if had_other {
            tracing::warn!(
                org = self.doors.org.label(),
                "The stream of events was made anew; it is read from its beginning, and no row is stored twice."
            );
        }
        if position.high + 1 < self.first {
            self.note_removed(link, position.high + 1, self.first).await?;
            position.low = self.first;
            position.high = self.first - 1;
        }
        self.position = Some(position);
        Ok(())
    }

    /// Notes that messages were removed before they came here: from a number on, up to the next one that is there.
    async fn note_removed(&mut self, link: &TeamLink, from: u64, next: u64) -> Result<(), Ended> {
        let coverage = self.doors.reader.coverage(self.doors.journal.org())?;
        // Without a poll, nothing is called complete that a gap could limit.
        let Some(from_time) = coverage.last_good_poll else { return Ok(()) };
        // A message may have nothing but rows that changed long after they came.
        let received = self.received_at(link, next).await?.filter(|received| *received > from_time);
        let to = received.unwrap_or_else(|| self.doors.clock.sure());
        let count = next.saturating_sub(from);
        let messages = if count == 1 { "message" } else { "messages" };
        let why = format!("The team's server removed {count} {messages} before this machine had them");
        tracing::warn!(org = self.doors.org.label(), "{why}.");
        let gap = Gap { from: from_time, to, why };
        self.store(Batch {
            team: Some(Box::new(TeamBatch { gaps: vec![gap], ..TeamBatch::default() })),
            ..Batch::default()
        })
        .await
    }

    /// Returns when the collector received the newest row of the first message from a number on that has rows. What older
    /// messages had was received before that.
    pub(super) async fn received_at(
        &mut self,
        link: &TeamLink,
        from: u64,
    ) -> Result<Option<Timestamp>, Ended> {
        let found = self.fetch(link, from, FIRST_MESSAGES, FIRST_BYTES).await?;
        Ok(decode(&found.messages, None).first_newest)
    }

    async fn fetch(
        &mut self,
        link: &TeamLink,
        from: u64,
        most: usize,
        bytes: usize,
    ) -> Result<FetchedMessages, Ended> {
        Ok(link.fetch(&Stream::Events.name(&self.doors.org.key), from, most, bytes).await?)
    }

    /// Stores the messages above the highest that is stored.
    async fn load_newer(&mut self, link: &TeamLink) -> Result<(), Ended> {
        let mut most = FIRST_MESSAGES;
        loop {
            let Some(position) = self.position.clone() else { return Ok(()) };
            let found = self.fetch(link, position.high + 1, most, BYTES).await?;
            let Some(first) = found.messages.first() else { return Ok(()) };
            if first.seq > position.high + 1 && position.high >= position.low {
                // Messages are missing in between: removed by their age, or by hand.
                self.note_removed(link, position.high + 1, first.seq).await?;
            }
            let is_last = found.pending == 0;
            let decoded = decoded(found.messages, self.own.clone()).await;
            let newer = decoded.last.max(position.high);
            let (stopped, position) = (decoded.newer.is_some(), StreamPosition { high: newer, ..position });
            self.keep(decoded, position).await?;
            if is_last || stopped {
                return Ok(());
            }
            most = MESSAGES_MAX;
        }
    }

    /// Stores some of the messages below the lowest that is stored, and meanwhile fetches those below them. Returns whether
    /// there are more.
    async fn load_older(&mut self, link: &TeamLink) -> Result<bool, Ended> {
        let Some(position) = self.position.clone() else { return Ok(false) };
        if position.low <= self.first {
            return Ok(false);
        }
        let (low, lowest) = (position.low, self.first);
        let older = match self.older.take().filter(|older| older.below == low && older.from >= lowest) {
            Some(older) => older,
            None => self.fetch_older(link, low).await?,
        };
        let (from, is_cut) = (older.from, older.decoded.newer.is_some());
        if is_cut {
            // What comes after the message that cannot be read is not stored yet, so the place stays. Smaller steps come
            // as near to it as possible.
            self.chunk = 1;
        } else {
            self.adapt_chunk(older.bytes);
            if from == lowest && lowest > 1 {
                self.floor = older.decoded.first_newest;
            }
        }
        let next = if is_cut { position } else { StreamPosition { low: from, ..position } };
        let chunk = self.chunk;
        let fetched = async {
            if from <= lowest || is_cut {
                return Ok(None);
            }
            let (stream, own) = (Stream::Events.name(&self.doors.org.key), self.own.clone());
            fetch_older(link.clone(), stream, own, (from.saturating_sub(chunk as u64).max(lowest), from))
                .await
                .map(Some)
        };
        let journal = self.doors.journal.clone();
        let newer = older.decoded.newer;
        let batch = batch_of(older.decoded.consents, older.decoded.sides, older.decoded.persons, &next, true);
        let (stored, fetched) = tokio::join!(journal.append(batch), fetched);
        self.note_unread(older.decoded.unread, older.decoded.why);
        kept(stored)?;
        self.position = Some(next);
        self.older = fetched?;
        newer.map_or(Ok(from > lowest), |error| Err(Ended::Newer(error)))
    }

    async fn fetch_older(&mut self, link: &TeamLink, below: u64) -> Result<Older, Ended> {
        let (stream, own) = (Stream::Events.name(&self.doors.org.key), self.own.clone());
        let from = below.saturating_sub(self.chunk as u64).max(self.first);
        Ok(fetch_older(link.clone(), stream, own, (from, below)).await?)
    }

    /// Asks for more messages at a time as long as they are small.
    fn adapt_chunk(&mut self, bytes: usize) {
        if bytes < BYTES / 4 {
            self.chunk = (self.chunk * 2).min(MESSAGES_MAX);
        } else if bytes > BYTES {
            self.chunk = (self.chunk / 2).max(1);
        }
    }

    /// Stores what messages hold, together with how far they are stored.
    async fn keep(&mut self, decoded: Decoded, position: StreamPosition) -> Result<(), Ended> {
        let Decoded { consents, sides, persons, unread, why, newer, .. } = decoded;
        self.note_unread(unread, why);
        let is_empty = consents.is_empty() && sides.is_empty() && persons.is_empty();
        let is_stored = self.position.as_ref() == Some(&position);
        if !(is_empty && is_stored) {
            self.store(batch_of(consents, sides, persons, &position, false)).await?;
            self.position = Some(position);
        }
        newer.map_or(Ok(()), |error| Err(Ended::Newer(error)))
    }

    fn note_unread(&mut self, unread: u64, why: Option<String>) {
        if unread > 0 {
            self.unread += unread;
            let why = why.unwrap_or_default();
            tracing::warn!(org = self.doors.org.label(), unread, %why, "Messages could not be read.");
        }
    }

    async fn store(&mut self, batch: Batch) -> Result<(), Ended> {
        kept(self.doors.journal.append(batch).await)
    }

    /// Stores some of the names that are new. Returns whether there may be more.
    async fn load_labels(&mut self, link: &TeamLink) -> Result<bool, Ended> {
        let stream = Stream::Labels.name(&self.doors.org.key);
        // Whether the stream is the same one is known by the stream of events: a server that lost one lost both.
        let Some(born) = self.position.as_ref().map(|position| position.born.clone()) else {
            return Ok(false);
        };
        let known = self.labels.clone().filter(|position| position.born == born);
        let from = known.as_ref().map_or(1, |position| position.high + 1);
        let found = match link.fetch(&stream, from, MESSAGES_MAX, BYTES).await {
            Err(RequestError::NoStream(_)) => return Ok(false),
            found => found?,
        };
        let Some(last) = found.messages.last().map(|message| message.seq) else { return Ok(false) };
        let mut labels = Vec::new();
        for message in &found.messages {
            if self.own.is_some() && message.journal == self.own {
                continue;
            }
            let body = check_schema(message.schema.as_deref()).and_then(|()| unpack(&message.body));
            match body.map(|body| serde_json::from_slice::<Label>(&body)) {
                Ok(Ok(label)) => labels.push(label),
                Err(error @ MessageError::Newer { .. }) => return Err(Ended::Newer(error)),
                _ => self.unread += 1,
            }
        }
        let position = StreamPosition { stream: TeamStream::Labels, born, low: 1, high: last };
        let team = TeamBatch { streams: vec![position.clone()], ..TeamBatch::default() };
        self.store(Batch { labels, team: Some(Box::new(team)), ..Batch::default() }).await?;
        self.labels = Some(position);
        Ok(found.pending > 0)
    }

    /// Tells the server how far this watcher has read.
    async fn say(&mut self, link: &TeamLink, has_older: bool) {
        if self.doors.is_collector {
            return;
        }
        let Some(position) = &self.position else { return };
        let up = self.doors.clock.uptime();
        let backlog = if has_older { position.low.saturating_sub(self.first) } else { 0 };
        let at = self.doors.clock.now();
        let lag = Lag { watcher: self.doors.name.clone(), events: position.high, backlog, at };
        let is_same = |said: &Lag| said.events == lag.events && said.backlog == lag.backlog;
        let is_due = self
            .last_lag
            .as_ref()
            .is_none_or(|(at, said)| *at + SAY_EVERY <= up || (!is_same(said) && *at + SAY_AT_MOST <= up));
        if !is_due {
            return;
        }
        let subject = format!("{}.{}", Stream::Lags.subject(&self.doors.org.key), escape(&lag.watcher));
        let Ok(body) = lag.to_body() else { return };
        if let Err(error) = link.publish(subject, None, body, None).await {
            tracing::debug!(%error, "The team's server was not told how far this watcher has read.");
        }
        self.last_lag = Some((up, lag));
    }

    fn progress(&self, is_whole: bool) {
        let events = self.position.as_ref().map_or(0, |position| position.high);
        let now = TeamProgress { is_whole, events };
        self.doors.progress.send_if_modified(|told| std::mem::replace(told, now) != now);
    }
}

fn kept(stored: Result<Commit, AppendError>) -> Result<(), Ended> {
    match stored {
        Ok(_) => Ok(()),
        Err(AppendError::Closed) => Err(Ended::Closed),
        Err(error) => Err(Ended::Journal(Box::new(error.fault()))),
    }
}
