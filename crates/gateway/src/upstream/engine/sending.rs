//! A request on its way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Uri};
use http_body::Body as _;
use tokio::io::AsyncWrite;

use super::Line;
use crate::error::BoxError;
use crate::intake::UploadBody;
use crate::upstream::compose::OutBody;

/// What is still to be written of a request.
pub(super) struct Sending {
    /// The head, or the coding between two pieces of the body.
    before: Bytes,
    /// The body, or a piece of it.
    piece: Bytes,
    /// Where further pieces come from.
    from: Option<Box<UploadBody>>,
    /// They are sent chunk by chunk, because nobody knows how long they are together.
    chunked: bool,
}

/// Why a request could not be sent whole.
pub(super) enum NotSent {
    /// The connection does not take it.
    Socket(io::Error),
    /// Its body broke off before.
    Body(BoxError),
}

impl Sending {
    /// Begins with a request.
    pub(super) fn new(request: Request<OutBody>) -> Self {
        let (parts, body) = request.into_parts();
        let (piece, from) = match body {
            OutBody::Empty => (Bytes::new(), None),
            OutBody::Whole(bytes) => (bytes, None),
            OutBody::Flowing(body) => (Bytes::new(), Some(body)),
        };
        let length = match &from {
            Some(body) => body.size_hint().exact(),
            None => Some(piece.len() as u64),
        };
        let before = head(&parts.method, &parts.uri, &parts.headers, length);
        Self { before, piece, from, chunked: length.is_none() }
    }

    /// Writes as much as the connection takes; ready when all of it is written.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, line: &Line) -> Poll<Result<(), NotSent>> {
        loop {
            while self.before.has_remaining() || self.piece.has_remaining() {
                let slices = [IoSlice::new(&self.before), IoSlice::new(&self.piece)];
                let written = line.with(|socket| Pin::new(socket).poll_write_vectored(cx, &slices));
                match ready!(written).map_err(NotSent::Socket)? {
                    0 => return Poll::Ready(Err(NotSent::Socket(io::ErrorKind::WriteZero.into()))),
                    n => self.advance(n),
                }
            }
            ready!(line.with(|socket| Pin::new(socket).poll_flush(cx))).map_err(NotSent::Socket)?;
            let Some(body) = &mut self.from else { return Poll::Ready(Ok(())) };
            match ready!(Pin::new(body.as_mut()).poll_frame(cx)) {
                Some(frame) => {
                    // Trailers are of the caller's connection only.
                    let data = frame.map_err(NotSent::Body)?.into_data().unwrap_or_default();
                    self.next(data);
                }
                None => {
                    self.from = None;
                    if self.chunked {
                        self.before = Bytes::from_static(b"0\r\n\r\n");
                    }
                }
            }
        }
    }

    fn advance(&mut self, written: usize) {
        let of_before = written.min(self.before.len());
        self.before.advance(of_before);
        self.piece.advance(written - of_before);
    }

    fn next(&mut self, data: Bytes) {
        // An empty chunk would be the last one.
        if !self.chunked || data.is_empty() {
            self.piece = data;
            return;
        }
        let mut coded = BytesMut::with_capacity(data.len() + 24);
        coded.put_slice(format!("{:x}\r\n", data.len()).as_bytes());
        coded.put_slice(&data);
        coded.put_slice(b"\r\n");
        self.piece = coded.freeze();
    }
}

/// A request's head as it is written. Names and values were checked when they were made; a target has no blank in it.
fn head(method: &Method, target: &Uri, headers: &HeaderMap, length: Option<u64>) -> Bytes {
    let target = target.path_and_query().map_or("/", |target| target.as_str());
    let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let mut head = BytesMut::with_capacity(method.as_str().len() + target.len() + lines + 64);
    head.put_slice(method.as_str().as_bytes());
    head.put_slice(b" ");
    head.put_slice(target.as_bytes());
    head.put_slice(b" HTTP/1.1\r\n");
    for (name, value) in headers {
        head.put_slice(name.as_str().as_bytes());
        head.put_slice(b": ");
        head.put_slice(value.as_bytes());
        head.put_slice(b"\r\n");
    }
    match length {
        // RFC 9110, 8.6: a method that usually has a body says that it has none.
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(length) => {
            let mut digits = [0; 20];
            head.put_slice(b"content-length: ");
            head.put_slice(decimal(length, &mut digits));
            head.put_slice(b"\r\n");
        }
        None => head.put_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.put_slice(b"\r\n");
    head.freeze()
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            return &digits[from..];
        }
    }
}
