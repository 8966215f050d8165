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

use super::{Codec, EVENTS};

/// Whether a model is Gemini 3 or later.
pub(super) fn is_newer(model: &str) -> bool {
    thinking::Model::of(model).is_newer()
}

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request: request::read,
    write_request: |request, _, losses| request::write(request, losses),
    read_response: response::read,
    write_response: response::write,
    reader: || Box::new(reader::Reader::default()),
    writer: |to| Box::new(writer::Writer::new(to)),
    unsayable: unsayable::ALL,
    // `includeThoughts` is false without a word.
    hides_thoughts: true,
    stream_type: EVENTS,
};
