//! The way out: through a proxy, never to addresses nobody meant (T-51), and never after a redirect.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Act, Answer, Seen, Setup, Vendor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::house::{CHAT_ANSWER, ONCE, TestHouse, UPSTREAM_KEY, chat};
use crate::tls::{Authority, acceptor};

/// A proxy that knows CONNECT: it keeps every head, and either answers with a status or opens a tunnel to one vendor,
/// whatever name it is asked for.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn start(answer: &'static str, vendor: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut tasks) = (heads.clone(), JoinSet::new());
        tasks.spawn(async move {
            let mut tunnels = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                tunnels.spawn(serve(stream, answer, vendor, kept.clone()));
            }
        });
        Self { port, heads, _tasks: tasks }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: &str, vendor: u16, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    heads.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    drop(stream.write_all(answer.as_bytes()).await);
    if answer.starts_with("HTTP/1.1 200")
        && let Ok(mut onward) = TcpStream::connect(("127.0.0.1", vendor)).await
    {
        drop(tokio::io::copy_bidirectional(&mut stream, &mut onward).await);
    }
}

const TUNNEL: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn answers_chat(_: &Seen) -> Act {
    Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
}

fn house(base_url: &str, more: &str) -> TestHouse {
    TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{base_url}\", api_key: {UPSTREAM_KEY}{more}}}}}\n{ONCE}"
    ))
}

async fn ask_chat(address: SocketAddr) -> Got {
    let json = [("content-type", "application/json")];
    ask(address, "POST", "/v1/chat/completions", &json, chat("gpt-4o", false)).await
}

fn assert_unreachable(answer: &Got, secrets: &[&str]) {
    assert_eq!(
        (answer.status, answer.error_code().as_deref()),
        (502, Some("upstream_unreachable")),
        "{}",
        answer.text()
    );
    for secret in secrets {
        assert!(!answer.text().contains(secret), "`{secret}` is told: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_upstream_is_asked_through_the_proxy() {
    let vendor = Vendor::start(answers_chat).await;
    let proxy = Proxy::start(TUNNEL, vendor.port()).await;
    // A name nobody here can resolve: where it leads is the proxy's to know.
    let house = house("http://api.example.test/v1", &format!(", proxy: \"http://127.0.0.1:{}\"", proxy.port));
    let answer = ask_chat(house.address()).await;
    assert_eq!((answer.status, answer.text()), (200, CHAT_ANSWER.to_owned()));
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT api.example.test:80 HTTP/1.1\r\n"), "{}", heads[0]);
    assert!(
        !heads[0].to_lowercase().contains("authorization") && !heads[0].contains(UPSTREAM_KEY),
        "{}",
        heads[0]
    );
    let seen = vendor.ledger().requests().remove(0);
    assert_eq!(
        (seen.target.as_str(), seen.header("host")),
        ("/v1/chat/completions", Some("api.example.test"))
    );
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
    assert_eq!(seen.header("proxy-authorization"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_upstream_is_verified_inside_the_tunnel() {
    let authority = Authority::new();
    let vendor =
        Setup::new(answers_chat).acceptor(acceptor(&authority.signs(&["api.example.test"]))).start().await;
    let proxy = Proxy::start(TUNNEL, vendor.port()).await;
    let way = format!(", proxy: \"http://127.0.0.1:{}\"", proxy.port);
    let trusting =
        house("https://api.example.test/v1", &format!("{way}, ca_file: {}", authority.file().display()));
    assert_eq!(ask_chat(trusting.address()).await.status, 200);
    assert!(
        proxy.heads()[0].starts_with("CONNECT api.example.test:443 HTTP/1.1\r\n"),
        "{}",
        proxy.heads()[0]
    );
    let strict = house("https://api.example.test/v1", &way);
    let answer = ask_chat(strict.address()).await;
    assert_eq!(answer.error_code().as_deref(), Some("upstream_tls_error"));
    assert_eq!(vendor.ledger().begun(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_in_the_proxy_url_is_shown_to_the_proxy_and_to_nobody_else() {
    let vendor = Vendor::start(answers_chat).await;
    let proxy = Proxy::start(TUNNEL, vendor.port()).await;
    let house = house(
        "http://api.example.test/v1",
        &format!(", proxy: \"http://me:p%40ss@127.0.0.1:{}\"", proxy.port),
    );
    assert_eq!(ask_chat(house.address()).await.status, 200);
    let head = proxy.heads().remove(0);
    assert!(head.contains("\r\nProxy-Authorization: Basic bWU6cEBzcw==\r\n"), "{head}");
    assert!(!vendor.ledger().contains(b"bWU6cEBzcw==") && !vendor.ledger().contains(b"p@ss"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_passes_the_proxy_and_its_tunnel_is_kept() {
    let vendor = Vendor::start(|_| Act::sse(["{\"choices\":[]}", "[DONE]"])).await;
    let proxy = Proxy::start(TUNNEL, vendor.port()).await;
    let one_worker = "server: {listen: \"127.0.0.1:0\", workers: 1}\n";
    let house = TestHouse::new(&format!(
        "{one_worker}providers: {{openai: {{base_url: \"http://api.example.test/v1\", api_key: {UPSTREAM_KEY}, proxy: \"127.0.0.1:{}\"}}}}\n",
        proxy.port
    ));
    for _ in 0..2 {
        let json = [("content-type", "application/json")];
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &json, chat("gpt-4o", true)).await;
        assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"));
        house.records(|records| !records.is_empty()).await;
    }
    assert_eq!((proxy.heads().len(), vendor.ledger().begun()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_is_a_502_that_names_no_host() {
    let vendor = Vendor::start(answers_chat).await;
    for status in ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"] {
        let answer: &'static str =
            Box::leak(format!("HTTP/1.1 {status}\r\nproxy-authenticate: Basic realm=\"canary-realm\"\r\ncontent-length: 0\r\n\r\n").into_boxed_str());
        let proxy = Proxy::start(answer, vendor.port()).await;
        let port = proxy.port.to_string();
        let house =
            house("http://api.example.test/v1", &format!(", proxy: \"http://me:s3cret@127.0.0.1:{port}\""));
        let answer = ask_chat(house.address()).await;
        assert_unreachable(
            &answer,
            &["example.test", "127.0.0.1", &port, "s3cret", "canary-realm", UPSTREAM_KEY],
        );
        assert_eq!(answer.header("proxy-authenticate"), None);
        assert_eq!(proxy.heads().len(), 1);
    }
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_away_is_a_502_and_nothing_goes_around_it() {
    let vendor = Vendor::start(answers_chat).await;
    let nobody = testkit::nobody::Nobody::new();
    let away = nobody.address().port();
    let house = house(&format!("{}/v1", vendor.url()), &format!(", proxy: \"http://127.0.0.1:{away}\""));
    assert_unreachable(&ask_chat(house.address()).await, &["127.0.0.1", &away.to_string()]);
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_never_answers_ends_with_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let house = house(
        "http://api.example.test/v1",
        &format!(", proxy: \"http://127.0.0.1:{port}\", timeouts: {{connect: 300ms}}"),
    );
    let begun = std::time::Instant::now();
    let answer = ask_chat(house.address()).await;
    let took = begun.elapsed();
    assert_eq!((answer.status, answer.error_code().as_deref()), (504, Some("upstream_timeout")));
    assert!((300..600).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_addresses_are_never_connected_to() {
    for host in [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "2852039166",
        "0xa9fea9fe",
        "224.0.0.1",
        "0.0.0.0",
        "[::]",
    ] {
        for permission in ["", ", allow_private: true"] {
            let house = house(&format!("http://{host}/v1"), permission);
            let begun = std::time::Instant::now();
            let answer = ask_chat(house.address()).await;
            assert_unreachable(&answer, &[host, "169.254"]);
            // Not "cannot be reached", which would be said after trying.
            assert!(answer.text().contains("was not connected to"), "{host}: {}", answer.text());
            assert!(begun.elapsed() < Duration::from_secs(3), "{host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_in_any_spelling_is_refused_where_it_is_not_allowed() {
    let vendor = Vendor::start(answers_chat).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
    ] {
        let house = house(&format!("http://{host}:{}/v1", vendor.port()), ", allow_private: false");
        let answer = ask_chat(house.address()).await;
        assert_unreachable(&answer, &["127.0.0.1", &vendor.port().to_string()]);
        assert!(answer.text().contains("allow_private"), "{host}: {}", answer.text());
    }
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_far_looking_spelling_of_loopback_needs_permission() {
    let vendor = Vendor::start(answers_chat).await;
    let url = format!("http://127.1:{}/v1", vendor.port());
    assert_unreachable(&ask_chat(house(&url, "").address()).await, &["127."]);
    assert_eq!(vendor.ledger().accepted(), 0);
    assert_eq!(ask_chat(house(&url, ", allow_private: true").address()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_is_passed_to_the_caller_and_never_followed() {
    let other = Vendor::start(answers_chat).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/elsewhere", other.url());
        let to = location.clone();
        let vendor = Vendor::start(move |_| {
            Answer::plain(status, "moved").header("location", &to).header("content-type", "text/plain").into()
        })
        .await;
        let house = TestHouse::before(&vendor);
        for (method, path, body) in [
            ("POST", "/v1/chat/completions", chat("gpt-4o", false)),
            ("GET", "/v1/files/file-1/content", String::new()),
        ] {
            let json = [("content-type", "application/json")];
            let headers: &[(&str, &str)] = if body.is_empty() { &[] } else { &json };
            let answer = ask(house.address(), method, path, headers, body).await;
            assert_eq!(
                (answer.status, answer.header("location"), answer.text().as_str()),
                (status, Some(location.as_str()), "moved")
            );
        }
        assert_eq!(vendor.ledger().begun(), 2);
    }
    assert_eq!(other.ledger().accepted(), 0);
}
