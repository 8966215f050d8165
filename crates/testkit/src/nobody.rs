//! An address on this computer where nobody listens, and nobody will while a test needs it.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port that is taken and refuses whoever connects. The port of a server that has ended may be another's a moment later.
#[derive(Debug)]
pub struct Nobody {
    socket: TcpSocket,
}

impl Nobody {
    /// Takes a port.
    ///
    /// # Panics
    /// When the computer has none to give.
    #[expect(clippy::new_without_default, reason = "it takes something of the computer")]
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        Self { socket }
    }

    /// Where nobody is.
    ///
    /// # Panics
    /// Never, as long as the system knows what it gave.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// The same as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }
}
