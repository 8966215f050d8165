//! OpenAI's Chat Completions.
//!
//! Source: OpenAI API reference, "Chat Completions" (`openai-openapi.yaml`, August 2026; the Python library 3.52, November 2026). Words
//! of others that many programs and servers use are read and written besides: `reasoning_content` (DeepSeek, vLLM), `thinking_blocks` and
//! `cache_control` (for Anthropic's), `extra_content.google.thought_signature` (Google's OpenAI surface).

mod chunk;
mod message;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;

pub(super) use chunk::Frame;
pub(super) use request::{stops, user};
pub(super) use response::{counts, usage};

use super::{Codec, EVENTS};
use crate::hub::Stop;

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request: request::read,
    write_request: request::write,
    read_response: response::read,
    write_response: response::write,
    reader: || Box::new(stream::Reader::default()),
    writer: |to| Box::new(stream::Writer::new(to)),
    unsayable: unsayable::ALL,
    hides_thoughts: false,
    stream_type: EVENTS,
};

/// The word for why an answer ends.
pub(super) fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Paused => "stop",
        Stop::Length | Stop::ContextFull => "length",
        Stop::Calls => "tool_calls",
        Stop::Filtered | Stop::Refused => "content_filter",
        Stop::Malformed(_) => "error",
    }
}

/// What that word means. Servers that copy OpenAI have words of their own: `model_length` and `error` (Mistral), `eos` (TGI, Together).
pub(super) fn stop(word: &str, calls: bool) -> Stop {
    match word {
        "length" | "max_tokens" => Stop::Length,
        "model_length" => Stop::ContextFull,
        "content_filter" => Stop::Filtered,
        "error" => Stop::Malformed(word.to_owned()),
        // Some say `stop` where a call was made.
        _ if calls || matches!(word, "tool_calls" | "function_call") => Stop::Calls,
        _ => Stop::End,
    }
}
