//! The listener for health checks and metrics: HTTP/1.1 without TLS, meant for the same machine or its network.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::health::Health;
use super::metrics;
use crate::clock::Clock;
use crate::tasks::Tasks;

/// The most connections at a time. Further ones wait.
const CONNECTIONS: usize = 32;
/// How long a connection may last, so that silent clients cannot take all of them for long. A scrape takes milliseconds.
const LASTS: Duration = Duration::from_secs(10);
/// The most bytes for the start of a request.
const HEAD_MAX: usize = 16 * 1024;
/// How long to wait after `accept` failed, for example for lack of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

type Answer = Response<Full<Bytes>>;

/// Binds the address and answers requests from now on. Returns the address, which names the port if 0 was asked for.
///
/// # Errors
/// Returns a sentence if the address cannot be used.
pub(super) fn start(
    address: SocketAddr,
    health: watch::Receiver<Health>,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<SocketAddr, String> {
    let bind = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let (listener, at) = bind().map_err(|error| {
        format!(
            "Health checks and metrics cannot be answered at {address}: {error}. Nothing was started. Name another \
             address with --listen."
        )
    })?;
    tasks.spawn("health", accept(listener, health, clock.clone(), tasks.clone()));
    Ok(at)
}

async fn accept(listener: TcpListener, health: watch::Receiver<Health>, clock: Clock, tasks: Tasks) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                tasks.spawn("health connection", serve(socket, health.clone(), clock.clone(), permit));
            }
            Err(error) => {
                tracing::debug!(%error, "A connection to the health listener was not accepted.");
                drop(clock.sleep(ACCEPT_AGAIN).await);
            }
        }
    }
}

async fn serve(
    socket: TcpStream,
    health: watch::Receiver<Health>,
    clock: Clock,
    _permit: OwnedSemaphorePermit,
) {
    let until = clock.uptime() + LASTS;
    let respond = service_fn(|request| {
        let answer = answer(&request, &health.borrow(), &clock);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_MAX);
    let connection = pin!(http.serve_connection(TokioIo::new(socket), respond));
    tokio::select! {
        biased;
        result = connection => {
            if let Err(error) = result {
                tracing::debug!(%error, "A connection to the health listener ended early.");
            }
        }
        _ = clock.sleep_until(until) => {}
    }
}

fn answer(request: &Request<Incoming>, health: &Health, clock: &Clock) -> Answer {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return plain(StatusCode::NOT_FOUND, "There are /healthz, /readyz and /metrics.\n".to_owned());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, String::new());
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let why = match path {
        "/healthz" => health.dead(clock.uptime()),
        "/readyz" => health.unready(clock.uptime()),
        _ => return scrape(health, clock),
    };
    match why {
        None => plain(StatusCode::OK, "ok\n".to_owned()),
        Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn scrape(health: &Health, clock: &Clock) -> Answer {
    match metrics::text(health, clock.sure()) {
        Ok(text) => with_type(StatusCode::OK, text, metrics::CONTENT_TYPE),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn plain(status: StatusCode, text: String) -> Answer {
    with_type(status, text, "text/plain; charset=utf-8")
}

fn with_type(status: StatusCode, text: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
