//! Google's Gemini: `generateContent` and `streamGenerateContent`.
//!
//! Source: Gemini API reference (v1beta, `gemini-v1beta-openapi.json`), "Generating content", "Thinking", "Thought signatures", "Function
//! calling", and recorded answers of the Gemini API and of Vertex AI. The path names the model, and whether the answer streams.
//!
//! A mark (`thoughtSignature`) can stand on any part. On thoughts and calls it has a place in the hub; on anything else it is a thought
//! without a text that stands before the part, and goes back onto it.

mod array;
mod content;
mod generation;
mod logprobs;
mod mark;
mod part;
mod reader;
mod request;
mod response;
mod schema;
mod spelling;
mod stop;
mod thinking;
mod tools;
mod unsayable;
mod writer;

#[cfg(test)]
mod tests;

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Gemini = Gemini;

/// Google's Gemini.
pub(super) struct Gemini;

impl Codec for Gemini {
    fn read_request(&self, body: &[u8]) -> Result<Request, Unreadable> {
        request::read(body)
    }

    fn write_request(
        &self,
        request: &Request,
        _: Habits,
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

    /// `includeThoughts` is false without a word.
    fn hides_thoughts(&self) -> bool {
        true
    }
}
