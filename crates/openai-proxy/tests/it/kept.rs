//! Responses on a place that has chat completions only: kept by the gateway, gone on with, had again, and nobody else's.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Ending, Framing, Seen, Vendor};
use tokio::sync::Notify;

use crate::house::TestHouse;

const ADA: &str = "sk-ada-0123456789abcdefghijklmnopqrst";
const BOB: &str = "sk-bob-0123456789abcdefghijklmnopqrst";

/// What was said to it, in one line: `user: hi / assistant: ...`.
fn heard(seen: &Seen) -> String {
    let messages = seen.json()["messages"].as_array().cloned().unwrap_or_default();
    let said = messages.iter().map(|message| {
        let text = match &message["content"] {
            Value::String(text) => text.clone(),
            parts => {
                parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
            }
        };
        format!("{}: {text}", message["role"].as_str().unwrap_or_default())
    });
    said.collect::<Vec<_>>().join(" / ")
}

/// A vendor of chat completions that repeats the last word it was told, whole or streamed.
fn parrot(seen: &Seen) -> Act {
    if seen.path() != "/v1/chat/completions" {
        return Act::text(404, r#"{"error":{"message":"no such path"}}"#);
    }
    let last = heard(seen);
    let word = format!("{}!", last.rsplit(' ').next().unwrap_or_default());
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    if seen.json()["stream"] != true {
        let message = json!({"role": "assistant", "content": word});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        return Act::json(
            200,
            &json!({"id": "c1", "object": "chat.completion", "model": "parrot", "choices": [choice], "usage": usage}),
        );
    }
    events(&word, true)
}

fn events(word: &str, ends: bool) -> Act {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!(
            "data: {}\n\n",
            json!({"id": "c1", "object": "chat.completion.chunk", "model": "parrot", "choices": [choice]})
        )
    };
    let mut all = vec![chunk(json!({"role": "assistant", "content": word}), Value::Null)];
    if ends {
        all.push(chunk(json!({}), json!("stop")));
        all.push("data: [DONE]\n\n".to_owned());
    }
    let answer = vendor::Answer::events().framing(Framing::Chunked).send(all.concat());
    if ends { answer.into() } else { answer.ending(Ending::Fin).into() }
}

fn yaml(vendor: &Vendor, more: &str) -> String {
    format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-there, capabilities: [chat, models]}}}}\nmodels: {{m: there/parrot}}\nrouting: {{retries: 0}}\n{more}",
        vendor.url()
    )
}

async fn parrots(more: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(parrot).await;
    let house = TestHouse::new(&yaml(&vendor, more));
    (vendor, house)
}

async fn asks(address: SocketAddr, method: &str, path: &str, key: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    ask(address, method, path, &[("authorization", &bearer), ("content-type", "application/json")], body)
        .await
}

async fn says(house: &TestHouse, body: Value) -> Answer {
    asks(house.address(), "POST", "/v1/responses", ADA, &body.to_string()).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("no id in {}", answer.text())).to_owned()
}

fn last_heard(vendor: &Vendor) -> String {
    heard(vendor.ledger().requests().last().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_by_the_id_of_its_last_answer_and_without_its_instructions() {
    let (vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one", "instructions": "be a parrot"})).await;
    assert_eq!((first.status, &first.json()["store"]), (200, &json!(true)), "{}", first.text());
    assert!(first.header("x-openai-proxy-dropped").is_none(), "{:?}", first.headers);
    assert_eq!(last_heard(&vendor), "developer: be a parrot / user: one".replace("developer", role(&vendor)));
    let second = says(&house, json!({"model": "m", "input": [{"role": "user", "content": "two"}], "previous_response_id": id(&first)})).await;
    assert_eq!(second.json()["previous_response_id"], first.json()["id"], "{}", second.text());
    assert_eq!(last_heard(&vendor), "user: one / assistant: one! / user: two");
    assert!(second.header("x-openai-proxy-dropped").is_none(), "{:?}", second.headers);
    // From the first once more: another branch.
    for (previous, word, all) in [
        (&second, "three", "user: one / assistant: one! / user: two / assistant: two! / user: three"),
        (&first, "other", "user: one / assistant: one! / user: other"),
    ] {
        let answer =
            says(&house, json!({"model": "m", "input": word, "previous_response_id": id(previous)})).await;
        assert_eq!((answer.status, last_heard(&vendor).as_str()), (200, all), "{}", answer.text());
    }
}

/// How the first message of instructions is called there.
fn role(vendor: &Vendor) -> &'static str {
    if last_heard(vendor).starts_with("system") { "system" } else { "developer" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_had_again_listed_and_deleted() {
    let (vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one", "metadata": {"a": "b"}})).await;
    let second =
        says(&house, json!({"model": "m", "input": "two", "previous_response_id": id(&first)})).await;
    let (address, path) = (house.address(), format!("/v1/responses/{}", id(&second)));
    let calls = vendor.ledger().requests().len();
    let again = asks(address, "GET", &path, ADA, "").await;
    assert_eq!((again.status, again.json()), (200, second.json()));
    let head = ask(address, "HEAD", &path, &[("authorization", &format!("Bearer {ADA}"))], "").await;
    assert_eq!(head.status, 200);
    let texts = |page: &Answer| -> Vec<String> {
        let items = page.json()["data"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["content"][0]["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let page = asks(address, "GET", &format!("{path}/input_items"), ADA, "").await;
    assert_eq!(texts(&page), ["two", "one!", "one"], "{}", page.text());
    assert_eq!((&page.json()["object"], &page.json()["has_more"]), (&json!("list"), &json!(false)));
    let page = asks(address, "GET", &format!("{path}/input_items?order=asc&limit=2"), ADA, "").await;
    assert_eq!(texts(&page), ["one", "one!"]);
    assert_eq!(
        (&page.json()["has_more"], &page.json()["last_id"]),
        (&json!(true), &page.json()["data"][1]["id"])
    );
    let after = page.json()["last_id"].as_str().unwrap().to_owned();
    let page = asks(address, "GET", &format!("{path}/input_items?order=asc&after={after}"), ADA, "").await;
    assert_eq!(texts(&page), ["two"]);
    let wrong = asks(address, "GET", &format!("{path}/input_items?limit=1000"), ADA, "").await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["param"].as_str().map(str::to_owned)),
        (400, Some("limit".to_owned()))
    );
    let cancelled = asks(address, "POST", &format!("{path}/cancel"), ADA, "").await;
    assert_eq!((cancelled.status, cancelled.error_code().as_deref()), (400, Some("not_in_background")));
    for query in
        ["stream=true", "stream=1", "stream=True", "starting_after=3&%73tream=%74rue", "stream", "stream=yes"]
    {
        let stream = asks(address, "GET", &format!("{path}?{query}"), ADA, "").await;
        let told = (stream.status, &stream.json()["error"]["param"]);
        assert_eq!(told, (400, &json!("stream")), "{query}: {}", stream.text());
    }
    for query in ["stream=false", "stream=0", "starting_after=3", "stream=true&stream=false"] {
        let whole = asks(address, "GET", &format!("{path}?{query}"), ADA, "").await;
        assert_eq!(whole.status, 200, "{query}: {}", whole.text());
    }

    let deleted = asks(address, "DELETE", &path, ADA, "").await;
    assert_eq!(
        (deleted.status, deleted.json()),
        (200, json!({"id": id(&second), "object": "response", "deleted": true}))
    );
    for method in ["GET", "DELETE"] {
        let gone = asks(address, method, &path, ADA, "").await;
        assert_eq!(
            (gone.status, gone.error_code().as_deref()),
            (404, Some("response_not_found")),
            "{method}"
        );
    }
    let gone =
        says(&house, json!({"model": "m", "input": "three", "previous_response_id": id(&second)})).await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert_eq!(gone.json()["error"]["param"], "previous_response_id");
    assert_eq!(vendor.ledger().requests().len(), calls, "nobody else was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_keys_answer_is_not_there() {
    let keys = format!("auth: {{mode: keys}}\nkeys: {{ada: {{key: {ADA}}}, bob: {{key: {BOB}}}}}\n");
    let (vendor, house) = parrots(&keys).await;
    let first = says(&house, json!({"model": "m", "input": "a secret"})).await;
    let path = format!("/v1/responses/{}", id(&first));
    for (method, path) in [
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("{path}/input_items")),
        ("POST", format!("{path}/cancel")),
    ] {
        let answer = asks(house.address(), method, &path, BOB, "").await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (404, Some("response_not_found")),
            "{method} {path}"
        );
    }
    let body = json!({"model": "m", "input": "what was it?", "previous_response_id": id(&first)}).to_string();
    let answer = asks(house.address(), "POST", "/v1/responses", BOB, &body).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert_eq!(vendor.ledger().requests().len(), 1);
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_key_is_asked_for_an_answer_belongs_to_whatever_was_shown() {
    let (_vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one"})).await;
    let path = format!("/v1/responses/{}", id(&first));
    assert_eq!(asks(house.address(), "GET", &path, "sk-somebody-else", "").await.status, 404);
    assert_eq!(ask(house.address(), "GET", &path, &[], "").await.status, 404);
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_false_and_a_gateway_that_keeps_nothing_say_so() {
    let (_vendor, house) = parrots("").await;
    let answer = says(&house, json!({"model": "m", "input": "one", "store": false})).await;
    assert_eq!((answer.status, &answer.json()["store"]), (200, &json!(false)));
    let path = format!("/v1/responses/{}", id(&answer));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);

    let (_vendor, house) = parrots("storage: {responses: {keep: off}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "one", "store": true})).await;
    assert_eq!((answer.status, &answer.json()["store"]), (200, &json!(false)));
    assert_eq!(answer.header("x-openai-proxy-dropped"), Some("store"));
    let path = format!("/v1/responses/{}", id(&answer));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_kept_is_never_in_doubt() {
    let (vendor, house) = parrots("").await;
    for (more, code, param) in [
        (r#""store":false,"store":true"#, "duplicate_key", "store"),
        (r#""store":"false""#, "invalid_json", "store"),
        (r#""store":0"#, "invalid_json", "store"),
        (r#""input":"two""#, "duplicate_key", "input"),
        (r#""previous_response_id":7"#, "invalid_json", "previous_response_id"),
        (r#""previous_response_id":{}"#, "invalid_json", "previous_response_id"),
        (r#""previous_response_id":[]"#, "invalid_json", "previous_response_id"),
        (
            r#""previous_response_id":"resp_1","previous_response_id":null"#,
            "duplicate_key",
            "previous_response_id",
        ),
        (r#""conversation":"conv_1","conversation":null"#, "duplicate_key", "conversation"),
        (r#""conversation":7"#, "invalid_json", "conversation"),
    ] {
        let body = format!(r#"{{"model":"m","input":"one",{more}}}"#);
        let answer = asks(house.address(), "POST", "/v1/responses", ADA, &body).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some(code)), "{body}");
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    }
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vendor_keeps_is_not_gone_on_with_elsewhere_in_silence() {
    let (vendor, house) = parrots("").await;
    let body = json!({"model": "m", "input": "on", "previous_response_id": "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654"});
    let answer = says(&house, body).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("previous_response_not_found")));
    let answer = says(&house, json!({"model": "m", "input": "on", "conversation": "conv_1"})).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["param"].as_str().map(str::to_owned)),
        (400, Some("conversation".to_owned()))
    );
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_keeps_answers_itself_hears_of_its_own_ids_as_they_were_written() {
    let vendor = Vendor::start(|seen| match seen.method.as_str() {
        "POST" => {
            Act::text(200, r#"{"id":"resp_vendors","object":"response","status":"completed","output":[]}"#)
        }
        _ => Act::text(200, r#"{"id":"resp_vendors","object":"response","theirs":true}"#),
    })
    .await;
    let house = TestHouse::before(&vendor);
    let body = r#"{ "model":"gpt-4o", "input":"on", "previous_response_id":"resp_vendors" }"#;
    let answer = asks(house.address(), "POST", "/v1/responses", ADA, body).await;
    assert_eq!((answer.status, id(&answer).as_str()), (200, "resp_vendors"));
    assert_eq!(vendor.ledger().requests().last().unwrap().text(), body);
    let again = asks(house.address(), "GET", "/v1/responses/resp_vendors", ADA, "").await;
    assert_eq!(again.json()["theirs"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_of_ours_stays_ours_where_it_goes_on_at_a_place_that_speaks_its_language() {
    let chats = Vendor::start(parrot).await;
    let answers = Vendor::start(|_| {
        let output = json!([{"id": "msg_v", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "yes", "annotations": []}]}]);
        Act::json(200, &json!({"id": "resp_v", "object": "response", "created_at": 1, "model": "other", "status": "completed", "output": output}))
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{chats: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-a, capabilities: [chat, models]}}, answers: {{type: openai, base_url: \"{}/v1\", api_key: sk-b}}}}\nmodels: {{m: chats/parrot, other: answers/other}}\n",
        chats.url(),
        answers.url()
    ));
    let first = says(&house, json!({"model": "m", "input": "one"})).await;
    let second =
        says(&house, json!({"model": "other", "input": "two", "previous_response_id": id(&first)})).await;
    assert_eq!((second.status, &second.json()["store"]), (200, &json!(true)), "{}", second.text());
    let asked = answers.ledger().requests().last().unwrap().clone();
    assert_eq!((asked.path(), &asked.json()["store"]), ("/v1/responses", &json!(false)));
    let said = asked.text();
    assert!(
        said.contains("one!")
            && said.contains("two")
            && !said.contains("previous_response_id")
            && !said.contains("msg_"),
        "{said}"
    );
    let third =
        says(&house, json!({"model": "m", "input": "three", "previous_response_id": id(&second)})).await;
    assert_eq!(third.status, 200, "{}", third.text());
    assert_eq!(last_heard(&chats), "user: one / assistant: one! / user: two / assistant: yes / user: three");
}

/// The id in the first event of a stream.
fn streamed_id(answer: &Answer) -> String {
    let (_, first) = answer.sse_events().into_iter().next().unwrap();
    serde_json::from_str::<Value>(&first).unwrap()["response"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_kept_when_it_is_complete_and_found_at_once() {
    let (vendor, house) = parrots("").await;
    for round in 0..20 {
        let first =
            says(&house, json!({"model": "m", "input": format!("one-{round}"), "stream": true})).await;
        let (name, data) = first.sse_events().pop().unwrap();
        assert_eq!(name, "response.completed", "{}", first.text());
        let done: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(
            (done["response"]["store"].as_bool(), done["response"]["id"].as_str()),
            (Some(true), Some(&*streamed_id(&first)))
        );
        let second = says(&house, json!({"model": "m", "input": "two", "stream": true, "previous_response_id": streamed_id(&first)})).await;
        assert_eq!(second.status, 200, "{}", second.text());
        assert_eq!(last_heard(&vendor), format!("user: one-{round} / assistant: one-{round}! / user: two"));
        let again =
            asks(house.address(), "GET", &format!("/v1/responses/{}", streamed_id(&first)), ADA, "").await;
        assert_eq!(again.json(), done["response"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_broke_is_not_kept() {
    let vendor = Vendor::start(|_| events("half", false)).await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let broken = says(&house, json!({"model": "m", "input": "one", "stream": true})).await;
    let (name, _) = broken.sse_events().pop().unwrap();
    assert_eq!(name, "error", "{}", broken.text());
    let path = format!("/v1/responses/{}", streamed_id(&broken));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_left_in_the_middle_has_nothing_kept() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| {
        let first = r#"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":"half"},"finish_reason":null}]}"#;
        vendor::Answer::events().framing(Framing::Chunked).event(first).wait_for(&held).ending(Ending::Hang).into()
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    let body = json!({"model": "m", "input": "one", "stream": true}).to_string();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADA}\r\ncontent-length: {}\r\n\r\n",
        house.address(),
        body.len()
    );
    caller.send(head + &body).await.unwrap();
    let mut read = String::new();
    while !read.contains("response.in_progress") {
        read.push_str(&String::from_utf8_lossy(&caller.read_some().await.unwrap()));
    }
    let id = read.split("resp_op").nth(1).map(|rest| format!("resp_op{}", &rest[..32])).unwrap();
    caller.reset();
    let records = house.records(|records| !records.is_empty()).await;
    assert_eq!(records[0].status, 200);
    assert_eq!(asks(house.address(), "GET", &format!("/v1/responses/{id}"), ADA, "").await.status, 404);
}

fn in_file(vendor: &Vendor, file: &Path, more: &str) -> String {
    yaml(vendor, &format!("storage: {{database: \"sqlite:{}\"{more}}}\n", file.display()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_outlasts_a_restart_and_lies_nowhere_readable() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let mut previous = None;
    for word in ["canary-one", "canary-two", "canary-three"] {
        let house = TestHouse::new(&in_file(&vendor, &file, ""));
        let mut body = json!({"model": "m", "input": word});
        if let Some(previous) = &previous {
            body["previous_response_id"] = Value::from(String::clone(previous));
        }
        let answer = says(&house, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        previous = Some(id(&answer));
    }
    assert_eq!(
        last_heard(&vendor),
        "user: canary-one / assistant: canary-one! / user: canary-two / assistant: canary-two! / user: canary-three"
    );
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"canary-"), "{:?}", entry.path());
    }
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let path = format!("/v1/responses/{}/input_items", previous.unwrap());
    let items = asks(house.address(), "GET", &path, ADA, "").await;
    assert_eq!(items.json()["data"].as_array().unwrap().len(), 5, "{}", items.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_locked_calls_are_answered_and_go_on() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    // The key is made with the first.
    let mut previous = id(&says(&house, json!({"model": "m", "input": "zero"})).await);
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for round in 0..5 {
        let began = std::time::Instant::now();
        let answer = says(
            &house,
            json!({"model": "m", "input": format!("n{round}"), "previous_response_id": previous}),
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(
            began.elapsed() < std::time::Duration::from_secs(3),
            "a caller waited: {:?}",
            began.elapsed()
        );
        previous = id(&answer);
    }
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    drop(house);
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let answer = says(&house, json!({"model": "m", "input": "last", "previous_response_id": previous})).await;
    assert_eq!(answer.status, 200, "what waited was written: {}", answer.text());
    assert!(
        last_heard(&vendor).starts_with("user: zero / assistant: zero! / user: n0"),
        "{}",
        last_heard(&vendor)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_locked_nothing_is_deleted_and_a_stop_waits_for_no_deletion() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    says(&house, json!({"model": "m", "input": "the key is made with the first"})).await;
    let mut other = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let held = id(&says(&house, json!({"model": "m", "input": "held"})).await);
    let path = format!("/v1/responses/{held}");
    let deletions = (0..40).map(|_| {
        let (address, path) = (house.address(), path.clone());
        async move {
            let began = std::time::Instant::now();
            (asks(address, "DELETE", &path, ADA, "").await.status, began.elapsed())
        }
    });
    let mut soonest = std::time::Duration::MAX;
    for (status, took) in futures_util::future::join_all(deletions).await {
        assert_eq!(status, 503);
        soonest = soonest.min(took);
    }
    assert!(soonest < std::time::Duration::from_secs(3), "too many waited: {soonest:?}");
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200, "it is still there");
    let began = std::time::Instant::now();
    drop(house);
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "a stop waited: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_calls_are_answered_and_what_is_in_it_is_told_to_be_out_of_reach() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let old = {
        let house = TestHouse::new(&in_file(&vendor, &file, ""));
        id(&says(&house, json!({"model": "m", "input": "old"})).await)
    };
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let mut other = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    // Nobody reads or writes what is locked like this.
    sqlx::raw_sql("DROP TABLE responses").execute(&mut other).await.unwrap();
    let fresh = says(&house, json!({"model": "m", "input": "new"})).await;
    assert_eq!((fresh.status, &fresh.json()["store"]), (200, &json!(true)), "{}", fresh.text());
    let on = says(&house, json!({"model": "m", "input": "on", "previous_response_id": id(&fresh)})).await;
    assert_eq!(on.status, 200, "what is still in memory is found: {}", on.text());
    let gone = says(&house, json!({"model": "m", "input": "on", "previous_response_id": old})).await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert!(gone.text().contains("database is away"), "{}", gone.text());
    let gone = asks(house.address(), "GET", &format!("/v1/responses/{old}"), ADA, "").await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (503, Some("responses_unavailable")));
    assert!(!gone.text().contains("usage.db") && !gone.text().contains("sqlite"), "{}", gone.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_kept_no_longer_than_it_is_written() {
    let (_vendor, house) = parrots("storage: {responses: {age: 1s}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "one"})).await;
    let path = format!("/v1/responses/{}", id(&answer));
    let deadline = tokio::time::Instant::now() + testkit::caller::PATIENCE;
    while asks(house.address(), "GET", &path, ADA, "").await.status == 200 {
        assert!(tokio::time::Instant::now() < deadline, "it is there for ever");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_kept_than_is_written() {
    let (_vendor, house) = parrots("storage: {responses: {most: 1KiB}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "x".repeat(4096)})).await;
    let path = format!("/v1/responses/{}", id(&answer));
    let deadline = tokio::time::Instant::now() + testkit::caller::PATIENCE;
    while asks(house.address(), "GET", &path, ADA, "").await.status == 200 {
        assert!(tokio::time::Instant::now() < deadline, "it is there for ever");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_their_outcomes_go_on_by_the_id_of_the_call() {
    let vendor = Vendor::start(|seen| {
        let tooled = seen.text().contains("\"tool\"");
        let message = match tooled {
            true => json!({"role": "assistant", "content": "four"}),
            false => json!({"role": "assistant", "content": null, "tool_calls": [{"id": "call_7", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2}"}}]}),
        };
        let finish = if tooled { "stop" } else { "tool_calls" };
        let choice = json!({"index": 0, "message": message, "finish_reason": finish});
        Act::json(200, &json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice]}))
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let tools = json!([{"type": "function", "name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]);
    let first = says(&house, json!({"model": "m", "input": "2+2", "tools": tools})).await;
    let call = first.json()["output"][0].clone();
    assert_eq!(call["call_id"], "call_7", "{}", first.text());
    let outcome = json!([{"type": "function_call_output", "call_id": "call_7", "output": "4"}]);
    let second = says(
        &house,
        json!({"model": "m", "input": outcome, "tools": tools, "previous_response_id": id(&first)}),
    )
    .await;
    assert_eq!(second.status, 200, "{}", second.text());
    let asked = vendor.ledger().requests().last().unwrap().json();
    let roles: Vec<&str> =
        asked["messages"].as_array().unwrap().iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool"], "{asked}");
    assert_eq!(asked["messages"][1]["tool_calls"][0]["id"], "call_7");
}
