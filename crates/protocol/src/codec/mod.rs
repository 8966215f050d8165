//! The codecs: each reads one wire into the hub and writes it from there. N wires need N of these, not N times N.
//!
//! Where caller and vendor speak the same wire no codec is asked: bytes pass as they came (D-20). A new wire is a folder here, a line in
//! `table.rs`, its names in `dialect/wire.rs`, a row of `operation/table.rs` if callers may speak it, and its golden files; `pretend` shows
//! it. Vectors and orders have rooms of their own, `embedding` and `rerank`.

mod chat;
mod claude;
mod closed;
mod cohere;
mod completions;
mod converse;
pub mod embedding;
mod events;
mod exchange;
mod gemini;
mod json;
mod logprobs;
mod messages;
mod ollama;
#[cfg(test)]
mod pretend;
pub mod rerank;
mod responses;
mod shapes;
mod table;
mod tap;
mod translation;

pub use exchange::{Exchange, counted};
pub use shapes::may_lack;
pub use table::of;
pub use tap::{Progress, Tap};
pub use translation::{Passing, Translation, Unusable};

use crate::dialect::Wire;

use crate::hub::{Delta, Losses, Request, Response, Unreadable, Unsayable};

/// The longest event, line or element of a stream that is waited for, bytes: as long as a relay reads one (T-54). A picture in base64
/// has room; what never ends is given up.
const LONGEST: usize = 8 * 1024 * 1024;

/// One wire, to and from the hub: the functions of its folder. Pure: no clock, no chance, no I/O.
#[derive(Debug)]
pub struct Codec {
    read_request: fn(&[u8]) -> Result<Request, Unreadable>,
    write_request: fn(&Request, Habits, &mut Losses) -> Result<Vec<u8>, Unreadable>,
    read_response: fn(&[u8]) -> Result<Response, Unreadable>,
    write_response: fn(&Response, &To<'_>) -> Vec<u8>,
    reader: fn() -> Box<dyn StreamReader>,
    writer: fn(&To<'_>) -> Box<dyn StreamWriter>,
    unsayable: &'static [&'static Unsayable],
    hides_thoughts: bool,
    stream_type: &'static str,
}

/// The type of a stream of server-sent events.
const EVENTS: &str = "text/event-stream; charset=utf-8";

impl Codec {
    /// Reads what a caller asks. What stands in its path (the model, whether it streams) is put in by who knows the path.
    ///
    /// # Errors
    /// When it is no request of this wire: bad JSON, a field of the wrong kind, a required one missing.
    pub fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable> {
        (self.read_request)(body)
    }

    /// Writes a request for a vendor. What the wire cannot say is left out and told; it is a line of [`Codec::unsayable`], or a
    /// field of [`Request::rest`].
    ///
    /// # Errors
    /// When it cannot be asked at all without what this wire cannot say (a sound to a model that only reads).
    pub fn write_request(
        &self,
        request: &Request,
        habits: Habits,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Unreadable> {
        (self.write_request)(request, habits, losses)
    }

    /// Reads a vendor's whole answer.
    ///
    /// # Errors
    /// When it is no answer of this wire.
    pub fn read_response(&self, body: &[u8]) -> Result<Response, Unreadable> {
        (self.read_response)(body)
    }

    /// Writes a whole answer for a caller.
    pub fn write_response(&self, response: &Response, to: &To<'_>) -> Vec<u8> {
        (self.write_response)(response, to)
    }

    /// Reads a vendor's streamed answer.
    pub fn reader(&self) -> Box<dyn StreamReader> {
        (self.reader)()
    }

    /// Writes a streamed answer for a caller.
    pub fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter> {
        (self.writer)(to)
    }

    /// What cannot be said in it: the written list.
    pub fn unsayable(&self) -> &'static [&'static Unsayable] {
        self.unsayable
    }

    /// What is thought is hidden from who says nothing of it. In all other wires it is shown where there is any.
    pub fn hides_thoughts(&self) -> bool {
        self.hides_thoughts
    }

    /// The `content-type` of a streamed answer.
    pub fn stream_type(&self) -> &'static str {
        self.stream_type
    }
}

/// What vendors of one wire do differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Habits {
    /// It is who the wire comes from, and knows its newest words: OpenAI wants `max_completion_tokens` and knows `developer`.
    pub own: bool,
    /// It wants its thoughts back with the calls they led to (DeepSeek's `reasoning_content`).
    pub thoughts_back: bool,
    /// Its model takes instructions in mid-conversation as such (Claude since Opus 4.8, but not Sonnet 5). Elsewhere the user says
    /// them.
    pub instructed_later: bool,
    /// A stream may be asked for its counts (`stream_options.include_usage`). Some tell them unasked, and some refuse to be asked.
    pub counts_streams: bool,
    /// It has `top_k`, which OpenAI has not. Some of those who have not refuse it.
    pub top_k: bool,
    /// It has `min_p`; the same holds for it.
    pub min_p: bool,
    /// It holds no answer to a schema: a tool stands for one.
    pub shapeless: bool,
    /// Its models think, and then take no word that a tool must be called.
    pub unforced: bool,
}

/// For whom an answer is written.
#[derive(Clone, Copy, Debug)]
pub struct To<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What the gateway makes up: ids, where the wire wants one of its own, and the time.
    pub mint: Mint,
}

/// What ids and dates are made of, given by who has a clock and chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mint {
    /// Now, in seconds since 1970.
    pub now: u64,
    /// A number nobody else has: the call's own.
    pub seed: u128,
}

impl Mint {
    /// An id in the caller's style: `prefix` and 32 digits. Each `nth` is another one.
    pub fn id(&self, prefix: &str, nth: usize) -> String {
        // Multiplied by an odd number, so that neighbours do not look alike; the seed is unique, and stays so.
        let mixed =
            self.seed.wrapping_add(nth as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        format!("{prefix}{mixed:032x}")
    }
}

/// Reads a streamed answer that arrives in pieces, cut anywhere.
pub trait StreamReader: Send {
    /// Takes the next piece.
    ///
    /// # Errors
    /// When an event is none of this wire. The stream cannot be gone on with.
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable>;

    /// The connection ended. Whether the answer had: `false` is a cut stream.
    fn end(&mut self, out: &mut Vec<Delta>) -> bool;

    /// What has to stand before something that is put in behind what has come; `None`: nothing can be, or it is not known.
    fn joint(&self) -> Option<&'static str> {
        None
    }
}

/// Writes a streamed answer.
pub trait StreamWriter: Send {
    /// Writes one step.
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>);

    /// The answer is complete: what the wire ends with.
    fn end(&mut self, out: &mut Vec<u8>);

    /// The answer broke off. `say` is for the caller; nothing is invented, neither a reason nor an end (D-18).
    fn broken(&mut self, kind: crate::fault::Kind, say: &str, out: &mut Vec<u8>);
}
