//! Ollama's own API: `POST /api/chat` and `POST /api/generate`.
//!
//! Source: Ollama API reference, "Generate a chat message" and "Generate a response" (`ollama-openapi.yaml`), with the fields its
//! Go library has besides (`api/types.go`): ids of calls, `tool_name` and `tool_call_id`, `prompt_eval_cached_count`, `truncate`,
//! `shift`. Both speak in lines of JSON, stream unless they are told not to, and share their options; they differ in what is asked
//! and in where the answer stands.

mod chat;
mod content;
mod generate;
mod lines;
mod message;
mod options;
mod reader;
mod response;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;
mod writer;

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Stop, Unreadable, Unsayable};

/// The codec of `/api/chat`.
pub(super) static CHAT: Ollama = Ollama(Form::Chat);

/// The codec of `/api/generate`.
pub(super) static GENERATE: Ollama = Ollama(Form::Generate);

/// Ollama's own API, in one of its two forms.
pub(super) struct Ollama(Form);

/// What is asked: to go on with a conversation, or with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Chat,
    Generate,
}

impl Codec for Ollama {
    fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable> {
        match self.0 {
            Form::Chat => chat::read(body),
            Form::Generate => generate::read(body),
        }
    }

    fn write_request(
        &self,
        request: &Request,
        _: Habits,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Unreadable> {
        match self.0 {
            Form::Chat => chat::write(request, losses),
            Form::Generate => generate::write(request, losses),
        }
    }

    fn read_response(&self, body: &[u8]) -> Result<Response, Unreadable> {
        response::read(self.0, body)
    }

    fn write_response(&self, response: &Response, to: &To<'_>) -> Vec<u8> {
        response::write(self.0, response, to)
    }

    fn reader(&self) -> Box<dyn StreamReader> {
        Box::new(reader::Reader::new(self.0))
    }

    fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter> {
        Box::new(writer::Writer::new(self.0, to))
    }

    fn unsayable(&self) -> &'static [&'static Unsayable] {
        match self.0 {
            Form::Chat => unsayable::CHAT,
            Form::Generate => unsayable::GENERATE,
        }
    }

    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }
}

/// The word for why an answer ends. Ollama has none for a filter and none for an answer that is no answer; its own word for a
/// good end would hide them, and programs take a word they do not know for another reason.
fn done_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Paused | Stop::Calls => "stop",
        Stop::Length | Stop::ContextFull => "length",
        Stop::Filtered | Stop::Refused => "content_filter",
        Stop::Malformed(_) => "error",
    }
}

/// What that word means. A call ends with `stop` like anything else; `load` and `unload` say that only the model was loaded or
/// put away.
fn stop(word: &str, calls: bool) -> Stop {
    match word {
        "length" => Stop::Length,
        "content_filter" => Stop::Filtered,
        "error" => Stop::Malformed(word.to_owned()),
        _ if calls => Stop::Calls,
        _ => Stop::End,
    }
}
