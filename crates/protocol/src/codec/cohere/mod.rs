//! Cohere's Chat, version 2.
//!
//! Source: Cohere API reference, "Chat" and "Chat with Streaming" (`POST /v2/chat`; the Python library 7.3, 2026), and recorded
//! answers. What a message says beside its calls is called `tool_plan` here: the vendor takes no text in a message that has calls.

mod document;
mod message;
mod reader;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;
mod writer;

pub(super) use response::id;

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Stop, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Cohere = Cohere;

/// Cohere's Chat.
pub(super) struct Cohere;

impl Codec for Cohere {
    fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable> {
        request::read(body)
    }

    fn write_request(
        &self,
        request: &Request,
        _habits: Habits,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Unreadable> {
        request::write(request, losses)
    }

    fn read_response(&self, body: &[u8]) -> Result<Response, Unreadable> {
        response::read(body)
    }

    fn write_response(&self, response: &Response, to: &To<'_>) -> Vec<u8> {
        response::write(response, to)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::Reader::default())
    }

    fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter> {
        Box::new(writer::Writer::new(to))
    }

    fn unsayable(&self) -> &'static [&'static Unsayable] {
        unsayable::ALL
    }
}

/// The word for why an answer ends. There is none for a filter; what is not usable is an `ERROR`.
fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Refused | Stop::Paused => "COMPLETE",
        Stop::Sequence(_) => "STOP_SEQUENCE",
        Stop::Length | Stop::ContextFull => "MAX_TOKENS",
        Stop::Calls => "TOOL_CALL",
        Stop::Malformed(word) if word == "TIMEOUT" => "TIMEOUT",
        Stop::Filtered | Stop::Malformed(_) => "ERROR",
    }
}

/// What that word means. `ERROR_TOXIC` and `ERROR_LIMIT` are from version 1, which some hosts of these models still say.
fn stop(word: &str, calls: bool) -> Stop {
    match word {
        "MAX_TOKENS" => Stop::Length,
        "ERROR_LIMIT" => Stop::ContextFull,
        "ERROR_TOXIC" => Stop::Filtered,
        "ERROR" | "TIMEOUT" => Stop::Malformed(word.to_owned()),
        _ if calls || word == "TOOL_CALL" => Stop::Calls,
        "STOP_SEQUENCE" => Stop::Sequence(None),
        _ => Stop::End,
    }
}
