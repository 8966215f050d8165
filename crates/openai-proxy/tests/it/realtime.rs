//! WebSockets on `/v1/realtime`: joined after the vendor's 101 and never before (T-13, D-17).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use testkit::caller::{Caller, PATIENCE};
use testkit::vendor::{Act, Ending, Vendor};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response as Agreed;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Knock, Response as Welcome};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::CloseFrame};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::house::{TestHouse, UPSTREAM_KEY, once, provider, with};

type Socket = WebSocketStream<TcpStream>;

/// A vendor that speaks WebSocket for real and hands its end of every session to the test.
struct Sessions {
    port: u16,
    knocks: Arc<Mutex<Vec<Knock>>>,
    sockets: mpsc::UnboundedReceiver<Socket>,
    _tasks: JoinSet<()>,
}

impl Sessions {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let knocks = Arc::new(Mutex::new(Vec::new()));
        let (out, sockets) = mpsc::unbounded_channel();
        let (kept, mut tasks) = (knocks.clone(), JoinSet::new());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                #[expect(clippy::result_large_err, reason = "the library's own signature")]
                let welcome = |knock: &Knock, mut welcome: Welcome| {
                    kept.lock().unwrap().push(knock.clone());
                    // OpenAI agrees to `realtime` and to nothing else.
                    if protocols(knock).iter().any(|name| name == "realtime") {
                        welcome.headers_mut().insert("sec-websocket-protocol", "realtime".parse().unwrap());
                    }
                    welcome
                        .headers_mut()
                        .insert("openai-organization", "canary-organisation".parse().unwrap());
                    Ok(welcome)
                };
                if let Ok(socket) = accept_hdr_async(stream, welcome).await {
                    drop(out.send(socket));
                }
            }
        });
        Self { port, knocks, sockets, _tasks: tasks }
    }

    fn house(&self, more: &str) -> TestHouse {
        let port = self.port;
        TestHouse::new(&format!(
            "providers: {{openai: {{base_url: \"http://127.0.0.1:{port}/v1\", api_key: {UPSTREAM_KEY}}}}}\n{more}"
        ))
    }

    fn knock(&self) -> Knock {
        self.knocks.lock().unwrap().last().unwrap().clone()
    }

    async fn socket(&mut self) -> Socket {
        timely(self.sockets.recv()).await.unwrap()
    }
}

fn protocols(knock: &Knock) -> Vec<String> {
    let lines = knock.headers().get_all("sec-websocket-protocol");
    lines
        .iter()
        .flat_map(|line| line.to_str().unwrap().split(','))
        .map(|name| name.trim().to_owned())
        .collect()
}

async fn timely<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

async fn connect(
    house: &TestHouse,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Socket, Agreed), Error> {
    let mut request = format!("ws://{}/v1/realtime?{query}", house.address()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(house.address()).await.unwrap();
    timely(client_async(request, stream)).await
}

const KEY: (&str, &str) = ("authorization", "Bearer sk-callers-own");

/// A session: the caller's end, and the vendor's.
async fn joined(sessions: &mut Sessions, house: &TestHouse) -> (Socket, Socket) {
    let (caller, _) = connect(house, "model=gpt-realtime", &[KEY]).await.unwrap();
    (caller, sessions.socket().await)
}

/// The next thing that is not a ping.
async fn next(socket: &mut Socket) -> Option<Result<Message, Error>> {
    timely(socket.next()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_and_binary_pass_both_ways() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let messages = [
        Message::text(r#"{"type":"session.update","text":"hé"}"#),
        Message::binary(vec![0_u8, 255, 13, 10, 13, 10]),
        Message::text(""),
    ];
    for message in &messages {
        caller.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut vendor).await.unwrap().unwrap(), *message);
        vendor.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut caller).await.unwrap().unwrap(), *message);
    }
    vendor.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::Ping("are you there".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_may_speak_first() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    for number in 0..100 {
        vendor.send(Message::text(format!("event {number}"))).await.unwrap();
    }
    for number in 0..100 {
        assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::text(format!("event {number}")));
    }
}

/// Thirty seconds of audio in one message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_two_megabytes_passes_both_ways() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let audio = Message::text("QUJD".repeat(525_000));
    let (sent, got) = tokio::join!(caller.send(audio.clone()), next(&mut vendor));
    sent.unwrap();
    assert!(got.unwrap().unwrap() == audio);
    let (sent, got) = tokio::join!(vendor.send(audio.clone()), next(&mut caller));
    sent.unwrap();
    assert!(got.unwrap().unwrap() == audio);
}

fn farewell(reason: &'static str) -> CloseFrame {
    CloseFrame { code: CloseCode::Policy, reason: reason.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_passes_from_the_caller_to_the_vendor_and_back() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.close(Some(farewell("that is all"))).await.unwrap();
    assert_eq!(next(&mut vendor).await.unwrap().unwrap(), Message::Close(Some(farewell("that is all"))));
    let (got, ()) = tokio::join!(next(&mut caller), timely(async { while vendor.next().await.is_some() {} }));
    assert!(matches!(got, Some(Ok(Message::Close(_)))), "{got:?}");
    drop(vendor);
    assert!(next(&mut caller).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_passes_from_the_vendor_to_the_caller_and_back() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.close(Some(farewell("session expired"))).await.unwrap();
    assert_eq!(next(&mut caller).await.unwrap().unwrap(), Message::Close(Some(farewell("session expired"))));
    // The library answers a close when it is asked for the next message; the vendor then lets go of the socket.
    let answered = async move { next(&mut vendor).await };
    let (end, answered) = tokio::join!(next(&mut caller), answered);
    assert!(matches!(answered, Some(Ok(Message::Close(_)))), "{answered:?}");
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_key_goes_up_and_the_callers_does_not() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (_caller, agreed) = connect(
        &house,
        "model=gpt-realtime",
        &[KEY, ("openai-beta", "realtime=v1"), ("cookie", "session=canary")],
    )
    .await
    .unwrap();
    let _vendor = sessions.socket().await;
    let knock = sessions.knock();
    assert_eq!(knock.headers()["authorization"], format!("Bearer {UPSTREAM_KEY}").as_str());
    assert_eq!(knock.headers().get_all("authorization").iter().count(), 1);
    assert_eq!(knock.headers()["openai-beta"], "realtime=v1");
    assert!(
        !format!("{knock:?}").contains("sk-callers-own") && !format!("{knock:?}").contains("canary"),
        "{knock:?}"
    );
    let answer = format!("{agreed:?}");
    assert!(!answer.contains(UPSTREAM_KEY) && !answer.contains("canary-organisation"), "{answer}");
    assert!(agreed.headers().contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_in_the_query_becomes_the_targets_own_name() {
    let mut sessions = Sessions::start().await;
    let house = sessions
        .house("models: {voice: openai/gpt-realtime-2026, \"our voice\": openai/gpt-realtime-mini}\n");
    for (asked, sent) in [
        ("model=voice&intent=conversation", "/v1/realtime?model=gpt-realtime-2026&intent=conversation"),
        ("intent=conversation&model=our%20voice", "/v1/realtime?intent=conversation&model=gpt-realtime-mini"),
    ] {
        let (_caller, agreed) = connect(&house, asked, &[KEY]).await.unwrap();
        let _vendor = sessions.socket().await;
        assert_eq!(sessions.knock().uri().to_string(), sent);
        assert_eq!(agreed.headers()["x-openai-proxy-provider"], "openai");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_key_is_taken_out_of_the_subprotocols() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    for (offered, passed) in [
        ("realtime, openai-insecure-api-key.sk-x", vec!["realtime"]),
        (
            "realtime, openai-insecure-api-key.sk-x, openai-beta.realtime-v1",
            vec!["realtime", "openai-beta.realtime-v1"],
        ),
        ("openai-insecure-api-key.sk-x,realtime", vec!["realtime"]),
    ] {
        let (_caller, agreed) =
            connect(&house, "model=gpt-realtime", &[("sec-websocket-protocol", offered)]).await.unwrap();
        let _vendor = sessions.socket().await;
        let knock = sessions.knock();
        assert_eq!(protocols(&knock), passed, "{offered}");
        assert!(!format!("{knock:?}").contains("sk-x"), "{knock:?}");
        assert_eq!(knock.headers()["authorization"], format!("Bearer {UPSTREAM_KEY}").as_str());
        let chosen: Vec<_> = agreed.headers().get_all("sec-websocket-protocol").iter().collect();
        assert_eq!(chosen, ["realtime"]);
    }
}

/// An upgrade, with something said before it is agreed to.
fn knock_early(host: std::net::SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer sk-callers-own\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_refuses_stays_http_and_hears_nothing_more() {
    for (theirs, ours, code) in [
        (403, 502, "upstream_auth_failed"),
        (401, 502, "upstream_auth_failed"),
        (404, 404, "model_not_found"),
        (429, 429, "model_not_found"),
    ] {
        let refusal = serde_json::json!({"error": {"message": "no", "type": "t", "param": null, "code": "model_not_found"}});
        let (vendor, house) = once(move |_| Act::json(theirs, &refusal)).await;
        let mut caller = Caller::connect(house.address()).await;
        caller
            .send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime") + "EARLY-CANARY\r\n\r\n")
            .await
            .unwrap();
        let answer = caller.read_answer().await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (ours, Some(code)));
        assert_eq!((answer.header("upgrade"), answer.header("sec-websocket-accept")), (None, None));
        drop(caller);
        assert_eq!(house.record().await.status, ours);
        assert!(!vendor.ledger().contains(b"EARLY-CANARY"), "{theirs}");
        assert_eq!(vendor.ledger().begun(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_says_early_reaches_the_vendor_after_it_agreed() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    let mut caller = Caller::connect(house.address()).await;
    caller
        .send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime") + "early bytes")
        .await
        .unwrap();
    let answer = caller.read_answer().await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-accept")),
        (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    let mut echoed = Vec::new();
    while echoed.len() < 11 {
        echoed.extend_from_slice(&caller.read_some().await.unwrap());
    }
    assert_eq!(echoed, b"early bytes");
    assert_eq!(&vendor.ledger().last().unwrap().upgraded[..], b"early bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_one_piece_with_the_agreement_is_not_lost() {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst words";
    let (_vendor, house) = with(move |_| Act::raw(agreed, Ending::Hang)).await;
    let mut caller = Caller::connect(house.address()).await;
    caller.send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    let mut words = Vec::new();
    while words.len() < 11 {
        words.extend_from_slice(&caller.read_some().await.unwrap());
    }
    assert_eq!(words, b"first words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_over_a_websocket_is_refused_at_once_where_it_is_switched_off() {
    let vendor = Vendor::start(|_| Act::Upgrade).await;
    let off = "server: {listen: \"127.0.0.1:0\", workers: 1, responses_websocket: off}\n";
    let house = TestHouse::new(&format!("{off}{}", provider(&vendor)));
    for path in ["/v1/responses", "/v1/responses?model=gpt-4o", "/responses"] {
        let mut caller = Caller::connect(house.address()).await;
        caller.send(knock_early(house.address(), path)).await.unwrap();
        let answer = caller.read_answer().await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (426, Some("websocket_not_served")),
            "{path}"
        );
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_elsewhere_is_never_joined() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    for path in ["/v1/chat/completions", "/v1/files", "/v1/embeddings", "/v1/realtime/client_secrets"] {
        let mut caller = Caller::connect(house.address()).await;
        caller.send(knock_early(house.address(), path) + "EARLY-CANARY").await.unwrap();
        let answer = caller.read_answer().await;
        assert!((400..503).contains(&answer.status), "{path}: {}", answer.status);
        drop(caller);
    }
    let open = house.records(|records| records.len() == 4).await;
    assert!(open.iter().all(|record| record.status >= 400), "{open:?}");
    assert!(!vendor.ledger().contains(b"EARLY-CANARY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_stranger_gets_no_session() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    let refused = connect(&house, "model=gpt-realtime", &[("origin", "https://evil.example.org")]).await;
    let Err(Error::Http(answer)) = refused else { panic!("refused as HTTP") };
    assert_eq!(answer.status(), 403);
    assert_eq!(vendor.ledger().accepted(), 0);
}

const SOON: Duration = Duration::from_secs(1);

/// Until the other side has let go, in whatever manner.
async fn ends(socket: &mut Socket) {
    let end = async { while socket.next().await.is_some_and(|got| got.is_ok()) {} };
    tokio::time::timeout(SOON, end).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_leaves_takes_the_vendors_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.send(Message::text("hello")).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    drop(caller);
    ends(&mut vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_leaves_takes_the_callers_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.send(Message::text("hello")).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    drop(vendor);
    ends(&mut caller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_resets_takes_the_vendors_socket_with_it() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let mut caller = Caller::connect(house.address()).await;
    caller.send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    let mut vendor = sessions.socket().await;
    caller.reset();
    ends(&mut vendor).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_is_one_record() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("models: {voice: openai/gpt-realtime-2026}\n");
    for ends_first in ["caller", "vendor"] {
        let (mut caller, _) = connect(&house, "model=voice", &[KEY]).await.unwrap();
        let mut vendor = sessions.socket().await;
        caller.send(Message::text("hello")).await.unwrap();
        next(&mut vendor).await.unwrap().unwrap();
        if ends_first == "caller" {
            drop(caller);
            ends(&mut vendor).await;
        } else {
            drop(vendor);
            ends(&mut caller).await;
        }
    }
    let records = house.records(|records| records.len() >= 2).await;
    assert_eq!(records.len(), 2, "{records:#?}");
    for record in records {
        assert_eq!((record.status, &*record.operation, record.attempts), (101, "realtime", 1));
        assert_eq!(
            (record.model_asked.as_deref(), record.model_sent.as_deref()),
            (Some("voice"), Some("gpt-realtime-2026"))
        );
        assert_eq!((record.provider.as_deref(), record.error), (Some("openai"), None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_that_closes_ends_its_sessions() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    house.inner().close();
    ends(&mut caller).await;
    ends(&mut vendor).await;
}

/// What the session cost is known when it is over, and not when it begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_recorded_when_it_is_over() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    let began = std::time::Instant::now();
    caller.send(Message::text("a".repeat(1000))).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    vendor.send(Message::text("b".repeat(5000))).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    assert!(house.inner().records().await.is_empty(), "a session that runs has no record yet");
    assert_eq!(house.inner().calls(), 1);
    let lasted = began.elapsed();
    drop(caller);
    ends(&mut vendor).await;
    let record = house.record().await;
    assert!(u128::from(record.duration_us) >= lasted.as_micros() / 2, "{record:?}");
    assert!(record.bytes_in >= 1000 && record.bytes_out >= 5000, "{record:?}");
    assert!(house.records(|records| records.len() == 1).await.len() == 1 && house.inner().calls() == 0);
}

/// Whether every session is over within a moment.
async fn quiet(house: &TestHouse) -> bool {
    let deadline = tokio::time::Instant::now() + SOON;
    while house.inner().calls() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.inner().calls() == 0
}

/// A FIN means that its sender has left (D-33): a vendor that says nothing and holds on must not keep the session, and
/// with it a drain, alive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_over_when_its_caller_has_left_whatever_the_vendor_does() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    caller.send(Message::text("hello")).await.unwrap();
    next(&mut vendor).await.unwrap().unwrap();
    assert!(house.inner().calls() > 0);
    drop(caller);
    assert!(quiet(&house).await, "the session goes on without its caller");
    drop(vendor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_over_when_its_vendor_has_left_whatever_the_caller_does() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (mut caller, mut vendor) = joined(&mut sessions, &house).await;
    vendor.send(Message::text("hello")).await.unwrap();
    next(&mut caller).await.unwrap().unwrap();
    assert!(house.inner().calls() > 0);
    drop(vendor);
    assert!(quiet(&house).await, "the session goes on without its vendor");
    drop(caller);
}
