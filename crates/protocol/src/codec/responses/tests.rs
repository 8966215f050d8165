//! What is easily got wrong in this wire.

mod recorded;

use serde_json::{Value, json};

use super::super::{Habits, Mint, To};
use super::CODEC;
use crate::fault::Kind;
use crate::hub::gather::Gather;
use crate::hub::part::text_of;
use crate::hub::{
    Answer, Begun, Call, Choice, Counts, Delta, Losses, Media, Opening, Part, Request, Response, Role,
    Source, Stop, Thought, Tool, Turn,
};

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

fn read(body: &Value) -> Request {
    CODEC.read_request(body.to_string().as_bytes()).unwrap()
}

fn written(request: &Request, own: bool) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let habits = Habits { own, ..Habits::default() };
    let bytes = CODEC.write_request(request, habits, &mut losses).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), losses.iter().map(str::to_owned).collect())
}

fn answered(parts: Vec<Part>, stop: Stop, request: &Request) -> Value {
    let answer = Answer { parts, stop: Some(stop), logprobs: None };
    let response = Response { answers: vec![answer], ..Response::default() };
    serde_json::from_slice(&CODEC.write_response(&response, &To { request, mint: MINT })).unwrap()
}

/// The events a stream is written as.
fn streamed(deltas: Vec<Delta>, request: &Request) -> Vec<Value> {
    let (mut writer, mut out) = (CODEC.writer(&To { request, mint: MINT }), Vec::new());
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    writer.end(&mut out);
    events(&out)
}

fn events(stream: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(stream).unwrap().lines();
    lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

/// What a stream says, and whether it ended.
fn heard(stream: &[u8], cuts: &[usize]) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas, mut begin) = (CODEC.reader(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([stream.len()]) {
        reader.read(&stream[begin..end], &mut deltas).unwrap();
        begin = end;
    }
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

fn of(events: &[Value]) -> Vec<u8> {
    events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>().into_bytes()
}

fn call(name: &str, arguments: &str) -> Call {
    Call { id: "call_1".into(), name: name.into(), arguments: arguments.into(), ..Call::default() }
}

fn with_tools() -> Request {
    read(&json!({
        "model": "m", "input": "Hi", "stream": true, "parallel_tool_calls": false,
        "tools": [
            {"type": "custom", "name": "apply_patch"},
            {"type": "namespace", "name": "rates", "tools": [{"type": "function", "name": "get"}]},
        ],
    }))
}

#[test]
fn the_text_for_a_free_tool_comes_out_of_the_function_it_was_wrapped_in() {
    let request = with_tools();
    let parts = vec![Part::Call(call("apply_patch", r#"{"input":"*** Begin\n"}"#))];
    let item = &answered(parts, Stop::Calls, &request)["output"][0];
    assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("*** Begin\n")));
    let opening = Opening::Call { id: "call_1".into(), name: "apply_patch".into(), custom: false };
    let pieces = [r#"{"input":"*** "#, r#"Begin\n"}"#];
    let mut deltas = vec![Delta::Open(0, opening)];
    deltas.extend(pieces.map(|piece| Delta::Grow(0, piece.into())));
    deltas.extend([Delta::Close(0), Delta::Stop(Stop::Calls)]);
    let events = streamed(deltas, &request);
    let kinds: Vec<&str> = events[2..].iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds,
        [
            "response.output_item.added",
            "response.custom_tool_call_input.delta",
            "response.custom_tool_call_input.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    assert_eq!(events[3]["delta"], "*** Begin\n");
}

#[test]
fn a_call_into_a_namespace_is_given_back_under_its_own_name() {
    let request = with_tools();
    assert_eq!(request.tools[1].name(), Some("rates__get"));
    let answer = answered(vec![Part::Call(call("rates__get", "{}"))], Stop::Calls, &request);
    let item = &answer["output"][0];
    assert_eq!((&item["namespace"], &item["name"]), (&json!("rates"), &json!("get")));
    assert_eq!(answer["tools"][1]["tools"][0]["name"], "get");
    assert_eq!(answer["parallel_tool_calls"], false);
}

#[test]
fn a_found_tool_stands_under_its_own_name() {
    let item = json!({"type": "function_call", "call_id": "c", "namespace": "get", "name": "get", "arguments": "{}"});
    let request = read(&json!({"model": "m", "input": [item]}));
    assert!(matches!(&request.turns[0].parts[0], Part::Call(call) if call.name == "get"));
}

#[test]
fn a_signature_comes_back_with_the_thoughts_it_signs() {
    let thought = Thought { text: "Hm.".into(), signature: Some("EqQB".into()), ..Thought::default() };
    let mut items = answered(vec![Part::Thought(thought.clone())], Stop::End, &Request::default());
    let request = read(&json!({"model": "m", "input": items["output"].take()}));
    let Part::Thought(back) = &request.turns[0].parts[0] else { panic!("{request:?}") };
    assert_eq!((&back.text, &back.signature, &back.sealed), (&thought.text, &thought.signature, &None));
    // OpenAI did not make it, and would refuse it.
    let (body, lost) = written(&Request { turns: request.turns.clone(), ..Request::default() }, true);
    assert_eq!((&body["input"], lost.as_slice()), (&json!([]), ["thinking".to_owned()].as_slice()));
}

#[test]
fn sealed_thoughts_of_openai_go_back_to_it_and_those_of_others_do_not() {
    let sealed = |data: &str| Thought { sealed: Some(data.into()), ..Thought::default() };
    let parts = vec![Part::Thought(sealed("gAAAAABp")), Part::Thought(sealed("EmwKAhgB"))];
    let request = Request { turns: vec![Turn::new(Role::Assistant, parts)], ..Request::default() };
    let (body, lost) = written(&request, true);
    assert_eq!(body["input"], json!([{"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABp"}]));
    assert_eq!(lost, ["thinking"]);
}

#[test]
fn thoughts_go_back_in_words_where_they_are_wanted_so() {
    let thought = Thought { text: "Hm.".into(), ..Thought::default() };
    let turns = vec![Turn::new(Role::Assistant, vec![Part::Thought(thought)])];
    let habits = Habits { thoughts_back: true, ..Habits::default() };
    let request = Request { turns, ..Request::default() };
    let bytes = CODEC.write_request(&request, habits, &mut Losses::default()).unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["input"][0]["content"], json!([{"type": "reasoning_text", "text": "Hm."}]));
}

#[test]
fn openai_itself_is_asked_for_sealed_thoughts_and_told_to_keep_nothing() {
    let asked = json!({"model": "m", "input": [{"role": "developer", "content": "A"}, {"role": "developer", "content": "B"}],
        "reasoning": {"effort": "low"}, "store": false});
    let (body, lost) = written(&read(&asked), true);
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!((&body["store"], &body["instructions"]), (&json!(false), &json!("A")));
    assert_eq!(body["input"][0]["role"], "developer");
    assert!(lost.is_empty(), "{lost:?}");
    let off = json!({"model": "m", "input": "A", "reasoning": {"effort": "none"}});
    assert!(written(&read(&off), true).0.get("include").is_none());
}

#[test]
fn functions_of_others_are_not_made_strict() {
    let tool =
        Tool::Function { name: "f".into(), description: None, schema: None, strict: None, cache: None };
    let (body, _) = written(&Request { tools: vec![tool], ..Request::default() }, true);
    assert_eq!(body["tools"][0]["strict"], false);
}

#[test]
fn a_sound_is_refused_by_its_name() {
    let sound = Source::Data { kind: "audio/wav".into(), base64: "UklGRg==".into() };
    let turns = vec![Turn::new(Role::User, vec![Part::Audio(Media::new(sound))])];
    let request = Request { turns, ..Request::default() };
    let refusal = CODEC.write_request(&request, Habits::default(), &mut Losses::default()).unwrap_err();
    assert!(refusal.say.contains("sounds"), "{refusal}");
}

#[test]
fn what_cannot_be_read_says_where_it_stands() {
    for (body, param) in [
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": 3}), "input"),
        (json!({"model": "m", "input": [{"role": "robot", "content": "x"}]}), "input[0].role"),
        (
            json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_image"}]}]}),
            "input[0].content[0].image_url",
        ),
        (json!({"model": "m", "input": "x", "tool_choice": "any"}), "tool_choice"),
        (json!({"model": "m", "input": "x", "text": {"format": {"type": "yaml"}}}), "text.format.type"),
        (
            json!({"model": "m", "input": [{"type": "function_call_output", "output": "x"}]}),
            "input[0].call_id",
        ),
    ] {
        let refusal = CODEC.read_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refusal.param.as_deref(), Some(param), "{body}");
    }
    assert!(CODEC.read_request(br#"{"model":"m","previous_response_id":"resp_1"}"#).is_ok());
}

#[test]
fn counts_behind_the_stop_reach_the_last_event_and_numbers_never_skip() {
    let deltas = vec![
        Delta::Begin(Begun { id: Some("resp_9".into()), ..Begun::default() }),
        Delta::Open(0, Opening::Text),
        Delta::Grow(0, "Hi".into()),
        Delta::Close(0),
        Delta::Stop(Stop::Refused),
        Delta::Counts(Counts { input: 3, output: 2, ..Counts::default() }),
    ];
    let events = streamed(deltas, &Request::default());
    for (nth, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], nth, "{event}");
    }
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["id"], "resp_9");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "content_filter");
    assert_eq!(last["response"]["usage"]["total_tokens"], 5);
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
}

#[test]
fn an_answer_nobody_can_use_is_a_failure() {
    let events =
        streamed(vec![Delta::Stop(Stop::Malformed("MALFORMED_FUNCTION_CALL".into()))], &Request::default());
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["error"]["code"]),
        (&json!("response.failed"), &json!("server_error"))
    );
    assert!(last["response"]["completed_at"].is_null());
}

#[test]
fn a_broken_answer_has_an_error_and_no_end() {
    let (mut writer, mut out) = (CODEC.writer(&To { request: &Request::default(), mint: MINT }), Vec::new());
    writer.write(Delta::Open(0, Opening::Text), &mut out);
    writer.broken(Kind::UpstreamInterrupted, "It broke.", &mut out);
    let events = events(&out);
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["message"]), (&json!("error"), &json!("It broke.")));
    assert_eq!(last["sequence_number"], events.len() - 1);
    let (deltas, ended) = heard(&out, &[]);
    assert!(!ended && deltas.contains(&Delta::Fault("It broke.".into())));
}

#[test]
fn a_mark_on_a_call_stays_with_it() {
    let opening = Opening::Call { id: "c".into(), name: "f".into(), custom: false };
    let deltas = vec![
        Delta::Open(0, opening),
        Delta::Sign(0, "Cg8=".into()),
        Delta::Close(0),
        Delta::Stop(Stop::Calls),
    ];
    let events = streamed(deltas, &Request::default());
    let (back, ended) = heard(&of(&events), &[]);
    assert!(ended && back.contains(&Delta::Sign(0, "Cg8=".into())), "{back:?}");
    assert!(back.contains(&Delta::Grow(0, "{}".into())), "{back:?}");
}

#[test]
fn items_that_come_in_one_piece_are_read_in_one_piece() {
    let message = json!({"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "Hi", "annotations": null}, {"type": "refusal", "refusal": "No."}]});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    let thought =
        json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]});
    let output = json!([thought, message, call]);
    let last = json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output}});
    let each = output.as_array().unwrap().iter().enumerate();
    let done = each
        .map(|(nth, item)| json!({"type": "response.output_item.done", "output_index": nth, "item": item}));
    let whole = of(std::slice::from_ref(&last));
    let by_items = of(&done.chain([last]).collect::<Vec<_>>());
    for stream in [whole, by_items] {
        let (deltas, ended) = heard(&stream, &[]);
        let mut gather = Gather::default();
        deltas.iter().for_each(|delta| gather.push(delta));
        let answer = gather.into_response().unwrap().answers.remove(0);
        assert!(ended);
        assert_eq!(answer.stop, Some(Stop::Calls));
        assert_eq!(answer.parts.len(), 4, "{answer:?}");
        assert_eq!(text_of(&answer.parts), "Hi");
        assert!(matches!(&answer.parts[3], Part::Call(call) if call.arguments == "{\"a\":1}"), "{answer:?}");
    }
}

#[test]
fn a_failed_answer_is_none() {
    let body = json!({"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "Oh no."}, "output": []});
    let refusal = CODEC.read_response(body.to_string().as_bytes()).unwrap_err();
    assert!(refusal.say.contains("Oh no."), "{refusal}");
}

#[test]
fn a_reason_only_says_calls_where_the_answer_is_complete() {
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a"});
    let body = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [call]});
    let response = CODEC.read_response(body.to_string().as_bytes()).unwrap();
    assert_eq!(response.answers[0].stop, Some(Stop::Length));
}

#[test]
fn a_picture_the_model_made_is_an_item() {
    let media = Media::new(Source::Data { kind: "image/png".into(), base64: "iVBO".into() });
    let answer = answered(vec![Part::Image(media)], Stop::End, &Request::default());
    assert_eq!(answer["output"][0]["type"], "image_generation_call");
    assert_eq!(answer["output"][0]["result"], "iVBO");
}

#[test]
fn a_long_name_of_the_user_is_left_out_and_told() {
    let mut losses = Losses::default();
    let request = Request { user: Some("x".repeat(65)), ..Request::default() };
    let written = CODEC.write_request(&request, Habits::default(), &mut losses).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap().get("user"), None);
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["user"]);
}

#[test]
fn tools_that_stand_in_the_conversation_are_tools() {
    let tool = |name: &str, description: &str| json!({"type": "function", "name": name, "description": description, "parameters": {}});
    let namespace =
        |tools: Value| json!({"type": "namespace", "name": "functions", "description": "", "tools": tools});
    let more =
        |tools: Value| json!({"type": "additional_tools", "id": "at_1", "role": "developer", "tools": tools});
    let body = json!({
        "model": "m",
        "tools": [tool("look", "first")],
        "tool_choice": {"type": "function", "name": "wait"},
        "input": [
            more(json!([namespace(json!([{"type": "custom", "name": "exec"}]))])),
            {"type": "message", "role": "developer", "content": "Be brief."},
            {"type": "message", "role": "user", "content": "Go."},
            more(json!([namespace(json!([tool("wait", "")])), tool("look", "second")])),
            {"type": "message", "role": "user", "content": "On."},
        ],
    });
    let request = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    let names: Vec<_> = request.tools.iter().filter_map(Tool::name).collect();
    assert_eq!(names, ["look", "functions__exec", "functions__wait"]);
    assert!(matches!(&request.tools[0], Tool::Function { description: Some(last), .. } if last == "second"));
    assert_eq!(request.namespaces.len(), 1);
    assert_eq!(request.choice, Some(Choice::Named("functions__wait".into())));
    // It is nobody's turn: what stands behind it is still said before the conversation.
    assert_eq!((request.system.len(), request.turns.len()), (1, 2));
    assert!(request.rest.keys().all(|name| name == "tools.namespace.description"), "{:?}", request.rest);
    let wrong =
        json!({"model": "m", "input": [{"type": "additional_tools", "tools": [{"type": "function"}]}]});
    let refused = CODEC.read_request(wrong.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("input[0].tools[0].name"));
}
