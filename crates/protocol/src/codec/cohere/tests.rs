//! The traps of this language, and everything that was recorded of it.

use std::path::Path;

use serde_json::{Value, json};
use testkit::recordings::{Recording, load};

use super::super::{Habits, Mint, To};
use super::CODEC;
use crate::fault::Kind;
use crate::hub::gather::Gather;
use crate::hub::part::text_of;
use crate::hub::{
    Call, Choice, Counts, Delta, File, Losses, Media, Opening, Outcome, Part, Request, Role, Source, Stop,
    Tool, Turn,
};

fn asked(turns: Vec<Turn>) -> Request {
    Request { model: "command-a".to_owned(), turns, ..Request::default() }
}

fn user(parts: Vec<Part>) -> Request {
    asked(vec![Turn::new(Role::User, parts)])
}

fn text(words: &str) -> Part {
    Part::Text(words.to_owned())
}

/// The body, and what is lost.
fn sent(request: &Request) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = CODEC.write_request(request, Habits::default(), &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.iter().map(str::to_owned).collect())
}

fn refused(request: &Request) -> String {
    CODEC.write_request(request, Habits::default(), &mut Losses::default()).unwrap_err().to_string()
}

fn heard(events: &[Value]) -> (Vec<Delta>, bool) {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    read(stream.as_bytes())
}

fn read(stream: &[u8]) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas) = (CODEC.reader(), Vec::new());
    reader.read(stream, &mut deltas).unwrap();
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

fn spoken(deltas: Vec<Delta>) -> String {
    let request = Request::default();
    let (mut writer, mut out) =
        (CODEC.writer(&To { request: &request, mint: Mint { now: 0, seed: 1 } }), Vec::new());
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    String::from_utf8(out).unwrap()
}

fn content(index: u64, text: &str) -> Value {
    json!({"type": "content-delta", "index": index, "delta": {"message": {"content": {"text": text}}}})
}

fn citation(text: &str) -> Value {
    json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"text": text}}}})
}

fn end(delta: Value) -> Value {
    json!({"type": "message-end", "delta": delta})
}

#[test]
fn a_citation_waits_for_the_end_of_its_text() {
    let (deltas, ended) = heard(&[
        content(0, "It is "),
        citation("20"),
        content(0, "20."),
        json!({"type": "content-end", "index": 0}),
        citation("late"),
        end(json!({"finish_reason": "COMPLETE"})),
    ]);
    assert!(ended);
    let parts: Vec<&Opening> = deltas
        .iter()
        .filter_map(|delta| if let Delta::Open(_, part) = delta { Some(part) } else { None })
        .collect();
    assert!(matches!(parts[..], [Opening::Text, Opening::Whole(_), Opening::Whole(_)]));
    assert_eq!(deltas[2..4], [Delta::Grow(0, "It is ".to_owned()), Delta::Grow(0, "20.".to_owned())]);
    assert_eq!(deltas[4], Delta::Close(0));
}

#[test]
fn an_error_in_words_is_one_and_a_bare_reason_is_a_reason() {
    let (deltas, ended) = heard(&[end(json!({"finish_reason": "ERROR", "error": "out of memory"}))]);
    assert_eq!((deltas, ended), (vec![Delta::Fault("out of memory".to_owned())], false));
    let (deltas, ended) = heard(&[end(json!({"finish_reason": "TIMEOUT", "error": null}))]);
    assert_eq!(deltas.last(), Some(&Delta::Stop(Stop::Malformed("TIMEOUT".to_owned()))));
    assert!(ended);
    let (deltas, ended) = heard(&[content(0, "a"), json!({"message": "too many requests"})]);
    assert_eq!(deltas.last(), Some(&Delta::Fault("too many requests".to_owned())));
    assert!(!ended);
}

#[test]
fn done_without_the_end_of_the_message_is_no_end() {
    let (deltas, ended) = read(format!("data: {}\n\ndata: [DONE]\n\n", content(0, "Once")).as_bytes());
    assert!(!ended && !deltas.iter().any(|delta| matches!(delta, Delta::Stop(_))));
}

#[test]
fn a_call_that_was_made_is_why_a_plain_end_ends() {
    let body = json!({
        "id": null,
        "message": {
            "content": null, "citations": null, "tool_plan": "",
            "tool_calls": [{"id": "a", "function": {"name": "get_time", "arguments": null}}],
        },
        "finish_reason": "COMPLETE",
        "usage": null,
    });
    let response = CODEC.read_response(body.to_string().as_bytes()).unwrap();
    assert_eq!(response.answers[0].stop, Some(Stop::Calls));
    let call = Call { id: "a".into(), name: "get_time".into(), arguments: "{}".into(), ..Call::default() };
    assert_eq!(response.answers[0].parts, [Part::Call(call)]);
    assert_eq!(response.counts, None);
    let (deltas, _) = heard(&[
        json!({"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": [{"id": "a", "function": {"name": "f"}}]}}}),
        end(json!({"finish_reason": "MAX_TOKENS"})),
    ]);
    assert_eq!(deltas[2..], [Delta::Close(0), Delta::Stop(Stop::Length)]);
}

#[test]
fn counts_are_those_of_the_model_and_may_be_written_as_fractions() {
    let usage = json!({"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 9.0, "output_tokens": 3.0}, "cached_tokens": 4.0});
    let expected = Counts { input: 9, output: 3, cached: 4, ..Counts::default() };
    assert_eq!(super::response::counts(&usage), Some(expected));
    let usage = json!({"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": null});
    assert_eq!(super::response::counts(&usage), Some(Counts { input: 1, output: 2, ..Counts::default() }));
}

#[test]
fn counts_behind_the_reason_are_written_with_it() {
    let counts = Counts { input: 7, output: 5, ..Counts::default() };
    let out = spoken(vec![Delta::Stop(Stop::Length), Delta::Counts(counts)]);
    assert!(
        out.contains(r#""finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":7"#),
        "{out}"
    );
    assert!(out.ends_with("data: [DONE]\n\n"));
}

#[test]
fn a_call_of_free_text_is_a_function_with_one_text() {
    let opening = Opening::Call { id: "a".into(), name: "patch".into(), custom: true };
    let grow = |text: &str| Delta::Grow(0, text.to_owned());
    let out = spoken(vec![Delta::Open(0, opening), grow("say \"h"), grow("i\"\n"), Delta::Close(0)]);
    let (deltas, _) = read(out.as_bytes());
    let mut gather = Gather::default();
    deltas.iter().for_each(|delta| gather.push(delta));
    let response = gather.into_response().unwrap();
    let Part::Call(call) = &response.answers[0].parts[0] else { panic!("{out}") };
    assert_eq!(call.object(), Some(json!({"input": "say \"hi\"\n"})));
}

#[test]
fn text_beside_calls_is_a_plan() {
    let call = || {
        Part::Call(Call { id: "a".into(), name: "f".into(), arguments: "not JSON".into(), ..Call::default() })
    };
    let turn = Turn::new(Role::Assistant, vec![text("I will "), text("look."), call()]);
    let (body, losses) = sent(&asked(vec![turn]));
    let message = &body["messages"][0];
    assert_eq!((&message["tool_plan"], message.get("content")), (&json!("I will look."), None));
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "not JSON");
    assert!(losses.is_empty());
    let back = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(back.turns[0].parts, [text("I will look."), call()]);
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let data = |kind: &str| Source::Data { kind: kind.to_owned(), base64: "SGk=".to_owned() };
    let file = |kind: &str| Part::File(File { source: data(kind), name: None });
    assert!(refused(&user(vec![Part::Audio(Media::new(data("audio/wav")))])).contains("no sound"));
    assert!(refused(&user(vec![file("application/pdf")])).contains("text only"));
    assert!(refused(&user(vec![Part::Image(Media::new(Source::Stored("file-1".into())))])).contains("store"));
    let (body, _) = sent(&user(vec![file("text/plain"), text("What is it?")]));
    assert_eq!(body["documents"], json!([{"data": {"text": "Hi"}}]));
}

#[test]
fn documents_stand_before_what_is_asked_last() {
    let document =
        || Part::File(File { source: Source::Text("Penguins swim.".into()), name: Some("a".into()) });
    let turns = |first: Vec<Part>, last: Vec<Part>| {
        let outcome =
            Part::Outcome(Outcome { call: "c".into(), parts: vec![text("ok")], ..Outcome::default() });
        vec![
            Turn::new(Role::User, first),
            Turn::new(Role::Assistant, vec![text("Yes?")]),
            Turn::new(Role::User, last),
            Turn::new(Role::User, vec![outcome]),
        ]
    };
    let (body, losses) = sent(&asked(turns(vec![document(), text("Hi.")], vec![text("Do they fly?")])));
    assert_eq!(body["documents"], json!([{"id": "a", "data": {"text": "Penguins swim."}}]));
    assert_eq!(losses, ["place of a document"]);
    let back = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(back.turns, turns(vec![text("Hi.")], vec![document(), text("Do they fly?")]));
    assert!(sent(&back).1.is_empty());
}

#[test]
fn what_failed_says_so() {
    let came = |parts| Part::Outcome(Outcome { call: "c".into(), parts, failed: true, ..Outcome::default() });
    let picture = || Part::Image(Media::new(Source::of_url("https://example.com/a.png")));
    let (body, losses) = sent(&user(vec![came(vec![text("no disk"), picture()]), came(Vec::new())]));
    assert_eq!(body["messages"][0]["content"], "Error: no disk");
    assert_eq!(body["messages"][1]["content"], "Error: ");
    assert_eq!(body["messages"][2]["content"][0]["image_url"]["url"], "https://example.com/a.png");
    assert_eq!(losses, ["pictures in a tool's outcome", "is_error"]);
}

#[test]
fn chosen_tools_are_the_only_ones_that_are_offered() {
    let tool = |name: &str, strict| Tool::Function {
        name: name.to_owned(),
        description: None,
        schema: None,
        strict,
        cache: None,
    };
    let mut request = user(vec![text("Hi.")]);
    request.tools = vec![tool("a", Some(true)), tool("b", None)];
    let (body, losses) = sent(&request);
    assert_eq!((body.get("strict_tools"), body.get("tool_choice")), (None, None));
    assert_eq!(losses, ["strict"]);
    request.choice = Some(Choice::Allowed { names: vec!["a".to_owned()], required: false });
    let (body, losses) = sent(&request);
    assert_eq!((&body["strict_tools"], body["tools"].as_array().unwrap().len()), (&json!(true), 1));
    assert_eq!((body.get("tool_choice"), losses), (None, vec!["tool_choice".to_owned()]));
    request.choice = Some(Choice::Named("c".to_owned()));
    assert!(refused(&request).contains("none of the tools"));
}

#[test]
fn what_programs_write_besides_the_reference_is_read() {
    let body = json!({
        "model": "command-a", "stop_sequences": null, "tools": null, "thinking": null,
        "messages": [
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": {"type": "text", "text": "Hi."}},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"b": 1}}}]},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "document", "document": {"id": 3, "title": "T"}}]},
        ],
        "strict_tools": true,
    });
    let request = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(request.system, [text("Be kind.")]);
    assert_eq!(request.turns[0].parts, [text("Hi.")]);
    let Part::Call(call) = &request.turns[1].parts[0] else { panic!() };
    assert_eq!(call.arguments, r#"{"b":1}"#);
    let Part::Outcome(outcome) = &request.turns[2].parts[0] else { panic!() };
    let document = File { source: Source::Text(r#"{"title":"T"}"#.into()), name: Some("3".into()) };
    assert_eq!(outcome.parts, [Part::File(document)]);
    assert_eq!(request.rest.get("strict_tools"), Some(&json!(true)));
}

/// The text of an answer, the plan among it, as it was recorded.
fn recorded_text(message: &Value) -> String {
    let texts = message["content"].as_array().into_iter().flatten();
    let texts = texts.filter_map(|part| part["text"].as_str());
    texts.chain(message["tool_plan"].as_str()).collect()
}

fn recorded_stream_text(stream: &str) -> String {
    let events =
        stream.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let pieces = events.filter_map(|event| {
        let message = &event["delta"]["message"];
        message["content"]["text"].as_str().or_else(|| message["tool_plan"].as_str()).map(str::to_owned)
    });
    pieces.collect()
}

fn check_stream(recording: &Recording) {
    let (deltas, ended) = read(&recording.resp_body);
    assert!(ended, "{}", recording.id);
    let mut gather = Gather::default();
    deltas.iter().for_each(|delta| gather.push(delta));
    let response = gather.into_response().unwrap();
    let stream = std::str::from_utf8(&recording.resp_body).unwrap();
    assert_eq!(text_of(&response.answers[0].parts), recorded_stream_text(stream), "{}", recording.id);
    assert!(response.answers[0].stop.is_some() && response.counts.is_some(), "{}", recording.id);
    assert_eq!(read(spoken(deltas).as_bytes()).1, ended, "{}", recording.id);
}

fn check_answer(recording: &Recording) {
    let answer: Value = serde_json::from_slice(&recording.resp_body).unwrap();
    let response = CODEC.read_response(&recording.resp_body).unwrap();
    let said = &response.answers[0];
    assert_eq!(text_of(&said.parts), recorded_text(&answer["message"]), "{}", recording.id);
    assert!(!said.parts.is_empty() && said.stop.is_some(), "{}", recording.id);
    assert_eq!(response.counts.unwrap().input, answer["usage"]["tokens"]["input_tokens"], "{}", recording.id);
}

#[test]
fn everything_recorded_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(recordings) = load(root, "cohere") else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return;
    };
    let (mut streams, mut answers) = (0, 0);
    for recording in recordings.iter().filter(|recording| recording.path == "/v2/chat") {
        let request = CODEC
            .read_request(&recording.req_body)
            .unwrap_or_else(|error| panic!("{} {error}", recording.id));
        let (body, losses) = sent(&request);
        assert!(losses.is_empty(), "{} {losses:?}", recording.id);
        assert_eq!(CODEC.read_request(body.to_string().as_bytes()), Ok(request), "{}", recording.id);
        if recording.is_stream() {
            check_stream(recording);
            streams += 1;
        } else {
            check_answer(recording);
            answers += 1;
        }
    }
    assert!(streams >= 4 && answers >= 15, "{streams} streams, {answers} answers");
}

#[test]
fn a_stream_that_breaks_off_ends_with_the_error_and_what_was_counted() {
    let request = Request::default();
    let (mut writer, mut out) =
        (CODEC.writer(&To { request: &request, mint: Mint { now: 0, seed: 1 } }), Vec::new());
    writer.write(Delta::Counts(Counts { input: 3, output: 2, ..Counts::default() }), &mut out);
    out.clear();
    writer.broken(Kind::UpstreamInterrupted, "It was cut.", &mut out);
    let told = String::from_utf8(out.clone()).unwrap();
    let data = told.strip_prefix("event: message-end\ndata: ").unwrap().trim_end();
    let tokens = json!({"input_tokens": 3, "output_tokens": 2});
    assert_eq!(
        serde_json::from_str::<Value>(data).unwrap(),
        json!({"type": "message-end", "delta": {
            "error": "It was cut.",
            "finish_reason": "ERROR",
            "usage": {"billed_units": tokens, "tokens": tokens, "cached_tokens": 0},
        }})
    );
    assert_eq!(read(&out), (vec![Delta::Fault("It was cut.".to_owned())], false));
}
