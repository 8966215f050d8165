//! Reads a streamed answer as it passes to its caller: only one that says it is complete is kept.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use protocol::frame::sse::Splitter;
use serde_json::Value;

use super::Keeping;

/// A longer event is not kept.
const LONGEST: usize = 64 << 20;
/// Where the name of an event stands.
const NAMED_WITHIN: usize = 256;

/// Reads the events of one stream.
pub(crate) struct Scribe {
    keeping: Keeping,
    /// The request.
    asked: Bytes,
    splitter: Splitter,
    event: BytesMut,
    over: bool,
}

impl Scribe {
    /// For the answer to `body`.
    pub(crate) fn new(keeping: &Keeping, body: &Bytes) -> Self {
        let (keeping, asked) = (keeping.clone(), keeping.asked(body));
        Self { keeping, asked, splitter: Splitter::default(), event: BytesMut::new(), over: false }
    }

    /// These bytes go to the caller.
    pub(crate) fn sends(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        let mut ends = Vec::new();
        self.splitter.push(bytes, |end| ends.push(end));
        let mut from = 0;
        for end in ends {
            self.event.extend_from_slice(&bytes[from..end]);
            from = end;
            if let Some(response) = completes(&self.event) {
                self.keeping.keeps(&self.asked, response);
                self.over = true;
                self.event = BytesMut::new();
                return;
            }
            self.event.clear();
        }
        self.event.extend_from_slice(&bytes[from..]);
        if self.event.len() > LONGEST {
            self.over = true;
            self.event = BytesMut::new();
        }
    }
}

/// The answer of an event which says that it is complete.
fn completes(event: &[u8]) -> Option<Value> {
    let beginning = &event[..event.len().min(NAMED_WITHIN)];
    let last = ["response.completed", "response.incomplete"];
    if !last.iter().any(|name| memmem::find(beginning, name.as_bytes()).is_some()) {
        return None;
    }
    let lines = event.split(|&byte| byte == b'\n' || byte == b'\r');
    let data: Vec<u8> = lines.filter_map(|line| line.strip_prefix(b"data:")).collect::<Vec<_>>().join(&b'\n');
    let mut told: Value = serde_json::from_slice(&data).ok()?;
    let named = told["type"].as_str().is_some_and(|kind| last.contains(&kind));
    named.then(|| told["response"].take()).filter(Value::is_object)
}
