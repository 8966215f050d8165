//! How much may be asked for: exactly as much as was written, by whom it was written, and given back when it was not used.

use std::sync::Arc;

use control::Proposal;
use testkit::caller::{Answer, Caller, ask};
use testkit::vendor::{Act, Answer as Told, Vendor};
use tokio::sync::{Barrier, Notify};

use crate::changes::apply;
use crate::house::{CHAT_ANSWER, TestHouse, chat, chat_events, provider};

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";
const PHONE: &str = "sk-phone-0123456789abcdefghijklmnopq";

/// A house with two keys, the first of which has these limits, and whatever else is written.
fn yaml(vendor: &Vendor, laptop: &str, rest: &str) -> String {
    format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2, trusted_proxies: [127.0.0.1]}}\n{}\
         keys: {{laptop: {{key: {LAPTOP}, limits: {{{laptop}}}}}, phone: {{key: {PHONE}}}}}\n{rest}",
        provider(vendor)
    )
}

async fn with(laptop: &str, rest: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = TestHouse::new(&yaml(&vendor, laptop, rest));
    (vendor, house)
}

async fn say(house: &TestHouse, key: &str, from: &str) -> Answer {
    let head = [("x-api-key", key), ("x-forwarded-for", from)];
    ask(house.address(), "POST", "/v1/chat/completions", &head, chat("gpt-4o", false)).await
}

fn request(key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The three headers of a measure.
fn shown(answer: &Answer, measure: &str) -> [Option<String>; 2] {
    ["limit", "remaining"]
        .map(|what| answer.header(&format!("x-ratelimit-{what}-{measure}")).map(str::to_owned))
}

fn some(limit: &str, remaining: &str) -> [Option<String>; 2] {
    [Some(limit.to_owned()), Some(remaining.to_owned())]
}

/// Waits until no call is running any more: what calls held has been given back by then.
async fn quiet(house: &TestHouse) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while house.inner().calls() > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{} calls are running", house.inner().calls());
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_once_exactly_as_many_are_answered_as_the_limit_allows() {
    const CALLERS: usize = 1000;
    let (vendor, house) = with("requests: 137/day", "limits: {per_ip: {requests: 900/day}}\n").await;
    let (address, together) = (house.address(), Arc::new(Barrier::new(CALLERS)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let together = together.clone();
        callers.spawn(async move {
            let mut caller = Caller::connect(address).await;
            together.wait().await;
            caller.send(request(LAPTOP, &chat("gpt-4o", false))).await.unwrap();
            let answer = caller.read_answer().await;
            (answer.status, answer.error_code())
        });
    }
    let told = callers.join_all().await;
    let answered = told.iter().filter(|(status, _)| *status == 200).count();
    let refused = told.iter().filter(|told| **told == (429, Some("rate_limit_exceeded".to_owned()))).count();
    assert_eq!((answered, refused), (137, CALLERS - 137));
    assert_eq!(vendor.ledger().requests().len(), 137);
    // What was refused was counted nowhere else either.
    let other = say(&house, PHONE, "127.0.0.1").await;
    assert_eq!((other.status, shown(&other, "requests")), (200, some("900", &(900 - 138).to_string())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_is_told_which_limit_it_was_and_when_to_ask_again() {
    let (_vendor, house) = with("requests: 2/min", "").await;
    for remaining in ["1", "0"] {
        let answer = say(&house, LAPTOP, "192.0.2.1").await;
        assert_eq!((answer.status, shown(&answer, "requests")), (200, some("2", remaining)));
        assert!(answer.header("x-ratelimit-reset-requests").unwrap().ends_with('s'));
    }
    let answer = say(&house, LAPTOP, "192.0.2.1").await;
    assert_eq!((answer.status, shown(&answer, "requests")), (429, some("2", "0")));
    assert_eq!(answer.json()["error"]["type"], "requests");
    let text = answer.text();
    assert!(
        text.contains("`laptop` has reached its limit of 2 requests a minute (keys.laptop.limits)"),
        "{text}"
    );
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    let millis: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((50..=61).contains(&seconds) && millis <= seconds * 1000, "{seconds} {millis}");
    assert_eq!(answer.header("x-should-retry"), Some("true"));
    assert_eq!(say(&house, PHONE, "192.0.2.1").await.status, 200, "it is one key's limit");
    let message =
        ask(house.address(), "POST", "/v1/messages", &[("x-api-key", LAPTOP)], chat("c", false)).await;
    assert_eq!((message.status, &message.json()["error"]["type"]), (429, &"rate_limit_error".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_comes_back_tomorrow_is_not_waited_for() {
    let (_vendor, house) = with("requests: 1/day", "").await;
    assert_eq!(say(&house, LAPTOP, "192.0.2.1").await.status, 200);
    let answer = say(&house, LAPTOP, "192.0.2.1").await;
    assert_eq!((answer.status, answer.header("x-should-retry")), (429, Some("false")));
    assert!(answer.header("retry-after").is_some());
    // Codex would sit there until tomorrow.
    let body = r#"{"model":"gpt-4o","input":"hi"}"#;
    let key = format!("Bearer {LAPTOP}");
    let answer = ask(house.address(), "POST", "/v1/responses", &[("authorization", &key)], body).await;
    assert_eq!((answer.status, answer.header("x-should-retry")), (429, Some("false")));
    assert_eq!(answer.header("retry-after"), None);
    assert!(answer.header("retry-after-ms").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_holds_and_what_one_refuses_no_other_counts() {
    let rest = "limits: {global: {requests: 5/day}, per_ip: {requests: 3/day}, per_key: {requests: 4/day}, per_model: {gpt-4o: {requests: 100/day}}}\n";
    let (vendor, house) = with("requests: 100/h", rest).await;
    let mut told = Vec::new();
    for (key, from) in [
        (LAPTOP, "192.0.2.1"),
        (LAPTOP, "192.0.2.1"),
        (LAPTOP, "192.0.2.1"),
        (LAPTOP, "192.0.2.1"),
        (LAPTOP, "192.0.2.1"),
        (LAPTOP, "192.0.2.2"),
        (LAPTOP, "192.0.2.2"),
        (PHONE, "192.0.2.2"),
        (PHONE, "192.0.2.3"),
    ] {
        let answer = say(&house, key, from).await;
        let limit = ["per_ip", "per_key", "global", "per_model"];
        told.push(limit.into_iter().find(|limit| answer.text().contains(&format!("(limits.{limit}"))));
    }
    let (ip, key, all) = (Some("per_ip"), Some("per_key"), Some("global"));
    assert_eq!(told, [None, None, None, ip, ip, None, key, None, all]);
    assert_eq!(vendor.ledger().requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_are_given_back_on_every_ending() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |seen| match seen.json()["model"].as_str() {
        Some("held") => Told::events().send("data: {}\n\n").wait_for(&held).into(),
        Some("reset") => Act::Reset,
        _ => Act::text(200, CHAT_ANSWER),
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, "concurrency: 1", ""));
    for _ in 0..3 {
        let mut caller = Caller::connect(house.address()).await;
        caller.send(request(LAPTOP, &chat("held", true))).await.unwrap();
        caller.wait_for_head().await.unwrap();
        let other = say(&house, LAPTOP, "192.0.2.1").await;
        assert_eq!((other.status, other.error_code().as_deref()), (429, Some("rate_limit_exceeded")));
        assert!(other.text().contains("1 calls at once"), "{}", other.text());
        assert_eq!(
            (other.header("retry-after"), other.header("x-ratelimit-limit-requests")),
            (Some("1"), None)
        );
        assert_eq!(say(&house, PHONE, "192.0.2.1").await.status, 200);
        caller.reset();
        quiet(&house).await;
        for model in ["reset", "gpt-4o"] {
            let head = [("x-api-key", LAPTOP)];
            let answer =
                ask(house.address(), "POST", "/v1/chat/completions", &head, chat(model, false)).await;
            assert_ne!(answer.status, 429, "{model}");
        }
    }
    go.notify_waiters();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_door_so_many_tokens_are_set_aside_as_its_language_lets_be_answered() {
    let (_vendor, house) = with("tokens: 100000/day", "discovery: {enabled: never}\n").await;
    let gemini = "/v1beta/models/gpt-4o:generateContent";
    let said = r#""messages":[{"role":"user","content":"hi"}]"#;
    let parts = r#""contents":[{"role":"user","parts":[{"text":"hi"}]}]"#;
    let blocks = r#""messages":[{"role":"user","content":[{"text":"hi"}]}]"#;
    let doors = [
        ("/v1/chat/completions", format!(r#"{{"model":"gpt-4o","max_completion_tokens":700,{said}}}"#), 700),
        ("/v1/messages", format!(r#"{{"model":"gpt-4o","max_tokens":700,{said}}}"#), 700),
        (gemini, format!(r#"{{"generationConfig":{{"maxOutputTokens":700}},{parts}}}"#), 700),
        (
            gemini,
            format!(r#"{{"generationConfig":{{"maxOutputTokens":700,"candidateCount":3}},{parts}}}"#),
            2100,
        ),
        ("/model/gpt-4o/converse", format!(r#"{{"inferenceConfig":{{"maxTokens":700}},{blocks}}}"#), 700),
        ("/v2/chat", format!(r#"{{"model":"gpt-4o","max_tokens":700,{said}}}"#), 700),
        (
            "/api/chat",
            format!(r#"{{"model":"gpt-4o","stream":false,"options":{{"num_predict":700}},{said}}}"#),
            700,
        ),
        (
            "/api/generate",
            r#"{"model":"gpt-4o","stream":false,"prompt":"hi","options":{"num_predict":700}}"#.to_owned(),
            700,
        ),
        ("/api/chat", format!(r#"{{"model":"gpt-4o","stream":false,{said}}}"#), 1024),
    ];
    let mut spent = 0;
    for (path, body, answer) in doors {
        let told = ask(house.address(), "POST", path, &[("x-api-key", LAPTOP)], &body).await;
        let left = told.header("x-ratelimit-remaining-tokens").map(|left| left.parse::<u64>().unwrap());
        let wanted = 100_000 - spent - answer - body.len() as u64 / 4;
        assert_eq!((told.status, left), (200, Some(wanted)), "{path} {body}: {}", told.text());
        quiet(&house).await;
        // What the vendor counted takes its place.
        spent += 21;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_set_aside_by_what_may_come_and_settled_by_what_came() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |seen| match seen.json()["model"].as_str() {
        Some("held") => Told::plain(200, "").wait_for(&held).send(CHAT_ANSWER).into(),
        Some("stream") => chat_events(true).into_iter().fold(Told::events(), Told::send).into(),
        Some("fails") => Act::text(500, "{}"),
        Some("silent") => Act::text(200, r#"{"choices":[]}"#),
        _ => Act::text(200, CHAT_ANSWER),
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, "tokens: 1000/day", ""));
    let body = |model: &str, most: u64| {
        format!(r#"{{"model":"{model}","max_tokens":{most},"stream":{},"messages":[]}}"#, model == "stream")
    };
    let told = async |model: &str, most: u64| {
        let head = [("x-api-key", LAPTOP)];
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &head, body(model, most)).await;
        let left = answer.header("x-ratelimit-remaining-tokens");
        (answer.status, left.map(|left| left.parse::<u64>().unwrap()))
    };
    let say = async |model: &str, most: u64| {
        let told = told(model, most).await;
        quiet(&house).await;
        told
    };
    let prompt = |model: &str, most: u64| body(model, most).len() as u64 / 4;
    // What is shown is what is left while the call runs.
    assert_eq!(say("gpt-4o", 400).await, (200, Some(1000 - 400 - prompt("gpt-4o", 400))));
    // 21 tokens were counted; the next call sees that.
    assert_eq!(say("stream", 100).await, (200, Some(1000 - 21 - 100 - prompt("stream", 100))));
    assert_eq!(say("fails", 100).await, (500, Some(1000 - 42 - 100 - prompt("fails", 100))));
    // What failed came to nothing.
    assert_eq!(say("silent", 100).await, (200, Some(1000 - 42 - 100 - prompt("silent", 100))));
    // Nobody counted that one: its prompt and the bytes of its answer stand for it.
    let silent = prompt("silent", 100) + r#"{"choices":[]}"#.len() as u64 / 4;
    assert_eq!(say("gpt-4o", 100).await, (200, Some(1000 - 42 - silent - 100 - prompt("gpt-4o", 100))));
    // While one runs, what it may come to is nobody else's.
    let mut caller = Caller::connect(house.address()).await;
    let before = vendor.ledger().begun();
    caller.send(request(LAPTOP, &body("held", 700))).await.unwrap();
    while vendor.ledger().begun() == before {
        tokio::task::yield_now().await;
    }
    let (status, left) = told("gpt-4o", 700).await;
    assert_eq!(status, 429);
    assert!(left.unwrap() < 300);
    go.notify_waiters();
    go.notify_one();
    assert_eq!(caller.read_answer().await.status, 200);
    quiet(&house).await;
    assert_eq!(say("gpt-4o", 700).await.0, 200);
    // A call that may come to more than all of it has to have all of it.
    let (status, _) = say("gpt-4o", 5000).await;
    assert_eq!(status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_outlasts_a_change_of_the_configuration() {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = TestHouse::new(&yaml(&vendor, "requests: 2/day", ""));
    assert_eq!(say(&house, LAPTOP, "192.0.2.1").await.status, 200);
    house.rewrite(&yaml(&vendor, "requests: 3/day", "logging: {level: debug}\n"));
    apply(house.inner().control(), Proposal::Reread).await;
    for remaining in ["1", "0"] {
        let answer = say(&house, LAPTOP, "192.0.2.1").await;
        assert_eq!((answer.status, shown(&answer, "requests")), (200, some("3", remaining)));
    }
    assert_eq!(say(&house, LAPTOP, "192.0.2.1").await.status, 429);
    house.rewrite(&yaml(&vendor, "", ""));
    apply(house.inner().control(), Proposal::Reread).await;
    let answer = say(&house, LAPTOP, "192.0.2.1").await;
    assert_eq!((answer.status, shown(&answer, "requests")), (200, [None, None]), "no limit any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_of_its_own_limits_is_never_mixed_with_ours() {
    let theirs = |_: &testkit::vendor::Seen| {
        Told::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .header("x-ratelimit-limit-tokens", "30000")
            .header("x-ratelimit-remaining-images", "5")
            .header("anthropic-ratelimit-requests-limit", "50")
            .into()
    };
    let vendor = Vendor::start(theirs).await;
    let house = TestHouse::new(&yaml(&vendor, "requests: 9/day", ""));
    let limited = say(&house, LAPTOP, "192.0.2.1").await;
    let names: Vec<&str> =
        limited.headers.iter().map(|(name, _)| &**name).filter(|name| name.contains("ratelimit")).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with("-requests")), "{names:?}");
    let free = say(&house, PHONE, "192.0.2.1").await;
    assert_eq!(free.header("x-ratelimit-limit-tokens"), Some("30000"), "where we limit nothing, theirs pass");
}
