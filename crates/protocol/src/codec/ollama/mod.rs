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
mod room;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;
mod writer;

use super::Codec;
use crate::hub::Stop;

pub(super) use room::Room;

/// The codec of `/api/chat`.
pub(super) static CHAT: Codec = Codec {
    read_request: chat::read,
    write_request: |request, _, losses| chat::write(request, losses),
    read_response: |body| response::read(Form::Chat, body),
    write_response: |response, to| response::write(Form::Chat, response, to),
    reader: || Box::new(reader::Reader::new(Form::Chat)),
    writer: |to| Box::new(writer::Writer::new(Form::Chat, to)),
    unsayable: unsayable::CHAT,
    hides_thoughts: false,
    stream_type: LINES,
};

/// The codec of `/api/generate`.
pub(super) static GENERATE: Codec = Codec {
    read_request: generate::read,
    write_request: |request, _, losses| generate::write(request, losses),
    read_response: |body| response::read(Form::Generate, body),
    write_response: |response, to| response::write(Form::Generate, response, to),
    reader: || Box::new(reader::Reader::new(Form::Generate)),
    writer: |to| Box::new(writer::Writer::new(Form::Generate, to)),
    unsayable: unsayable::GENERATE,
    hides_thoughts: false,
    stream_type: LINES,
};

/// How both stream.
const LINES: &str = "application/x-ndjson";

/// What is asked: to go on with a conversation, or with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Chat,
    Generate,
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
