//! The listener of the event hook. Only Okta should call it, but anybody can.
//!
//! A delivery is acknowledged only once it is on the disk, and within Okta's three seconds. Memory and connections stay
//! bounded, whatever a client sends and however slowly. The secret is checked before a body is read. A connection stays
//! open after an answer only if its request showed the secret, and when all slots are taken a new connection gets the
//! slot of one that is idle or has yet to send a request.

mod ceiling;
mod service;
mod slots;
mod tally;
mod tls;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

pub use self::ceiling::Ceiling;
pub use self::tls::TlsError;
use ceiling::Room;
use service::{HookService, Target};
use slots::{SLOTS, Slot, Slots, Taken};
use tally::Tally;

use crate::clock::Clock;
use crate::journal::{Batch, Listening, OrgJournal};
use crate::okta::hook_delivery::Secrets;
use crate::report::{Board, Fault, Part, Pulse};
use crate::tasks::Tasks;

/// Where to listen, and which requests to accept.
#[derive(Clone)]
pub struct HookPlan {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// What to accept for each org, at least one, each with a path of its own. Other paths get 404, except the health
    /// checks.
    pub targets: Vec<HookTarget>,
    /// TLS, or `None` if a proxy in front terminates it.
    pub tls: Option<Tls>,
    /// How many rows of one org to accept that its log has not shown.
    pub ceiling: Ceiling,
}

/// What the listener accepts for one org.
#[derive(Clone, Debug)]
pub struct HookTarget {
    /// The place of the org among those that the listener works for.
    pub place: usize,
    /// The path that Okta calls.
    pub path: String,
    /// The secrets that a delivery may show.
    pub secrets: Secrets,
}

/// The handles with which the listener works for one org.
#[derive(Debug)]
pub struct HookDoors {
    /// Stores deliveries.
    pub journal: OrgJournal,
    /// Shows the listener's status.
    pub board: watch::Sender<Board>,
    /// The clock that hears the org's time.
    pub clock: Clock,
}

/// Accepts TLS connections.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a certificate chain and its key, both PEM.
    ///
    /// # Errors
    /// Returns an error if a file cannot be used, or if the two do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        tls::acceptor(certificate, key).map(Self)
    }
}

impl std::fmt::Debug for HookPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookPlan")
            .field("listen", &self.listen)
            .field("targets", &self.targets)
            .field("tls", &self.tls.is_some())
            .field("ceiling", &self.ceiling)
            .finish()
    }
}

/// The most sockets open at a time: those with a slot, and those that lost theirs and have yet to close.
const SOCKETS: usize = 2 * SLOTS;
/// The most concurrent requests in one HTTP/2 connection.
const STREAMS: u32 = 32;
/// How often a connection is checked while a request is in progress. The request has its own time limit.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long other requests on a connection may go on after a request without the secret was answered.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// The most bytes for the start of an HTTP/1.1 request. It is more than [`service::HEADERS_MAX`], so that headers over
/// that limit get an answer of their own.
const HEAD_MAX: usize = 2 * service::HEADERS_MAX;
/// How long a connection that lost its slot has to send an answer.
const EVICTED: Duration = Duration::from_secs(1);
/// How long requests in progress have when the program ends.
const DRAIN: Duration = Duration::from_millis(1500);
/// How often binding the address is retried.
const BIND_EVERY: Duration = Duration::from_secs(10);
/// How often the journal is told that the listener is up.
const NOTE_EVERY: Duration = Duration::from_mins(1);
/// Two computed start times that differ by no more than this are the same start: clocks drift a little.
const SAME: SignedDuration = SignedDuration::from_mins(5);
/// Connections that the kernel completes before they are accepted; it caps this at its own limit
/// (`net.core.somaxconn` on Linux). If a flood fills the queue, the kernel drops the first packet of the next
/// connection, and the client sends it again only after a second.
const BACKLOG: u32 = 4096;
/// How long to wait after `accept` failed, for example for lack of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Listens until the tasks stop. If the address cannot be bound, it is retried. `doors` has an entry for each org, by its
/// place.
pub async fn run(plan: HookPlan, doors: Vec<HookDoors>, clock: Clock, tasks: Tasks) {
    let scheme = if plan.tls.is_some() { "https" } else { "http" };
    let mut doors: Vec<Option<HookDoors>> = doors.into_iter().map(Some).collect();
    let (mut targets, mut boards) = (Vec::new(), Vec::new());
    let is_only = plan.targets.len() == 1;
    for HookTarget { place, path, secrets } in plan.targets {
        let Some(HookDoors { journal, board, clock }) = doors.get_mut(place).and_then(Option::take) else {
            continue;
        };
        let in_memory = if is_only { service::IN_MEMORY_MAX } else { service::IN_MEMORY_MAX / 2 };
        targets.push(Target {
            path,
            secrets,
            journal,
            board: board.subscribe(),
            clock,
            tally: Tally::default(),
            in_memory: Semaphore::new(in_memory),
            unconfirmed: Room::below(plan.ceiling),
        });
        boards.push(board);
    }
    let Some(first) = targets.first().map(|target| target.tally.clone()) else { return };
    let in_memory = Semaphore::new(service::IN_MEMORY_MAX);
    let service = Arc::new(HookService { targets, clock: clock.clone(), in_memory });
    for board in &boards {
        board.send_if_modified(|board| board.set(Part::Hook, Pulse::Starting));
    }
    let listener = bind(plan.listen, &boards, &clock).await;
    let address = listener.local_addr().unwrap_or(plan.listen);
    for (target, board) in service.targets.iter().zip(boards) {
        let at = format!("{scheme}://{address}{}", target.path);
        tracing::info!(at, "The hook's listener is up.");
        let Target { tally, journal, clock, .. } = target;
        tally.listens(at, clock.sure());
        tasks.spawn("hook presence", note_listening(journal.clone(), tally.clone(), clock.clone()));
        tasks.spawn("hook health", tally.clone().tell(board, clock.clone()));
    }
    let sockets = Arc::new(Semaphore::new(SOCKETS));
    let slots = Arc::new(Slots::default());
    loop {
        let Ok(permit) = Arc::clone(&sockets).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let taken = slots.enter(&clock, |evicted| first.crowded(evicted, clock.sure())).await;
                let connection = Connection {
                    service: Arc::clone(&service),
                    clock: clock.clone(),
                    tasks: tasks.clone(),
                    taken,
                    _permit: permit,
                };
                tasks.spawn_to_end("hook connection", connection.serve(socket, plan.tls.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "A connection to the hook's listener was not accepted.");
                drop(clock.sleep(ACCEPT_AGAIN).await);
            }
        }
    }
}

/// Records in the journal when the listener was up, so that missed events can be told from events that could not
/// arrive. A refused delivery ends such a period, because that event did arrive.
async fn note_listening(journal: OrgJournal, tally: Tally, clock: Clock) {
    let mut begun = clock.uptime();
    let mut since: Option<Timestamp> = None;
    loop {
        drop(clock.sleep(NOTE_EVERY).await);
        if tally.take_turned_away() {
            (begun, since) = (clock.uptime(), None);
            continue;
        }
        // Until Okta's time is known, the period cannot be compared with the times of events.
        if clock.ahead().is_none() {
            continue;
        }
        let until = clock.sure();
        let start = until.checked_sub(clock.uptime().saturating_sub(begun)).unwrap_or(until);
        // Each record has the same start, unless the clock turned out to be wrong.
        let since = match since {
            Some(told) if start.duration_since(told).abs() <= SAME => told,
            _ => *since.insert(start),
        };
        let verified = tally.verified().map(|at| at.max(since).min(until));
        let listening = Listening { since, until, verified };
        let batch = Batch { listening: Some(listening), ..Batch::default() };
        if let Err(error) = journal.append(batch).await {
            // Deliveries get the same error, and report it.
            tracing::debug!(%error, "The time of listening was not stored.");
        }
    }
}

async fn bind(address: SocketAddr, boards: &[watch::Sender<Board>], clock: &Clock) -> TcpListener {
    let mut was_told = false;
    loop {
        let error = match listen(address) {
            Ok(listener) => return listener,
            Err(error) => error,
        };
        let fault = no_address(address, &error);
        if !was_told {
            tracing::warn!(causes = ?fault.chain, "{fault}");
            was_told = true;
        }
        let until = clock.now().saturating_add(BIND_EVERY).unwrap_or_else(|_| clock.now());
        for board in boards {
            board.send_if_modified(|board| board.set(Part::Hook, Pulse::Waiting(until, fault.clone())));
        }
        drop(clock.sleep(BIND_EVERY).await);
    }
}

/// Binds the address as [`TcpListener::bind`] does, with a longer backlog.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn no_address(address: SocketAddr, error: &io::Error) -> Fault {
    let brief = match error.kind() {
        io::ErrorKind::AddrInUse => "address in use",
        io::ErrorKind::PermissionDenied => "port not allowed",
        _ => "cannot listen",
    };
    Fault::new(
        Part::Hook,
        brief,
        &format!("The hook's listener cannot listen at {address}."),
        "The poller fetches every event anyway; the address is tried again every ten seconds.",
        "Stop the program that listens there, or change hook.listen.",
    )
    .passing()
    .caused_by(error)
}

/// A client connection.
struct Connection {
    service: Arc<HookService>,
    clock: Clock,
    tasks: Tasks,
    taken: Taken,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, socket: TcpStream, tls: Option<Tls>) {
        // Without Nagle's algorithm an answer does not wait for the acknowledgment of an earlier one. If setting it
        // fails, answers are only slower.
        socket.set_nodelay(true).ok();
        let Some(Tls(acceptor)) = tls else { return self.serve_on(socket).await };
        let stop = self.tasks.stopping();
        let until = self.taken.slot.until().unwrap_or_default();
        let mut handshake = pin!(acceptor.accept(socket));
        let slot = &self.taken.slot;
        let handshake = tokio::select! {
            biased;
            () = slot.evicted.cancelled() => return,
            handshake = read_first(slot, handshake.as_mut()) => handshake,
            _ = self.clock.sleep_until(until) => return,
            () = stop.cancelled() => return,
        };
        match handshake {
            Ok(stream) => self.serve_on(stream).await,
            Err(error) => tracing::debug!(%error, "A TLS handshake with the hook's listener failed."),
        }
    }

    async fn serve_on(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut http = auto::Builder::new(OnTasks(self.tasks.clone()));
        http.http1().max_buf_size(HEAD_MAX).max_headers(100);
        http.http2().max_header_list_size(2 * HEAD_MAX as u32).max_concurrent_streams(STREAMS);
        let respond = service_fn(|request| {
            let (service, slot) = (Arc::clone(&self.service), Arc::clone(&self.taken.slot));
            async move {
                let under_way = slot.begin();
                Ok::<_, Infallible>(service.answer(request, &under_way.0).await)
            }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(io), respond));
        let stop = self.tasks.stopping();
        let slot = &self.taken.slot;
        let (mut end, mut stopped, mut is_evicted) = (None, false, false);
        loop {
            let up = self.clock.uptime();
            let look = end.unwrap_or_else(|| slot.until().unwrap_or(up + LOOK_EVERY));
            tokio::select! {
                biased;
                () = slot.evicted.cancelled(), if !is_evicted => {
                    if !slot.is_owed_an_answer() {
                        return;
                    }
                    // An answer from a moment ago may not be sent yet.
                    is_evicted = true;
                    end = Some(end.unwrap_or(up + EVICTED).min(up + EVICTED));
                    connection.as_mut().graceful_shutdown();
                }
                result = read_first(slot, connection.as_mut()) => {
                    if let Err(error) = result {
                        tracing::debug!(error, "A connection to the hook's listener ended early.");
                    }
                    return;
                }
                () = stop.cancelled(), if !stopped => {
                    stopped = true;
                    end = Some(end.unwrap_or(up + DRAIN).min(up + DRAIN));
                    connection.as_mut().graceful_shutdown();
                }
                () = slot.last_answer.notified(), if end.is_none() => {
                    end = Some(up + LAST_ANSWERS);
                    connection.as_mut().graceful_shutdown();
                }
                woken = self.clock.sleep_until(look) => {
                    drop(woken);
                    let up = self.clock.uptime();
                    if end.is_some() || slot.until().is_some_and(|until| until <= up) {
                        return;
                    }
                }
            }
        }
    }
}

/// Polls a connection, and marks its slot as read after each poll.
async fn read_first<F: Future>(slot: &Slot, mut connection: Pin<&mut F>) -> F::Output {
    poll_fn(|context| {
        let polled = connection.as_mut().poll(context);
        slot.read();
        polled
    })
    .await
}

/// Runs the requests of an HTTP/2 connection on our tasks.
#[derive(Clone)]
struct OnTasks(Tasks);

impl<F> Executor<F> for OnTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.0.spawn_to_end("hook request", request);
    }
}

#[cfg(test)]
mod tests;
