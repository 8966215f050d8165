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

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Responses = Responses;

/// OpenAI's Responses.
pub(super) struct Responses;

impl Codec for Responses {
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
