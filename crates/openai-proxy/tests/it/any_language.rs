//! Every language to every vendor: a conversation asked for at any door, answered by any kind of service, told in the caller's language.

use std::fmt::Write;

use http::Method;
use protocol::codec::{self, Mint, To};
use protocol::dialect::Wire;
use protocol::hub::gather::Gather;
use protocol::hub::{Answer as Said, Counts, Delta, Part, Request, Response, Role, Stop, Turn, scatter};
use protocol::operation;
use store::usage_record::Outcome;
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Seen, Vendor};

use crate::house::TestHouse;

const TEXT: &str = "Grüß Gott 👋";
const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

/// A kind of service: its word, the wire it is spoken to in, and the path of its base URL.
const KINDS: [(&str, Wire, &str); 6] = [
    ("openai-compatible", Wire::Chat, "/v1"),
    ("anthropic", Wire::Messages, "/v1"),
    ("gemini", Wire::Gemini, "/v1beta"),
    ("bedrock", Wire::Converse, ""),
    ("cohere", Wire::Cohere, "/v2"),
    ("ollama", Wire::OllamaChat, "/v1"),
];

fn answer() -> Response {
    let counts = Counts { input: 11, output: 5, cached: 3, ..Counts::default() };
    Response {
        id: Some("answer-1".to_owned()),
        model: Some("real".to_owned()),
        created: Some(1_750_000_000),
        answers: vec![Said {
            parts: vec![Part::Text(TEXT.to_owned())],
            stop: Some(Stop::End),
            logprobs: None,
        }],
        counts: Some(counts),
        tier: None,
    }
}

fn question(stream: bool) -> Request {
    let turns = vec![Turn::new(Role::User, vec![Part::Text("hi".to_owned())])];
    Request { model: "m".to_owned(), turns, stream, ..Request::default() }
}

/// What a service says to any question, in the language it is asked in.
fn says(seen: &Seen) -> Act {
    let Some(wire) = wire_of(seen) else { return Act::text(404, "no conversation") };
    let found = operation::find(&Method::POST, seen.path()).unwrap();
    let asked = codec::of(wire).read_request(seen.body.as_ref()).unwrap();
    assert!(
        asked.turns.iter().any(|turn| turn.parts.contains(&Part::Text("hi".to_owned()))),
        "{}",
        seen.text()
    );
    let named = matches!(wire, Wire::Gemini | Wire::Converse);
    assert!(
        named && seen.path().contains("real") || asked.model == "real",
        "{} {}",
        seen.target,
        seen.text()
    );
    let to = To { request: &asked, mint: MINT };
    if !(asked.stream || found.row.streams_by_path(found.rest)) {
        return vendor::Answer::plain(200, codec::of(wire).write_response(&answer(), &to))
            .header("content-type", "application/json")
            .into();
    }
    let (mut writer, mut body) = (codec::of(wire).writer(&to), Vec::new());
    scatter::steps(&answer()).into_iter().for_each(|step| writer.write(step, &mut body));
    writer.end(&mut body);
    vendor::Answer::plain(200, body).header("content-type", codec::of(wire).stream_type()).into()
}

/// The language a service is asked in.
fn wire_of(seen: &Seen) -> Option<Wire> {
    let found = operation::find(&Method::POST, seen.path()).ok()?;
    found.row.wire(found.rest)
}

/// The language a kind of service is to be asked in: the caller's if it speaks it, else its own.
fn expected(kind: &str, spoken: Wire, path: &str) -> Option<Wire> {
    let found = operation::find(&Method::POST, path.split('?').next().unwrap_or(path)).ok()?;
    // What can be told how much to read is conversed with where it can be told.
    let reworded =
        kind == "ollama" && matches!(found.row.wire(found.rest), Some(Wire::Chat | Wire::Responses));
    let straight = !reworded && protocol::vendor::find(kind)?.speaks(found.row.operation).is_some();
    if straight { found.row.wire(found.rest) } else { Some(spoken) }
}

/// Path and body of the question at the door of a wire.
fn door(wire: Wire, stream: bool) -> (String, Vec<u8>) {
    let body = codec::of(wire)
        .write_request(&question(stream), Default::default(), &mut Default::default())
        .unwrap();
    let path = match (wire, stream) {
        (Wire::Chat, _) => "/v1/chat/completions",
        (Wire::Completions, _) => "/v1/completions",
        (Wire::Responses, _) => "/v1/responses",
        (Wire::Messages, _) => "/v1/messages",
        (Wire::Gemini, false) => "/v1beta/models/m:generateContent",
        (Wire::Gemini, true) => "/v1/models/m:streamGenerateContent?alt=sse",
        (Wire::Converse, false) => "/model/m/converse",
        (Wire::Converse, true) => "/model/m/converse-stream",
        (Wire::Cohere, _) => "/v2/chat",
        (Wire::OllamaChat, _) => "/api/chat",
        (Wire::OllamaGenerate, _) => "/api/generate",
    };
    (path.to_owned(), body)
}

/// The text a caller of that wire reads, and whether the answer ended.
fn heard(wire: Wire, stream: bool, answer: &Answer) -> (String, bool) {
    let response = if stream {
        let (mut reader, mut steps) = (codec::of(wire).reader(), Vec::<Delta>::new());
        reader.read(&answer.body, &mut steps).unwrap();
        if !reader.end(&mut steps) {
            return (answer.text(), false);
        }
        let mut gather = Gather::default();
        steps.iter().for_each(|step| gather.push(step));
        gather.into_response().unwrap()
    } else {
        codec::of(wire).read_response(&answer.body).unwrap()
    };
    let said = &response.answers[0];
    (protocol::hub::part::text_of(&said.parts), said.stop == Some(Stop::End))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_caller_hears_any_vendor() {
    let mut wrong = String::new();
    for (kind, spoken, base) in KINDS {
        let service = Vendor::start(says).await;
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: sk-there}}}}\nmodels: {{m: there/real}}\n",
            service.url()
        ));
        let mut calls = 0;
        for &asked in Wire::ALL {
            for stream in [false, true] {
                let (path, body) = door(asked, stream);
                let body = String::from_utf8(body).unwrap();
                let answer =
                    ask(house.address(), "POST", &path, &[("content-type", "application/json")], &body).await;
                calls += 1;
                if answer.status != 200 {
                    writeln!(
                        wrong,
                        "{asked} to {kind}, stream {stream}: {} {}",
                        answer.status,
                        answer.text()
                    )
                    .unwrap();
                    continue;
                }
                let seen = service.ledger().requests().last().and_then(wire_of);
                if seen != expected(kind, spoken, &path) {
                    writeln!(wrong, "{asked} to {kind}: asked as {seen:?}").unwrap();
                }
                let (text, ended) = heard(asked, stream, &answer);
                if text != TEXT || !ended {
                    writeln!(
                        wrong,
                        "{asked} to {kind}, stream {stream}: ended {ended}, {text:?} of {}",
                        answer.text()
                    )
                    .unwrap();
                }
            }
        }
        let records = house.records(|records| records.len() == calls).await;
        for record in &records {
            let counted = record.tokens.map(|tokens| (tokens.input, tokens.output));
            if record.outcome != Outcome::Answered || counted != Some((11, 5)) {
                writeln!(wrong, "{kind}: booked as {record:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_language_cannot_say_is_told_and_refused_where_that_is_wished() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: anthropic, base_url: \"{}/v1\", api_key: sk-there}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    let body = r#"{"model":"m","max_tokens":9,"seed":7,"logit_bias":{"1":2},"messages":[{"role":"user","content":"hi"}]}"#;
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], body).await;
    let dropped = answer.header("x-openai-proxy-dropped").unwrap_or_default().to_owned();
    assert!(
        answer.status == 200 && dropped.contains("seed") && dropped.contains("logit_bias"),
        "{dropped:?} {}",
        answer.text()
    );
    let strict = [("x-openai-proxy-strict", "true")];
    let refused = ask(house.address(), "POST", "/v1/chat/completions", &strict, body).await;
    assert!(
        refused.status == 400 && refused.text().contains("logit_bias"),
        "{} {}",
        refused.status,
        refused.text()
    );
    assert_eq!(service.ledger().begun(), 1, "what is refused is not sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendors_refusal_and_its_broken_stream_are_told_in_the_callers_language() {
    let service = Vendor::start(|seen| {
        let asked = codec::of(Wire::Messages).read_request(seen.body.as_ref()).unwrap();
        if !asked.stream {
            let words = serde_json::json!({"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: too many"}});
            return Act::json(400, &words);
        }
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"real\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Once\"}}\n\n";
        vendor::Answer::plain(200, start).header("content-type", "text/event-stream").into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: anthropic, base_url: \"{}/v1\", api_key: sk-there}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    for asked in [Wire::Chat, Wire::Responses, Wire::Gemini, Wire::Converse, Wire::Cohere, Wire::OllamaChat] {
        let (path, body) = door(asked, false);
        let refused = ask(house.address(), "POST", &path, &[], std::str::from_utf8(&body).unwrap()).await;
        assert!(
            refused.status == 400 && refused.text().contains("max_tokens: too many"),
            "{asked}: {} {}",
            refused.status,
            refused.text()
        );
        let named = (asked == Wire::Converse).then_some("ValidationException");
        assert_eq!(refused.header("x-amzn-errortype"), named, "{asked}");
        let (path, body) = door(asked, true);
        let cut = ask(house.address(), "POST", &path, &[], std::str::from_utf8(&body).unwrap()).await;
        let (mut reader, mut steps) = (codec::of(asked).reader(), Vec::new());
        let _ = reader.read(&cut.body, &mut steps);
        assert!(!reader.end(&mut steps), "{asked}: looks complete: {}", cut.text());
        assert!(
            steps.iter().any(|step| matches!(step, Delta::Fault(_))),
            "{asked}: no word of it: {}",
            cut.text()
        );
    }
}

/// The beginning of a longer answer than anybody takes for a word or two.
const BEGINNING: &str = "Once upon a time there was a house";
const REST: &str = " with nine doors.";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_broke_is_gone_on_with_by_a_vendor_of_another_language() {
    let one = Vendor::start(|_| {
        let chunk = serde_json::json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "real",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": BEGINNING}, "finish_reason": null}]});
        vendor::Answer::events().event(&chunk.to_string()).ending(vendor::Ending::Reset).into()
    })
    .await;
    let two = Vendor::start(|seen| {
        let asked = codec::of(Wire::Messages).read_request(seen.body.as_ref()).unwrap();
        let last = asked.turns.last().unwrap();
        let begun = last.role == Role::Assistant && last.parts == [Part::Text(BEGINNING.to_owned())];
        let text = if begun { REST } else { "Something else." };
        let mut response = answer();
        response.answers[0].parts = vec![Part::Text(text.to_owned())];
        let to = To { request: &asked, mint: MINT };
        let (mut writer, mut body) = (codec::of(Wire::Messages).writer(&to), Vec::new());
        scatter::steps(&response).into_iter().for_each(|step| writer.write(step, &mut body));
        writer.end(&mut body);
        vendor::Answer::plain(200, body).header("content-type", "text/event-stream").into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-there}}\n  two: {{type: anthropic, base_url: \"{}/v1\", api_key: sk-there}}\nmodels: {{m: [one/real, two/real]}}\n",
        one.url(),
        two.url()
    ));
    for asked in [Wire::Chat, Wire::Messages] {
        let (path, body) = door(asked, true);
        let told = ask(house.address(), "POST", &path, &[], &body).await;
        let (text, ended) = heard(asked, true, &told);
        assert_eq!(
            (text.as_str(), ended),
            (&*format!("{BEGINNING}{REST}"), true),
            "{asked}: {}",
            told.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_unknown_fields_cost_little_and_are_told_in_few_words() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: gemini, base_url: \"{}/v1beta\", api_key: sk-there}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    let fields: String = (0..20_000).map(|nth| format!("\"nobody_knows_this_field_{nth}\":{nth},")).collect();
    let body = format!("{{{fields}\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}");
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], body).await;
    let dropped = answer.header("x-openai-proxy-dropped").unwrap().to_owned();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(dropped.len() < 1100 && dropped.ends_with(" more"), "{} bytes: {dropped}", dropped.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_models_has_them_at_every_door_and_takes_nothing_away() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nauth: {{mode: keys}}\nkeys: {{k: {{key: sk-k-0123456789abcdefghijklmnopqrstu, models: [m, real]}}}}\nmodels: {{m: there/real, evil: there/real}}\nproviders:\n  there: {{type: ollama, base_url: \"{}/v1\", api_key: sk-there}}\n  here: {{type: gemini, base_url: \"{}/v1beta\", api_key: sk-there}}\n",
        service.url(),
        service.url()
    ));
    let key = [("authorization", "Bearer sk-k-0123456789abcdefghijklmnopqrstu")];
    for &asked in Wire::ALL {
        let (path, body) = door(asked, false);
        let answer = ask(house.address(), "POST", &path, &key, &body).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
        let (path, body) =
            (path.replace("/m", "/evil"), String::from_utf8(body).unwrap().replace("\"m\"", "\"evil\""));
        if path.contains("/evilessages") {
            continue;
        }
        let refused = ask(house.address(), "POST", &path.replace("/evilodel", "/model"), &key, body).await;
        assert!(refused.status >= 400, "{asked}: {}", refused.text());
    }
    let known = service.ledger().begun();
    for path in ["/api/delete", "/v1beta/tunedModels/evil", "/v1beta/files/x"] {
        let refused = ask(house.address(), "DELETE", path, &key, "{\"model\":\"evil\"}").await;
        assert!(refused.status >= 400, "{path}: {}", refused.text());
    }
    assert_eq!(service.ledger().begun(), known, "nothing was sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_of_another_vendors_is_shown_to_nobody_who_speaks_the_callers_language() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: anthropic, base_url: \"{}/v1\", api_key: sk-there}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    let mark = format!("{}bWFyaw==", Wire::Gemini.tag());
    let body = format!(
        "{{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}},{{\"role\":\"assistant\",\"content\":[{{\"type\":\"thinking\",\"thinking\":\"so\",\"signature\":\"{mark}\"}},{{\"type\":\"text\",\"text\":\"Yes.\"}}]}},{{\"role\":\"user\",\"content\":\"hi\"}}]}}"
    );
    let answer = ask(house.address(), "POST", "/v1/messages", &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = service.ledger().requests();
    assert!(!seen.last().unwrap().text().contains("opx"), "{}", seen.last().unwrap().text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_has_chat_completions_alone_is_asked_for_nothing_else() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-there, capabilities: [chat, models]}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    for asked in [Wire::Chat, Wire::Completions, Wire::Responses] {
        let (path, body) = door(asked, true);
        let answer = ask(house.address(), "POST", &path, &[], &body).await;
        assert_eq!(heard(asked, true, &answer), (TEXT.to_owned(), true), "{asked}: {}", answer.text());
        assert_eq!(service.ledger().requests().last().and_then(wire_of), Some(Wire::Chat), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_own_key_goes_to_no_place_of_another_language_not_even_beside_us() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", credential: passthrough}}}}\nmodels: {{m: there/real}}\n",
        service.url()
    ));
    let key = [("authorization", "Bearer sk-callers-own")];
    let (path, body) = door(Wire::Messages, false);
    let refused = ask(house.address(), "POST", &path, &key, &body).await;
    assert_eq!((refused.status, service.ledger().begun()), (401, 0), "{}", refused.text());
    let (path, body) = door(Wire::Chat, false);
    assert_eq!(ask(house.address(), "POST", &path, &key, &body).await.status, 200, "its own language has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_in_openais_language_has_an_ollama_read_all_of_a_long_prompt() {
    let service = Vendor::start(says).await;
    let long = "hi, ".repeat(9_000);
    let asked = |text: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"{text}"}},{{"role":"user","content":"hi"}}]}}"#
        )
    };
    let rows = [
        ("", "/v1/chat/completions", asked(&long), "/api/chat", Some(16_384)),
        ("", "/v1/chat/completions", asked("short"), "/api/chat", None),
        (
            "",
            "/v1/responses",
            format!(
                r#"{{"model":"m","input":[{{"role":"user","content":"{long}"}},{{"role":"user","content":"hi"}}]}}"#
            ),
            "/api/chat",
            Some(16_384),
        ),
        (", context_length: 8192", "/v1/chat/completions", asked("short"), "/api/chat", Some(8192)),
        (", context_length: server", "/v1/chat/completions", asked(&long), "/api/chat", None),
        (", api: openai", "/v1/chat/completions", asked(&long), "/v1/chat/completions", None),
    ];
    for (settings, path, body, there, room) in rows {
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: ollama, base_url: \"{}/v1\"{settings}}}}}\nmodels: {{m: there/real}}\n",
            service.url()
        ));
        let answer = ask(house.address(), "POST", path, &[], &body).await;
        assert!(answer.status == 200 && answer.text().contains(TEXT), "{settings} {path}: {}", answer.text());
        let seen = service.ledger().last().unwrap().seen;
        let told = seen.json()["options"]["num_ctx"].as_u64();
        assert_eq!((seen.path(), told), (there, room), "{settings} {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_an_ollama_in_its_own_language_says_how_much_it_reads() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: ollama, base_url: \"{}/v1\", context_length: 8192}}}}\nmodels: {{real: there/real}}\n",
        service.url()
    ));
    let body = format!(
        r#"{{"model":"real","messages":[{{"role":"user","content":"{}"}},{{"role":"user","content":"hi"}}]}}"#,
        "long ".repeat(9_000)
    );
    assert_eq!(ask(house.address(), "POST", "/api/chat", &[], &body).await.status, 200);
    assert_eq!(service.ledger().last().unwrap().seen.text(), body, "every byte as it came");
}
