//! Streams.

use serde_json::json;

use super::*;
use crate::dialect::Wire;
use crate::fault::Kind;
use crate::hub::{Begun, Call, Counts, Opening, Part, Stop, Thought};

fn stream(events: &[Value]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect()
}

fn parts(events: &[Value]) -> Vec<Part> {
    gathered(&heard(&stream(events)).0).answers.remove(0).parts
}

fn start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

#[test]
fn an_answer_is_complete_at_its_mark_and_nowhere_else() {
    let reason =
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}});
    let mark = json!({"type": "message_stop"});
    assert!(!heard(&stream(std::slice::from_ref(&reason))).1);
    assert!(!heard(&stream(std::slice::from_ref(&mark))).1);
    let (deltas, ended) =
        heard(&stream(&[reason.clone(), reason, mark, start(0, json!({"type": "text", "text": "late"}))]));
    assert!(ended);
    assert_eq!(deltas.iter().filter(|delta| matches!(delta, Delta::Stop(_))).count(), 1);
    assert!(!deltas.iter().any(|delta| matches!(delta, Delta::Open(..))));
}

#[test]
fn counts_are_the_most_that_was_said_and_in_normal_form() {
    let begun = json!({"type": "message_start", "message": {"id": "msg_1", "usage":
        {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 1000, "output_tokens": 1}}});
    let ended = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"input_tokens": 20, "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 3}}});
    let response = gathered(&heard(&stream(&[begun, ended])).0);
    let expected = Counts { input: 1120, output: 5, cached: 100, written: 1000, thought: 3 };
    assert_eq!(response.counts, Some(expected));
}

#[test]
fn the_input_in_the_beginning_counts_only_where_no_piece_follows() {
    let call = |pieces: &[&str]| {
        let begun = json!({"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}});
        let piece = |piece: &&str| delta(0, json!({"type": "input_json_delta", "partial_json": piece}));
        let events: Vec<Value> =
            [start(0, begun)].into_iter().chain(pieces.iter().map(piece)).chain([stop(0)]).collect();
        match parts(&events).remove(0) {
            Part::Call(Call { arguments, .. }) => arguments,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(call(&[]), "{\"a\":1}");
    assert_eq!(call(&[""]), "{\"a\":1}");
    assert_eq!(call(&["{\"a\":", " 2}"]), "{\"a\": 2}");
}

#[test]
fn what_copies_of_the_language_do_is_understood() {
    let piece = delta(0, json!({"type": "text_delta", "text": "Hello"}));
    let reason = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let mut bytes = stream(&[piece, reason, json!({"type": "message_stop"})]);
    bytes.extend_from_slice(b"event: ping\ndata:\n\ndata: [DONE]\n\n");
    let (deltas, ended) = heard(&bytes);
    assert!(ended);
    assert_eq!(gathered(&deltas).answers[0].parts, [Part::Text("Hello".to_owned())]);
}

#[test]
fn odd_events_are_passed_over() {
    let odd = [
        json!(null),
        json!("x"),
        json!([1]),
        json!({}),
        json!({"type": 1}),
        json!({"type": "message_start"}),
    ];
    let blocks =
        [json!(null), json!("x"), json!({}), json!({"type": "new"}), json!({"type": "text", "citations": 1})];
    let more = [
        json!(null),
        json!({"type": "input_json_delta", "partial_json": "{"}),
        json!({"type": "new", "a": []}),
    ];
    let mut events = odd.to_vec();
    for block in blocks {
        events.push(start(0, block));
        events.extend(more.iter().cloned().map(|piece| delta(0, piece)));
        events.push(stop(0));
    }
    events.push(json!({"type": "message_delta", "delta": null, "usage": {"input_tokens": -1}}));
    let (_, ended) = heard(&stream(&events));
    assert!(!ended);
}

#[test]
fn a_block_that_is_kept_whole_grows_too() {
    let whole = parts(&[
        start(0, json!({"type": "compaction", "content": null})),
        delta(0, json!({"type": "compaction_delta", "content": "So "})),
        delta(0, json!({"type": "compaction_delta", "content": "far."})),
        stop(0),
    ]);
    assert_eq!(whole, [Part::Opaque(Wire::Messages, json!({"type": "compaction", "content": "So far."}))]);
}

#[test]
fn message_start_waits_for_counts_that_come_with_the_beginning() {
    let counts = Counts { input: 30, cached: 20, ..Counts::default() };
    let out = told(&[
        Delta::Begin(Begun { id: Some("chatcmpl-1".to_owned()), model: None, created: None }),
        Delta::Counts(counts),
        Delta::Open(0, Opening::Text),
        Delta::Grow(0, "Hi".to_owned()),
        Delta::Close(0),
        Delta::Stop(Stop::End),
        Delta::Counts(Counts { output: 2, ..counts }),
    ]);
    let events = events(&out);
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 10);
    assert_eq!(events[0]["message"]["content"], json!([]));
    assert!(events[0]["message"]["id"].as_str().unwrap().starts_with("msg_"));
    let last = &events[events.len() - 2];
    assert_eq!(
        (&last["delta"]["stop_reason"], &last["usage"]["output_tokens"]),
        (&json!("end_turn"), &json!(2))
    );
}

#[test]
fn nothing_is_no_block_and_blocks_are_numbered_without_a_gap() {
    let out = told(&[
        Delta::Open(0, Opening::Text),
        Delta::Close(0),
        Delta::Open(1, Opening::Thought { id: None }),
        Delta::Close(1),
        Delta::Open(2, Opening::Thought { id: None }),
        Delta::Sign(2, "a".to_owned()),
        Delta::Sign(2, "b".to_owned()),
        Delta::Close(2),
        Delta::Open(3, Opening::Refusal),
        Delta::Grow(3, "No.".to_owned()),
        Delta::Close(3),
        Delta::Open(4, Opening::Call { id: "t".to_owned(), name: "n".to_owned(), custom: false }),
        Delta::Stop(Stop::Calls),
    ]);
    let events = events(&out);
    let kinds: Vec<(&str, u64)> = events
        .iter()
        .filter(|event| event["index"].is_u64())
        .map(|event| (event["type"].as_str().unwrap(), event["index"].as_u64().unwrap()))
        .collect();
    let block =
        |nth| [("content_block_start", nth), ("content_block_delta", nth), ("content_block_stop", nth)];
    assert_eq!(kinds, [block(0), block(1)].concat());
    assert_eq!(events[2]["delta"], json!({"type": "signature_delta", "signature": "ab"}));
    assert_eq!(events[5]["delta"]["partial_json"], "{}");
    assert_eq!(events[7]["delta"]["stop_details"]["explanation"], "No.");
}

#[test]
fn free_text_is_written_as_a_string_whatever_its_pieces() {
    let call = Opening::Call { id: "t".to_owned(), name: "run".to_owned(), custom: true };
    let pieces = ["say \"", "Grüß\n", "👋\\\""].map(|piece| Delta::Grow(0, piece.to_owned()));
    let steps: Vec<Delta> = [Delta::Open(0, call)]
        .into_iter()
        .chain(pieces)
        .chain([Delta::Close(0), Delta::Stop(Stop::Calls)])
        .collect();
    let parts = gathered(&heard(&told(&steps)).0).answers.remove(0).parts;
    let Part::Call(call) = &parts[0] else { panic!("{parts:?}") };
    assert_eq!(call.object(), Some(json!({"input": "say \"Grüß\n👋\\\""})));
}

#[test]
fn an_answer_of_which_nothing_can_be_used_does_not_look_like_one() {
    let out = told(&[Delta::Stop(Stop::Malformed("MALFORMED_FUNCTION_CALL".to_owned()))]);
    let delta = &events(&out)[1]["delta"];
    assert_eq!(delta["stop_reason"], "refusal");
    assert!(delta["stop_details"]["explanation"].as_str().unwrap().contains("MALFORMED_FUNCTION_CALL"));
}

#[test]
fn a_broken_answer_ends_with_an_error_alone() {
    let request = Request::default();
    let mut writer = CODEC.writer(&To { request: &request, mint: Mint { now: 0, seed: 1 } });
    let mut out = Vec::new();
    writer.write(Delta::Begin(Begun::default()), &mut out);
    writer.broken(Kind::UpstreamInterrupted, "It was cut.", &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("event: error\n") && !text.contains("message_stop"), "{text}");
}

#[test]
fn sealed_thoughts_with_a_text_are_two_blocks() {
    let thought = Thought {
        text: "So".to_owned(),
        sealed: Some("gAAA".to_owned()),
        id: Some("rs_1".to_owned()),
        signature: None,
    };
    let out = told(&[
        Delta::Open(0, Opening::Whole(Part::Thought(thought))),
        Delta::Close(0),
        Delta::Stop(Stop::End),
    ]);
    let starts: Vec<Value> = events(&out)
        .iter()
        .filter(|event| event["type"] == "content_block_start")
        .map(|event| event["content_block"]["type"].clone())
        .collect();
    assert_eq!(starts, ["thinking", "redacted_thinking"]);
}
