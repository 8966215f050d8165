//! A connection that never blocks, encrypted or not.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

/// A connection with what has not gone out on it yet.
pub(crate) struct Wire {
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    unsent: Vec<u8>,
    sent: usize,
}

impl Wire {
    /// Takes a socket.
    pub(crate) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, tls: None, unsent: Vec::new(), sent: 0 })
    }

    /// Takes a socket on which a caller will begin to encrypt.
    pub(crate) fn encrypted(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut wire = Self::new(socket)?;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        wire.tls = Some(Box::new(tls));
        Ok(wire)
    }

    /// Reads what is there: 0 is the end, and [`ErrorKind::WouldBlock`] is nothing now.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(into) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Nobody says good-bye to a program that is going to be stopped.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            flush(tls, &mut self.socket)?;
        }
    }

    /// Is there nothing more to read after a read that did not fill its buffer?
    pub(crate) fn short_read_is_last(&self) -> bool {
        self.tls.is_none()
    }

    /// Writes, and keeps what does not go out now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            return flush(tls, &mut self.socket);
        }
        let at = if self.is_clear() { write_some(&mut self.socket, bytes)? } else { 0 };
        self.unsent.extend_from_slice(&bytes[at..]);
        Ok(())
    }

    /// Writes two stretches, a head and what is behind it, with one call of the system where they go out at once.
    pub(crate) fn write_both(&mut self, first: &[u8], second: &[u8]) -> io::Result<()> {
        if self.tls.is_some() || !self.is_clear() {
            self.write(first)?;
            return self.write(second);
        }
        let sent = match self.socket.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            other => other?,
        };
        if sent < first.len() {
            self.write(&first[sent..])?;
            return self.write(second);
        }
        match &second[sent - first.len()..] {
            [] => Ok(()),
            rest => self.write(rest),
        }
    }

    /// How much has not gone out.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Says that nothing more will be written.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }

    /// Writes what was kept, as far as it goes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            return flush(tls, &mut self.socket);
        }
        self.sent += write_some(&mut self.socket, &self.unsent[self.sent..])?;
        if self.sent == self.unsent.len() {
            // A large rest would otherwise stay with every connection.
            self.unsent = Vec::new();
            self.sent = 0;
        }
        Ok(())
    }

    /// Has all gone out?
    pub(crate) fn is_clear(&self) -> bool {
        self.unsent.is_empty() && self.tls.as_ref().is_none_or(|tls| !tls.wants_write())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut at = 0;
    while at < bytes.len() {
        match socket.write(&bytes[at..]) {
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

fn flush(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
