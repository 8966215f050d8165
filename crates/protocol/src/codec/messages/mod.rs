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

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Messages = Messages;

/// Anthropic Messages.
pub(super) struct Messages;

impl Codec for Messages {
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
        Box::new(reader::Reader::default())
    }

    fn writer(&self, to: &To<'_>) -> Box<dyn StreamWriter> {
        Box::new(writer::Writer::new(to))
    }

    fn unsayable(&self) -> &'static [&'static Unsayable] {
        unsayable::ALL
    }
}
