//! TLS at the door, from files, and towards upstreams, always verified (T-52, F-12, D-9).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use config::snapshot::Door;
use h2::client::SendRequest;
use http::{Request, Response};
use openai_proxy::{BuildProblem, House};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tempfile::TempDir;
use testkit::caller::{Answer as Got, Caller, ask};
use testkit::vendor::{Accepting, Acceptor, Act, Answer, Seen, Setup, Vendor};
use testkit::wire::fnv1a;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, chat_events, given, provider};

/// A certificate authority of a test's own, and a directory for what it writes.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate and its key, as PEM.
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Canary Authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, dir: tempfile::tempdir().unwrap() }
    }

    /// A certificate for these names and addresses.
    pub(crate) fn signs(&self, names: &[&str]) -> Identity {
        self.signs_as(params(names))
    }

    /// The same, valid until then.
    pub(crate) fn signs_until(&self, names: &[&str], end: std::time::SystemTime) -> Identity {
        let mut params = params(names);
        params.not_after = end.into();
        self.signs_as(params)
    }

    fn signs_as(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &*self.issuer).unwrap();
        Identity { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// The authority's own certificate as a file, for `ca_file`.
    pub(crate) fn file(&self) -> PathBuf {
        self.write("ca.pem", &self.issuer.pem())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A client that trusts this authority and nobody else.
    pub(crate) fn client(&self, alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "canary-certificate");
    params
}

pub(crate) fn self_signed() -> Identity {
    let key = KeyPair::generate().unwrap();
    let cert = params(&["localhost", "127.0.0.1"]).self_signed(&key).unwrap();
    Identity { cert: cert.pem(), key: key.serialize_pem() }
}

/// Puts TLS on a vendor's connections.
pub(crate) fn acceptor(identity: &Identity) -> Acceptor {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(identity.cert.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Box::new(move |stream| {
        let accepting = acceptor.accept(stream);
        let boxed: Accepting =
            Box::pin(async move { Ok(Box::new(accepting.await?) as Box<dyn testkit::line::Io>) });
        boxed
    })
}

// The door

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

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
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

// Upstreams

/// A vendor behind TLS, and what a house before it answers to one chat.
async fn asked_through(host: &str, identity: &Identity, more: &str) -> (Vendor, TestHouse, Got) {
    let vendor = Setup::new(answers_chat).acceptor(acceptor(identity)).start().await;
    let port = vendor.port();
    let yaml = format!(
        "providers: {{openai: {{base_url: \"https://{host}:{port}/v1\", api_key: {UPSTREAM_KEY}{more}}}}}\n"
    );
    let house = TestHouse::new(&yaml);
    let answer = ask_chat(house.address()).await;
    (vendor, house, answer)
}

async fn ask_chat(address: SocketAddr) -> Got {
    let json = [("content-type", "application/json")];
    ask(address, "POST", "/v1/chat/completions", &json, chat("gpt-4o", false)).await
}

/// 502, with a text that tells the caller neither where we asked nor what we were shown.
fn assert_distrusted(vendor: &Vendor, answer: &Got) {
    assert_eq!(
        (answer.status, answer.error_code().as_deref()),
        (502, Some("upstream_tls_error")),
        "{}",
        answer.text()
    );
    let port = vendor.port().to_string();
    for secret in ["127.0.0.1", "localhost", &port, "canary", "Canary", "elsewhere", UPSTREAM_KEY] {
        assert!(!answer.text().contains(secret), "`{secret}` is told: {}", answer.text());
    }
    assert_eq!(vendor.ledger().begun(), 0, "no request is sent to whom we do not trust");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_trusted_by_its_ca_file() {
    let authority = Authority::new();
    let identity = authority.signs(&["localhost", "127.0.0.1"]);
    for host in ["localhost", "127.0.0.1"] {
        let (vendor, _house, answer) =
            asked_through(host, &identity, &format!(", ca_file: {}", authority.file().display())).await;
        assert_eq!((answer.status, answer.text()), (200, CHAT_ANSWER.to_owned()), "{host}");
        assert_eq!(vendor.ledger().begun(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_authority_is_not_trusted_without_a_ca_file() {
    let identity = Authority::new().signs(&["localhost", "127.0.0.1"]);
    let (vendor, house, answer) = asked_through("localhost", &identity, "").await;
    assert_distrusted(&vendor, &answer);
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    let record = house.record().await;
    assert_eq!(
        (record.status, record.error.as_deref(), record.tokens),
        (502, Some("upstream_tls_error"), None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_authority_is_not_trusted() {
    let (theirs, ours) = (Authority::new(), Authority::new());
    let identity = theirs.signs(&["localhost", "127.0.0.1"]);
    let (vendor, _house, answer) =
        asked_through("localhost", &identity, &format!(", ca_file: {}", ours.file().display())).await;
    assert_distrusted(&vendor, &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let identity = authority.signs(&["elsewhere.example.org"]);
    for host in ["localhost", "127.0.0.1"] {
        let (vendor, _house, answer) =
            asked_through(host, &identity, &format!(", ca_file: {}", authority.file().display())).await;
        assert_distrusted(&vendor, &answer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new();
    let mut params = params(&["localhost", "127.0.0.1"]);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let identity = authority.signs_as(params);
    let (vendor, _house, answer) =
        asked_through("localhost", &identity, &format!(", ca_file: {}", authority.file().display())).await;
    assert_distrusted(&vendor, &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_signed_certificate_is_not_trusted() {
    let (vendor, _house, answer) = asked_through("127.0.0.1", &self_signed(), "").await;
    assert_distrusted(&vendor, &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dangerous_switch_works_and_is_seen_in_the_metrics() {
    let (_vendor, house, answer) =
        asked_through("127.0.0.1", &self_signed(), ", dangerous_accept_any_certificate: true").await;
    assert_eq!((answer.status, answer.text()), (200, CHAT_ANSWER.to_owned()));
    let metrics = ask(house.address(), "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("openai_proxy_certificates_unverified{provider=\"openai\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dangerous_switch_of_one_provider_is_not_anothers() {
    let identity = self_signed();
    let open = Setup::new(answers_chat).acceptor(acceptor(&identity)).start().await;
    let strict = Setup::new(answers_chat).acceptor(acceptor(&identity)).start().await;
    let house = TestHouse::new(&format!(
        "providers:\n  open: {{base_url: \"https://127.0.0.1:{}/v1\", api_key: {UPSTREAM_KEY}, dangerous_accept_any_certificate: true}}\n  strict: {{base_url: \"https://127.0.0.1:{}/v1\", api_key: {UPSTREAM_KEY}}}\nmodels: {{one: open/gpt-4o, two: strict/gpt-4o}}\n",
        open.port(),
        strict.port()
    ));
    let json = [("content-type", "application/json")];
    let asked = async |model: &str| {
        ask(house.address(), "POST", "/v1/chat/completions", &json, chat(model, false)).await
    };
    assert_eq!(asked("one").await.status, 200);
    assert_distrusted(&strict, &asked("two").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_without_tls_behind_https_is_a_tls_error() {
    // As web servers do when something that is not HTTP arrives.
    let plain: Acceptor = Box::new(|mut stream| {
        let answered: Accepting = Box::pin(async move {
            drop(stream.read_u8().await);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await?;
            Err(std::io::ErrorKind::InvalidData.into())
        });
        answered
    });
    let vendor = Setup::new(answers_chat).acceptor(plain).start().await;
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"https://127.0.0.1:{}/v1\", api_key: {UPSTREAM_KEY}}}}}\n",
        vendor.port()
    ));
    assert_distrusted(&vendor, &ask_chat(house.address()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_handshake_that_stalls_ends_with_the_connect_timeout() {
    let stalls: Acceptor = Box::new(|stream| {
        let held: Accepting = Box::pin(async move {
            let _stream = stream;
            std::future::pending().await
        });
        held
    });
    let vendor = Setup::new(answers_chat).acceptor(stalls).start().await;
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"https://127.0.0.1:{}/v1\", api_key: {UPSTREAM_KEY}, timeouts: {{connect: 300ms}}}}}}\n",
        vendor.port()
    ));
    let begun = std::time::Instant::now();
    let answer = ask_chat(house.address()).await;
    let took = begun.elapsed();
    assert_eq!((answer.status, answer.error_code().as_deref()), (504, Some("upstream_timeout")));
    assert!((300..600).contains(&took.as_millis()), "{took:?}");
}
