//! The envelope as a user meets it: what is found, what is refused, what is edited.

use proptest::prelude::*;

use super::*;
use crate::dialect::Wire;

fn problem(body: &str) -> EnvelopeProblem {
    read(body.as_bytes()).unwrap_err()
}

fn edited(body: &str, model: Option<&str>, usage: bool) -> String {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let envelope = read(&bytes).unwrap();
    String::from_utf8(edit(&bytes, &envelope, model, usage).to_vec()).unwrap()
}

#[test]
fn finds_the_outermost_model_only() {
    let body = br#" {"messages":[{"model":"inner"}],"model" : "gpt-4o","stream":true} "#;
    let found = read(body).unwrap();
    assert_eq!(found.model.unwrap().says, "gpt-4o");
    assert!(found.stream);
}

#[test]
fn an_escaped_key_is_the_same_key() {
    assert_eq!(read(br#"{"\u006dodel":"a"}"#).unwrap().model.unwrap().says, "a");
    assert_eq!(problem(r#"{"model":"a","\u006dodel":"b"}"#), EnvelopeProblem::Duplicate("model"));
    assert_eq!(problem(r#"{"stream":true,"stream":true}"#), EnvelopeProblem::Duplicate("stream"));
    let twice = r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#;
    assert_eq!(problem(twice), EnvelopeProblem::Duplicate("stream_options.include_usage"));
}

#[test]
fn a_model_in_letters_of_another_case_is_refused_with_another_beside_it_and_alone() {
    for body in [r#"{"model":"a","Model":"b"}"#, r#"{"MODEL":"b","model":"a"}"#, r#"{"\u004dodel":"b"}"#] {
        assert_eq!(problem(body), EnvelopeProblem::Misspelt("model"), "{body}");
    }
    assert!(read(br#"{"model":"a","metadata":{"Model":"b"},"models":"c"}"#).is_ok());
}

#[test]
fn a_claimed_mark_is_found_wherever_it_stands_and_taken_for_one_only_at_the_beginning_of_a_string() {
    let claimed = |body: &str| read(body.as_bytes()).unwrap().claimed;
    for wire in Wire::ALL {
        let body =
            format!(r#"{{"messages":[{{"content":[{{"signature":"{}abc"}}]}}],"model":"m"}}"#, wire.tag());
        assert!(claimed(&body), "{body}");
    }
    assert!(claimed(r#"{"model":"m","stream_options":{"include_usage":true,"x":["opxgemi0"]}}"#));
    assert!(!claimed(r#"{"model":"m","messages":[{"content":"an \"opx\" or a paropx"}]}"#));
}

#[test]
fn each_language_bounds_an_answer_in_its_own_place() {
    let gemini = r#"{"generationConfig":{"stopSequences":["x"],"maxOutputTokens":7,"candidateCount":2}}"#;
    let snake = r#"{"generation_config":{"max_output_tokens":7,"candidate_count":2}}"#;
    let converse = r#"{"inferenceConfig":{"maxTokens":7}}"#;
    let ollama = r#"{"model":"m","options":{"num_ctx":4096,"num_predict":7}}"#;
    let bounds = |dialect, body: &str| {
        let found = read_in(dialect, body.as_bytes()).unwrap();
        (found.most_tokens, found.answers)
    };
    assert_eq!(bounds(Dialect::Gemini, gemini), (Some(7), Some(2)));
    assert_eq!(bounds(Dialect::Gemini, snake), (Some(7), Some(2)));
    assert_eq!(bounds(Dialect::Bedrock, converse), (Some(7), None));
    assert_eq!(bounds(Dialect::Ollama, ollama), (Some(7), None));
    assert_eq!(bounds(Dialect::Cohere, r#"{"max_tokens":7}"#), (Some(7), None));
    // In another language they say nothing, and what is no number is none.
    assert_eq!(bounds(Dialect::OpenAi, ollama), (None, None));
    for other in [r#"{"options":{"num_predict":-1}}"#, r#"{"options":null}"#, r#"{"options":{}}"#] {
        assert_eq!(bounds(Dialect::Ollama, other), (None, None), "{other}");
    }
    assert!(read_in(Dialect::Ollama, br#"{"options":{"num_predict":1,}}"#).is_err());
}

#[test]
fn fields_we_do_not_act_on_may_stand_twice() {
    assert!(read(br#"{"model":"a","x":1,"x":2,"metadata":{"model":"b","model":"c"}}"#).is_ok());
}

#[test]
fn refuses_what_is_not_one_object() {
    assert_eq!(problem("[]"), EnvelopeProblem::NotAnObject);
    assert_eq!(problem("\"x\""), EnvelopeProblem::NotAnObject);
    for broken in
        ["", "{", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{} {}", "{\"a\":01}", "{\"a\":\"\t\"}", "{\"a\":'b'}"]
    {
        assert!(matches!(problem(broken), EnvelopeProblem::NotJson(_)), "{broken}");
    }
    assert_eq!(read(b"{\"a\":\"\xff\"}").unwrap_err(), EnvelopeProblem::NotUtf8(6));
    assert!(matches!(problem("\u{feff}{}"), EnvelopeProblem::NotJson(0)));
}

#[test]
fn sixty_four_levels_and_no_more() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(read(nested(64).as_bytes()).is_ok());
    assert!(matches!(problem(&nested(65)), EnvelopeProblem::TooDeep(_)));
    assert!(matches!(problem(&"[".repeat(100_000)), EnvelopeProblem::TooDeep(_)));
}

#[test]
fn edits_touch_nothing_else() {
    let body = r#"{ "seed":12345678901234567890, "model" : "alias","x":1e400 }"#;
    assert_eq!(edited(body, Some("gpt-4o"), false), body.replace("\"alias\"", "\"gpt-4o\""));
    assert_eq!(edited(body, Some("alias"), false), body);
    let asked = edited(r#"{"model":"a","stream":true}"#, None, true);
    assert_eq!(asked, r#"{"stream_options":{"include_usage":true},"model":"a","stream":true}"#);
    let kept = edited(r#"{"stream_options":{ "include_obfuscation":false }}"#, None, true);
    assert_eq!(kept, r#"{"stream_options":{"include_usage":true, "include_obfuscation":false }}"#);
    assert_eq!(
        edited(r#"{"stream_options":{ }}"#, None, true),
        r#"{"stream_options":{"include_usage":true }}"#
    );
    let null = edited(r#"{"model":"a","stream_options":null}"#, None, true);
    assert_eq!(null, r#"{"model":"a","stream_options":{"include_usage":true}}"#);
    let off = edited(r#"{"stream_options":{"include_usage":false}}"#, None, true);
    assert_eq!(off, r#"{"stream_options":{"include_usage":true}}"#);
    assert_eq!(edited(r#"{"model":"a\"b"}"#, Some("c\"d"), false), r#"{"model":"c\"d"}"#);
}

/// Text that is JSON, or nearly.
fn near_json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"a\"",
        "\"model\"",
        "1",
        "-0",
        "1.5e3",
        "01",
        "true",
        "nul",
        "null",
        " ",
        "\n",
        "\"\\u00e9\"",
        "\"\\x\"",
        "\"é\"",
        "\"",
        "{\"k\":1}",
    ]);
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// A member of a body: one we act on, in some spelling, or another.
fn member_of_ours_or_not() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        r#""model""#,
        r#""mod\u0065l""#,
        r#""stream""#,
        r#""stream_options""#,
        r#""messages""#,
        r#""metadata""#,
    ]);
    let value = prop::sample::select(vec![
        r#""gpt-4o""#,
        r#""a\"b\u00e9\n""#,
        "null",
        "true",
        "false",
        "1.5e3",
        r#"[{"model":"inner","stream":true}]"#,
        r#"{"include_usage":true,"x":[1]}"#,
        r#"{"include_usage" : false}"#,
        r#"{"include_\u0075sage":true}"#,
        "{}",
    ]);
    (name, value).prop_map(|(name, value)| format!("{name}:{value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Two readers of one thing never disagree about what JSON is.
    #[test]
    fn agrees_with_serde_json(text in near_json()) {
        let ours = !matches!(read(text.as_bytes()), Err(EnvelopeProblem::NotJson(_)));
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert!(ours == theirs || read(text.as_bytes()) == Err(EnvelopeProblem::WrongType("model"))
            || matches!(read(text.as_bytes()), Err(EnvelopeProblem::Duplicate(_))), "{text}: {ours} {theirs}");
    }

    /// What is found is what a reader that builds everything finds, whatever stands around it and however it is spelt.
    #[test]
    fn finds_what_serde_json_finds(members in prop::collection::vec(member_of_ours_or_not(), 0..8), gap in "[ \n\t]{0,2}") {
        let text = format!("{{{gap}{}{gap}}}", members.join(&format!("{gap},{gap}")));
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        match read(text.as_bytes()) {
            Ok(found) => {
                prop_assert_eq!(found.model.as_ref().map(|model| &*model.says), whole["model"].as_str());
                prop_assert_eq!(found.stream, whole["stream"] == true);
                prop_assert_eq!(found.asks_usage(), whole["stream_options"]["include_usage"] == true);
            }
            Err(EnvelopeProblem::Duplicate(_) | EnvelopeProblem::WrongType(_)) => {
                let name = |member: &String| {
                    let one: serde_json::Map<_, _> = serde_json::from_str(&format!("{{{member}}}")).unwrap();
                    one.keys().next().cloned().unwrap()
                };
                let twice = |ours: &str| members.iter().filter(|member| name(member) == ours).count() > 1;
                let fits = (whole["model"].is_string() || whole["model"].is_null())
                    && (whole["stream"].is_boolean() || whole["stream"].is_null())
                    && (whole["stream_options"].is_object() || whole["stream_options"].is_null());
                prop_assert!(!fits || ["model", "stream", "stream_options"].into_iter().any(twice), "{text}");
            }
            Err(problem) => prop_assert!(false, "{problem:?}: {text}"),
        }
    }

    /// An edit keeps every other member as it was.
    #[test]
    fn an_edit_changes_the_model_and_nothing_else(before in "[a-z ]{0,40}", model in ".{0,20}") {
        let body = Bytes::from(serde_json::json!({"before": before, "model": "old", "n": [1, {"z": null}]}).to_string());
        let envelope = read(&body).unwrap();
        let edited = edit(&body, &envelope, Some(&model), true);
        let mut value: serde_json::Value = serde_json::from_slice(&edited).unwrap();
        prop_assert_eq!(value["model"].as_str(), Some(model.as_str()));
        value["model"] = "old".into();
        value.as_object_mut().unwrap().remove("stream_options");
        prop_assert_eq!(value, serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    }
}

#[test]
fn a_model_is_put_in_where_there_is_none() {
    for (body, named) in [
        ("{}", r#"{"model":"m"}"#),
        (" { \"a\" : 1 } ", r#" {"model":"m", "a" : 1 } "#),
        (r#"{"model":null}"#, r#"{"model":"m"}"#),
        (r#"{"a":{"model":"x"}}"#, r#"{"model":"m","a":{"model":"x"}}"#),
    ] {
        assert_eq!(edited(body, Some("m"), false), named);
        let both = edited(body, Some("m"), true);
        let read = read(both.as_bytes()).unwrap();
        assert!(read.asks_usage() && read.model.is_some_and(|text| text.says == "m"), "{both}");
        assert_eq!(edited(body, None, false), body);
    }
}
