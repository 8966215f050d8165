//! A request on its way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body as _;
use tokio::io::AsyncWrite;

use super::Line;
use super::message::{Message, OutBody};
use crate::error::BoxError;
use crate::intake::UploadBody;

/// What is still to be written of a request.
pub(in crate::upstream) struct Sending {
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
pub(in crate::upstream) enum NotSent {
    /// The connection does not take it.
    Socket(io::Error),
    /// Its body broke off before.
    Body(BoxError),
}

impl Sending {
    /// Begins with a request.
    pub(in crate::upstream) fn new(message: Message) -> Self {
        let (piece, from) = match message.body {
            OutBody::Empty => (Bytes::new(), None),
            OutBody::Whole(bytes) => (bytes, None),
            OutBody::Flowing(body) => (Bytes::new(), Some(body)),
        };
        Self { before: message.head, piece, from, chunked: message.chunked }
    }

    /// Writes as much as the connection takes; ready when all of it is written.
    pub(in crate::upstream) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        line: &Line,
    ) -> Poll<Result<(), NotSent>> {
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
