//! A request as it is written on a connection.

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body as _;

use crate::decimal;
use crate::intake::UploadBody;

/// A request's body on its way out.
pub(in crate::upstream) enum OutBody {
    /// None.
    Empty,
    /// Whole.
    Whole(Bytes),
    /// Flowing from the caller.
    Flowing(Box<UploadBody>),
}

/// A request, its head in bytes.
pub(in crate::upstream) struct Message {
    pub(super) head: Bytes,
    pub(in crate::upstream) body: OutBody,
    /// Its body is sent chunk by chunk, because nobody knows how long it is.
    pub(super) chunked: bool,
    /// Its answer has no body, whatever that says of itself (HEAD).
    pub(super) headless: bool,
    /// The connection may cease to be HTTP.
    pub(super) may_switch: bool,
}

impl Message {
    /// The same again, if it can be sent twice. Nothing is copied.
    pub(in crate::upstream) fn again(&self) -> Option<Self> {
        let body = match &self.body {
            OutBody::Empty => OutBody::Empty,
            OutBody::Whole(bytes) => OutBody::Whole(bytes.clone()),
            OutBody::Flowing(_) => return None,
        };
        Some(Self { head: self.head.clone(), body, ..*self })
    }
}

impl From<Request<Bytes>> for Message {
    fn from(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut head = HeadWriter::begin(&parts.method, target);
        for (name, value) in &parts.headers {
            head.line(name.as_str(), value.as_bytes());
        }
        head.end(if body.is_empty() { OutBody::Empty } else { OutBody::Whole(body) })
    }
}

/// Writes a head. Names and values must have been checked, as those of `http`'s types are; a target has no blank in it.
pub(in crate::upstream) struct HeadWriter {
    head: Vec<u8>,
    bodiless: bool,
    headless: bool,
    may_switch: bool,
}

/// Room for a usual head.
const USUAL: usize = 1024;

impl HeadWriter {
    /// Begins with the request line.
    pub(in crate::upstream) fn begin(method: &Method, target: &str) -> Self {
        let mut head = Vec::with_capacity(USUAL);
        head.extend_from_slice(method.as_str().as_bytes());
        head.push(b' ');
        head.extend_from_slice(target.as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        let bodiless = !matches!(*method, Method::POST | Method::PUT | Method::PATCH);
        Self { head, bodiless, headless: *method == Method::HEAD, may_switch: false }
    }

    /// Adds a line.
    pub(in crate::upstream) fn line(&mut self, name: &str, value: &[u8]) {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(value);
        self.head.extend_from_slice(b"\r\n");
    }

    /// Adds a line whose value comes in two pieces.
    pub(in crate::upstream) fn line_in_two(&mut self, name: &str, begin: &[u8], rest: &[u8]) {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(begin);
        self.head.extend_from_slice(rest);
        self.head.extend_from_slice(b"\r\n");
    }

    /// Adds a line that says a number.
    pub(in crate::upstream) fn number(&mut self, name: &str, number: u64) {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        decimal::write(&mut self.head, number);
        self.head.extend_from_slice(b"\r\n");
    }

    /// What it says so far: names and values, the request line left out. What is no text is left out, too.
    pub(in crate::upstream) fn said(&self) -> Vec<(&str, &str)> {
        let lines = self.head[..].split(|byte| *byte == b'\n').skip(1);
        let line = |line| std::str::from_utf8(line).ok()?.trim_end_matches('\r').split_once(": ");
        lines.filter_map(line).collect()
    }

    /// Asks for a WebSocket.
    pub(in crate::upstream) fn upgrade(&mut self) {
        self.may_switch = true;
        self.line("connection", b"upgrade");
        self.line("upgrade", b"websocket");
    }

    /// Ends with the framing of the body.
    pub(in crate::upstream) fn end(mut self, body: OutBody) -> Message {
        let length = match &body {
            OutBody::Empty => Some(0),
            OutBody::Whole(bytes) => Some(bytes.len() as u64),
            OutBody::Flowing(body) => body.size_hint().exact(),
        };
        match length {
            // RFC 9110, 8.6: a method that usually has a body says that it has none.
            Some(0) if self.bodiless => {}
            Some(length) => self.number("content-length", length),
            None => self.line("transfer-encoding", b"chunked"),
        }
        self.head.extend_from_slice(b"\r\n");
        let Self { head, headless, may_switch, .. } = self;
        Message { head: head.into(), body, chunked: length.is_none(), headless, may_switch }
    }
}
