//! A stream whose provider is silent: what its caller hears meanwhile, and what comes of it (D-29).

use std::sync::Arc;
use std::time::{Duration, Instant};

use store::UsageRecord;
use store::usage_record::Outcome;
use testkit::caller::Caller;
use testkit::vendor::{Act, Answer, Ending, Ledger, Seen, Step, Vendor};
use tokio::sync::Notify;

use crate::house::{CHAT_ANSWER, ONCE, TestHouse, UPSTREAM_KEY, chat, chat_events};
use crate::http2::{Door, post};

const CHAT: &str = "/v1/chat/completions";
/// A heartbeat for tests: far longer than a healthy answer takes here, far shorter than anybody's patience.
const EVERY: &str = "100ms";

fn house(vendor: &Vendor, heartbeat: &str, timeouts: &str) -> TestHouse {
    of_type("openai", vendor, heartbeat, timeouts)
}

fn of_type(kind: &str, vendor: &Vendor, heartbeat: &str, timeouts: &str) -> TestHouse {
    TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2, heartbeat: {heartbeat}}}\n\
         providers: {{there: {{type: {kind}, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, timeouts: {{{timeouts}}}}}}}\n{ONCE}",
        vendor.url()
    ))
}

/// A call under way, its answer read as it comes.
pub(crate) struct Call {
    caller: Caller,
    raw: Vec<u8>,
}

impl Call {
    pub(crate) async fn begin(house: &TestHouse, path: &str, body: &str) -> Self {
        let mut caller = Caller::connect(house.address()).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        caller.send([head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
        Self { caller, raw: Vec::new() }
    }

    pub(crate) fn head(&self) -> String {
        let text = String::from_utf8_lossy(&self.raw);
        text.split_once("\r\n\r\n").map_or_else(String::new, |(head, _)| head.to_ascii_lowercase())
    }

    /// The body so far, out of its chunks.
    fn body(&self) -> String {
        let mut body = String::new();
        let text = String::from_utf8_lossy(&self.raw);
        let Some((_, mut rest)) = text.split_once("\r\n\r\n") else { return body };
        while let Some((size, more)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            let Some(piece) = more.get(..size) else { break };
            body.push_str(piece);
            rest = more.get(size + 2..).unwrap_or_default();
        }
        body
    }

    /// Reads until the body is as wished.
    pub(crate) async fn hears(&mut self, wished: impl Fn(&str) -> bool) {
        while !wished(&self.body()) {
            let piece = self.caller.read_some().await.unwrap();
            assert!(!piece.is_empty(), "it ended: {:?}", String::from_utf8_lossy(&self.raw));
            self.raw.extend_from_slice(&piece);
        }
    }

    /// Reads to the end.
    pub(crate) async fn ends(&mut self) -> String {
        let rest = self.caller.read_to_close().await.unwrap();
        self.raw.extend_from_slice(&rest);
        assert!(self.raw.ends_with(b"0\r\n\r\n"), "a proper end: {:?}", String::from_utf8_lossy(&self.raw));
        self.body()
    }
}

/// Says nothing until it may, then this.
fn late(go: &Arc<Notify>, raw: impl Into<String>) -> Act {
    Act::Raw(vec![Step::WaitFor(go.clone()), Step::Send(raw.into().into())], Ending::Fin)
}

fn answer(status: u16, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn stream(events: &str) -> String {
    format!("HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{events}")
}

/// A vendor that is silent until notified and then says what `raw` says.
async fn silent(raw: impl Fn(&Seen) -> String + Send + Sync + 'static) -> (Vendor, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    (Vendor::start(move |seen| late(&gate, raw(seen))).await, go)
}

async fn record(house: &TestHouse) -> UsageRecord {
    let record = house.record().await;
    assert_eq!(house.inner().calls(), 0, "every permit is given back");
    record
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_begins_late_comes_whole_behind_empty_lines() {
    let (_vendor, go) = silent(|_| stream(&chat_events(true).concat())).await;
    let house = house(&_vendor, EVERY, "");
    let mut call = Call::begin(&house, CHAT, &chat("gpt-4o", true)).await;
    call.hears(|body| body == "\n\n\n").await;
    assert!(call.head().starts_with("http/1.1 200 ok\r\n"), "{}", call.head());
    for line in ["content-type: text/event-stream", "x-openai-proxy-provider: there", "x-request-id: req_"] {
        assert!(call.head().contains(&format!("\r\n{line}")), "{line}: {}", call.head());
    }
    go.notify_one();
    let body = call.ends().await;
    assert_eq!(body.trim_start_matches('\n'), chat_events(false).concat(), "every byte, and no usage chunk");
    let record = record(&house).await;
    assert_eq!((record.status, record.stream, record.outcome), (200, true, Outcome::Answered));
    assert_eq!(record.tokens.map(|tokens| (tokens.input, tokens.output)), Some((9, 12)));
    assert_eq!((record.bytes_out, record.error), (body.len() as u64, None));
    assert!(record.first_byte_us > Some(290_000), "an empty line is no answer: {:?}", record.first_byte_us);
}

/// What the one event of a promised stream says, behind its empty lines.
async fn promised_then(raw: String, path: &str, kind: &str) -> (String, UsageRecord) {
    let (vendor, go) = silent(move |_| raw.clone()).await;
    let house = of_type(kind, &vendor, EVERY, "");
    let mut call = Call::begin(&house, path, &chat("gpt-4o", true)).await;
    call.hears(|body| body == "\n").await;
    go.notify_one();
    let body = call.ends().await;
    assert!(!body.contains("[DONE]") && !body.contains("finish_reason"), "nothing is made up: {body}");
    let body = body.trim_start_matches('\n').to_owned();
    assert!(body.ends_with("\n\n") && body.matches("\n\n").count() == 1, "one event: {body:?}");
    (body, record(&house).await)
}

const SLOW_DOWN: &str =
    r#"{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_vendors_own_is_not_lost_behind_a_promise() {
    let json = "application/json";
    let messages = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let named = r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null}"#;
    let cases = [
        (429, json, SLOW_DOWN, CHAT, format!("data: {SLOW_DOWN}\n\n")),
        (429, json, SLOW_DOWN, "/v1/responses", format!("event: error\ndata: {named}\n\n")),
        (529, json, messages, "/v1/messages", format!("event: error\ndata: {messages}\n\n")),
        (500, "text/plain", "out of memory", CHAT, "data: {\"error\":{\"message\":\"`there` answered with status 500: out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n".to_owned()),
        (404, json, "{\"error\":\"no such model\"}", CHAT, "data: {\"error\":{\"message\":\"`there` answered with status 404: no such model\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}\n\n".to_owned()),
    ];
    for (status, kind, said, path, event) in cases {
        let (body, record) = promised_then(answer(status, kind, said), path, "lmstudio").await;
        assert_eq!(body, event);
        let books = (record.status, record.outcome, record.error);
        assert_eq!(books, (200, Outcome::Answered, Some(status.to_string())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_have_been_an_error_answer_is_an_error_event_behind_a_promise() {
    let json = "application/json";
    let escaped = UPSTREAM_KEY.replace('-', "\\u002d");
    // So long that it is not read to its end, and of unknown length.
    let long = format!(
        "HTTP/1.1 500 x\r\ncontent-type: {json}\r\nconnection: close\r\n\r\n{UPSTREAM_KEY}{}",
        "x".repeat(2 << 20)
    );
    let cases = [
        (answer(401, json, "{}"), "upstream_auth_failed"),
        (answer(200, json, CHAT_ANSWER), "upstream_bad_response"),
        (answer(200, json, "{\"cut"), "upstream_bad_response"),
        (answer(500, json, &format!("{{\"error\":\"{UPSTREAM_KEY}\"}}")), "upstream_bad_response"),
        (answer(500, json, &format!("{{\"error\":\"{escaped}\"}}")), "upstream_bad_response"),
        (long, "upstream_bad_response"),
        ("HTTP/1.1 200 x\r\ncontent-length: nine\r\n\r\n".to_owned(), "upstream_protocol_error"),
        (
            "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{".to_owned(),
            "upstream_stream_interrupted",
        ),
        (String::new(), "upstream_stream_interrupted"),
    ];
    for (raw, code) in cases {
        let (body, record) = promised_then(raw.clone(), CHAT, "openai").await;
        let event: serde_json::Value =
            serde_json::from_str(body.strip_prefix("data: ").unwrap().trim()).unwrap();
        let raw = &raw[..raw.len().min(300)];
        assert_eq!(event["error"]["code"], code, "{raw:?}: {body}");
        assert!(!body.contains(UPSTREAM_KEY), "{body}");
        let books = (record.status, record.outcome, record.error.as_deref());
        assert_eq!(books, (200, Outcome::Refused, Some(code)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_ends_behind_a_promise_as_it_does_before() {
    let vendor = Vendor::start(|_| Act::Hang).await;
    for timeouts in ["first_byte: 350ms", "total: 350ms"] {
        let house = house(&vendor, EVERY, timeouts);
        let began = Instant::now();
        let body = Call::begin(&house, CHAT, &chat("gpt-4o", true)).await.ends().await;
        let took = began.elapsed().as_millis();
        assert!((340..700).contains(&took), "{timeouts}: after {took} ms");
        assert!(body.starts_with("\n\n") && body.contains("\"code\":\"upstream_timeout\""), "{body:?}");
        let record = record(&house).await;
        assert_eq!((record.status, record.error.as_deref()), (200, Some("upstream_timeout")));
        let let_go = vendor.ledger().wait_for(|ledger| ledger.open() == 0, Duration::from_secs(1)).await;
        assert!(let_go, "the vendor's connection is still open");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_stream_that_breaks_ends_in_one_error() {
    let first = chat_events(false)[..2].concat();
    let (vendor, go) = silent(move |_| stream(&first)).await;
    let house = house(&vendor, EVERY, "");
    let mut call = Call::begin(&house, CHAT, &chat("gpt-4o", true)).await;
    call.hears(|body| body == "\n").await;
    go.notify_one();
    let body = call.ends().await;
    assert!(body.contains("\"code\":\"upstream_stream_interrupted\"") && !body.contains("[DONE]"), "{body}");
    assert_eq!(record(&house).await.outcome, Outcome::Interrupted);
}

/// Behind a heartbeat a byte order mark would be part of the first field's name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_order_mark_does_not_pass_behind_a_heartbeat() {
    let (vendor, go) = silent(|_| stream(&format!("\u{feff}{}", chat_events(false).concat()))).await;
    let house = house(&vendor, EVERY, "");
    let mut call = Call::begin(&house, CHAT, UNTOUCHED).await;
    call.hears(|body| body == "\n").await;
    go.notify_one();
    assert_eq!(call.ends().await.trim_start_matches('\n'), chat_events(false).concat());
}

/// A body that asks for the count itself, so that nothing is held back: events pass piece by piece.
const UNTOUCHED: &str =
    r#"{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_between_two_events_is_filled_with_empty_lines() {
    for body in [UNTOUCHED.to_owned(), chat("gpt-4o", true)] {
        let go = Arc::new(Notify::new());
        let gate = go.clone();
        let vendor = Vendor::start(move |_| {
            let events = chat_events(false);
            let answer = Answer::events().send(events[..2].concat()).wait_for(&gate);
            answer.send(events[2..].concat()).into()
        })
        .await;
        let house = house(&vendor, EVERY, "");
        let mut call = Call::begin(&house, CHAT, &body).await;
        let (first, rest) = (chat_events(false)[..2].concat(), chat_events(false)[2..].concat());
        call.hears(|heard| heard == format!("{first}\n\n\n")).await;
        go.notify_one();
        let heard = call.ends().await;
        assert_eq!(heard.strip_prefix(first.as_str()).unwrap().trim_start_matches('\n'), rest);
        let record = record(&house).await;
        assert_eq!((record.outcome, record.bytes_out), (Outcome::Answered, heard.len() as u64));
    }
}

/// Wherever an event is cut by silence, its bytes arrive as they were sent, and nothing follows the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_split_and_nothing_follows_the_last() {
    let whole = chat_events(false).concat();
    let first = chat_events(false)[0].len();
    // In a field's name, in its value, behind its line, and behind everything.
    for cut in [3, first / 2, first - 1, whole.len()] {
        let text = whole.clone();
        let vendor = Vendor::start(move |_| {
            let (before, after) = text.split_at(cut);
            let answer = Answer::events().send(before.to_owned()).wait(Duration::from_millis(300));
            if after.is_empty() { answer.into() } else { answer.send(after.to_owned()).into() }
        })
        .await;
        let house = house(&vendor, "30ms", "");
        let heard = Call::begin(&house, CHAT, UNTOUCHED).await.ends().await;
        // While nothing of it can be handed on its caller hears empty lines, before it and not within.
        assert_eq!(heard.trim_start_matches('\n'), whole, "cut at {cut}");
    }
}

/// Where events are held until they are whole, the caller hears heartbeats while one is incomplete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_held_back_is_not_split_either() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let whole = chat_events(false).concat();
    let text = whole.clone();
    let vendor = Vendor::start(move |_| {
        let (before, after) = text.split_at(20);
        Answer::events().send(before.to_owned()).wait_for(&gate).send(after.to_owned()).into()
    })
    .await;
    let house = house(&vendor, EVERY, "");
    let mut call = Call::begin(&house, CHAT, &chat("gpt-4o", true)).await;
    call.hears(|heard| heard == "\n\n").await;
    go.notify_one();
    assert_eq!(call.ends().await.trim_start_matches('\n'), whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asked_for_no_stream_hears_nothing_before_the_answer() {
    let speech = r#"{"model":"tts-1","input":"x","stream":true}"#;
    for (heartbeat, path, body) in [
        ("30ms", CHAT, chat("gpt-4o", false)),
        ("30ms", "/v1/audio/speech", speech.to_owned()),
        ("30ms", "/v1/something/new", chat("gpt-4o", true)),
        ("off", CHAT, chat("gpt-4o", true)),
    ] {
        let vendor = Vendor::start(|_| {
            let said = answer(429, "application/json", SLOW_DOWN);
            Act::Raw(vec![Step::Wait(Duration::from_millis(200)), Step::Send(said.into())], Ending::Fin)
        })
        .await;
        let house = house(&vendor, heartbeat, "");
        let got = testkit::caller::ask(house.address(), "POST", path, &[], body).await;
        assert_eq!((got.status, got.text().as_str()), (429, SLOW_DOWN), "{path}");
        assert_eq!(record(&house).await.status, 429);
    }
}

/// How long after its caller has left the vendor is let go; and what the books say.
async fn left_in_silence() -> (Duration, UsageRecord) {
    let vendor = Vendor::start(|_| Act::Hang).await;
    let house = house(&vendor, "50ms", "");
    let mut call = Call::begin(&house, CHAT, &chat("gpt-4o", true)).await;
    call.hears(|body| body == "\n\n").await;
    assert_eq!(house.inner().calls(), 1);
    let left = Instant::now();
    call.caller.reset();
    let closed = |ledger: &Ledger| ledger.last().is_some_and(|entry| entry.peer_closed.is_some());
    assert!(vendor.ledger().wait_for(closed, Duration::from_secs(2)).await);
    let closed = vendor.ledger().last().unwrap().peer_closed.unwrap();
    (closed.saturating_duration_since(left), record(&house).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_in_the_silence_takes_the_vendors_work_with_it() {
    // The machine may be busy with something else once.
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let (took, record) = left_in_silence().await;
        shortest = shortest.min(took);
        assert_eq!((record.status, record.outcome, record.bytes_out), (200, Outcome::CallerLeft, 2));
    }
    assert!(shortest < Duration::from_millis(100), "{shortest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_over_http2_hear_the_same() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let door =
        Door::with("heartbeat: 100ms", move |_| late(&gate, stream(&chat_events(false).concat()))).await;
    let (mut sender, _driven) = door.h2().await;
    let body = chat("gpt-4o", true);
    let (answer, mut out) = sender.send_request(post(&body), false).unwrap();
    out.send_data(body.into(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut events = answer.into_body();
    let mut heard = Vec::new();
    while let Some(piece) = events.data().await {
        heard.extend_from_slice(&piece.unwrap());
        if heard == b"\n\n" {
            go.notify_one();
        }
    }
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.starts_with("\n\n"), "{heard:?}");
    assert_eq!(heard.trim_start_matches('\n'), chat_events(false).concat());
    assert_eq!(record(&door.house).await.outcome, Outcome::Answered);
}

/// A caller over HTTP/2 may open no window at all; the vendor is let go in its time all the same (T-6).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_over_http2_that_reads_nothing_holds_no_vendor_behind_a_promise() {
    for (wait, ending) in [(10_000, Ending::Hang), (250, Ending::Hang)] {
        let door = Door::with("heartbeat: 100ms", move |_| {
            let begin = stream(&chat_events(false)[0]);
            Act::Raw(vec![Step::Wait(Duration::from_millis(wait)), Step::Send(begin.into())], ending)
        })
        .await;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(0);
        let (sender, connection) = builder.handshake::<_, bytes::Bytes>(door.stream().await).await.unwrap();
        let mut driven = tokio::task::JoinSet::new();
        driven.spawn(async move { drop(connection.await) });
        let body = chat("gpt-4o", true);
        let (answer, mut out) = sender.ready().await.unwrap().send_request(post(&body), false).unwrap();
        out.send_data(body.into(), true).unwrap();
        let _unread = answer.await.unwrap();
        let closed = |ledger: &Ledger| ledger.last().is_some_and(|entry| entry.peer_closed.is_some());
        assert!(door.vendor.ledger().wait_for(closed, Duration::from_secs(3)).await, "the vendor is let go");
    }
}
