//! The codecs: each reads one wire into the hub and writes it from there. N wires need N of these, not N times N.
//!
//! Where caller and vendor speak the same wire no codec is asked: bytes pass as they came (D-20). A new wire is a folder here, a line in
//! `table.rs` and one in `dialect/wire.rs`, and its golden files. Vectors and orders have rooms of their own, `embedding` and `rerank`.

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
mod messages;
mod ollama;
pub mod rerank;
mod responses;
mod table;
mod translation;

pub use exchange::{Exchange, counted};
pub use table::of;
pub use translation::{Passing, Tap, Translation};

use crate::dialect::Wire;

use crate::hub::{Delta, Losses, Request, Response, Unreadable, Unsayable};

/// One wire, to and from the hub. Pure: no clock, no chance, no I/O.
pub trait Codec: Sync {
    /// Reads what a caller asks. What stands in its path (the model, whether it streams) is put in by who knows the path.
    ///
    /// # Errors
    /// When it is no request of this wire: bad JSON, a field of the wrong kind, a required one missing.
    fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable>;

    /// Writes a request for a vendor. What the wire cannot say is left out and told; it is a line of [`Codec::unsayable`], or a
    /// field of [`Request::rest`].
    ///
    /// # Errors
    /// When it cannot be asked at all without what this wire cannot say (a sound to a model that only reads).
    fn write_request(
        &self,
        request: &Request,
        habits: Habits,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Unreadable>;

    /// Reads a vendor's whole answer.
    ///
    /// # Errors
    /// When it is no answer of this wire.
    fn read_response(&self, body: &[u8]) -> Result<Response, Unreadable>;

    /// Writes a whole answer for a caller.
    fn write_response(&self, response: &Response, to: &To<'_>) -> Vec<u8>;

    /// Reads a vendor's streamed answer.
    fn reader(&self) -> Box<dyn StreamReader>;

    /// Writes a streamed answer for a caller.
    fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter>;

    /// What cannot be said in it: the written list.
    fn unsayable(&self) -> &'static [&'static Unsayable];

    /// What is thought is hidden from who says nothing of it. In all other wires it is shown where there is any.
    fn hides_thoughts(&self) -> bool {
        false
    }

    /// The `content-type` of a streamed answer.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
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
