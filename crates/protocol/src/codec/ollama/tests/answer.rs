//! Answers, whole and streamed.

use serde_json::json;

use super::*;
use crate::fault::Kind;
use crate::hub::{Answer, Begun, Call, Counts, Delta, Opening};

fn said(body: &Value) -> Result<Response, Unreadable> {
    CHAT.read_response(body.to_string().as_bytes())
}

fn streamed(codec: &Codec, deltas: Vec<Delta>) -> Vec<Value> {
    let request = Request { model: "asked-for".to_owned(), ..Request::default() };
    let (mut writer, mut out) = (codec.writer(&To { request: &request, mint: MINT }), Vec::new());
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    out.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn arguments_that_are_no_object_are_refused_in_a_request_and_kept_in_an_answer() {
    let call = |arguments: &str| Call {
        id: "c".to_owned(),
        name: "f".to_owned(),
        arguments: arguments.to_owned(),
        ..Call::default()
    };
    let mut request = asked(vec![text("Hi")]);
    request.turns.push(Turn::new(Role::Assistant, vec![Part::Call(call("{\"a\": "))]));
    assert!(written(&CHAT, &request).unwrap_err().say.contains("`c`"));
    let answer =
        Answer { parts: vec![Part::Call(call("{\"a\": "))], stop: Some(Stop::Length), logprobs: None };
    let response = Response { answers: vec![answer], ..Response::default() };
    let body: Value =
        serde_json::from_slice(&CHAT.write_response(&response, &To { request: &request, mint: MINT }))
            .unwrap();
    assert_eq!(body["message"]["tool_calls"][0]["function"]["arguments"], json!({"arguments": "{\"a\": "}));
    assert_eq!(
        (&body["done_reason"], &body["created_at"]),
        (&json!("length"), &json!("2025-10-09T08:53:20Z"))
    );
}

#[test]
fn an_answer_needs_little() {
    let response =
        said(&json!({"message": {"role": "assistant", "content": null, "tool_calls": null}, "done": true}))
            .unwrap();
    assert_eq!(response.answers, [Answer { stop: Some(Stop::End), ..Answer::default() }]);
    assert_eq!((response.counts, response.created, response.model), (None, None, None));
    assert!(said(&json!({"done": true})).is_err());
    assert_eq!(said(&json!({"error": "model not found"})).unwrap_err().say, "model not found");
    assert!(CHAT.read_response(b"<html>").is_err() && CHAT.read_response(b"[]").is_err());
}

#[test]
fn a_call_decides_over_a_plain_stop_only() {
    for (word, stop) in [("stop", Stop::Calls), ("", Stop::Calls), ("length", Stop::Length)] {
        let call = json!({"function": {"name": "f", "arguments": {}}});
        let body = json!({"message": {"tool_calls": [call]}, "done": true, "done_reason": word});
        assert_eq!(said(&body).unwrap().answers[0].stop, Some(stop));
    }
}

#[test]
fn calls_of_two_answers_do_not_share_an_id() {
    let id = |at: &str| {
        let call = json!({"function": {"name": "f", "arguments": {}}});
        let body = json!({"created_at": at, "message": {"tool_calls": [call]}, "done": true});
        match said(&body).unwrap().answers.remove(0).parts.remove(0) {
            Part::Call(call) => call.id,
            other => panic!("{other:?}"),
        }
    };
    assert_ne!(id("2024-07-22T20:33:28.123648Z"), id("2024-07-22T20:33:28.123649Z"));
}

#[test]
fn counts_behind_the_stop_reach_the_last_line() {
    let lines = streamed(
        &CHAT,
        vec![
            Delta::Begin(Begun { model: Some("m".to_owned()), ..Begun::default() }),
            Delta::Stop(Stop::End),
            Delta::Counts(Counts { input: 7, output: 3, ..Counts::default() }),
        ],
    );
    assert_eq!(
        lines,
        [
            json!({"model": "m", "created_at": "2025-10-09T08:53:20Z", "message": {"role": "assistant", "content": ""},
            "done": true, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3})
        ]
    );
}

#[test]
fn calls_that_grow_by_turns_are_written_whole() {
    let call = |id: &str| Opening::Call { id: id.to_owned(), name: "f".to_owned(), custom: false };
    let grow = |number, text: &str| Delta::Grow(number, text.to_owned());
    let lines = streamed(
        &GENERATE,
        vec![
            Delta::Open(0, call("a")),
            grow(0, "{\"x\""),
            Delta::Open(1, call("b")),
            grow(1, "{}"),
            grow(0, ":1}"),
            Delta::Close(1),
            Delta::Close(0),
            Delta::Stop(Stop::Calls),
        ],
    );
    let function = |nth: usize| lines[nth]["tool_calls"][0]["function"].clone();
    assert_eq!(function(0), json!({"index": 0, "name": "f", "arguments": {"x": 1}}));
    assert_eq!(function(1), json!({"index": 1, "name": "f", "arguments": {}}));
    assert_eq!((lines.len(), &lines[2]["done_reason"]), (3, &json!("stop")));
}

#[test]
fn a_broken_answer_has_no_last_line() {
    let request = Request::default();
    let (mut writer, mut out) = (CHAT.writer(&To { request: &request, mint: MINT }), Vec::new());
    writer.write(
        Delta::Open(0, Opening::Call { id: "a".to_owned(), name: "f".to_owned(), custom: false }),
        &mut out,
    );
    writer.write(Delta::Grow(0, "{\"x\"".to_owned()), &mut out);
    writer.broken(Kind::UpstreamInterrupted, "It was cut.", &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "{\"error\":\"It was cut.\"}\n");
}

#[test]
fn lines_that_are_none_end_a_stream() {
    let mut out = Vec::new();
    for wrong in ["data: {}\n", "[]\n", "{\"message\": \n"] {
        assert!(CHAT.reader().read(wrong.as_bytes(), &mut out).is_err(), "{wrong}");
    }
    let mut reader = CHAT.reader();
    reader.read(b"\r\n\n{\"message\":{\"content\":\"a\"},\"done\":false}\r\n", &mut out).unwrap();
    reader.read(b"{\"done\":true}", &mut out).unwrap();
    assert!(reader.end(&mut out), "{out:?}");
    assert_eq!(out.last(), Some(&Delta::Stop(Stop::End)));
}

#[test]
fn nothing_comes_behind_an_end_or_an_error() {
    for last in ["{\"done\":true,\"done_reason\":\"stop\"}\n", "{\"error\":{\"message\":\"full\"}}\n"] {
        let (mut reader, mut out) = (GENERATE.reader(), Vec::new());
        reader.read(last.as_bytes(), &mut out).unwrap();
        let known = out.len();
        reader.read(b"{\"response\":\"more\",\"done\":true}\n", &mut out).unwrap();
        assert_eq!(reader.end(&mut out), last.contains("done"));
        assert_eq!(out.len(), known, "{out:?}");
    }
}
