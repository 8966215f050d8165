//! What is easily got wrong in this wire.

use std::path::Path;

use serde_json::{Value, json};
use testkit::recordings::load;

use super::*;
use crate::codec::{Mint, To};
use crate::dialect::Wire;
use crate::fault::Kind;
use crate::frame::aws_event;
use crate::hub::gather::Gather;
use crate::hub::part::text_of;
use crate::hub::{
    Begun, Budget, Call, Choice, Delta, File, Media, Opening, Outcome, Part, Reasoning, Request, Response,
    Role, Shape, Source, Thought, Tool, Turn,
};

mod media;
mod requests;
mod streams;
mod tools;

fn written(request: &Request) -> (Value, Vec<String>) {
    by(request, Habits::default())
}

fn by(request: &Request, habits: Habits) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let bytes = CODEC.write_request(request, habits, &mut losses).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), losses.iter().map(str::to_owned).collect())
}

fn user(parts: Vec<Part>) -> Turn {
    Turn::new(Role::User, parts)
}

fn text(text: &str) -> Part {
    Part::Text(text.into())
}

fn called(id: &str, arguments: &str) -> Part {
    Part::Call(Call { id: id.into(), name: "look".into(), arguments: arguments.into(), ..Call::default() })
}

fn outcome(id: &str, parts: Vec<Part>) -> Part {
    Part::Outcome(Outcome { call: id.into(), parts, ..Outcome::default() })
}

fn with_call(id: &str, arguments: &str) -> Request {
    Request {
        turns: vec![
            user(vec![text("Go")]),
            Turn::new(Role::Assistant, vec![called(id, arguments)]),
            user(vec![outcome(id, vec![])]),
        ],
        ..Request::default()
    }
}

/// Every answer Bedrock gave, and what it was asked.
#[test]
fn every_recorded_answer_and_question_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(recordings) = load(root, "bedrock") else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return;
    };
    let (mut whole, mut streamed, mut asked) = (0, 0, 0);
    for recording in recordings.iter().filter(|one| one.path.contains("/converse")) {
        let id = &recording.id;
        // One recording is broken JSON.
        if serde_json::from_slice::<Value>(&recording.req_body).is_ok() {
            let request = CODEC.read_request(&recording.req_body).unwrap_or_else(|why| panic!("{id}: {why}"));
            let written = CODEC.write_request(&request, Habits::default(), &mut Losses::default());
            CODEC.read_request(&written.unwrap()).unwrap();
            asked += 1;
        }
        if recording.status != 200 {
            continue;
        }
        if !recording.path.ends_with("-stream") {
            let response =
                CODEC.read_response(&recording.resp_body).unwrap_or_else(|why| panic!("{id}: {why}"));
            let body: Value = serde_json::from_slice(&recording.resp_body).unwrap();
            assert_eq!(body["usage"]["totalTokens"], total(&response), "{id}");
            assert_eq!(
                text_of(&response.answers[0].parts),
                texts(&body["output"]["message"]["content"]),
                "{id}"
            );
            assert!(response.answers[0].stop.is_some(), "{id}");
            whole += 1;
            continue;
        }
        let (mut reader, mut deltas) = (CODEC.reader(), Vec::new());
        for piece in recording.resp_body.chunks(37) {
            reader.read(piece, &mut deltas).unwrap_or_else(|why| panic!("{id}: {why}"));
        }
        assert!(reader.end(&mut deltas), "{id} does not end");
        let mut gather = Gather::default();
        deltas.iter().for_each(|delta| gather.push(delta));
        let response = gather.into_response().unwrap();
        let (spoken, counted) = said(&recording.resp_body);
        assert_eq!(text_of(&response.answers[0].parts), spoken, "{id}");
        assert_eq!(counted, total(&response), "{id}");
        streamed += 1;
    }
    assert!(
        whole > 180 && streamed > 30 && asked > 230,
        "{whole} answers, {streamed} streams, {asked} questions"
    );
}

fn total(response: &Response) -> u64 {
    response.counts.map(|counts| counts.input + counts.output).unwrap_or_default()
}

/// The text of blocks, and of those with sources.
fn texts(content: &Value) -> String {
    let of = |block: &Value| {
        let cited = block["citationsContent"]["content"].as_array().into_iter().flatten();
        let cited: String = cited.filter_map(|content| content["text"].as_str()).collect();
        block["text"].as_str().unwrap_or_default().to_owned() + &cited
    };
    content.as_array().unwrap().iter().map(of).collect()
}

/// What frames say: the text, and the tokens in all.
fn said(stream: &[u8]) -> (String, u64) {
    let (mut frames, mut text, mut total) = (aws_event::Frames::default(), String::new(), 0);
    frames.push(stream);
    while let Some(frame) = frames.take().unwrap() {
        let event: Value = serde_json::from_slice(&frame.payload).unwrap();
        text += event["delta"]["text"].as_str().unwrap_or_default();
        total = event["usage"]["totalTokens"].as_u64().unwrap_or(total);
    }
    (text, total)
}

fn answered(parts: Vec<Part>, stop: Option<Stop>) -> Value {
    let answer = crate::hub::Answer { parts, stop, ..Default::default() };
    serde_json::from_slice(&response::write(&Response { answers: vec![answer], ..Response::default() }))
        .unwrap()
}

#[test]
fn an_answer_that_was_cut_shows_how_far_its_arguments_came() {
    let call = Call { id: "a".into(), name: "f".into(), arguments: "{\"ci".into(), ..Call::default() };
    let body = answered(vec![Part::Call(call.clone())], Some(Stop::Length));
    assert_eq!(body["output"]["message"]["content"][0]["toolUse"]["input"], "{\"ci");
    let back = response::read(body.to_string().as_bytes()).unwrap();
    assert_eq!(back.answers[0].parts, [Part::Call(call)]);
}

#[test]
fn an_answer_without_a_reason_gets_none_and_keeps_its_blanks() {
    let body = answered(vec![Part::Text("\n".into())], None);
    assert_eq!(body["output"]["message"]["content"], json!([{"text": "\n"}]));
    assert!(body.get("stopReason").is_none());
    assert_eq!(body["usage"]["totalTokens"], 0, "required, whatever was counted");
}

#[test]
fn reasons_are_what_they_mean() {
    for (word, calls, meant) in [
        ("end_turn", false, Stop::End),
        ("end_turn", true, Stop::Calls),
        ("stop_sequence", true, Stop::Calls),
        ("stop_sequence", false, Stop::Sequence(None)),
        ("max_tokens", true, Stop::Length),
        ("guardrail_intervened", true, Stop::Filtered),
        ("malformed_tool_use", false, Stop::Malformed("malformed_tool_use".into())),
        ("of_tomorrow", false, Stop::End),
    ] {
        assert_eq!(stop(word, calls), meant, "{word}");
    }
    for meant in [Stop::End, Stop::Length, Stop::ContextFull, Stop::Calls, Stop::Filtered] {
        assert_eq!(stop(stop_reason(&meant), false), meant);
    }
}
