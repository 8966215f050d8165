//! What is asked.

use serde_json::json;

use super::super::super::Wire;
use super::*;
use crate::hub::part::text_of;
use crate::hub::{Budget, Call, Choice, File, Outcome, Reasoning, Shape, Thought, Tool};

fn read(body: &Value) -> Result<Request, Unreadable> {
    CHAT.read_request(body.to_string().as_bytes())
}

#[test]
fn pictures_and_texts_stand_side_by_side() {
    let (body, lost) =
        written(&CHAT, &asked(vec![text("One:"), picture(), text("Two:"), picture()])).unwrap();
    let message = &body["messages"][0];
    assert_eq!(message["content"], "One:\n\nTwo:");
    assert_eq!(message["images"], json!(["iVBORw0KGgo=", "iVBORw0KGgo="]));
    assert_eq!(lost, ["places of pictures"]);
    let (_, lost) = written(&CHAT, &asked(vec![picture(), text("What is this?")])).unwrap();
    assert!(lost.is_empty());
    let mut close = Media::new(Source::of_url("data:image/png;base64,iVBORw0KGgo="));
    close.detail = Some("high".to_owned());
    let (_, lost) = written(&GENERATE, &asked(vec![Part::Image(close)])).unwrap();
    assert_eq!(lost, ["detail"]);
}

#[test]
fn what_cannot_be_asked_about_is_refused() {
    let elsewhere = Part::Image(Media::new(Source::of_url("https://example.com/cat.jpg")));
    let sound =
        Part::Audio(Media::new(Source::Data { kind: "audio/wav".to_owned(), base64: "AA==".to_owned() }));
    let pdf = Source::Data { kind: "application/pdf".to_owned(), base64: "JVBERi0=".to_owned() };
    for part in [elsewhere, sound, Part::File(File { source: pdf, name: None })] {
        for codec in [&CHAT, &GENERATE] {
            let refusal = written(codec, &asked(vec![text("What is this?"), part.clone()])).unwrap_err();
            assert_eq!(refusal.param.as_deref(), Some("messages"), "{refusal}");
        }
    }
    for source in [
        Source::Text("Once.".to_owned()),
        Source::Data { kind: "text/plain".to_owned(), base64: "T25jZS4=".to_owned() },
    ] {
        let file = Part::File(File { source, name: Some("a.txt".to_owned()) });
        let (body, lost) = written(&CHAT, &asked(vec![file])).unwrap();
        assert_eq!(
            (&body["messages"][0]["content"], lost),
            (&json!("Once."), vec!["file of plain text".to_owned()])
        );
    }
}

#[test]
fn a_choice_among_tools_is_said_by_what_is_offered() {
    let tool = |name: &str| Tool::Function {
        name: name.to_owned(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    };
    let mut request = asked(vec![text("Look!")]);
    request.tools = vec![tool("a"), tool("b"), tool("c")];
    let names = |body: &Value| -> Vec<String> {
        let tools = body["tools"].as_array().into_iter().flatten();
        tools.map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let allowed = |required| Choice::Allowed { names: vec!["a".to_owned(), "c".to_owned()], required };
    for (choice, offered, lost) in [
        (None, vec!["a", "b", "c"], false),
        (Some(Choice::Auto), vec!["a", "b", "c"], false),
        (Some(Choice::None), vec![], false),
        (Some(Choice::Required), vec!["a", "b", "c"], true),
        (Some(Choice::Named("b".to_owned())), vec!["b"], true),
        (Some(allowed(false)), vec!["a", "c"], false),
        (Some(allowed(true)), vec!["a", "c"], true),
    ] {
        request.choice = choice;
        let (body, told) = written(&CHAT, &request).unwrap();
        assert_eq!(names(&body), offered);
        assert_eq!(told.contains(&"tool_choice".to_owned()), lost, "{:?}", request.choice);
    }
    request.choice = None;
    assert_eq!(written(&GENERATE, &request).unwrap_err().param.as_deref(), Some("tools"));
    request.choice = Some(Choice::None);
    assert_eq!(written(&GENERATE, &request).unwrap().0["prompt"], "Look!");
}

#[test]
fn a_tool_of_free_text_is_a_function_of_one_text() {
    let call = Call {
        id: "c".to_owned(),
        name: "patch".to_owned(),
        arguments: "*** Begin".to_owned(),
        custom: true,
        signature: None,
    };
    let mut request = asked(vec![text("Mend it.")]);
    request.turns.push(Turn::new(Role::Assistant, vec![Part::Call(call)]));
    request.tools = vec![Tool::Custom { name: "patch".to_owned(), description: None, format: None }];
    let (body, lost) = written(&CHAT, &request).unwrap();
    assert_eq!(body["messages"][1]["tool_calls"][0]["function"]["arguments"], json!({"input": "*** Begin"}));
    assert_eq!(body["tools"][0]["function"]["parameters"]["required"], json!(["input"]));
    assert_eq!(lost, ["custom tools"]);
}

#[test]
fn tools_of_its_own_kinds_are_kept_whole() {
    let own = json!({"type": "web_search", "max": 3});
    let body = json!({"model": "m", "messages": [{"role": "USER", "content": "Hi"}], "tools": [own]});
    let request = read(&body).unwrap();
    assert_eq!(request.tools, [Tool::Served(Wire::OllamaChat, own.clone())]);
    assert_eq!(written(&CHAT, &request).unwrap().0["tools"], json!([own]));
    let mut foreign = asked(vec![text("Hi")]);
    foreign.tools = vec![Tool::Served(Wire::Chat, own)];
    assert_eq!(written(&CHAT, &foreign).unwrap().1, ["tools the vendor runs"]);
}

#[test]
fn outcomes_find_their_calls_by_id_by_name_or_by_order() {
    let call = |name: &str| json!({"function": {"name": name, "arguments": {}}});
    let body = json!({"model": "m", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b"), {"id": "call_1", "function": {"name": "b"}}]},
        {"role": "tool", "tool_name": "b", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
        {"role": "assistant", "content": "", "tool_calls": [call("a")]},
        {"role": "tool", "name": "a", "content": "4"},
    ]});
    let request = read(&body).unwrap();
    let outcomes: Vec<(&str, Option<&str>, String)> = request
        .turns
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| if let Part::Outcome(outcome) = part { Some(outcome) } else { None })
        .map(|outcome| (outcome.call.as_str(), outcome.name.as_deref(), text_of(&outcome.parts)))
        .collect();
    let of = |call, name, text: &str| (call, Some(name), text.to_owned());
    // Made ids give way to those that are there, wherever they stand.
    assert_eq!(
        outcomes,
        [of("call_2", "b", "1"), of("call_0", "a", "2"), of("call_1", "b", "3"), of("call_3", "a", "4")]
    );
    let lost = json!({"model": "m", "messages": [{"role": "tool", "content": "1"}]});
    assert_eq!(read(&lost).unwrap_err().param.as_deref(), Some("messages[0].tool_call_id"));
}

#[test]
fn an_outcome_names_its_tool_and_says_that_it_failed() {
    let call =
        Call { id: "c".to_owned(), name: "look".to_owned(), arguments: "{}".to_owned(), ..Call::default() };
    let outcome = Outcome {
        call: "c".to_owned(),
        parts: vec![text("no"), picture()],
        failed: true,
        ..Outcome::default()
    };
    let request = Request {
        turns: vec![
            Turn::new(Role::Assistant, vec![Part::Call(call)]),
            Turn::new(Role::User, vec![text("Well?"), Part::Outcome(outcome)]),
        ],
        ..Request::default()
    };
    let (body, lost) = written(&CHAT, &request).unwrap();
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "tool", "content": "Error: no", "images": ["iVBORw0KGgo="], "tool_name": "look", "tool_call_id": "c"}),
            json!({"role": "user", "content": "Well?"}),
        ]
    );
    assert_eq!(lost, ["is_error"]);
}

#[test]
fn thinking_is_said_in_its_words() {
    let effort = |word: &str| Reasoning { effort: Some(word.to_owned()), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), ..Reasoning::default() };
    for (reasoning, think, lost) in [
        (effort("none"), json!(false), ""),
        (effort("minimal"), json!("low"), "reasoning_effort"),
        (effort("medium"), json!("medium"), ""),
        (effort("xhigh"), json!("high"), "reasoning_effort"),
        (effort("max"), json!("max"), ""),
        (budget(Budget::Off), json!(false), ""),
        (budget(Budget::Adaptive), json!(true), ""),
        (budget(Budget::Tokens(1024)), json!("low"), "thinking budget"),
        (budget(Budget::Tokens(50_000)), json!("high"), "thinking budget"),
        (Reasoning { shown: Some(false), ..effort("low") }, json!("low"), "hidden thinking"),
        (Reasoning { shown: Some(true), ..Reasoning::default() }, Value::Null, ""),
    ] {
        let request = Request { reasoning: Some(reasoning), ..asked(vec![text("Hi")]) };
        let (body, told) = written(&CHAT, &request).unwrap();
        assert_eq!((&body["think"], told.concat()), (&think, lost.to_owned()), "{:?}", request.reasoning);
    }
    let thought =
        Part::Thought(Thought { text: "Hm.".to_owned(), sealed: Some("x".to_owned()), ..Thought::default() });
    let mut request = asked(vec![text("Hi")]);
    request.turns.push(Turn::new(Role::Assistant, vec![thought, text("Ho")]));
    let (body, lost) = written(&CHAT, &request).unwrap();
    assert_eq!(body["messages"][1], json!({"role": "assistant", "content": "Ho", "thinking": "Hm."}));
    assert_eq!(lost, ["signatures of thoughts"]);
}

#[test]
fn callers_of_other_languages_may_write_what_only_this_one_knows() {
    let mut request = asked(vec![text("Hi")]);
    request.sampling.most_tokens = Some(5);
    let rest = json!({"keep_alive": "1h", "options": {"num_ctx": 8192, "num_predict": 9}, "suffix": "!"});
    request.rest = rest.as_object().unwrap().clone();
    let (body, lost) = written(&CHAT, &request).unwrap();
    assert_eq!(
        (&body["keep_alive"], &body["options"]),
        (&json!("1h"), &json!({"num_ctx": 8192, "num_predict": 5}))
    );
    assert_eq!(lost, ["options", "suffix"]);
    assert_eq!(written(&GENERATE, &request).unwrap().0["suffix"], "!");
    request.rest.insert("options".to_owned(), json!("all"));
    assert_eq!(written(&GENERATE, &request).unwrap().1, ["options"]);
}

#[test]
fn a_shape_is_a_word_or_a_schema() {
    let of = |format: Value| read(&json!({"messages": [], "format": format})).map(|request| request.shape);
    assert_eq!(of(json!("")), Ok(None));
    assert_eq!(of(json!("json")), Ok(Some(Shape::Json)));
    assert!(matches!(of(json!({"type": "object"})), Ok(Some(Shape::Schema { strict: None, .. }))));
    for wrong in [json!("xml"), json!(1), json!([])] {
        assert_eq!(of(wrong).unwrap_err().param.as_deref(), Some("format"));
    }
}

#[test]
fn fields_of_the_wrong_kind_are_named() {
    for (body, at) in [
        (json!({"messages": [{"role": "robot"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user", "images": [1]}]}), "messages[0].images[0]"),
        (json!({"messages": [], "options": {"temperature": "hot"}}), "options.temperature"),
        (json!({"messages": [], "options": {"stop": [1]}}), "options.stop"),
        (json!({"messages": [], "think": 3}), "think"),
        (json!({"messages": [], "tools": [{"type": "function"}]}), "tools[0].function"),
        (json!({"model": "m"}), "messages"),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}),
            "messages[0].tool_calls[0].function.arguments",
        ),
    ] {
        assert_eq!(read(&body).unwrap_err().param.as_deref(), Some(at));
    }
}

#[test]
fn instructions_before_the_prompt_are_the_systems() {
    let mut request = asked(vec![text("Hi")]);
    request.turns.insert(0, Turn::new(Role::System, vec![text("In French.")]));
    request.system = vec![text("Be kind.")];
    let (body, _) = written(&GENERATE, &request).unwrap();
    assert_eq!((&body["system"], &body["prompt"]), (&json!("Be kind.\n\nIn French."), &json!("Hi")));
    request.turns.push(Turn::new(Role::Assistant, vec![text("Salut")]));
    assert_eq!(written(&GENERATE, &request).unwrap_err().param.as_deref(), Some("messages"));
}
