//! Which certificates of upstreams are trusted.

use std::net::SocketAddr;

use rcgen::date_time_ymd;
use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Accepting, Acceptor, Setup, Vendor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Authority, Identity, acceptor, answers_chat, params, self_signed};
use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat};

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
