//! A door with TLS: HTTP/1.1 and HTTP/2 behind it, and certificates that cannot be used.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use config::snapshot::Door;
use h2::client::SendRequest;
use http::{Request, Response};
use openai_proxy::{BuildProblem, House};
use rustls::pki_types::ServerName;
use testkit::caller::Caller;
use testkit::vendor::{Act, Answer, Seen, Vendor};
use testkit::wire::fnv1a;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Authority, answers_chat};
use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, chat_events, given, provider};

/// A house with TLS on its door, before a plain vendor.
struct Encrypted {
    house: TestHouse,
    authority: Authority,
    vendor: Vendor,
}

impl Encrypted {
    async fn before(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let vendor = Vendor::start(script).await;
        let authority = Authority::new();
        let identity = authority.signs(&["localhost", "127.0.0.1"]);
        let (cert, key) =
            (authority.write("door.pem", &identity.cert), authority.write("door.key", &identity.key));
        let house = TestHouse::new(&(door(&cert, &key) + &provider(&vendor)));
        Self { house, authority, vendor }
    }

    async fn stream(&self, alpn: &[&[u8]]) -> tokio_rustls::client::TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.house.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        self.authority.client(alpn).connect(name, tcp).await.unwrap()
    }

    /// An HTTP/2 connection; it is driven until the set is dropped.
    async fn h2(&self) -> (SendRequest<Bytes>, JoinSet<()>) {
        let stream = self.stream(&[b"h2", b"http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let mut driven = JoinSet::new();
        driven.spawn(async move { drop(connection.await) });
        (sender.ready().await.unwrap(), driven)
    }
}

fn door(cert: &Path, key: &Path) -> String {
    let (cert, key) = (cert.display(), key.display());
    format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2, tls: {{mode: files, cert: {cert}, key: {key}}}}}\n"
    )
}

fn post(path: &str, kind: &str) -> Request<()> {
    Request::post(format!("https://localhost{path}")).header("content-type", kind).body(()).unwrap()
}

/// Sends over HTTP/2 and takes the whole answer.
async fn exchange(
    sender: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Bytes,
) -> (Response<()>, Bytes) {
    let (answer, mut out) = sender.send_request(request, false).unwrap();
    out.send_data(body, true).unwrap();
    let whole = async {
        let (head, mut body) = answer.await.unwrap().into_parts();
        let mut all = BytesMut::new();
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            body.flow_control().release_capacity(piece.len()).unwrap();
            all.extend_from_slice(&piece);
        }
        (Response::from_parts(head, ()), all.freeze())
    };
    tokio::time::timeout(testkit::caller::PATIENCE, whole).await.unwrap()
}

fn streams_chat(_: &Seen) -> Act {
    chat_events(false).into_iter().fold(Answer::events(), Answer::send).into()
}

fn as_http1(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_is_served_over_tls_on_one_kept_connection() {
    let front = Encrypted::before(answers_chat).await;
    let stream = front.stream(&[b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let mut caller = Caller::over(Box::new(stream));
    for _ in 0..2 {
        caller.send(as_http1("/v1/chat/completions", &chat("gpt-4o", false))).await.unwrap();
        let answer = caller.read_answer().await;
        assert_eq!((answer.status, answer.text()), (200, CHAT_ANSWER.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_without_alpn_is_served_http1_over_tls() {
    let front = Encrypted::before(answers_chat).await;
    let mut caller = Caller::over(Box::new(front.stream(&[]).await));
    caller.send(as_http1("/v1/chat/completions", &chat("gpt-4o", false))).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_request_at_a_tls_door_reaches_nobody() {
    let front = Encrypted::before(answers_chat).await;
    let mut caller = Caller::connect(front.house.address()).await;
    caller.send(as_http1("/v1/chat/completions", &chat("gpt-4o", false))).await.unwrap();
    let got = caller.read_to_close().await.unwrap();
    assert!(!got.starts_with(b"HTTP/1.1 200"));
    assert_eq!(front.vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_served_by_alpn() {
    let front = Encrypted::before(answers_chat).await;
    let (mut sender, _driven) = front.h2().await;
    let request = post("/v1/chat/completions", "application/json");
    let (answer, body) = exchange(&mut sender, request, chat("gpt-4o", false).into()).await;
    assert_eq!((answer.status().as_u16(), &body[..]), (200, CHAT_ANSWER.as_bytes()));
    assert!(answer.headers().contains_key("x-request-id"));
    assert!(!answer.headers().contains_key("connection"));
    let seen = front.vendor.ledger().requests().remove(0);
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
    assert_eq!(front.house.record().await.tokens.unwrap().output, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_comes_whole_over_http2() {
    let front = Encrypted::before(streams_chat).await;
    let (mut sender, _driven) = front.h2().await;
    let asks_usage =
        r#"{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let (answer, body) =
        exchange(&mut sender, post("/v1/chat/completions", "application/json"), asks_usage.into()).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(String::from_utf8_lossy(&body), chat_events(false).concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_several_windows_passes_over_http2() {
    let front =
        Encrypted::before(|_| Act::json(200, &serde_json::json!({"id": "file-1", "object": "file"}))).await;
    let (mut sender, _driven) = front.h2().await;
    let file: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let head = "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    let body = Bytes::from([head.as_bytes(), &file, b"\r\n--b--\r\n"].concat());
    let (answer, _) =
        exchange(&mut sender, post("/v1/files", "multipart/form-data; boundary=b"), body.clone()).await;
    assert_eq!(answer.status(), 200);
    let seen = front.vendor.ledger().requests().remove(0);
    assert_eq!((seen.body_len, seen.body_hash), (body.len() as u64, fnv1a(&body)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_http2_streams_do_not_wait_for_each_other() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let front = Encrypted::before(move |seen| match seen.json()["stream"].as_bool() {
        Some(true) => {
            chat_events(false).into_iter().fold(Answer::events().wait_for(&held), Answer::send).into()
        }
        _ => answers_chat(seen),
    })
    .await;
    let (mut sender, _driven) = front.h2().await;
    let request = || post("/v1/chat/completions", "application/json");
    let (slow, mut out) = sender.send_request(request(), false).unwrap();
    out.send_data(chat("gpt-4o", true).into(), true).unwrap();
    assert!(front.vendor.ledger().wait_for(|ledger| ledger.begun() == 1, Duration::from_secs(5)).await);
    let (answer, _) = exchange(&mut sender, request(), chat("gpt-4o", false).into()).await;
    assert_eq!(answer.status(), 200);
    go.notify_one();
    let mut body = slow.await.unwrap().into_body();
    let mut all = BytesMut::new();
    while let Some(piece) = body.data().await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert!(all.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&all));
    assert_eq!(front.house.records(|records| records.len() == 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_caller_that_resets_its_stream_stops_the_vendor() {
    let front = Encrypted::before(|_| {
        Answer::events().event(r#"{"choices":[]}"#).ending(testkit::vendor::Ending::Hang).into()
    })
    .await;
    let (mut sender, _driven) = front.h2().await;
    let (answer, mut out) =
        sender.send_request(post("/v1/chat/completions", "application/json"), false).unwrap();
    out.send_data(chat("gpt-4o", true).into(), true).unwrap();
    let body = answer.await.unwrap();
    out.send_reset(h2::Reason::CANCEL);
    drop(body);
    assert!(front.vendor.ledger().wait_for(|ledger| ledger.open() == 0, Duration::from_secs(1)).await);
    let records = front.house.records(|records| !records.is_empty()).await;
    assert_eq!((records.len(), records[0].outcome.label()), (1, "caller_left"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_house_lets_http2_streams_finish_and_takes_no_more() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let front = Encrypted::before(move |_| {
        chat_events(false).into_iter().fold(Answer::events().wait_for(&held), Answer::send).into()
    })
    .await;
    let (mut sender, mut driven) = front.h2().await;
    let (answer, mut out) =
        sender.send_request(post("/v1/chat/completions", "application/json"), false).unwrap();
    out.send_data(chat("gpt-4o", true).into(), true).unwrap();
    assert!(front.vendor.ledger().wait_for(|ledger| ledger.begun() == 1, Duration::from_secs(5)).await);
    front.house.inner().drain();
    go.notify_one();
    let mut body = answer.await.unwrap().into_body();
    let mut all = BytesMut::new();
    while let Some(piece) = body.data().await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert!(all.ends_with(b"data: [DONE]\n\n"), "{}", String::from_utf8_lossy(&all));
    drop((body, out));
    // The connection is ended by the house, though its caller would go on.
    tokio::time::timeout(Duration::from_secs(1), driven.join_next()).await.unwrap();
    assert!(sender.ready().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_body_that_stops_is_a_408_and_hurts_no_other_stream() {
    let vendor = Vendor::start(answers_chat).await;
    let authority = Authority::new();
    let identity = authority.signs(&["localhost"]);
    let (cert, key) =
        (authority.write("door.pem", &identity.cert), authority.write("door.key", &identity.key));
    let patient = door(&cert, &key).replace("workers: 2", "workers: 2, timeouts: {body_gap: 300ms}");
    let house = TestHouse::new(&(patient + &provider(&vendor)));
    let front = Encrypted { house, authority, vendor };
    let (mut sender, _driven) = front.h2().await;
    let begun = std::time::Instant::now();
    let (answer, mut out) =
        sender.send_request(post("/v1/chat/completions", "application/json"), false).unwrap();
    out.send_data("{\"model\":".into(), false).unwrap();
    let answer = tokio::time::timeout(testkit::caller::PATIENCE, answer).await.unwrap().unwrap();
    let took = begun.elapsed();
    assert_eq!(answer.status(), 408);
    assert!((290..600).contains(&took.as_millis()), "{took:?}");
    assert!(!answer.headers().contains_key("connection"), "HTTP/2 knows no such header");
    let (next, _) =
        exchange(&mut sender, post("/v1/chat/completions", "application/json"), chat("gpt-4o", false).into())
            .await;
    assert_eq!((next.status().as_u16(), front.vendor.ledger().begun()), (200, 1));
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_by_its_file() {
    let authority = Authority::new();
    let (one, other) = (authority.signs(&["localhost"]), authority.signs(&["localhost"]));
    let (cert, key) = (authority.write("good.pem", &one.cert), authority.write("good.key", &one.key));
    let not_pem = authority.write("text.pem", "this is not a certificate\n");
    let not_theirs = authority.write("other.key", &other.key);
    let missing = authority.dir.path().join("missing.pem");
    for (cert, key, named) in [
        (&missing, &key, "missing.pem"),
        (&not_pem, &key, "text.pem"),
        (&cert, &missing, "missing.pem"),
        (&cert, &not_pem, "text.pem"),
        (&cert, &not_theirs, "good.pem"),
    ] {
        let yaml = door(cert, key) + "providers: {mock: {}}\n";
        let (_folder, given) = given(&yaml);
        assert!(matches!(config::load(&given).unwrap().snapshot.server.listen[..], [Door::Tcp(_)]));
        let Err(BuildProblem::Door(problem)) = House::new(given) else {
            panic!("{} and {} are refused", cert.display(), key.display());
        };
        let said = problem.to_string();
        assert!(said.contains(named) && !said.contains("PRIVATE KEY"), "{said}");
        assert!(!said.contains('\n') && said.len() < 300, "{said}");
    }
}
