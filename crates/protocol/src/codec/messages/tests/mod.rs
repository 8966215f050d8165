//! What bites in this language.

mod recorded;
mod requests;
mod streams;

use serde_json::Value;

use super::super::{Habits, Mint, To};
use super::CODEC;
use crate::hub::gather::Gather;
use crate::hub::{Delta, Losses, Request, Response};

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What is sent, and what is lost.
fn sent(request: &Request, habits: Habits) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let bytes = CODEC.write_request(request, habits, &mut losses).unwrap();
    (json(&bytes), losses.iter().map(str::to_owned).collect())
}

/// The steps of a stream, and whether it ended.
fn heard(stream: &[u8]) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas) = (CODEC.reader(), Vec::new());
    reader.read(stream, &mut deltas).unwrap();
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

fn gathered(deltas: &[Delta]) -> Response {
    let mut gather = Gather::default();
    deltas.iter().for_each(|delta| gather.push(delta));
    gather.into_response().unwrap()
}

/// The stream that is written of steps.
fn told(deltas: &[Delta]) -> Vec<u8> {
    let request = Request { model: "asked-for".to_owned(), stream: true, ..Request::default() };
    let mut out = Vec::new();
    let mut writer = CODEC.writer(&To { request: &request, mint: Mint { now: 1_760_000_000, seed: 7 } });
    deltas.iter().cloned().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    out
}

/// The events of a stream.
fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| json(data.as_bytes())).collect()
}
