//! Traps of Gemini's language.

mod recorded;

use serde_json::{Value, json};

use super::super::{Habits, Mint, To, Translation, Wire};
use super::CODEC;
use crate::fault::Kind;
use crate::hub::gather::Gather;
use crate::hub::*;

fn asked(model: &str, turns: Vec<Turn>) -> Request {
    Request { model: model.to_owned(), turns, ..Request::default() }
}

fn user(text: &str) -> Turn {
    Turn::new(Role::User, vec![Part::Text(text.to_owned())])
}

fn written(request: &Request) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let bytes = CODEC.write_request(request, Habits::default(), &mut losses).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), losses.iter().map(str::to_owned).collect())
}

fn refused(request: &Request) -> String {
    CODEC.write_request(request, Habits::default(), &mut Losses::default()).unwrap_err().to_string()
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(Call {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        ..Call::default()
    })
}

fn outcome(call: &str, parts: Vec<Part>, failed: bool) -> Part {
    Part::Outcome(Outcome { call: call.to_owned(), parts, failed, ..Outcome::default() })
}

fn heard(stream: &str) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas) = (CODEC.reader(), Vec::new());
    reader.read(stream.as_bytes(), &mut deltas).unwrap();
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

fn gathered(deltas: &[Delta]) -> Response {
    let mut gather = Gather::default();
    deltas.iter().for_each(|delta| gather.push(delta));
    gather.into_response().unwrap()
}

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
}

fn candidate(parts: Value, reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}});
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    json!({ "candidates": [candidate] })
}

#[test]
fn calls_of_other_models_get_the_mark_that_stands_for_none_where_one_is_wanted() {
    let turns = vec![
        user("Weather?"),
        Turn::new(Role::Assistant, vec![call("a", "get_weather", "{}"), call("b", "get_time", "{}")]),
    ];
    for (model, mark) in [
        ("gemini-3-flash-preview", json!("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")),
        ("models/gemini-flash-latest", json!("c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")),
        ("gemini-2.5-pro", Value::Null),
    ] {
        let (body, _) = written(&asked(model, turns.clone()));
        let parts = &body["contents"][1]["parts"];
        assert_eq!(parts[0]["thoughtSignature"], mark, "{model}");
        assert_eq!(parts[1]["thoughtSignature"], Value::Null, "{model}");
        let back = CODEC.read_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(back.turns, turns, "{model}");
    }
}

#[test]
fn a_mark_alone_goes_onto_the_part_behind_it_unless_that_has_one() {
    let mark = |mark: &str| Part::Thought(Thought { signature: Some(mark.to_owned()), ..Thought::default() });
    let mut signed = Call { id: "a".to_owned(), name: "get_time".to_owned(), ..Call::default() };
    signed.arguments = "{}".to_owned();
    signed.signature = Some("S3".to_owned());
    let parts = vec![
        mark("S1"),
        Part::Text("Now.".to_owned()),
        mark("S2"),
        Part::Call(signed),
        mark("S4"),
        call("b", "get_time", "{}"),
        mark("S5"),
    ];
    let (body, _) = written(&asked("gemini-3", vec![user("Go"), Turn::new(Role::Assistant, parts)]));
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"text": "Now.", "thoughtSignature": "S1"},
            {"text": "", "thoughtSignature": "S2"},
            {"functionCall": {"id": "a", "name": "get_time", "args": {}}, "thoughtSignature": "S3"},
            {"functionCall": {"id": "b", "name": "get_time", "args": {}}, "thoughtSignature": "S4"},
            {"text": "", "thoughtSignature": "S5"},
        ])
    );
}

#[test]
fn outcomes_without_ids_answer_the_calls_of_their_tool_in_order() {
    let body = json!({"contents": [
        {"role": "user", "parts": {"text": "Weather?"}},
        {"role": "model", "parts": [
            {"functionCall": {"name": "get_weather", "args": {"n": 1}}},
            {"functionCall": {"name": "get_time"}},
            {"functionCall": {"id": "mine", "name": "get_weather"}},
        ]},
        {"role": "function", "parts": [
            {"functionResponse": {"name": "get_time", "response": {"output": "ten"}}},
            {"functionResponse": {"name": "get_weather", "response": {"result": {"sky": "grey"}}}},
            {"functionResponse": {"name": "get_weather", "response": {"error": {"code": 5}}}},
            {"functionResponse": {"name": "get_weather", "response": {}}},
        ]},
    ]});
    let request = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    let outcomes: Vec<(&str, Vec<Part>, bool)> = request.turns[2]
        .parts
        .iter()
        .map(|part| match part {
            Part::Outcome(outcome) => (outcome.call.as_str(), outcome.parts.clone(), outcome.failed),
            other => panic!("{other:?}"),
        })
        .collect();
    let text = |text: &str| vec![Part::Text(text.to_owned())];
    assert_eq!(
        outcomes,
        [
            ("call_1_1", text("ten"), false),
            ("call_1_0", text("{\"sky\":\"grey\"}"), false),
            ("mine", text("{\"code\":5}"), true),
            ("call_2_3", vec![], false),
        ]
    );
}

#[test]
fn outcomes_are_objects_that_name_their_tool_before_all_else() {
    let image = Part::Image(Media::new(Source::of_url("data:image/png;base64,AAAA")));
    let turns = vec![
        user("Go"),
        Turn::new(Role::Assistant, vec![call("a", "look", "{}"), call("b", "list", "{}")]),
        Turn::new(
            Role::User,
            vec![
                Part::Text("Well?".to_owned()),
                outcome("a", vec![image], true),
                outcome("b", vec![Part::Text("[1]".to_owned())], false),
            ],
        ),
    ];
    let picture = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    let list = json!({"functionResponse": {"id": "b", "name": "list", "response": {"result": [1]}}});
    let mut look = json!({"functionResponse": {"id": "a", "name": "look", "response": {"error": ""}}});
    let (body, losses) = written(&asked("gemini-2.5-flash", turns.clone()));
    assert_eq!(body["contents"][2]["parts"], json!([look, list, picture, {"text": "Well?"}]));
    assert_eq!(losses, ["pictures in a tool's outcome"]);
    let (body, losses) = written(&asked("gemini-3.5-flash", turns));
    look["functionResponse"]["parts"] = json!([picture]);
    assert_eq!(body["contents"][2]["parts"], json!([look, list, {"text": "Well?"}]));
    assert!(losses.is_empty());
}

#[test]
fn what_cannot_be_asked_at_all_is_refused() {
    let broken = Turn::new(Role::Assistant, vec![call("a", "look", "{\"where\": ")]);
    assert!(refused(&asked("gemini-3", vec![user("Go"), broken])).contains("`look`"));
    let orphan = Turn::new(Role::User, vec![outcome("gone", vec![], false)]);
    assert!(refused(&asked("gemini-3", vec![orphan])).contains("`gone`"));
    assert!(refused(&asked("gemini-3", vec![])).contains("`contents`"));
}

#[test]
fn thinking_is_said_as_the_model_takes_it() {
    let effort = |word: &str| Reasoning { effort: Some(word.to_owned()), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), ..Reasoning::default() };
    let both = Reasoning { budget: Some(Budget::Tokens(3000)), ..effort("low") };
    let (level, tokens) =
        (|level| json!({"thinkingLevel": level}), |tokens| json!({"thinkingBudget": tokens}));
    let (newer, older) = ("gemini-3-flash-preview", "gemini-2.5-flash");
    for (model, reasoning, config, lost) in [
        (newer, effort("minimal"), level("MINIMAL"), &[][..]),
        ("gemini-3.1-pro-preview", effort("minimal"), level("LOW"), &["reasoning_effort"]),
        (newer, effort("high"), level("HIGH"), &[]),
        (newer, effort("max"), level("HIGH"), &["reasoning_effort"]),
        (newer, effort("none"), level("MINIMAL"), &["thinking off"]),
        (newer, budget(Budget::Tokens(3000)), tokens(3000), &[]),
        (newer, budget(Budget::Adaptive), tokens(-1), &[]),
        (newer, both.clone(), level("LOW"), &["thinking budget"]),
        (older, both, tokens(3000), &["reasoning_effort"]),
        (older, effort("medium"), tokens(8192), &["reasoning_effort"]),
        (older, budget(Budget::Off), tokens(0), &[]),
        ("gemini-2.5-pro", budget(Budget::Off), tokens(128), &["thinking off"]),
    ] {
        let name = format!("{model} {reasoning:?}");
        let (body, losses) =
            written(&Request { reasoning: Some(reasoning), ..asked(model, vec![user("Go")]) });
        assert_eq!(body["generationConfig"]["thinkingConfig"], config, "{name}");
        assert_eq!(losses, lost, "{name}");
    }
}

#[test]
fn free_text_goes_into_the_one_argument_of_a_function() {
    let patch = Tool::Custom { name: "patch".to_owned(), description: None, format: None };
    let made = Part::Call(Call {
        id: "a".to_owned(),
        name: "patch".to_owned(),
        arguments: "*** Begin".to_owned(),
        custom: true,
        signature: None,
    });
    let request = Request {
        tools: vec![patch],
        ..asked("gemini-2.5-pro", vec![user("Go"), Turn::new(Role::Assistant, vec![made])])
    };
    let (body, losses) = written(&request);
    let function = &body["tools"][0]["functionDeclarations"][0];
    assert_eq!(function["parametersJsonSchema"]["required"], json!(["input"]));
    assert_eq!(body["contents"][1]["parts"][0]["functionCall"]["args"], json!({"input": "*** Begin"}));
    assert_eq!(losses, ["custom tools"]);
}

#[test]
fn reasons_are_not_taken_for_an_end() {
    let called = json!([{"functionCall": {"name": "look", "args": {}}}]);
    for (parts, reason, stop) in [
        (json!([{"text": "Hi"}]), "STOP", Stop::End),
        (called.clone(), "STOP", Stop::Calls),
        (called.clone(), "UNEXPECTED_TOOL_CALL", Stop::Calls),
        (called, "MAX_TOKENS", Stop::Length),
        (json!([]), "UNEXPECTED_TOOL_CALL", Stop::Malformed("UNEXPECTED_TOOL_CALL".to_owned())),
        (json!([]), "MALFORMED_FUNCTION_CALL", Stop::Malformed("MALFORMED_FUNCTION_CALL".to_owned())),
        (json!([]), "WORD_OF_TOMORROW", Stop::Malformed("WORD_OF_TOMORROW".to_owned())),
        (json!([]), "IMAGE_SAFETY", Stop::Filtered),
    ] {
        let whole = candidate(parts, Some(reason));
        let response = CODEC.read_response(whole.to_string().as_bytes()).unwrap();
        assert_eq!(response.answers[0].stop, Some(stop.clone()), "{reason}");
        let (deltas, ended) = heard(&events(&[whole]));
        assert!(ended, "{reason}");
        assert_eq!(deltas.last(), Some(&Delta::Stop(stop)), "{reason}");
    }
}

#[test]
fn what_is_no_answer_is_none() {
    let error =
        json!({"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}});
    assert_eq!(CODEC.read_response(error.to_string().as_bytes()).unwrap_err().say, "Resource exhausted.");
    for body in ["{}", "[]", "{\"promptFeedback\": {}}"] {
        assert!(CODEC.read_response(body.as_bytes()).is_err(), "{body}");
    }
    let (deltas, ended) = heard(&error.to_string());
    assert_eq!((deltas, ended), (vec![Delta::Fault("Resource exhausted.".to_owned())], false));
    let (deltas, ended) = heard(&format!("[{error}]"));
    assert_eq!((deltas, ended), (vec![Delta::Fault("Resource exhausted.".to_owned())], false));
}

#[test]
fn a_reason_with_every_piece_is_one_stop_behind_all_parts() {
    let piece = |text: &str| candidate(json!([{"text": text}]), Some("STOP"));
    let (deltas, ended) = heard(&events(&[piece("Grüß"), piece(" Gott")]));
    assert!(ended);
    assert_eq!(deltas.iter().filter(|delta| matches!(delta, Delta::Stop(_))).count(), 1);
    assert_eq!(deltas.last(), Some(&Delta::Stop(Stop::End)));
    assert_eq!(gathered(&deltas).answers[0].parts, [Part::Text("Grüß Gott".to_owned())]);
}

#[test]
fn the_last_counts_stand_even_where_they_are_smaller_and_behind_the_reason() {
    let counted = |usage: Value, text: &str, reason| {
        let mut event = candidate(json!([{"text": text}]), reason);
        event["usageMetadata"] = usage;
        event
    };
    let (deltas, ended) = heard(&events(&[
        counted(
            json!({"promptTokenCount": 15, "candidatesTokenCount": 3, "thoughtsTokenCount": 9}),
            "a",
            None,
        ),
        counted(json!({"promptTokenCount": 14}), "b", Some("STOP")),
        json!({"usageMetadata": {"promptTokenCount": 14, "candidatesTokenCount": 2, "thoughtsTokenCount": 7}}),
    ]));
    assert!(ended);
    let counts = gathered(&deltas).counts.unwrap();
    assert_eq!((counts.input, counts.output, counts.thought), (14, 9, 7));
}

#[test]
fn a_stream_is_one_array_where_that_was_asked_for() {
    let request = Request { array: true, model: "gemini-3".to_owned(), ..Request::default() };
    let to = To { request: &request, mint: Mint { now: 1, seed: 1 } };
    let open = Opening::Call { id: "a".to_owned(), name: "look".to_owned(), custom: false };
    let deltas = [
        Delta::Open(0, Opening::Text),
        Delta::Grow(0, "Grüß".to_owned()),
        Delta::Close(0),
        Delta::Open(1, open),
        Delta::Grow(1, "{\"where\": ".to_owned()),
        Delta::Close(1),
        Delta::Stop(Stop::Length),
    ];
    let (mut writer, mut whole) = (CODEC.writer(&to), Vec::new());
    deltas.iter().cloned().for_each(|delta| writer.write(delta, &mut whole));
    writer.end(&mut whole);
    let elements: Vec<Value> = serde_json::from_slice(&whole).unwrap();
    let part = |nth: usize| &elements[nth]["candidates"][0]["content"]["parts"][0];
    assert_eq!(part(0)["text"], "Grüß");
    // Arguments that broke off are told as they are.
    assert_eq!(part(1)["functionCall"]["args"], json!({"input": "{\"where\": "}));
    assert_eq!(elements[2]["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert!(heard(std::str::from_utf8(&whole).unwrap()).1);

    let (mut writer, mut broken) = (CODEC.writer(&to), Vec::new());
    deltas[..5].iter().cloned().for_each(|delta| writer.write(delta, &mut broken));
    writer.broken(Kind::UpstreamInterrupted, "It was cut.", &mut broken);
    let elements: Vec<Value> = serde_json::from_slice(&broken).unwrap();
    assert_eq!(elements.len(), 2);
    assert_eq!(elements[1]["error"]["message"], "It was cut.");
    assert!(!heard(std::str::from_utf8(&broken).unwrap()).1);
}

/// What a caller says, as parts of the model's.
fn said(parts: Value) -> Vec<Turn> {
    read(&json!({"contents": [{"role": "model", "parts": parts}]}))
}

fn read(body: &Value) -> Vec<Turn> {
    CODEC.read_request(body.to_string().as_bytes()).unwrap().turns
}

fn thought(text: &str, mark: Option<&str>) -> Part {
    Part::Thought(Thought { text: text.to_owned(), signature: mark.map(str::to_owned), ..Thought::default() })
}

#[test]
fn bytes_in_the_alphabet_for_addresses_are_read_as_those_of_the_usual_one() {
    for (given, usual) in [
        ("-_-_", "+/+/"),
        ("-_8", "+/8="),
        ("_w", "/w=="),
        ("_w==", "/w=="),
        ("iVBORw0KGgo=", "iVBORw0KGgo="),
        // None at all: whoever gets it says so.
        ("no base64!", "no base64!"),
        ("a-b_c", "a-b_c"),
        ("AAAA=", "AAAA="),
        ("", ""),
    ] {
        let picture = json!({"inlineData": {"mimeType": "image/png", "data": given}});
        let source = Source::Data { kind: "image/png".to_owned(), base64: usual.to_owned() };
        assert_eq!(said(json!([picture]))[0].parts, [Part::Image(Media::new(source))], "{given}");
        let signed = json!([{"text": "so", "thought": true, "thoughtSignature": given}]);
        assert_eq!(said(signed)[0].parts, [thought("so", Some(usual))], "{given}");
    }
}

#[test]
fn a_mark_that_is_no_base64_comes_back_as_it_was() {
    let marks = ["opxmess0AA==", "opxchat0gAAAA-b_c", "opxmess0not of base64", "opxmess0AAA"];
    for mark in marks {
        let parts = vec![thought("so", Some(mark)), thought("", Some(mark))];
        let response = Response {
            answers: vec![Answer { parts: parts.clone(), ..Answer::default() }],
            ..Response::default()
        };
        let request = Request { model: "gemini-3".to_owned(), ..Request::default() };
        let to = To { request: &request, mint: Mint { now: 1, seed: 1 } };
        let whole: Value = serde_json::from_slice(&CODEC.write_response(&response, &to)).unwrap();
        let (mut writer, mut stream) = (CODEC.writer(&to), Vec::new());
        crate::hub::scatter::steps(&response).into_iter().for_each(|step| writer.write(step, &mut stream));
        writer.end(&mut stream);
        let stream = String::from_utf8(stream).unwrap();
        let events = stream.split("data: ").skip(1).map(|data| serde_json::from_str::<Value>(data).unwrap());
        let mut shown: Vec<Value> = vec![whole["candidates"][0]["content"]["parts"].clone()];
        shown.push(events.map(|event| event["candidates"][0]["content"]["parts"][0].clone()).collect());
        for parts in &mut shown {
            // As Google's library for Python has it, which takes every mark for bytes.
            for part in parts.as_array_mut().unwrap() {
                if let Some(mark) = part["thoughtSignature"].as_str() {
                    use base64::Engine;
                    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
                    part["thoughtSignature"] = URL_SAFE.encode(STANDARD.decode(mark).unwrap()).into();
                }
            }
        }
        for given in shown {
            let back = said(given.clone())[0].parts.clone();
            let marks = |parts: &[Part]| -> Vec<Option<String>> {
                let mark =
                    |part: &Part| if let Part::Thought(it) = part { it.signature.clone() } else { None };
                parts.iter().map(mark).filter(Option::is_some).collect()
            };
            assert_eq!(marks(&back), marks(&parts), "{given}");
        }
    }
}

#[test]
fn pieces_of_a_thought_that_follow_each_other_are_one() {
    let piece = |text: &str| json!({"text": text, "thought": true});
    let signed = |text: &str, mark: &str| json!({"text": text, "thought": true, "thoughtSignature": mark});
    let call = json!({"functionCall": {"id": "a", "name": "look"}});
    for (parts, read) in [
        // As a stream comes, and as it goes on.
        (
            json!([piece("I "), piece("look."), signed("", "c2ln"), piece("Then"), call]),
            vec![thought("I look.", Some("c2ln")), thought("Then", None), self::call("a", "look", "{}")],
        ),
        // Two that are signed are two.
        (
            json!([signed("One.", "b25l"), piece("T"), signed("wo.", "dHdv")]),
            vec![thought("One.", Some("b25l")), thought("Two.", Some("dHdv"))],
        ),
        // Not even without a signature do pieces stand apart.
        (json!([piece("I "), piece(""), piece("look.")]), vec![thought("I look.", None)]),
        // A mark alone is the next part's.
        (
            json!([piece("So"), {"text": "", "thoughtSignature": "c2ln"}]),
            vec![thought("So", None), thought("", Some("c2ln"))],
        ),
    ] {
        assert_eq!(said(parts.clone())[0].parts, read, "{parts}");
    }
}

#[test]
fn pieces_of_a_thought_are_one_in_contents_of_their_own_as_well() {
    let model = |part: Value| json!({"role": "model", "parts": [part]});
    let turns = read(&json!({"contents": [
        {"role": "user", "parts": [{"text": "Go"}]},
        model(json!({"text": "I ", "thought": true})),
        model(json!({"text": "look.", "thought": true})),
        model(json!({"text": "", "thought": true, "thoughtSignature": "c2ln"})),
        model(json!({"text": "Well."})),
    ]}));
    let assistant = |part: Part| Turn::new(Role::Assistant, vec![part]);
    let said = assistant(Part::Text("Well.".to_owned()));
    assert_eq!(turns, [user("Go"), assistant(thought("I look.", Some("c2ln"))), said]);
}

#[test]
fn thoughts_are_shown_to_who_asks_in_a_language_that_shows_them() {
    let asked = |wire: Wire, body: Value| {
        let mint = Mint { now: 1, seed: 1 };
        let body = body.to_string();
        let pair = (wire, Wire::Gemini);
        let mut translation =
            Translation::read(pair, body.as_bytes(), "gemini-3-flash-preview", false, mint).unwrap();
        let (body, losses) = translation.request(Habits::default()).unwrap();
        assert!(!losses.iter().any(|loss| loss.contains("thoughts")));
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["generationConfig"]["thinkingConfig"].clone()
    };
    let chat =
        |effort: &str| json!({"messages": [{"role": "user", "content": "Go"}], "reasoning_effort": effort});
    assert_eq!(asked(Wire::Chat, chat("high")), json!({"thinkingLevel": "HIGH", "includeThoughts": true}));
    assert_eq!(asked(Wire::Chat, chat("none")), json!({"thinkingLevel": "MINIMAL"}));
    let messages = |thinking: Value| json!({"messages": [{"role": "user", "content": "Go"}], "max_tokens": 9, "thinking": thinking});
    for (thinking, said) in [
        (
            json!({"type": "enabled", "budget_tokens": 1024}),
            json!({"thinkingBudget": 1024, "includeThoughts": true}),
        ),
        (
            json!({"type": "adaptive", "display": "omitted"}),
            json!({"thinkingBudget": -1, "includeThoughts": false}),
        ),
    ] {
        assert_eq!(asked(Wire::Messages, messages(thinking)), said);
    }
    let own = json!({
        "contents": [{"parts": [{"text": "Go"}]}],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 1024}},
    });
    assert_eq!(asked(Wire::Gemini, own), json!({"thinkingBudget": 1024}));
}
