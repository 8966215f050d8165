//! Our two HAProxy files in a real HAProxy (D-6): syntax, every route, certificates, every alternative, token delay.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

mod delay;
mod fleet;
mod proxy;

use std::time::Duration;

use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Seen, Setup, Vendor};

use crate::tls::{Authority, acceptor};
use proxy::{Haproxy, Place, in_backend, on_free_port, put, with_alternative};

const OURS: &str = include_str!("../../../../config/haproxy/conf.d/openai-proxy.cfg");
const FLEET: &str = include_str!("../../../../config/haproxy/conf.d/openai-proxy-fleet.cfg");

/// Each backend and a path that leads to it.
const ROUTES: &[(&str, &str)] = &[
    ("backend_chat_completions", "/v1/chat/completions"),
    ("backend_audio_transcriptions", "/v1/audio/transcriptions"),
    ("backend_audio_speech", "/v1/audio/speech"),
    ("backend_openai", "/v1/embeddings"),
];

/// Each alternative: backend, title, address, path asked for, path that arrives.
const ALTERNATIVES: &[[&str; 5]] = &[
    ["backend_chat_completions", "Ollama", "127.0.0.1:11434", "/v1/chat/completions", "/v1/chat/completions"],
    [
        "backend_audio_transcriptions",
        "whisper.cpp",
        "127.0.0.1:9000",
        "/v1/audio/transcriptions",
        "/inference",
    ],
    [
        "backend_audio_transcriptions",
        "Speaches",
        "127.0.0.1:8000",
        "/v1/audio/transcriptions",
        "/v1/audio/transcriptions",
    ],
    ["backend_audio_speech", "Kokoro-FastAPI", "127.0.0.1:8880", "/v1/audio/speech", "/v1/audio/speech"],
    ["backend_audio_speech", "Speaches", "127.0.0.1:8000", "/v1/audio/speech", "/v1/audio/speech"],
];

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("authorization", "Bearer sk-canary"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-proto", "gopher"),
];

fn fine(_: &Seen) -> Act {
    Act::text(200, "fine")
}

#[test]
fn both_files_pass_haproxys_own_check() {
    let place = Place::new();
    for (name, config) in [("openai-proxy.cfg", OURS), ("openai-proxy-fleet.cfg", FLEET)] {
        let said = place.check(config);
        let words = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{name}:\n{words}");
        // Without a name server there is one warning, and HAProxy goes on looking for the address while it runs.
        let warnings = words.lines().filter(|line| line.starts_with("[WARNING]"));
        let others: Vec<&str> = warnings.filter(|line| !line.contains("could not resolve address")).collect();
        assert!(others.is_empty(), "{name}: {others:#?}");
        assert!(config.lines().count() <= 150 && !config.contains("ssl verify none"), "{name}");
    }
}

#[test]
fn both_files_can_stand_behind_others() {
    let main = "global\n    maxconn 100\ndefaults\n    mode tcp\n    timeout connect 1s\n    timeout client 1s\n    timeout server 1s\nlisten other\n    bind 127.0.0.1:2999\n    server a 127.0.0.1:2998\n";
    for config in [OURS, FLEET] {
        let said = Place::new().check(&format!("{main}{config}"));
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

/// Our file, with this vendor in place of the cloud in one backend, and an authority HAProxy trusts.
fn before(place: &Place, backend: &str, vendor: &Vendor, authority: &Authority) -> String {
    let ca = place.write("ca.pem", &std::fs::read_to_string(authority.file()).unwrap());
    let config = in_backend(&on_free_port(OURS), backend, |section| {
        put(section, "api.openai.com:443", &format!("127.0.0.1:{}", vendor.port()))
    });
    put(&config, "@system-ca", ca.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_reaches_its_backend_as_the_cloud_expects_it() {
    let authority = Authority::new();
    for (backend, path) in ROUTES {
        let identity = authority.signs(&["api.openai.com"]);
        let vendor = Setup::new(fine).acceptor(acceptor(&identity)).start().await;
        let place = Place::new();
        let config = before(&place, backend, &vendor, &authority);
        let haproxy = place.run(&config);
        let answer = ask(haproxy.address, "POST", path, HEADERS, "{}").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "fine"), "{backend}:\n{}", haproxy.log());
        let seen = vendor.ledger().requests().remove(0);
        assert_eq!((seen.path(), seen.header("host")), (*path, Some("api.openai.com")));
        assert_eq!(seen.header("authorization"), Some("Bearer sk-canary"));
        let told = seen.headers.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("x-forwarded"));
        assert_eq!(told, None, "the cloud is told who called");
        let socket = haproxy.place.socket("openai-proxy-haproxy.sock");
        assert!(socket.exists());
        haproxy.says(path, Duration::from_secs(5)).await;
        assert!(!haproxy.log().contains("sk-canary"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_certificate_is_refused_before_a_byte_is_sent() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let cases = [
        ("another name", authority.signs(&["api.example.org"])),
        ("another authority", stranger.signs(&["api.openai.com"])),
    ];
    for (what, identity) in cases {
        let vendor = Setup::new(fine).acceptor(acceptor(&identity)).start().await;
        let place = Place::new();
        let config = before(&place, "backend_openai", &vendor, &authority);
        let haproxy = place.run(&config);
        let answer = ask(haproxy.address, "POST", "/v1/embeddings", HEADERS, "{}").await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (503, Some("no_backend")), "{what}");
        assert_eq!(vendor.ledger().begun(), 0, "{what}");
    }
}

/// Our file with one alternative in use, at this vendor.
fn alternative([backend, title, address, ..]: [&str; 5], vendor: &Vendor) -> String {
    in_backend(&on_free_port(OURS), backend, |section| {
        put(&with_alternative(section, title), address, &format!("127.0.0.1:{}", vendor.port()))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_local_alternative_works_once_uncommented() {
    for case in ALTERNATIVES {
        let [_, title, _, path, arrives] = *case;
        let vendor = Vendor::start(fine).await;
        let haproxy: Haproxy = Place::new().run(&alternative(*case, &vendor));
        // Twice: between two servers HAProxy would take turns.
        for _ in 0..2 {
            let answer = ask(haproxy.address, "POST", path, HEADERS, "{}").await;
            assert_eq!((answer.status, answer.text().as_str()), (200, "fine"), "{title}:\n{}", haproxy.log());
        }
        let seen = vendor.ledger().requests().remove(1);
        assert_eq!((seen.path(), seen.header("authorization")), (arrives, None), "{title}");
        let port = haproxy.address.port().to_string();
        for (name, value) in [("for", "127.0.0.1"), ("proto", "http"), ("port", &port)] {
            assert_eq!(seen.header_all(&format!("x-forwarded-{name}")), [value], "{title}");
        }
    }
}

#[test]
fn every_alternative_in_the_file_is_tried_here_and_says_what_a_person_needs() {
    let servers = OURS.lines().filter(|line| line.trim().starts_with("# server ")).count();
    assert_eq!(servers, ALTERNATIVES.len());
    for word in ["Supports:", "Install:", "Run:"] {
        assert_eq!(OURS.matches(&format!("#   {word}")).count(), 4, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_passes() {
    let authority = Authority::new();
    let identity = authority.signs(&["api.openai.com"]);
    let vendor = Setup::new(|_| Act::Upgrade).acceptor(acceptor(&identity)).start().await;
    let place = Place::new();
    let config = before(&place, "backend_openai", &vendor, &authority);
    let haproxy = place.run(&config);
    let mut caller = Caller::connect(haproxy.address).await;
    caller.send(UPGRADE).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    caller.send("both ways").await.unwrap();
    assert_eq!(caller.read_some().await.unwrap(), "both ways");
}

/// A caller's side of a handshake.
const UPGRADE: &str = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
