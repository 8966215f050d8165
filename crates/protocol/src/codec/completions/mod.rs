//! OpenAI's Completions, the older text completion.
//!
//! Source: OpenAI API reference, "Completions (legacy)" (`openai-openapi.yaml`, August 2026). One text goes on with another: there are no
//! roles, no calls, no thoughts.

mod logprobs;
mod request;
mod response;
mod stream;
mod unsayable;

#[cfg(test)]
mod tests;

use super::{Codec, Habits, StreamReader, StreamWriter, To};
use crate::hub::{Losses, Request, Response, Stop, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Completions = Completions;

/// OpenAI's Completions.
pub(super) struct Completions;

impl Codec for Completions {
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

/// The word for why a text ends: as in Chat, but that nothing is called.
fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::Calls => "stop",
        other => super::chat::finish_reason(other),
    }
}
