//! Answers that keep to a schema, also from places that hold their models to none: there a tool stands for it, which nobody notices.

use protocol::codec::{self, Mint, To};
use protocol::dialect::Wire;
use protocol::hub::gather::Gather;
use protocol::hub::{
    Answer as Said, Call, Choice, Counts, Delta, Part, Request, Response, Role, Shape, Stop, Tool, Turn,
    scatter,
};
use protocol::operation;
use serde_json::{Value, json};
use store::usage_record::Outcome;
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Seen, Vendor};

use crate::house::TestHouse;

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };
const ADA: &str = r#"{"name":"Ada","born":1815}"#;

/// Places that hold a model to no schema: their kind, the path of their base URL, and such a model.
const LACKING: [(&str, &str, &str); 5] = [
    ("deepseek", "/v1", "deepseek-v4-pro"),
    ("anthropic", "/v1", "claude-3-5-haiku-20241022"),
    ("bedrock", "", "eu.amazon.nova-pro-v1:0"),
    ("gemini", "/v1beta", "gemini-2.5-flash"),
    ("cohere", "/v2", "command-a-03-2025"),
];

/// However often it answers badly, it is asked again.
const ALWAYS: &str = "breaker: {min_requests: 1000000}";

/// Who can ask for a schema.
const CALLERS: [Wire; 8] = [
    Wire::Chat,
    Wire::Responses,
    Wire::Messages,
    Wire::Gemini,
    Wire::Converse,
    Wire::Cohere,
    Wire::OllamaChat,
    Wire::OllamaGenerate,
];

fn look() -> Tool {
    let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
    Tool::Function { name: "look".into(), description: None, schema: Some(schema), strict: None, cache: None }
}

fn question(stream: bool, tools: bool) -> Request {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "born": {"type": "integer"}},
        "required": ["name", "born"],
        "additionalProperties": false,
    });
    let shape =
        Shape::Schema { name: Some("person".to_owned()), description: None, schema, strict: Some(true) };
    Request {
        model: "m".to_owned(),
        turns: vec![Turn::new(Role::User, vec![Part::Text("hi".to_owned())])],
        tools: Vec::from_iter(tools.then(look)),
        shape: Some(shape),
        stream,
        ..Request::default()
    }
}

fn door(wire: Wire, request: &Request) -> (&'static str, String) {
    let path = match (wire, request.stream) {
        (Wire::Chat, _) => "/v1/chat/completions",
        (Wire::Completions, _) => "/v1/completions",
        (Wire::Responses, _) => "/v1/responses",
        (Wire::Messages, _) => "/v1/messages",
        (Wire::Gemini, false) => "/v1beta/models/m:generateContent",
        (Wire::Gemini, true) => "/v1beta/models/m:streamGenerateContent?alt=sse",
        (Wire::Converse, false) => "/model/m/converse",
        (Wire::Converse, true) => "/model/m/converse-stream",
        (Wire::Cohere, _) => "/v2/chat",
        (Wire::OllamaChat, _) => "/api/chat",
        (Wire::OllamaGenerate, _) => "/api/generate",
    };
    let body = codec::of(wire).write_request(request, Default::default(), &mut Default::default()).unwrap();
    (path, String::from_utf8(body).unwrap())
}

/// What was asked, whether as a stream, and in which language.
fn asked(seen: &Seen) -> (Request, bool, Wire) {
    let found = operation::find(&http::Method::POST, seen.path()).unwrap();
    let wire = found.row.wire(found.rest).unwrap();
    let request = codec::of(wire).read_request(seen.body.as_ref()).unwrap();
    let streams = request.stream || found.row.streams_by_path(found.rest);
    (request, streams, wire)
}

/// An answer of these parts, in the language it is asked in.
fn says(seen: &Seen, parts: Vec<Part>, stop: Stop) -> Act {
    let (request, streams, wire) = asked(seen);
    let response = Response {
        id: Some("answer-1".to_owned()),
        model: Some("real".to_owned()),
        created: Some(1_750_000_000),
        answers: vec![Said { parts, stop: Some(stop), logprobs: None }],
        counts: Some(Counts { input: 11, output: 5, ..Counts::default() }),
        tier: None,
    };
    let to = To { request: &request, mint: MINT };
    if !streams {
        return vendor::Answer::plain(200, codec::of(wire).write_response(&response, &to))
            .header("content-type", "application/json")
            .into();
    }
    let (mut writer, mut body) = (codec::of(wire).writer(&to), Vec::new());
    scatter::steps(&response).into_iter().for_each(|step| writer.write(step, &mut body));
    writer.end(&mut body);
    vendor::Answer::plain(200, body).header("content-type", codec::of(wire).stream_type()).into()
}

fn called(name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = ("call_1".to_owned(), name.to_owned(), arguments.to_owned());
    Part::Call(Call { id, name, arguments, ..Call::default() })
}

/// A place that answers by the tool it is offered, with these arguments.
fn answers_by_tool(arguments: &'static str) -> impl Fn(&Seen) -> Act + Send + Sync + 'static {
    move |seen| {
        let (request, ..) = asked(seen);
        assert_eq!(request.shape, None, "{}", seen.text());
        let name = request.tools.last().and_then(Tool::name).unwrap_or("nothing was offered").to_owned();
        says(seen, vec![called(&name, arguments)], Stop::Calls)
    }
}

/// What a caller of that wire hears: the answer and whether it ended.
fn heard(wire: Wire, stream: bool, answer: &Answer) -> (Said, bool) {
    if !stream {
        return (codec::of(wire).read_response(&answer.body).unwrap().answers.remove(0), true);
    }
    let (mut reader, mut steps) = (codec::of(wire).reader(), Vec::<Delta>::new());
    reader.read(&answer.body, &mut steps).unwrap();
    let ended = reader.end(&mut steps);
    let mut gather = Gather::default();
    let fault = steps.iter().any(|step| matches!(step, Delta::Fault(_)));
    steps.iter().filter(|step| !matches!(step, Delta::Fault(_))).for_each(|step| gather.push(step));
    (gather.into_response().unwrap().answers.remove(0), ended && !fault)
}

fn text(said: &Said) -> String {
    protocol::hub::part::text_of(&said.parts)
}

fn house(providers: &[(&str, &Vendor, &str, &str)]) -> TestHouse {
    let mut lines = String::from("discovery: {enabled: never}\nproviders:\n");
    let mut places = Vec::new();
    for (nth, (kind, vendor, base, model)) in providers.iter().enumerate() {
        let url = vendor.url();
        lines +=
            &format!("  p{nth}: {{type: {kind}, base_url: \"{url}{base}\", api_key: sk-there, {ALWAYS}}}\n");
        places.push(format!("\"p{nth}/{model}\""));
    }
    TestHouse::new(&format!("{lines}models: {{m: [{}]}}\n", places.join(", ")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_gets_its_schema_from_a_place_that_knows_none() {
    let mut wrong = Vec::new();
    for (kind, base, model) in LACKING {
        let service = Vendor::start(answers_by_tool(ADA)).await;
        let house = house(&[(kind, &service, base, model)]);
        let mut calls = 0;
        for caller in CALLERS {
            // Only beside tools these two hold to none; and a place that has Responses itself is asked in them.
            let tools = matches!(kind, "gemini" | "cohere");
            if (tools && caller == Wire::OllamaGenerate) || (kind == "deepseek" && caller == Wire::Responses)
            {
                continue;
            }
            for stream in [false, true] {
                let (path, body) = door(caller, &question(stream, tools));
                let answer = ask(house.address(), "POST", path, &[], &body).await;
                calls += 1;
                let dropped = answer.header("x-openai-proxy-dropped").unwrap_or_default().to_owned();
                if answer.status != 200 || !dropped.contains("json_schema") {
                    wrong.push(format!(
                        "{caller} to {kind}: {} {dropped:?} {}",
                        answer.status,
                        answer.text()
                    ));
                    continue;
                }
                let (said, ended) = heard(caller, stream, &answer);
                let same = serde_json::from_str::<Value>(&text(&said)).ok() == serde_json::from_str(ADA).ok();
                if !same || !ended || said.stop != Some(Stop::End) || said.calls() {
                    wrong.push(format!("{caller} to {kind}, stream {stream}: {said:?} of {}", answer.text()));
                }
                let (request, ..) = asked(service.ledger().requests().last().unwrap());
                let forced = request.choice == Some(Choice::Required);
                let names: Vec<&str> = request.tools.iter().filter_map(Tool::name).collect();
                if forced == (kind == "deepseek") || names.len() != 1 + usize::from(tools) {
                    wrong.push(format!("{caller} to {kind}: asked with {names:?}, {:?}", request.choice));
                }
            }
        }
        let records = house.records(|records| records.len() == calls).await;
        for record in &records {
            let counted = record.tokens.map(|tokens| (tokens.input, tokens.output));
            if record.outcome != Outcome::Answered || counted != Some((11, 5)) {
                wrong.push(format!("{kind}: booked as {record:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_keeps_to_no_schema_is_asked_for_elsewhere() {
    let bad = Vendor::start(answers_by_tool(r#"{"name":"Ada","born":"long ago"}"#)).await;
    let good = Vendor::start(answers_by_tool(ADA)).await;
    let (_, base, model) = LACKING[1];
    let both = house(&[("anthropic", &bad, base, model), ("anthropic", &good, base, model)]);
    for caller in [Wire::Chat, Wire::Messages, Wire::Gemini] {
        let (path, body) = door(caller, &question(false, false));
        let answer = ask(both.address(), "POST", path, &[], &body).await;
        assert_eq!(answer.status, 200, "{caller}: {}", answer.text());
        assert!(text(&heard(caller, false, &answer).0).contains("1815"), "{caller}: {}", answer.text());
    }
    assert!(bad.ledger().begun() >= 3 && good.ledger().begun() == 3);
    let alone = house(&[("anthropic", &bad, base, model)]);
    let (path, body) = door(Wire::Chat, &question(false, false));
    let answer = ask(alone.address(), "POST", path, &[], &body).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.text().contains("schema") && answer.text().contains("/born"), "{}", answer.text());
    assert!(!answer.text().contains("long ago"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_caller_asks_for_takes_no_place_away_from_the_others() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {"a": false}});
    let never = Shape::Schema { name: None, description: None, schema, strict: Some(true) };
    let plain = Request { shape: None, ..question(false, false) };
    for ((kind, base, model), asking) in [
        (LACKING[1], Request { shape: Some(never), ..question(false, false) }),
        (LACKING[3], Request { shape: None, ..question(false, true) }),
        (LACKING[3], Request { shape: None, ..question(true, true) }),
    ] {
        let service = Vendor::start(|seen: &Seen| {
            let (request, ..) = asked(seen);
            match request.tools.last().and_then(Tool::name) {
                None => says(seen, vec![Part::Text("hello".to_owned())], Stop::End),
                Some("look") => says(seen, Vec::new(), Stop::Malformed("MALFORMED_FUNCTION_CALL".to_owned())),
                Some(name) => says(seen, vec![called(name, r#"{"a":1}"#)], Stop::Calls),
            }
        })
        .await;
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nrouting: {{retries: 0}}\n\
             providers: {{p: {{type: {kind}, base_url: \"{}{base}\", api_key: sk-there}}}}\nmodels: {{m: \"p/{model}\"}}\n",
            service.url()
        ));
        for _ in 0..12 {
            let (path, body) = door(Wire::Chat, &asking);
            let answer = ask(house.address(), "POST", path, &[], &body).await;
            assert_eq!(answer.status, 502, "{kind}: {}", answer.text());
        }
        let (path, body) = door(Wire::Chat, &plain);
        let answer = ask(house.address(), "POST", path, &[], &body).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_streamed_answer_that_keeps_to_no_schema_never_looks_complete() {
    let bad = Vendor::start(answers_by_tool(r#"{"name":"Ada"}"#)).await;
    let (kind, base, model) = LACKING[1];
    let house = house(&[(kind, &bad, base, model)]);
    for caller in CALLERS {
        let (path, body) = door(caller, &question(true, false));
        let answer = ask(house.address(), "POST", path, &[], &body).await;
        let (said, ended) = heard(caller, true, &answer);
        assert!(!ended, "{caller}: looks complete: {}", answer.text());
        // What was sent stands; what is wrong with it is said.
        assert_eq!(text(&said), r#"{"name":"Ada"}"#, "{caller}");
        assert!(answer.text().contains("does not keep to the schema"), "{caller}: {}", answer.text());
    }
    let records = house.records(|records| records.len() == CALLERS.len()).await;
    for record in &records {
        assert_eq!(record.tokens.map(|tokens| (tokens.input, tokens.output)), Some((11, 5)), "{record:?}");
        assert!(record.outcome != Outcome::Answered, "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_strict_is_answered_by_who_holds_to_a_schema_or_by_nobody() {
    let lacking = Vendor::start(answers_by_tool(ADA)).await;
    let able = Vendor::start(|seen: &Seen| {
        let (request, ..) = asked(seen);
        assert!(matches!(request.shape, Some(Shape::Schema { .. })), "{}", seen.text());
        says(seen, vec![Part::Text(ADA.to_owned())], Stop::End)
    })
    .await;
    let (kind, base, model) = LACKING[2];
    let strict = [("x-openai-proxy-strict", "true")];
    let (path, body) = door(Wire::OllamaChat, &question(false, false));
    let alone = house(&[(kind, &lacking, base, model)]);
    let refused = ask(alone.address(), "POST", path, &strict, &body).await;
    assert!(refused.status == 400 && refused.text().contains("json_schema"), "{}", refused.text());
    assert_eq!(lacking.ledger().begun(), 0, "what is refused is not sent");
    let both = house(&[(kind, &lacking, base, model), ("openai-compatible", &able, "/v1", "real")]);
    let answer = ask(both.address(), "POST", path, &strict, &body).await;
    assert_eq!((answer.status, lacking.ledger().begun()), (200, 0), "{}", answer.text());
    assert_eq!(text(&heard(Wire::OllamaChat, false, &answer).0), ADA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_says_it_knows_no_schema_is_asked_by_a_tool_from_then_on() {
    let service = Vendor::start(|seen: &Seen| {
        let (request, ..) = asked(seen);
        if request.shape.is_none() {
            return answers_by_tool(ADA)(seen);
        }
        let say =
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.";
        let error =
            json!({"error": {"message": say, "type": "invalid_request_error", "param": null, "code": null}});
        Act::json(400, &error)
    })
    .await;
    let house = house(&[("openai-compatible", &service, "/v1", "real")]);
    for (nth, stream) in [false, true, false].into_iter().enumerate() {
        let (path, body) = door(Wire::Chat, &question(stream, false));
        let answer = ask(house.address(), "POST", path, &[], &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(text(&heard(Wire::Chat, stream, &answer).0), ADA);
        // It is told once.
        assert_eq!(service.ledger().begun(), 2 + nth);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_s_own_tools_are_called_beside_a_schema() {
    let service = Vendor::start(|seen: &Seen| {
        let (request, ..) = asked(seen);
        assert_eq!(request.choice, Some(Choice::Required), "{}", seen.text());
        says(seen, vec![called("look", r#"{"at":"Ada"}"#)], Stop::Calls)
    })
    .await;
    let (kind, base, model) = LACKING[1];
    let house = house(&[(kind, &service, base, model)]);
    for caller in [Wire::Chat, Wire::Responses, Wire::Messages] {
        for stream in [false, true] {
            let (path, body) = door(caller, &question(stream, true));
            let answer = ask(house.address(), "POST", path, &[], &body).await;
            let (said, ended) = heard(caller, stream, &answer);
            let call = said.parts.iter().any(|part| matches!(part, Part::Call(call) if call.name == "look"));
            assert!(ended && call && said.stop == Some(Stop::Calls), "{caller}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_to_a_schema_gets_the_caller_s_bytes_as_they_came() {
    let service = Vendor::start(|seen: &Seen| says(seen, vec![Part::Text(ADA.to_owned())], Stop::End)).await;
    for (kind, base, model, caller) in [
        ("openai-compatible", "/v1", "m", Wire::Chat),
        ("anthropic", "/v1", "m", Wire::Messages),
        ("deepseek", "/v1", "m", Wire::Chat),
    ] {
        let house = house(&[(kind, &service, base, model)]);
        let mut request = question(false, false);
        if kind == "deepseek" {
            // It asks for none, and only speaks of it.
            request.shape = None;
            request.turns[0].parts = vec![Part::Text("What is a json_schema?".to_owned())];
        }
        let (path, body) = door(caller, &request);
        let answer = ask(house.address(), "POST", path, &[], &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(service.ledger().requests().last().unwrap().text(), body, "{kind}");
        assert_eq!(answer.header("x-openai-proxy-dropped"), None);
    }
}
