//! HTTP/2 callers that idle, hold back or cheat: the same bounds as over HTTP/1.1 (T-5, T-6).

use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;
use testkit::vendor::{Act, Answer, Ending, Seen, Vendor};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::house::{TestHouse, UPSTREAM_KEY, chat};
use crate::tls::Authority;

/// A house that speaks TLS, with short clocks.
pub(crate) struct Door {
    pub(crate) house: TestHouse,
    authority: Authority,
    pub(crate) vendor: Vendor,
}

impl Door {
    async fn before(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::with("timeouts: {headers: 300ms, idle: 400ms}", script).await
    }

    /// With these settings of the server.
    pub(crate) async fn with(server: &str, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let vendor = Vendor::start(script).await;
        let authority = Authority::new();
        let identity = authority.signs(&["localhost", "127.0.0.1"]);
        let cert = authority.write("door.pem", &identity.cert);
        let key = authority.write("door.key", &identity.key);
        let house = TestHouse::new(&format!(
            "server: {{listen: \"127.0.0.1:0\", {server}, tls: {{cert: {}, key: {}}}}}\nproviders: {{openai: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, timeouts: {{total: 700ms}}}}}}\n",
            cert.display(),
            key.display(),
            vendor.url()
        ));
        Self { house, authority, vendor }
    }

    pub(crate) async fn stream(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.house.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        self.authority.client(&[b"h2"]).connect(name, tcp).await.unwrap()
    }

    pub(crate) async fn h2(&self) -> (SendRequest<Bytes>, JoinSet<()>) {
        let (sender, connection) = h2::client::handshake(self.stream().await).await.unwrap();
        let mut driven = JoinSet::new();
        driven.spawn(async move { drop(connection.await) });
        (sender.ready().await.unwrap(), driven)
    }
}

pub(crate) fn post(body: &str) -> Request<()> {
    let uri = "https://localhost/v1/chat/completions";
    Request::post(uri).header("content-length", body.len()).body(()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_asks_nothing_is_let_go() {
    let door = Door::before(|_| Act::text(200, "never")).await;
    let mut silent = door.stream().await;
    let began = Instant::now();
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut said)).await;
    assert!(ended.is_ok() && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_has_had_its_answer_is_let_go_after_its_idle_time() {
    let door = Door::before(|_| Act::json(200, &serde_json::json!({"id": "x"}))).await;
    let (mut sender, mut driven) = door.h2().await;
    let body = chat("gpt-4o", false);
    let (answer, mut out) = sender.send_request(post(&body), false).unwrap();
    out.send_data(body.into(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    let ended = tokio::time::timeout(Duration::from_secs(5), driven.join_next()).await;
    assert!(ended.is_ok(), "the connection ends though the caller keeps it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_never_reads_does_not_hold_the_vendor_beyond_the_total() {
    let door = Door::before(|_| {
        let piece = format!("data: {}\n\n", "x".repeat(60_000));
        (0..40).fold(Answer::events(), |answer, _| answer.send(piece.clone())).ending(Ending::Hang).into()
    })
    .await;
    let (mut sender, _driven) = door.h2().await;
    let body = chat("gpt-4o", true);
    let (answer, mut out) = sender.send_request(post(&body), false).unwrap();
    out.send_data(body.into(), true).unwrap();
    // The answer is taken and its body is never read: no window is opened.
    let _unread = answer.await.unwrap();
    let closed =
        |ledger: &testkit::vendor::Ledger| ledger.last().is_some_and(|entry| entry.peer_closed.is_some());
    assert!(door.vendor.ledger().wait_for(closed, Duration::from_secs(5)).await, "the vendor is let go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_guard_refuses_is_refused_here_too() {
    let door = Door::before(|_| Act::text(200, "never")).await;
    let get = |uri: &str| Request::get(uri).body(()).unwrap();
    let long = format!("https://localhost/v1/files?x={}", "a".repeat(9_000));
    let mut many = get("https://localhost/v1/files");
    for n in 0..150 {
        many.headers_mut()
            .append(http::HeaderName::try_from(format!("x-{n}")).unwrap(), "1".parse().unwrap());
    }
    let mut other = get("https://localhost/v1/files");
    other.headers_mut().append("host", "evil.example".parse().unwrap());
    for (request, status) in [(get(&long), 414), (many, 431), (other, 421)] {
        let (mut sender, _driven) = door.h2().await;
        let (answer, _) = sender.send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), status);
    }
    assert_eq!(door.vendor.ledger().requests().len(), 0);
}
