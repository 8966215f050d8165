//! What is asked.

use super::*;

#[test]
fn roles_take_turns_and_the_user_begins() {
    let turns = vec![
        Turn::new(Role::Assistant, vec![text("Hello.")]),
        user(vec![text("")]),
        Turn::new(Role::Assistant, vec![text("Still there?"), called("a", "{}")]),
        Turn::new(Role::System, vec![text("Be brief.")]),
        user(vec![text(" \n"), outcome("a", vec![text("ok")]), Part::CachePoint(None)]),
    ];
    let (body, losses) = written(&Request { turns, ..Request::default() });
    let said: Vec<(&str, usize)> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["role"].as_str().unwrap(), message["content"].as_array().unwrap().len()))
        .collect();
    assert_eq!(said, [("user", 1), ("assistant", 3), ("user", 3)]);
    // What came of the call stands first.
    assert_eq!(body["messages"][2]["content"][0]["toolResult"]["toolUseId"], "a");
    assert_eq!(
        losses,
        ["system message in the conversation", "blank text", "assistant first", "tools of earlier calls"]
    );
}

#[test]
fn newer_models_know_instructions_in_the_conversation() {
    let turns = vec![user(vec![text("Hi")]), Turn::new(Role::System, vec![text("Be brief.")])];
    let habits = Habits { own: true, ..Habits::default() };
    let (body, losses) = by(&Request { turns, ..Request::default() }, habits);
    assert_eq!(body["messages"][1], json!({"role": "system", "content": [{"text": "Be brief."}]}));
    assert!(losses.is_empty());
}

#[test]
fn thoughts_go_back_only_to_who_knows_them() {
    let thought = |text: &str, signature: Option<&str>, sealed: Option<&str>| {
        let of = |text: Option<&str>| text.map(str::to_owned);
        Part::Thought(Thought { text: text.into(), signature: of(signature), sealed: of(sealed), id: None })
    };
    let thoughts = vec![
        thought("unsigned", None, None),
        thought("", Some("c2ln"), None),
        thought("", None, Some("no base64!")),
        thought("", None, Some("UmVk")),
    ];
    let turns = vec![user(vec![text("Hi")]), Turn::new(Role::Assistant, thoughts)];
    let request = Request { turns, ..Request::default() };
    let (body, losses) = written(&request);
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "UmVk"}},
        ])
    );
    assert_eq!(losses, ["thinking"]);
    let (body, _) = by(&request, Habits { thoughts_back: true, ..Habits::default() });
    assert_eq!(
        body["messages"][1]["content"][0],
        json!({"reasoningContent": {"reasoningText": {"text": "unsigned"}}})
    );
}

#[test]
fn settings_of_thoughts_are_read_in_every_spelling() {
    for (fields, effort) in [
        (json!({"additionalModelRequestFields": {"reasoning_effort": "low"}}), "low"),
        (json!({"additionalModelRequestFields": {"reasoning_config": "low"}}), "low"),
        (json!({"additionalModelRequestFields": {"output_config": {"effort": "low"}}}), "low"),
        (
            json!({"outputConfig": {"effort": "max"}, "additionalModelRequestFields": {"reasoning_effort": "low"}}),
            "max",
        ),
    ] {
        let request = CODEC.read_request(fields.to_string().as_bytes()).unwrap();
        assert_eq!(request.reasoning.unwrap().effort.as_deref(), Some(effort), "{fields}");
        assert!(request.rest.is_empty(), "{fields}");
    }
    let odd = json!({"additionalModelRequestFields": {"thinking": {"type": "enabled"}}, "outputConfig": {"effort": null, "new": 1}});
    let request = CODEC.read_request(odd.to_string().as_bytes()).unwrap();
    assert_eq!(request.reasoning, None);
    assert_eq!(request.rest.keys().collect::<Vec<_>>(), ["outputConfig", "additionalModelRequestFields"]);
}

#[test]
fn efforts_are_said_in_words_of_bedrock() {
    for (word, output, model, lost) in [
        ("none", Value::Null, json!({"thinking": {"type": "disabled"}}), false),
        ("minimal", json!({"effort": "low"}), Value::Null, true),
        ("max", json!({"effort": "max"}), Value::Null, false),
    ] {
        let reasoning = crate::hub::Reasoning { effort: Some(word.into()), ..Default::default() };
        let (body, losses) = written(&Request { reasoning: Some(reasoning), ..Request::default() });
        assert_eq!(
            (&body["outputConfig"], &body["additionalModelRequestFields"]),
            (&output, &model),
            "{word}"
        );
        assert_eq!(!losses.is_empty(), lost, "{word}");
    }
}

#[test]
fn what_words_are_drawn_by_is_told_as_the_model_takes_it() {
    let mut request = Request::default();
    request.sampling.temperature = Some(1.into());
    request.sampling.top_p = serde_json::Number::from_f64(0.95);
    request.sampling.top_k = Some(64.into());
    let of = |model: &str, budget: Option<Budget>| {
        let reasoning = Some(crate::hub::Reasoning { budget, ..Default::default() });
        let (body, losses) = written(&Request { model: model.into(), reasoning, ..request.clone() });
        (
            body["inferenceConfig"].clone(),
            body["additionalModelRequestFields"]["top_k"].clone(),
            losses.join(", "),
        )
    };
    let claude = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(of(claude, None), (json!({"temperature": 1}), json!(64), "top_p".into()));
    let thinks = of(claude, Some(Budget::Tokens(2048)));
    assert_eq!(thinks, (json!({"temperature": 1}), Value::Null, "top_p, top_k".into()));
    assert_eq!(of(claude, Some(Budget::Off)).1, json!(64));
    let nova = of("amazon.nova-pro-v1:0", None);
    assert_eq!(nova, (json!({"temperature": 1, "topP": 0.95}), Value::Null, "top_k".into()));
}

#[test]
fn older_models_of_anthropic_think_by_a_budget() {
    let adaptive = crate::hub::Reasoning { budget: Some(Budget::Adaptive), ..Default::default() };
    let of = |model: &str| {
        let request =
            Request { model: model.into(), reasoning: Some(adaptive.clone()), ..Request::default() };
        let (body, losses) = written(&request);
        (body["additionalModelRequestFields"]["thinking"].clone(), losses.concat())
    };
    let budget = json!({"type": "enabled", "budget_tokens": 8192});
    let older = of("us.anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(older, (budget, "thinking without a budget".into()));
    assert_eq!(of("us.anthropic.claude-opus-4-6-v1"), (json!({"type": "adaptive"}), String::new()));
}

#[test]
fn shapes_that_cannot_be_asked_for_are_told() {
    let shape = |shape| written(&Request { shape: Some(shape), ..Request::default() });
    assert_eq!(shape(Shape::Text).1, [""; 0]);
    assert_eq!(shape(Shape::Json).1, ["response_format json_object"]);
    let loose = Shape::Schema {
        name: None,
        description: None,
        schema: json!({"type": "string"}),
        strict: Some(false),
    };
    let (body, losses) = shape(loose);
    assert_eq!(losses, ["schema not strict"]);
    let definition = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(*definition, json!({"schema": "{\"type\":\"string\"}"}));
    let bad = json!({"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}});
    let refused = CODEC.read_request(bad.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("outputConfig.textFormat.structure.jsonSchema.schema"));
}

#[test]
fn what_a_guardrail_is_to_look_at_is_said_like_all_else() {
    let body = json!({"messages": [{"role": "user", "content": [
        {"guardContent": {"text": {"text": "Who?", "qualifiers": ["query"]}}},
        {"guardContent": {"image": {"format": "png", "source": {"bytes": "iVBO"}}}},
        {"guardContent": {"of": "tomorrow"}},
    ]}]});
    let request = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    let parts = &request.turns[0].parts;
    assert_eq!(parts[0], text("Who?"));
    assert!(matches!(parts[1], Part::Image(_)) && matches!(parts[2], Part::Opaque(Wire::Converse, _)));
}

#[test]
fn bodies_that_are_none_are_refused_where_it_is() {
    for (body, param) in [
        (json!({"messages": {}}), Some("messages")),
        (json!({"messages": [{"content": []}]}), Some("messages[0].role")),
        (json!({"messages": [{"role": "robot"}]}), Some("messages[0].role")),
        (json!({"messages": [{"role": "user", "content": ["x"]}]}), Some("messages[0].content[0]")),
        (
            json!({"messages": [{"role": "assistant", "content": [{"toolUse": {"name": "f"}}]}]}),
            Some("messages[0].content[0].toolUse.toolUseId"),
        ),
        (json!({"inferenceConfig": {"stopSequences": [1]}}), Some("inferenceConfig.stopSequences")),
        (json!([]), None),
    ] {
        let refused = CODEC.read_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused.param.as_deref(), param, "{body}");
    }
}

#[test]
fn an_effort_makes_claude_think() {
    let effort = |shown| Reasoning { effort: Some("high".to_owned()), shown, ..Reasoning::default() };
    let fields = |model: &str, reasoning: Reasoning, choice: Option<Choice>| {
        let turns = vec![user(vec![text("Hi")])];
        let (body, losses) = written(&Request {
            model: model.to_owned(),
            reasoning: Some(reasoning),
            choice,
            turns,
            ..Request::default()
        });
        assert_eq!(body["outputConfig"], json!({"effort": "high"}), "{model}");
        (body["additionalModelRequestFields"]["thinking"].clone(), losses)
    };
    let profile = "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-opus-4-6-v1";
    for model in ["anthropic.claude-opus-4-6-v1", "us.anthropic.claude-sonnet-4-6", profile] {
        assert_eq!(fields(model, effort(None), None), (json!({"type": "adaptive"}), vec![]), "{model}");
        let summarized = json!({"type": "adaptive", "display": "summarized"});
        assert_eq!(fields(model, effort(Some(true)), None), (summarized, vec![]), "{model}");
        // A tool that must be called and thinking exclude each other.
        assert_eq!(fields(model, effort(None), Some(Choice::Required)), (Value::Null, vec![]), "{model}");
    }
    assert_eq!(fields("openai.gpt-oss-120b-1:0", effort(None), None), (Value::Null, vec![]));
}

#[test]
fn thinking_is_left_out_where_the_thoughts_before_the_calls_are_lost() {
    let signed = Thought { signature: Some("c2ln".to_owned()), ..Thought::default() };
    for (thought, said, losses) in [
        (signed, json!({"type": "enabled", "budget_tokens": 2000}), &[][..]),
        (
            Thought { text: "So".to_owned(), ..Thought::default() },
            Value::Null,
            &["thinking", "thinking with calls whose thoughts are lost"],
        ),
    ] {
        let mut request = with_call("a", "{}");
        request.tools = vec![Tool::Function {
            name: "look".to_owned(),
            description: None,
            schema: None,
            strict: None,
            cache: None,
        }];
        request.turns = vec![
            user(vec![text("Hi")]),
            Turn::new(Role::Assistant, vec![Part::Thought(thought), called("a", "{}")]),
            user(vec![outcome("a", vec![text("ok")])]),
        ];
        request.reasoning = Some(Reasoning { budget: Some(Budget::Tokens(2000)), ..Reasoning::default() });
        let (body, lost) = written(&request);
        assert_eq!(body["additionalModelRequestFields"]["thinking"], said);
        assert_eq!(lost, losses);
    }
}

#[test]
fn an_answers_schema_is_closed_where_it_says_nothing() {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let shape = Shape::Schema { name: None, description: None, schema, strict: None };
    let (body, losses) = written(&Request { shape: Some(shape), ..Request::default() });
    let definition = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    let closed = r#"{"type":"object","properties":{"name":{"type":"string"}},"additionalProperties":false}"#;
    assert_eq!(definition["schema"], closed);
    assert_eq!(losses, ["schema that says nothing of further properties"]);
}
