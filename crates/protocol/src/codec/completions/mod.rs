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

/// The word for why a text ends: as in Chat, but that nothing is called.
fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::Calls => "stop",
        other => super::chat::finish_reason(other),
    }
}
