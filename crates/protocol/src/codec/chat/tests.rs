//! What programs of this language stumble over.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Habits, Mint, To};
use super::CODEC;
use crate::hub::*;

/// The pieces of calls that steps are written as.
fn pieces(deltas: Vec<Delta>) -> Vec<Value> {
    let request = Request::default();
    let (mut writer, mut out) =
        (CODEC.writer(&To { request: &request, mint: Mint { now: 0, seed: 1 } }), Vec::new());
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    let stream = String::from_utf8(out).unwrap();
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let calls = chunks.flat_map(|mut chunk| match chunk["choices"][0]["delta"]["tool_calls"].take() {
        Value::Array(calls) => calls,
        _ => Vec::new(),
    });
    calls.collect()
}

fn open(number: usize, id: &str, custom: bool) -> Delta {
    Delta::Open(number, Opening::Call { id: id.to_owned(), name: "look".to_owned(), custom })
}

fn grow(number: usize) -> Delta {
    Delta::Grow(number, "{}".to_owned())
}

fn sign(number: usize) -> Delta {
    Delta::Sign(number, "c2ln".to_owned())
}

#[test]
fn the_mark_of_a_call_stands_in_the_piece_that_opens_it() {
    let mark = json!({"google": {"thought_signature": "c2ln"}});
    let function = json!({"name": "look", "arguments": ""});
    let written = pieces(vec![
        open(0, "a", false),
        sign(0),
        grow(0),
        Delta::Close(0),
        open(1, "b", false),
        open(2, "c", true),
        sign(2),
        Delta::Stop(Stop::Calls),
    ]);
    assert_eq!(
        written,
        [
            json!({"index": 0, "id": "a", "type": "function", "function": function, "extra_content": mark}),
            json!({"index": 0, "function": {"arguments": "{}"}}),
            json!({"index": 1, "id": "b", "type": "function", "function": function}),
            json!({"index": 2, "id": "c", "type": "custom", "custom": {"name": "look", "input": ""}, "extra_content": mark}),
        ]
    );
}

#[test]
fn a_mark_that_comes_late_stands_in_no_piece_without_a_function() {
    let written = pieces(vec![open(0, "a", false), grow(0), sign(0), Delta::Close(0)]);
    let mark = json!({"google": {"thought_signature": "c2ln"}});
    assert_eq!(written[2], json!({"index": 0, "function": {"arguments": ""}, "extra_content": mark}));
    let written = pieces(vec![open(0, "a", true), grow(0), sign(0), Delta::Close(0)]);
    assert_eq!(written[2], json!({"index": 0, "custom": {"input": ""}, "extra_content": mark}));
}

#[test]
fn a_call_that_was_only_opened_is_told_before_the_end() {
    for end in [vec![Delta::Close(0)], vec![]] {
        let written = pieces([vec![open(0, "a", true)], end].concat());
        assert_eq!(written.len(), 1);
    }
}

#[test]
fn thinking_without_a_number_is_a_medium_effort() {
    let mut request = Request { model: "gpt-5.2".to_owned(), ..Request::default() };
    request.turns = vec![Turn::new(Role::User, vec![Part::Text("Go".to_owned())])];
    request.reasoning = Some(Reasoning { budget: Some(Budget::Adaptive), ..Reasoning::default() });
    let mut losses = Losses::default();
    let body = CODEC.write_request(&request, Habits::default(), &mut losses).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["reasoning_effort"], "medium");
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["thinking budget"]);
}

/// Each of so many outcomes was looked for among all calls.
#[test]
fn a_conversation_of_thirty_thousand_calls_is_read_at_once() {
    let ids = || (0..30_000).map(|nth| format!("c{nth}"));
    let call = |id: String| match id.ends_with('7') {
        true => json!({"id": id, "type": "custom", "custom": {"name": "f", "input": ""}}),
        false => json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}),
    };
    let asked = json!({"role": "assistant", "tool_calls": ids().map(call).collect::<Vec<_>>()});
    let outcomes = ids().map(|id| json!({"role": "tool", "tool_call_id": id, "content": "r"}));
    let messages: Vec<Value> = std::iter::once(asked).chain(outcomes).collect();
    let body = json!({"model": "m", "messages": messages}).to_string();
    let began = Instant::now();
    let request = CODEC.read_request(body.as_bytes()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let outcomes = request.turns[1].parts.iter().map(|part| match part {
        Part::Outcome(outcome) => (outcome.call.clone(), outcome.custom),
        other => panic!("{other:?}"),
    });
    assert!(outcomes.eq(ids().map(|id| (id.clone(), id.ends_with('7')))));
}
