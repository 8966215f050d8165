//! What the vendor saw of one request.

use crate::wire::{self, Head};
use bytes::Bytes;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Counts the vendor's requests from 1.
    pub number: u64,
    /// Counts the vendor's connections from 1.
    pub connection: u64,
    /// The method as written.
    pub method: String,
    /// The request target as written, query included.
    pub target: String,
    /// Header lines in order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined; empty when bodies are only measured.
    pub body: Bytes,
    /// Length of the body, also when it was not kept.
    pub body_len: u64,
    /// FNV-1a of the body (`wire::fnv1a`), also when it was not kept.
    pub body_hash: u64,
    /// Chunk size lines with extensions, and trailers.
    pub framing: Bytes,
    /// The head byte for byte, with its empty line.
    pub raw_head: Bytes,
}

impl Seen {
    pub(crate) fn from_head(head: &Head, raw_head: Bytes, connection: u64) -> Option<Seen> {
        let mut words = head.first.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if !version.starts_with("HTTP/1.") || words.next().is_some() {
            return None;
        }
        Some(Seen {
            number: 0,
            connection,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: head.headers.clone(),
            body: Bytes::new(),
            body_len: 0,
            body_hash: wire::fnv1a(b""),
            framing: Bytes::new(),
            raw_head,
        })
    }

    /// The first value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// All values of a header, in order.
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether these bytes occur anywhere in what arrived: head, body, chunk extensions, trailers.
    pub fn contains(&self, needle: &[u8]) -> bool {
        [&self.raw_head, &self.body, &self.framing]
            .into_iter()
            .any(|bytes| memchr::memmem::find(bytes, needle).is_some())
    }
}
