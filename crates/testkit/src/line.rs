//! One connection's bytes, plain or through something a test plugs in (TLS), which can also be cut without manners:
//! a reset, or a FIN which no TLS layer announced.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a plugged-in layer must be able to do. Implemented for everything that fits.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection, with the way to end it rudely.
pub enum Line {
    /// The socket itself.
    Plain(TcpStream),
    /// Something on top of a socket, and a second handle of that socket: the layer hides the one it owns.
    Layered(Box<dyn Io>, Option<std::net::TcpStream>),
}

impl Line {
    /// Two handles of one socket: the first for a layer to own, the second to cut it with.
    pub fn twin(stream: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
        let stream = stream.into_std()?;
        let twin = stream.try_clone()?;
        Ok((TcpStream::from_std(stream)?, twin))
    }

    /// Ends the connection with RST: whatever the peer has not read yet may be lost.
    pub fn reset(self) {
        match self {
            Line::Plain(stream) => drop(stream.set_zero_linger()),
            Line::Layered(layer, twin) => {
                let socket = twin.and_then(|twin| TcpStream::from_std(twin).ok());
                if let Some(socket) = &socket {
                    drop(socket.set_zero_linger());
                }
                drop(layer);
            }
        }
    }

    /// Sends FIN on the bare socket: for TLS this is a truncation, as no close_notify goes before it.
    pub fn cut(self) {
        if let Line::Layered(_, Some(twin)) = &self {
            drop(twin.shutdown(Shutdown::Both));
        }
    }
}

impl Line {
    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn Io> {
        match self.get_mut() {
            Line::Plain(stream) => Pin::new(stream),
            Line::Layered(layer, _) => Pin::new(layer),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }
}
