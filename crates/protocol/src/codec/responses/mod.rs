//! OpenAI's Responses.
//!
//! Source: OpenAI API reference, "Responses" and "Streaming events" (`openai-openapi.yaml`, August 2026), and recorded exchanges with
//! OpenAI, Azure, DeepSeek and OpenRouter. Two things are ours: a `signature` of Anthropic's thoughts travels in `encrypted_content` behind
//! the word `signature:`, as the caller gives that back untouched; and a call's mark of Google's in `extra_content`, as in Chat.

mod content;
mod input;
mod items;
mod object;
mod output;
mod reader;
mod request;
mod response;
mod tools;
mod unsayable;
mod wishes;
mod writer;

#[cfg(test)]
mod tests;

use super::{Codec, EVENTS};

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request: request::read,
    write_request: request::write,
    read_response: response::read,
    write_response: response::write,
    reader: || Box::new(reader::Reader::default()),
    writer: |to| Box::new(writer::Writer::new(to)),
    unsayable: unsayable::ALL,
    hides_thoughts: false,
    stream_type: EVENTS,
};
