//! A port for a listener of the real binary, which no other program is given meanwhile.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that is reserved for one test.
///
/// The socket is bound and never listens. The system gives its port to no program that asks for any free port, but
/// allows a listener that names it. On systems other than Linux, the bound socket would block the listener, so the port
/// is only chosen and not reserved, and another program may get it first.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) at: SocketAddr,
    _held: Option<TcpSocket>,
}

impl Port {
    /// Reserves a free port.
    pub(crate) fn hold() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("its port can be shared");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let at = socket.local_addr().expect("its address");
        Self { at, _held: cfg!(target_os = "linux").then_some(socket) }
    }
}
