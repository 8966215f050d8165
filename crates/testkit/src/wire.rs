//! Reading HTTP/1.1 off a byte stream: heads, the three kinds of body, and a running sum over a body.
//!
//! Strict where a test must notice (a chunked body without its last chunk is not complete), and it keeps every byte
//! it could not make sense of, because a smuggled canary hides exactly there.

use bytes::{Buf, Bytes, BytesMut};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Header lines in the order they came, names as written.
pub type Headers = Vec<(String, String)>;

/// The first value of a header, its name in any case.
pub fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

/// FNV-1a, 64 bit, of one byte slice: to compare with the `body_hash` of a request whose body was not kept.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    fnv_more(FNV_START, bytes)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv_more(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A body as it comes in: kept, or only measured.
pub(crate) struct Body {
    keep: bool,
    pub(crate) bytes: BytesMut,
    /// Chunk size lines with their extensions, and trailers: what is on the wire and not in the body.
    pub(crate) framing: BytesMut,
    pub(crate) len: u64,
    pub(crate) hash: u64,
}

impl Body {
    pub(crate) fn new(keep: bool) -> Self {
        Self { keep, bytes: BytesMut::new(), framing: BytesMut::new(), len: 0, hash: FNV_START }
    }

    fn take(&mut self, piece: &[u8]) {
        self.len += piece.len() as u64;
        self.hash = fnv_more(self.hash, piece);
        if self.keep {
            self.bytes.extend_from_slice(piece);
        }
    }
}

/// How a body is delimited.
pub(crate) enum Length {
    Exactly(u64),
    Chunked,
    ToClose,
}

/// A first line and headers, cut at CRLF only.
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) headers: Headers,
}

impl Head {
    /// `None` when the bytes are no head at all.
    pub(crate) fn parse(raw: &[u8]) -> Option<Head> {
        let text = String::from_utf8_lossy(raw.strip_suffix(b"\r\n\r\n")?);
        let mut lines = text.split("\r\n");
        let first = lines.next()?.to_owned();
        let headers = lines
            .map(|line| {
                line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim_matches([' ', '\t']).to_owned()))
            })
            .collect::<Option<_>>()?;
        Some(Head { first, headers })
    }

    pub(crate) fn is_chunked(&self) -> bool {
        header(&self.headers, "transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked"))
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        header(&self.headers, "content-length")?.parse().ok()
    }
}

/// A reader with the bytes it has read ahead.
pub(crate) struct Wire<R> {
    pub(crate) from: R,
    pub(crate) ahead: BytesMut,
    patience: Option<Duration>,
}

impl<R: AsyncRead + Unpin> Wire<R> {
    /// With `patience` every single read ends in `TimedOut` after that long.
    pub(crate) fn new(from: R, patience: Option<Duration>) -> Self {
        Self { from, ahead: BytesMut::new(), patience }
    }

    /// Reads once; 0 means the peer has finished. Safe to cancel.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        let read = self.from.read_buf(&mut self.ahead);
        match self.patience {
            None => read.await,
            Some(patience) => tokio::time::timeout(patience, read)
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no byte within the deadline"))?,
        }
    }

    /// Returns once the peer has closed; what comes before that is kept for later, within reason.
    pub(crate) async fn until_closed(&mut self) {
        while self.ahead.len() < 1 << 20 {
            if !matches!(self.fill().await, Ok(1..)) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Everything through the end of `mark`; `None` when the peer closed first (the rest stays in `ahead`).
    pub(crate) async fn through(&mut self, mark: &[u8]) -> io::Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memmem::find(&self.ahead[searched..], mark) {
                return Ok(Some(self.ahead.split_to(searched + at + mark.len()).freeze()));
            }
            searched = self.ahead.len().saturating_sub(mark.len() - 1);
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads a body; `Ok(false)` when it ended before its end.
    pub(crate) async fn body(&mut self, length: Length, into: &mut Body) -> io::Result<bool> {
        match length {
            Length::Exactly(length) => self.exactly(length, into).await,
            Length::Chunked => self.chunked(into).await,
            Length::ToClose => loop {
                into.take(&self.ahead.split());
                if self.fill().await? == 0 {
                    return Ok(true);
                }
            },
        }
    }

    /// The next piece of a body as soon as it has come: a chunk, or what was read at once; `None` when the body has ended as
    /// it should, `UnexpectedEof` when it broke off.
    pub(crate) async fn piece(&mut self, length: &mut Length) -> io::Result<Option<Bytes>> {
        let most = match length {
            Length::Exactly(0) => return Ok(None),
            Length::Exactly(left) => *left,
            Length::ToClose => u64::MAX,
            Length::Chunked => return self.chunk().await,
        };
        if self.ahead.is_empty() && self.fill().await? == 0 {
            return if most == u64::MAX { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let now = usize::try_from(most).unwrap_or(usize::MAX).min(self.ahead.len());
        if let Length::Exactly(left) = length {
            *left -= now as u64;
        }
        Ok(Some(self.ahead.split_to(now).freeze()))
    }

    /// The next chunk, whole; `None` behind the last one and its trailers.
    async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let line = self.through(b"\r\n").await?.ok_or_else(broken)?;
        let size = String::from_utf8_lossy(&line);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if size == 0 {
            while self.through(b"\r\n").await?.ok_or_else(broken)?.as_ref() != b"\r\n" {}
            return Ok(None);
        }
        while self.ahead.len() < size + 2 {
            if self.fill().await? == 0 {
                return Err(broken());
            }
        }
        let chunk = self.ahead.split_to(size).freeze();
        let end = self.ahead.split_to(2);
        if end.as_ref() == b"\r\n" { Ok(Some(chunk)) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    async fn exactly(&mut self, mut left: u64, into: &mut Body) -> io::Result<bool> {
        loop {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(self.ahead.len());
            into.take(&self.ahead.split_to(now));
            left -= now as u64;
            if left == 0 {
                return Ok(true);
            }
            if self.fill().await? == 0 {
                return Ok(false);
            }
        }
    }

    async fn chunked(&mut self, into: &mut Body) -> io::Result<bool> {
        loop {
            let Some(line) = self.through(b"\r\n").await? else { return Ok(false) };
            into.framing.extend_from_slice(&line);
            let size = String::from_utf8_lossy(&line);
            let size = size.split(';').next().unwrap_or_default().trim();
            let Ok(size) = u64::from_str_radix(size, 16) else { return Ok(false) };
            if size == 0 {
                break;
            }
            if !self.exactly(size, into).await? {
                return Ok(false);
            }
            while self.ahead.len() < 2 {
                if self.fill().await? == 0 {
                    return Ok(false);
                }
            }
            if !self.ahead.starts_with(b"\r\n") {
                return Ok(false);
            }
            self.ahead.advance(2);
        }
        // Trailers, up to and with the empty line.
        loop {
            let Some(line) = self.through(b"\r\n").await? else { return Ok(false) };
            into.framing.extend_from_slice(&line);
            if line.as_ref() == b"\r\n" {
                return Ok(true);
            }
        }
    }
}
