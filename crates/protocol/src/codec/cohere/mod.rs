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

use super::{Codec, EVENTS};
use crate::hub::Stop;

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request: request::read,
    write_request: |request, _, losses| request::write(request, losses),
    read_response: response::read,
    write_response: response::write,
    reader: || Box::new(reader::Reader::default()),
    writer: |to| Box::new(writer::Writer::new(to)),
    unsayable: unsayable::ALL,
    hides_thoughts: false,
    stream_type: EVENTS,
};

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
