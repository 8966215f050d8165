//! The cases can all be read, and their runner tells a good gateway from bad ones: two toys, one strict enough for a
//! few cases, one that believes everything.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside of any #[test]")]

use std::net::SocketAddr;
use std::path::Path;
use testkit::raw::{Case, Stage, load, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

fn cases() -> Vec<Case> {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../openai-proxy/tests/it/raw"))
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

#[test]
fn every_case_file_can_be_read_and_says_why() {
    let cases = cases();
    assert!(cases.len() >= 120, "{}", cases.len());
    assert!(cases.iter().all(|case| case.why.contains("T-")));
}

#[test]
fn wrong_cases_are_refused_by_line() {
    let head = "# why\n> GET\\r\\n\n";
    for (wrong, line) in
        [("status: x", 3), ("stauts: 400", 3), ("status: 400\nupstream: 3", 4), ("> \\q\nstatus: 400", 0)]
    {
        let error = Case::parse("t/x", &format!("{head}{wrong}")).unwrap_err();
        assert!(line == 0 || error.contains(&format!("line {line}")), "{error}");
    }
    assert!(Case::parse("t/x", "> a\nstatus: 400").is_err(), "no comment");
    assert!(Case::parse("t/x", "# why\nstatus: 400").is_err(), "nothing to send");
}

#[tokio::test]
async fn a_strict_gateway_passes() {
    let stage = Stage::start().await;
    let (gateway, _running) = toy(stage.vendor().port(), true).await;
    for name in
        ["t01/cl-then-te", "t01/good-length", "t07/pipelined-get-behind-post", "t04/head-minus-1", "t09/good"]
    {
        run(&case(name), gateway, &stage).await.unwrap();
    }
}

#[tokio::test]
async fn a_believing_gateway_fails() {
    let stage = Stage::start().await;
    let (gateway, _running) = toy(stage.vendor().port(), false).await;
    for (name, complaint) in [
        ("t01/cl-then-te", "wanted [Code(400)]"),
        ("t09/http09", "wanted [Code(502)]"),
        ("t11/connection-names-a-header", "x-private went upstream"),
        ("t11/connection-names-authorization", "authorization upstream is []"),
        ("t12/trace", "wanted [Code(405)]"),
    ] {
        let error = run(&case(name), gateway, &stage).await.unwrap_err();
        assert!(error.contains(complaint), "{name}: {error}");
    }
}

/// A gateway of thirty lines: one connection upstream per request, bytes passed as they are.
async fn toy(vendor: u16, strict: bool) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = listener.local_addr().unwrap();
    let mut running = JoinSet::new();
    running.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(serve(stream, vendor, strict));
        }
    });
    (gateway, running)
}

async fn serve(mut caller: TcpStream, vendor: u16, strict: bool) {
    let mut ahead = Vec::new();
    loop {
        let Some(head) = take_head(&mut caller, &mut ahead).await else { return };
        let text = String::from_utf8_lossy(&head).to_lowercase();
        if strict && text.contains("transfer-encoding") {
            let body =
                r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#;
            let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
            drop(caller.write_all(format!("HTTP/1.1 400 No\r\n{head}\r\n\r\n{body}").as_bytes()).await);
            return;
        }
        let length = length(&text);
        while ahead.len() < length {
            if !matches!(caller.read_buf(&mut ahead).await, Ok(1..)) {
                return;
            }
        }
        let body: Vec<u8> = ahead.drain(..length).collect();
        let mut upstream = TcpStream::connect(("127.0.0.1", vendor)).await.unwrap();
        upstream.write_all(&[head, body].concat()).await.unwrap();
        let mut answer = Vec::new();
        let Some(head) = take_head(&mut upstream, &mut answer).await else { return };
        let length = self::length(&String::from_utf8_lossy(&head).to_lowercase());
        while answer.len() < length {
            if !matches!(upstream.read_buf(&mut answer).await, Ok(1..)) {
                return;
            }
        }
        drop(caller.write_all(&[&head, &answer[..length]].concat()).await);
    }
}

fn length(head: &str) -> usize {
    let value = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

async fn take_head(from: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = memchr::memmem::find(ahead, b"\r\n\r\n") {
            return Some(ahead.drain(..at + 4).collect());
        }
        if !matches!(from.read_buf(ahead).await, Ok(1..)) {
            return None;
        }
    }
}
