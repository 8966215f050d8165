//! OpenAI's Chat Completions.
//!
//! Source: OpenAI API reference, "Chat Completions" (`openai-openapi.yaml`, August 2026; the Python library 3.52, November 2026). Words
//! of others that many programs and servers use are read and written besides: `reasoning_content` (DeepSeek, vLLM), `thinking_blocks` and
//! `cache_control` (for Anthropic's), `extra_content.google.thought_signature` (Google's OpenAI surface).

mod message;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;

pub(super) use request::{stops, user};
pub(super) use response::{counts, usage};

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Stop, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Chat = Chat;

/// OpenAI's Chat Completions.
pub(super) struct Chat;

impl Codec for Chat {
    fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable> {
        request::read(body)
    }

    fn write_request(
        &self,
        request: &Request,
        habits: Habits,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Unreadable> {
        request::write(request, habits, losses)
    }

    fn read_response(&self, body: &[u8]) -> Result<Response, Unreadable> {
        response::read(body)
    }

    fn write_response(&self, response: &Response, to: &To<'_>) -> Vec<u8> {
        response::write(response, to)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(stream::Reader::default())
    }

    fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter> {
        Box::new(stream::Writer::new(to))
    }

    fn unsayable(&self) -> &'static [&'static Unsayable] {
        unsayable::ALL
    }
}

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
