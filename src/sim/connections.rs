//! The HTTP server of the simulated org.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::org::Org;
use super::server;

/// How long requests in progress may take when the org ends.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// The wait after the system refused a socket, for example because no file descriptors are left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Accepts connections until the tasks stop. Open connections then end by themselves.
pub(super) async fn serve(listener: TcpListener, org: Arc<Org>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                org.tasks.spawn_to_end("simulated connection", connection(socket, Arc::clone(&org)));
            }
            Err(error) => {
                tracing::debug!(%error, "A connection to the simulated org was not accepted.");
                drop(org.clock.sleep(ACCEPT_AGAIN).await);
            }
        }
    }
}

/// Answers the requests of one connection. Without TLS, clients speak HTTP/1.1.
async fn connection(socket: TcpStream, org: Arc<Org>) {
    // Without TCP_NODELAY, a small answer waits for the acknowledgement of the one before. If the option cannot be set,
    // answers are only slower.
    socket.set_nodelay(true).ok();
    let respond = service_fn(|request| {
        let org = Arc::clone(&org);
        async move { Ok::<_, Infallible>(server::answer(&org, request).await) }
    });
    let mut served = pin!(http1::Builder::new().serve_connection(TokioIo::new(socket), respond));
    let stop = org.tasks.stopping();
    let done = tokio::select! {
        done = served.as_mut() => done,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                done = served => done,
                _ = org.clock.sleep(LAST_ANSWERS) => Ok(()),
            }
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "A connection to the simulated org ended early.");
    }
}
