//! Uploads: streamed through, whole and unchanged, at next to no memory.

use std::io::BufRead;

use testkit::caller::{Caller, ask};
use testkit::vendor::{Act, Setup};
use testkit::wire::fnv1a;

use crate::house::{TestHouse, provider, with};

const KIND: &str = "multipart/form-data; boundary=XbX";

fn part(name: &str, file: Option<&str>, body: &str) -> String {
    let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
    format!("--XbX\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{body}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_passes_whole_and_its_model_is_known_wherever_it_stands() {
    let (vendor, house) = with(|_| Act::json(200, &serde_json::json!({"text": "hi"}))).await;
    let file = "x".repeat(300_000);
    let before =
        format!("{}{}--XbX--\r\n", part("model", None, "whisper-1"), part("file", Some("a.wav"), &file));
    let behind =
        format!("{}{}--XbX--\r\n", part("file", Some("a.wav"), &file), part("model", None, "whisper-1"));
    for body in [before, behind] {
        let answer =
            ask(house.address(), "POST", "/v1/audio/transcriptions", &[("content-type", KIND)], body.clone())
                .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(vendor.ledger().last().unwrap().seen.text() == body, "byte for byte");
    }
    let records = house.records(|records| records.len() == 2).await;
    for record in records {
        assert_eq!(record.model_asked.as_deref(), Some("whisper-1"), "{record:#?}");
        assert!(record.bytes_in > 300_000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_forms_are_refused() {
    let (vendor, house) = with(|_| Act::text(200, "never")).await;
    let path = "/v1/audio/transcriptions";
    let two = format!("{}{}--XbX--\r\n", part("model", None, "a"), part("model", None, "b"));
    let answer = ask(house.address(), "POST", path, &[("content-type", KIND)], two).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("conflicting_model")));
    for kind in ["multipart/form-data", "multipart/form-data; boundary=\"\""] {
        let answer = ask(house.address(), "POST", path, &[("content-type", kind)], "x").await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("invalid_form")), "{kind}");
    }
    let cut = part("model", None, "a");
    let answer = ask(house.address(), "POST", path, &[("content-type", KIND)], cut).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("invalid_form")));
    assert_eq!(vendor.ledger().count(testkit::vendor::Outcome::Delivered), 0);
}

/// What is left unread of an upload would be taken for the next request, so the connection ends, and its caller is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_will_not_be_used_again_says_so() {
    let house = TestHouse::new("providers: {openai: {base_url: \"http://127.0.0.1:1/v1\"}}\n");
    let form = format!(
        "{}{}--XbX--\r\n",
        part("model", None, "whisper-1"),
        part("file", Some("a.wav"), &"x".repeat(200_000))
    );
    let mut caller = Caller::connect(house.address()).await;
    let small = crate::house::chat("m", false);
    for (path, kind, body, says) in [
        ("/v1/chat/completions", "application/json", &small, None),
        ("/v1/audio/transcriptions", KIND, &form, Some("close")),
    ] {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        caller.send(request).await.unwrap();
        let answer = caller.read_answer().await;
        assert_eq!((answer.status, answer.header("connection")), (502, says), "{path}");
    }
}

/// 100 MB through the real program: the bytes equal, and it grows by less than 8 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_flow_through() {
    let vendor =
        Setup::new(|_| Act::json(200, &serde_json::json!({"id": "file-1"}))).measure_bodies().start().await;
    let program = Program::start(&provider(&vendor));
    let piece: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let head = part("purpose", None, "batch")
        + "--XbX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"big\"\r\n\r\n";
    let tail = "\r\n--XbX--\r\n";
    let length = head.len() + 100 * piece.len() + tail.len();
    let mut caller = Caller::connect(program.address).await;
    caller.send(format!("POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: {KIND}\r\ncontent-length: {length}\r\n\r\n{head}")).await.unwrap();
    let mut all = head.into_bytes();
    let before = program.resident();
    let mut most = before;
    for _ in 0..100 {
        caller.send(piece.clone()).await.unwrap();
        most = most.max(program.resident());
        all.extend_from_slice(&piece);
    }
    caller.send(tail).await.unwrap();
    all.extend_from_slice(tail.as_bytes());
    assert_eq!(caller.read_answer().await.status, 200);
    let seen = vendor.ledger().last().unwrap().seen;
    assert_eq!((seen.body_len as usize, seen.body_hash), (all.len(), fnv1a(&all)));
    assert!(most - before < 8 * 1024, "{} KiB more while it flowed", most - before);
}

/// The program itself, in a process of its own.
struct Program {
    child: std::process::Child,
    address: std::net::SocketAddr,
    _dir: tempfile::TempDir,
}

impl Program {
    fn start(yaml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("openai-proxy.yaml");
        std::fs::write(&file, format!("server: {{listen: \"127.0.0.1:0\"}}\n{yaml}")).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
        command.args(["serve", "--config"]).arg(&file).env_clear().stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Ready    http://").map(str::to_owned));
        let address = ready.unwrap().split('/').next().unwrap().parse().unwrap();
        Self { child, address, _dir: dir }
    }

    /// Its resident memory, KiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
