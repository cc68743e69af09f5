//! A port for a listener of the real binary, which nobody else gets meanwhile.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that is held for one test.
///
/// The socket is bound and never listens: the system hands its port to no other program that asks for any free one, and
/// lets a listener have it that names it, as the program does. On systems other than Linux one socket keeps the other
/// out, so there the port is only chosen, and another program may be given it first.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) at: SocketAddr,
    _held: Option<TcpSocket>,
}

impl Port {
    /// Takes one that nobody uses.
    pub(crate) fn hold() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("its port can be shared");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let at = socket.local_addr().expect("its address");
        Self { at, _held: cfg!(target_os = "linux").then_some(socket) }
    }
}
