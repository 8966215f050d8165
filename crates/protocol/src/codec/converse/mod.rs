//! AWS Bedrock's Converse and ConverseStream.
//!
//! Source: Amazon Bedrock API reference, "Converse", "ConverseStream" and their data types (`bedrock-runtime`, version 2023-09-30, as
//! of botocore 1.44.5, November 2026), and recorded traffic. The model, and whether the answer is a stream, stand in the path.

mod block;
mod media;
mod message;
mod model_fields;
mod outcome;
mod point;
mod reader;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod tools;
mod unsayable;
mod writer;

use super::{Codec, Habits};
use crate::hub::{Losses, Stop};

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request: request::read,
    write_request: request::write,
    read_response: response::read,
    write_response: |response, _| response::write(response),
    reader: || Box::new(reader::Reader::default()),
    writer: |_| Box::new(writer::Writer::default()),
    unsayable: unsayable::ALL,
    hides_thoughts: false,
    stream_type: "application/vnd.amazon.eventstream",
};

/// What is written for, and what was written so far.
struct Pen<'l> {
    losses: &'l mut Losses,
    habits: Habits,
    /// A request is written: a vendor refuses what callers may well read.
    asks: bool,
    /// The names of the documents, which must all be different.
    names: Vec<String>,
}

/// The word for why an answer ends.
fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Paused => "end_turn",
        Stop::Sequence(_) => "stop_sequence",
        Stop::Length => "max_tokens",
        Stop::ContextFull => "model_context_window_exceeded",
        Stop::Calls => "tool_use",
        Stop::Filtered | Stop::Refused => "content_filtered",
        Stop::Malformed(word) if word == "malformed_tool_use" => "malformed_tool_use",
        Stop::Malformed(_) => "malformed_model_output",
    }
}

/// What that word means; some models of Bedrock say `end_turn` where a call was made.
fn stop(word: &str, calls: bool) -> Stop {
    match word {
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::ContextFull,
        "guardrail_intervened" | "content_filtered" => Stop::Filtered,
        "malformed_model_output" | "malformed_tool_use" => Stop::Malformed(word.to_owned()),
        _ if calls || word == "tool_use" => Stop::Calls,
        "stop_sequence" => Stop::Sequence(None),
        _ => Stop::End,
    }
}
