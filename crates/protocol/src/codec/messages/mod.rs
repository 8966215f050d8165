//! Anthropic Messages.
//!
//! Source: Anthropic API reference, "Messages", "Streaming messages", "Extended thinking", "Adaptive thinking", "Prompt caching",
//! "Citations", "Mid-conversation system messages" (the published description of March 2026, the Python library 2.x of October
//! 2026), and recorded answers of 2024 to 2026.
//!
//! `max_tokens` is required there. Where the caller named none it is 8,192, and as much more as the thinking may take. That is
//! told.

mod block;
mod content;
mod message;
mod output;
mod reader;
mod request;
mod response;
mod stop;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;
mod writer;

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
