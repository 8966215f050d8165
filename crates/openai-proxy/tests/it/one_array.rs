//! A stream that is one JSON array: what Google's own address answers to who does not say `alt=sse`.

use std::sync::Arc;

use serde_json::{Value, json};
use store::usage_record::Outcome;
use testkit::vendor::{Act, Answer, Ending, Vendor};
use tokio::sync::Notify;

use crate::heartbeats::Call;
use crate::house::{ONCE, TestHouse, UPSTREAM_KEY, chat_events};

const PATH: &str = "/v1beta/models/m:streamGenerateContent";
const BODY: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;

fn house(kind: &str, base: &str, vendor: &Vendor) -> TestHouse {
    TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2, heartbeat: 100ms}}\ndiscovery: {{enabled: never}}\n\
         providers: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: {UPSTREAM_KEY}}}}}\nmodels: {{m: there/real}}\n{ONCE}",
        vendor.url()
    ))
}

/// An element that says a piece of text, and the reason to end behind the last.
fn element(text: &str, last: bool) -> String {
    let mut candidate = json!({"content": {"role": "model", "parts": [{"text": text}]}, "index": 0});
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    let counts = json!({"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21});
    json!({"candidates": [candidate], "usageMetadata": counts}).to_string()
}

/// The array a caller reads, and its text.
fn read(body: &str) -> (Vec<Value>, String) {
    let all: Vec<Value> = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let texts = all.iter().filter_map(|one| one["candidates"][0]["content"]["parts"][0]["text"].as_str());
    let text = texts.collect();
    (all, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_alt_sse_a_stream_of_any_vendor_is_an_array() {
    let vendor = Vendor::start(|_| {
        Answer::plain(200, chat_events(true).concat()).header("content-type", "text/event-stream").into()
    })
    .await;
    for (query, kind) in
        [("", "application/json"), ("?alt=json", "application/json"), ("?alt=sse", "text/event-stream")]
    {
        let house = house("openai-compatible", "/v1", &vendor);
        let mut call = Call::begin(&house, &format!("{PATH}{query}"), BODY).await;
        let body = call.ends().await;
        assert!(call.head().contains(&format!("\r\ncontent-type: {kind}")), "{query}: {}", call.head());
        if query != "?alt=sse" {
            let (all, text) = read(&body);
            assert_eq!(text, "héllo");
            assert_eq!(all.last().unwrap()["candidates"][0]["finishReason"], "STOP");
        }
        let record = house.record().await;
        assert_eq!((record.stream, record.outcome), (true, Outcome::Answered), "{query}");
        assert_eq!(record.tokens.map(|tokens| (tokens.input, tokens.output)), Some((9, 12)), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_own_array_passes_as_it_comes_with_white_space_between_its_elements() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let (one, two) = (format!("[{}", element("he", false)), format!(",\r\n{}]\n", element("llo", true)));
    let (first, second) = (one.clone(), two.clone());
    let vendor = Vendor::start(move |_| {
        let answer = Answer::stream(200).header("content-type", "application/json; charset=UTF-8");
        // An element in two pieces: nothing may stand within it.
        let (begin, end) = first.split_at(20);
        let answer = answer.send(begin.to_owned()).wait(std::time::Duration::from_millis(250));
        answer.send(end.to_owned()).wait_for(&gate).send(second.clone()).into()
    })
    .await;
    let house = house("gemini", "/v1beta", &vendor);
    let mut call = Call::begin(&house, PATH, BODY).await;
    call.hears(|body| body.trim_start() == format!("{one}\n\n")).await;
    go.notify_one();
    let body = call.ends().await;
    assert_eq!(read(&body).1, "hello");
    assert_eq!(body.replace('\n', ""), format!("{one}{two}").replace('\n', ""), "no byte of it is another");
    let record = house.record().await;
    assert_eq!((record.stream, record.outcome), (true, Outcome::Answered));
    assert_eq!(record.tokens.map(|tokens| (tokens.input, tokens.output)), Some((9, 12)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_that_breaks_off_is_closed_with_an_error_in_it() {
    let events = chat_events(true)[..2].concat();
    let element = element("he", false);
    let cases = [
        ("openai-compatible", "/v1", "text/event-stream", events),
        ("gemini", "/v1beta", "application/json", format!("[{element}\r\n")),
        ("gemini", "/v1beta", "application/json", format!("[{element},")),
    ];
    for (kind, base, content_type, sent) in cases {
        for ending in [Ending::Reset, Ending::Clean] {
            let sent = sent.clone();
            let vendor = Vendor::start(move |_| {
                Answer::stream(200)
                    .header("content-type", content_type)
                    .send(sent.clone())
                    .ending(ending)
                    .into()
            })
            .await;
            let house = house(kind, base, &vendor);
            let body = Call::begin(&house, PATH, BODY).await.ends().await;
            let (all, text) = read(&body);
            assert!(text == "he" || text == "h\u{e9}", "{kind} {ending:?}: {body}");
            assert_eq!(all.last().unwrap()["error"]["code"], 502, "{kind} {ending:?}: {body}");
            assert!(!body.contains("finishReason"), "nothing is made up: {body}");
            assert_eq!(house.record().await.outcome, Outcome::Interrupted, "{kind} {ending:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_object_in_no_array_passes_as_it_is_and_two_arrays_never_look_complete() {
    let whole = element("hello", true);
    let cases = [
        (whole.clone(), true),
        (format!("[{whole}]"), true),
        (format!("[{whole}][{whole}]"), false),
        (format!("{whole}{whole}"), false),
    ];
    for (sent, complete) in cases {
        let said = sent.clone();
        let vendor = Vendor::start(move |_| {
            Answer::stream(200).header("content-type", "application/json").send(said.clone()).into()
        })
        .await;
        let house = house("gemini", "/v1beta", &vendor);
        let answer = testkit::caller::ask(house.address(), "POST", PATH, &[], BODY).await;
        assert_eq!((answer.text().trim(), answer.complete), (&sent[..], complete));
        let outcome = if complete { Outcome::Answered } else { Outcome::Interrupted };
        assert_eq!(house.record().await.outcome, outcome, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_element_that_is_cut_ends_its_connection_and_not_the_array() {
    let vendor = Vendor::start(|_| {
        let sent = format!("[{},\n{{\"candidates\":[", element("he", false));
        Answer::stream(200).header("content-type", "application/json").send(sent).into()
    })
    .await;
    let house = house("gemini", "/v1beta", &vendor);
    let answer = testkit::caller::ask(house.address(), "POST", PATH, &[], BODY).await;
    assert!(!answer.complete && serde_json::from_slice::<Value>(&answer.body).is_err(), "{}", answer.text());
    assert_eq!(house.record().await.outcome, Outcome::Interrupted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_promise_an_error_is_the_one_element() {
    let full = r#"{"error":{"code":429,"message":"full","status":"RESOURCE_EXHAUSTED"}}"#;
    for body in [full.to_owned(), format!("[{full}]")] {
        let go = Arc::new(Notify::new());
        let (gate, said) = (go.clone(), body.clone());
        let vendor = Vendor::start(move |_| {
            let length = said.len();
            let raw = format!(
                "HTTP/1.1 429 x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{said}"
            );
            Act::Raw(
                vec![testkit::vendor::Step::WaitFor(gate.clone()), testkit::vendor::Step::Send(raw.into())],
                Ending::Fin,
            )
        })
        .await;
        let house = house("gemini", "/v1beta", &vendor);
        let mut call = Call::begin(&house, PATH, BODY).await;
        call.hears(|body| body == "\n\n").await;
        assert!(call.head().contains("\r\ncontent-type: application/json"), "{}", call.head());
        go.notify_one();
        let told = call.ends().await;
        let (all, _) = read(&told);
        assert_eq!((all.len(), &all[0]["error"]["message"]), (1, &"full".into()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_is_one_also_where_the_call_was_written_anew_for_its_own_vendor() {
    let vendor = Vendor::start(|seen| {
        assert!(seen.target.ends_with("/gemini-2.5-flash:streamGenerateContent?alt=sse"), "{}", seen.target);
        let events = [element("he", false), element("llo", true)].map(|one| format!("data: {one}\r\n\r\n"));
        Answer::plain(200, events.concat()).header("content-type", "text/event-stream").into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: gemini, base_url: \"{}/v1beta\", api_key: {UPSTREAM_KEY}}}}}\n\
         models: {{m: there/gemini-2.5-flash}}\n",
        vendor.url()
    ));
    // A schema beside tools: this generation would refuse it, so a tool stands for the schema.
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],
        "tools":[{"functionDeclarations":[{"name":"look"}]}],
        "generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"STRING"}}}"#;
    let mut call = Call::begin(&house, PATH, body).await;
    let body = call.ends().await;
    assert!(call.head().starts_with("http/1.1 200"), "{}{body}", call.head());
    assert!(vendor.ledger().last().unwrap().seen.contains(b"functionDeclarations"));
    serde_json::from_str::<Vec<Value>>(&body).unwrap();
}
