//! Requests.

use std::time::{Duration, Instant};

use serde_json::{Map, json};

use super::*;
use crate::hub::{
    Budget, Call, Choice, File, Media, Outcome, Part, Reasoning, Role, Shape, Source, Thought, Tool, Turn,
};

fn said(turns: Vec<(Role, Vec<Part>)>) -> Request {
    let mut request = Request { model: "claude-sonnet-4-6".to_owned(), ..Request::default() };
    request.turns = turns.into_iter().map(|(role, parts)| Turn::new(role, parts)).collect();
    request.sampling.most_tokens = Some(100);
    request
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn read(body: &Value) -> Request {
    CODEC.read_request(body.to_string().as_bytes()).unwrap()
}

#[test]
fn who_names_no_limit_gets_one_with_room_for_the_thinking() {
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.sampling.most_tokens = None;
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!((&body["max_tokens"], losses), (&json!(8192), vec!["no max_tokens".to_owned()]));
    let reasoning = Reasoning { budget: Some(Budget::Tokens(2000)), ..Reasoning::default() };
    request.reasoning = Some(reasoning);
    assert_eq!(sent(&request, Habits::default()).0["max_tokens"], 10_192);
}

#[test]
fn instructions_in_mid_conversation_stand_only_where_they_may() {
    let request = said(vec![
        (Role::User, vec![text("One")]),
        (Role::System, vec![text("Be brief.")]),
        (Role::User, vec![text("Two")]),
        (Role::System, vec![text("Be kind.")]),
        (Role::System, vec![text("Be quick.")]),
        (Role::Assistant, vec![text("Three")]),
        (Role::System, vec![text("Be loud.")]),
    ]);
    let (body, losses) = sent(&request, Habits { instructed_later: true, ..Habits::default() });
    let block = |text: &str| json!({"type": "text", "text": text});
    let expected = json!([
        {"role": "user", "content": [block("One"), block("Be brief."), block("Two"), block("Be kind.")]},
        {"role": "system", "content": "Be quick."},
        {"role": "assistant", "content": "Three"},
        {"role": "user", "content": "Be loud."},
    ]);
    assert_eq!((&body["messages"], losses.len()), (&expected, 1));
    assert_eq!(sent(&request, Habits::default()).0["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn outcomes_stand_before_all_else_and_roles_take_turns() {
    let outcome = |id: &str| Part::Outcome(Outcome { call: id.to_owned(), ..Outcome::default() });
    let (body, _) = sent(
        &said(vec![
            (Role::User, vec![outcome("a")]),
            (Role::User, vec![text("Well?")]),
            (Role::User, vec![outcome("b")]),
            (Role::Assistant, vec![text("")]),
            (Role::User, vec![text("Well?")]),
        ]),
        Habits::default(),
    );
    let content = json!([
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "b"},
        {"type": "text", "text": "Well?"},
        {"type": "text", "text": "Well?"},
    ]);
    assert_eq!(body["messages"], json!([{"role": "user", "content": content}]));
}

#[test]
fn empty_texts_are_never_sent_and_blank_ones_are_told() {
    let (body, losses) =
        sent(&said(vec![(Role::User, vec![text(""), text(" \n"), text("Hello")])]), Habits::default());
    assert_eq!(body["messages"][0]["content"], "Hello");
    assert_eq!(losses, ["text of nothing but blanks"]);
}

#[test]
fn only_thoughts_the_vendor_knows_go_back() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>, id: Option<&str>| {
        let own = |word: Option<&str>| word.map(str::to_owned);
        Part::Thought(Thought {
            text: text.to_owned(),
            signature: own(signature),
            sealed: own(sealed),
            id: own(id),
        })
    };
    let request = said(vec![(
        Role::Assistant,
        vec![
            thought("a", Some("sig=="), None, None),
            thought("", Some("only"), None, None),
            thought("", None, Some("data"), None),
            thought("b", None, None, None),
            thought("c", None, Some("gAAA"), Some("rs_1")),
        ],
    )]);
    let (body, losses) = sent(&request, Habits::default());
    let known = json!([
        {"type": "thinking", "thinking": "a", "signature": "sig=="},
        {"type": "thinking", "thinking": "", "signature": "only"},
        {"type": "redacted_thinking", "data": "data"},
    ]);
    assert_eq!((&body["messages"][0]["content"], losses), (&known, vec!["thinking".to_owned()]));
    let (body, _) = sent(&request, Habits { thoughts_back: true, ..Habits::default() });
    assert_eq!(
        body["messages"][0]["content"][3],
        json!({"type": "thinking", "thinking": "b", "signature": ""})
    );
}

#[test]
fn a_cache_point_marks_what_stands_before_it_or_is_told() {
    let signed = Thought { signature: Some("s".to_owned()), ..Thought::default() };
    let (body, losses) = sent(
        &said(vec![
            (Role::User, vec![text("a"), Part::CachePoint(Some("1h".to_owned()))]),
            (Role::Assistant, vec![Part::Thought(signed), Part::CachePoint(None)]),
        ]),
        Habits::default(),
    );
    let marked = json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]);
    assert_eq!(body["messages"][0]["content"], marked);
    assert_eq!(losses, ["cache_control"]);
}

#[test]
fn a_tool_of_free_text_is_a_function_of_one_string() {
    let call = Call {
        id: "call_1".to_owned(),
        name: "run".to_owned(),
        arguments: "ls \"a\"".to_owned(),
        custom: true,
        ..Call::default()
    };
    let mut request = said(vec![(Role::Assistant, vec![Part::Call(call)])]);
    request.tools = vec![Tool::Custom { name: "run".to_owned(), description: None, format: None }];
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!(body["messages"][0]["content"][0]["input"], json!({"input": "ls \"a\""}));
    assert_eq!(body["tools"][0]["input_schema"]["required"], json!(["input"]));
    assert_eq!(losses, ["tools of free text"]);
}

#[test]
fn ids_of_calls_keep_to_the_letters_that_are_taken() {
    let call = Call { id: "functions.get:0".to_owned(), arguments: "{}".to_owned(), ..Call::default() };
    let outcome = Outcome { call: call.id.clone(), ..Outcome::default() };
    let turns = vec![(Role::Assistant, vec![Part::Call(call)]), (Role::User, vec![Part::Outcome(outcome)])];
    let (body, losses) = sent(&said(turns), Habits::default());
    assert_eq!(body["messages"][0]["content"][0]["id"], "functions_get_0");
    assert_eq!(body["messages"][1]["content"][0]["tool_use_id"], "functions_get_0");
    assert_eq!(losses, ["id of a call"]);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let broken = Call { id: "call_1".to_owned(), arguments: "{\"a\":".to_owned(), ..Call::default() };
    let sound = Media::new(Source::Data { kind: "audio/wav".to_owned(), base64: "UklGRg==".to_owned() });
    for (role, part) in [(Role::Assistant, Part::Call(broken)), (Role::User, Part::Audio(sound))] {
        let request = said(vec![(role, vec![part])]);
        let refused = CODEC.write_request(&request, Habits::default(), &mut Losses::default()).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("messages"), "{}", refused.say);
    }
}

#[test]
fn only_allowed_tools_are_named() {
    let tool = |name: &str| Tool::Function {
        name: name.to_owned(),
        description: None,
        schema: Some(json!({"properties": {}})),
        strict: None,
        cache: None,
    };
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.tools = vec![tool("a"), tool("b")];
    request.choice = Some(Choice::Allowed { names: vec!["b".to_owned()], required: true });
    request.parallel = Some(false);
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!(body["tools"], json!([{"name": "b", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(body["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
    assert_eq!(losses, ["allowed_tools"]);
    request.choice = None;
    request.parallel = Some(true);
    assert_eq!(sent(&request, Habits::default()).0["tool_choice"], json!(null));
}

#[test]
fn an_effort_asks_for_thoughts_unless_a_tool_must_be_called() {
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    let effort = |word: &str| Some(Reasoning { effort: Some(word.to_owned()), ..Reasoning::default() });
    request.reasoning = effort("minimal");
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!(
        (&body["thinking"], &body["output_config"]),
        (&json!({"type": "adaptive"}), &json!({"effort": "low"}))
    );
    assert_eq!(losses, ["minimal effort"]);
    request.choice = Some(Choice::Required);
    assert_eq!(sent(&request, Habits::default()).0["thinking"], json!(null));
    request.reasoning = effort("none");
    let (body, _) = sent(&request, Habits::default());
    assert_eq!((&body["thinking"], &body["output_config"]), (&json!({"type": "disabled"}), &json!(null)));
}

#[test]
fn numbers_beyond_the_bounds_are_told() {
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.sampling.temperature = serde_json::Number::from_f64(1.5);
    request.reasoning = Some(Reasoning { budget: Some(Budget::Tokens(512)), ..Reasoning::default() });
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!((&body["temperature"], &body["thinking"]["budget_tokens"]), (&json!(1), &json!(1024)));
    assert_eq!(losses, ["thinking budget below 1,024", "temperature above 1"]);
}

#[test]
fn older_models_think_by_a_budget_that_has_room() {
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.model = "claude-haiku-4-5".to_owned();
    request.sampling.most_tokens = None;
    request.reasoning = Some(Reasoning { effort: Some("low".to_owned()), ..Reasoning::default() });
    let (body, losses) = sent(&request, Habits::default());
    let found = (&body["thinking"], &body["max_tokens"], body.get("output_config"));
    assert_eq!(found, (&json!({"type": "enabled", "budget_tokens": 2048}), &json!(10_240), None));
    assert_eq!(losses, ["thinking without a budget", "no max_tokens"]);
}

#[test]
fn settings_that_are_refused_together_are_told() {
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.sampling.temperature = Some(1.into());
    request.sampling.top_p = serde_json::Number::from_f64(0.95);
    request.sampling.top_k = Some(64.into());
    request.reasoning = Some(Reasoning { shown: Some(true), ..Reasoning::default() });
    let (body, losses) = sent(&request, Habits::default());
    let found = (body.get("temperature"), body.get("top_p"), body.get("top_k"));
    assert_eq!(found, (Some(&json!(1)), None, None));
    assert!(losses.contains(&"top_p".to_owned()) && losses.contains(&"top_k".to_owned()), "{losses:?}");
    request.reasoning = Some(Reasoning { budget: Some(Budget::Off), ..Reasoning::default() });
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!((body["top_k"].as_u64(), losses), (Some(64), vec!["top_p".to_owned()]));
}

#[test]
fn a_document_of_text_is_no_pdf() {
    let source = Source::Data { kind: "text/plain".to_owned(), base64: "R3LDvMOf".to_owned() };
    let file = Part::File(File { source, name: Some("a.txt".to_owned()) });
    let (body, _) = sent(&said(vec![(Role::User, vec![file])]), Habits::default());
    let source = json!({"type": "text", "media_type": "text/plain", "data": "Grüß"});
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"type": "document", "source": source, "title": "a.txt"}])
    );
}

#[test]
fn the_billing_header_is_anthropics_own_but_a_prompt_behind_it_is_not() {
    let system = |text: &str| read(&json!({"system": text, "messages": []})).system;
    assert!(matches!(system("x-anthropic-billing-header: cc_version=2\n").as_slice(), [Part::Opaque(..)]));
    assert!(matches!(system("x-anthropic-billing-header: cc\nBe kind.").as_slice(), [Part::Text(_)]));
}

#[test]
fn the_mark_on_the_whole_request_stands_behind_the_last_block() {
    let body =
        json!({"cache_control": {"type": "ephemeral"}, "messages": [{"role": "user", "content": "Hello"}]});
    let request = read(&body);
    assert_eq!(request.turns[0].parts, [text("Hello"), Part::CachePoint(None)]);
    assert!(request.rest.is_empty());
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    for (message, param) in [
        (json!({"role": "tool", "content": "x"}), "messages[0].role"),
        (json!({"role": "user", "content": 1}), "messages[0].content"),
        (json!({"role": "user", "content": [{"text": "x"}]}), "messages[0].content[0].type"),
        (json!({"role": "user", "content": [{"type": "text"}]}), "messages[0].content[0].text"),
        (json!({"role": "user", "content": [{"type": "tool_result"}]}), "messages[0].content[0].tool_use_id"),
    ] {
        let body = json!({"messages": [message]}).to_string();
        assert_eq!(CODEC.read_request(body.as_bytes()).unwrap_err().param.as_deref(), Some(param));
    }
    assert_eq!(CODEC.read_request(b"{}").unwrap_err().param.as_deref(), Some("messages"));
}

#[test]
fn thinking_is_left_out_where_the_thoughts_before_the_calls_are_lost() {
    let call = || {
        Part::Call(Call {
            id: "a".to_owned(),
            name: "look".to_owned(),
            arguments: "{}".to_owned(),
            ..Call::default()
        })
    };
    let outcome = || Part::Outcome(Outcome { call: "a".to_owned(), ..Outcome::default() });
    let thought = |signature: Option<&str>| {
        Part::Thought(Thought {
            text: "So".to_owned(),
            signature: signature.map(str::to_owned),
            ..Thought::default()
        })
    };
    let hello = || (Role::User, vec![text("Hello")]);
    let lost = "thinking with calls whose thoughts are lost";
    for (turns, kept) in [
        (vec![hello(), (Role::Assistant, vec![call()]), (Role::User, vec![outcome()])], false),
        (vec![hello(), (Role::Assistant, vec![thought(None), call()]), (Role::User, vec![outcome()])], false),
        // What is said behind the outcome is said in the same turn.
        (
            vec![
                hello(),
                (Role::Assistant, vec![call()]),
                (Role::User, vec![outcome()]),
                (Role::User, vec![text("Well?")]),
            ],
            false,
        ),
        (
            vec![
                hello(),
                (Role::Assistant, vec![thought(Some("c2ln")), call()]),
                (Role::User, vec![outcome()]),
            ],
            true,
        ),
        // The thought that begins the turn is that of all its calls.
        (
            vec![
                hello(),
                (Role::Assistant, vec![thought(Some("c2ln")), call()]),
                (Role::User, vec![outcome()]),
                (Role::Assistant, vec![call()]),
                (Role::User, vec![outcome()]),
            ],
            true,
        ),
        // Nobody asks for the thoughts of an earlier turn.
        (
            vec![
                hello(),
                (Role::Assistant, vec![call()]),
                (Role::User, vec![outcome()]),
                (Role::Assistant, vec![text("Done.")]),
                hello(),
            ],
            true,
        ),
        (vec![hello()], true),
    ] {
        let mut request = said(turns);
        request.reasoning = Some(Reasoning { budget: Some(Budget::Tokens(2000)), ..Reasoning::default() });
        let (body, losses) = sent(&request, Habits::default());
        assert_eq!(!body["thinking"].is_null(), kept, "{body}");
        assert_eq!(!losses.iter().any(|loss| loss == lost), kept, "{body}");
        request.reasoning = Some(Reasoning { budget: Some(Budget::Adaptive), ..Reasoning::default() });
        assert_eq!(sent(&request, Habits::default()).0["thinking"]["type"], "adaptive", "{body}");
    }
    // A vendor that only copies the language takes thoughts as they are.
    let mut request =
        said(vec![hello(), (Role::Assistant, vec![thought(None), call()]), (Role::User, vec![outcome()])]);
    request.reasoning = Some(Reasoning { budget: Some(Budget::Tokens(2000)), ..Reasoning::default() });
    let (body, losses) = sent(&request, Habits { thoughts_back: true, ..Habits::default() });
    assert_eq!((&body["thinking"]["type"], losses), (&json!("enabled"), vec![]));
}

#[test]
fn an_answers_schema_is_closed_where_it_says_nothing() {
    let open = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let mut request = said(vec![(Role::User, vec![text("Hello")])]);
    request.tools = vec![Tool::Function {
        name: "look".to_owned(),
        description: None,
        schema: Some(open.clone()),
        strict: None,
        cache: None,
    }];
    request.shape = Some(Shape::Schema { name: None, description: None, schema: open.clone(), strict: None });
    let (body, losses) = sent(&request, Habits::default());
    assert_eq!(body["tools"][0]["input_schema"], open);
    assert_eq!(
        body["output_config"]["format"]["schema"],
        json!({"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": false})
    );
    assert_eq!(losses, ["schema that says nothing of further properties"]);
}

/// Looked for one among all the others, they would take a caller's megabyte a minute.
#[test]
fn a_schema_of_a_hundred_thousand_fields_is_written_at_once_and_whole() {
    let schema: Map<String, Value> = (0..100_000).map(|nth| (format!("x-{nth}"), json!(nth))).collect();
    let tool = Tool::Function {
        name: "f".to_owned(),
        description: None,
        schema: Some(Value::Object(schema.clone())),
        strict: None,
        cache: None,
    };
    let began = Instant::now();
    let (body, _) = sent(&Request { tools: vec![tool], ..Request::default() }, Habits::default());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    let mut written = body["tools"][0]["input_schema"].as_object().unwrap().clone();
    assert_eq!(written.shift_remove("type"), Some(json!("object")));
    assert_eq!(written, schema);
}
