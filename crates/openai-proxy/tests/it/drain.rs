//! Signals to the real program: it finishes what runs, at once when asked twice, and reads its file anew (F-60, F-63).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::caller::{Caller, ask};
use testkit::until::until;
use testkit::vendor::{Act, Answer, Ending, Setup, Vendor};
use tokio::sync::Notify;

use crate::house::{CHAT_ANSWER, chat, chat_events, provider};
use crate::starting::Program;
use crate::tls::{Authority, acceptor};

fn behind(vendor: &Vendor, more: &str) -> Program {
    Program::configured(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2}}\n{}{more}",
        provider(vendor)
    ))
}

fn post(body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A vendor whose stream waits in the middle until told to go on.
async fn waiting(go: &Arc<Notify>) -> Vendor {
    let go = go.clone();
    Vendor::start(move |_| {
        let mut events = chat_events(false).into_iter();
        let begun = events.by_ref().take(2).fold(Answer::events(), Answer::send);
        events.fold(begun.wait_for(&go), Answer::send).into()
    })
    .await
}

/// A stream that has begun and hangs.
async fn streaming(address: std::net::SocketAddr) -> Caller {
    let mut caller = Caller::connect(address).await;
    caller.send(post(&chat("gpt-4o", true))).await.unwrap();
    caller.wait_for_head().await.unwrap();
    caller
}

/// The status of a page, if there is an answer at all.
async fn page(address: std::net::SocketAddr, path: &str) -> Option<u16> {
    let mut caller = Caller::connect(address).await;
    caller.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await.ok()?;
    caller.try_read_answer().await.ok().map(|answer| answer.status)
}

/// How long until `/readyz` no longer says yes on new connections.
async fn until_not_ready(address: std::net::SocketAddr) -> Duration {
    let begun = Instant::now();
    let unready = async || page(address, "/readyz").await != Some(200);
    assert!(until(Duration::from_secs(5), unready).await, "still ready");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_stream_finishes_whole_and_readiness_ends_at_once() {
    for signal in ["TERM", "INT"] {
        let go = Arc::new(Notify::new());
        let vendor = waiting(&go).await;
        let mut program = behind(&vendor, "");
        let address = program.address();
        let mut caller = streaming(address).await;
        program.signal(signal);
        let took = until_not_ready(address).await;
        assert!(took < Duration::from_millis(300), "after {took:?}");
        assert!(program.is_running());
        go.notify_one();
        let answer = caller.read_answer().await;
        assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
        let (status, said) = program.ends_within(Duration::from_secs(1)).await;
        assert_eq!(status.code(), Some(0), "{said:#?}");
        assert!(caller.read_to_close().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_plain_call_is_answered_too() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |_| {
        Answer::plain(200, "")
            .wait_for(&held)
            .send(CHAT_ANSWER)
            .header("content-type", "application/json")
            .into()
    })
    .await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let mut caller = Caller::connect(address).await;
    caller.send(post(&chat("gpt-4o", false))).await.unwrap();
    assert!(vendor.ledger().wait_for(|ledger| ledger.begun() == 1, Duration::from_secs(5)).await);
    program.signal("TERM");
    until_not_ready(address).await;
    go.notify_one();
    let answer = caller.read_answer().await;
    assert_eq!((answer.status, answer.text()), (200, CHAT_ANSWER.to_owned()));
    assert_eq!(program.ends_within(Duration::from_secs(1)).await.0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_program_ends_at_once() {
    let vendor = Vendor::start(|_| Act::text(200, "")).await;
    let mut program = behind(&vendor, "");
    program.address();
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(1)).await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_kept_connection_holds_nothing_up() {
    let vendor =
        Vendor::start(|_| Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into())
            .await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let mut used = Caller::connect(address).await;
    used.send(post(&chat("gpt-4o", false))).await.unwrap();
    assert_eq!(used.read_answer().await.status, 200);
    let mut fresh = Caller::connect(address).await;
    // A connection is seen when it has been answered on; this one says half a word.
    fresh.send("GE").await.unwrap();
    assert_eq!(ask(address, "GET", "/readyz", &[], "").await.status, 200);
    program.signal("TERM");
    assert_eq!(program.ends_within(Duration::from_secs(1)).await.0.code(), Some(0));
    assert!(used.read_to_close().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_does_not_last_longer_than_it_may() {
    let vendor = Vendor::start(|_| {
        chat_events(false)
            .into_iter()
            .take(2)
            .fold(Answer::events(), Answer::send)
            .ending(Ending::Hang)
            .into()
    })
    .await;
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1, timeouts: {{drain: 300ms}}}}\n{}",
        provider(&vendor)
    );
    let mut program = Program::configured(&yaml);
    let address = program.address();
    let mut caller = streaming(address).await;
    program.signal("TERM");
    // Five seconds in which others may still hear of it, then the drain's own time.
    let (status, said) = program.ends_within(Duration::from_secs(6)).await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
    let answer = caller.read_answer().await;
    assert!(!answer.complete || answer.text().contains("\"error\""), "{}", answer.text());
}

async fn asked(address: std::net::SocketAddr, model: &str) -> u16 {
    ask(address, "POST", "/v1/chat/completions", &[("content-type", "application/json")], chat(model, false))
        .await
        .status
}

fn names(vendor: &Vendor, models: &str) -> String {
    format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2}}\nrouting: {{unknown_model: error}}\n{}models: {{{models}}}\n",
        provider(vendor)
    )
}

async fn answering() -> Vendor {
    Vendor::start(|seen| match seen.path() {
        "/v1/models" => Act::json(404, &serde_json::json!({"error": {"message": "no"}})),
        _ => Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into(),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_reads_the_file_anew() {
    let vendor = answering().await;
    let mut program = Program::configured(&names(&vendor, "old: openai/gpt-4o"));
    let address = program.address();
    assert_eq!((asked(address, "old").await, asked(address, "new").await), (200, 404));
    program.write(&names(&vendor, "new: openai/gpt-4o-mini"));
    program.signal("HUP");
    program.says("read anew");
    assert_eq!((asked(address, "old").await, asked(address, "new").await), (404, 200));
    let last = vendor.ledger().requests().into_iter().rfind(|seen| seen.method == "POST").unwrap();
    assert_eq!(last.json()["model"], "gpt-4o-mini");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_stream_outlives_a_reload() {
    let go = Arc::new(Notify::new());
    let vendor = waiting(&go).await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let mut caller = streaming(address).await;
    program.write("server: {listen: \"127.0.0.1:0\", workers: 2}\nproviders: {mock: {}}\n");
    program.signal("HUP");
    program.says("read anew");
    assert_eq!(asked(address, "anything").await, 200);
    go.notify_one();
    let answer = caller.read_answer().await;
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(vendor.ledger().begun(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_changes_nothing_and_is_told() {
    let vendor = answering().await;
    let good = names(&vendor, "old: openai/gpt-4o");
    let mut program = Program::configured(&good);
    let address = program.address();
    for (broken, told) in [
        (format!("{good}servr: {{}}\n"), "openai-proxy.yaml:5"),
        (good.replace("old:", "old: {"), "openai-proxy.yaml:"),
        (good.replace("/v1\"", "/v1?x\""), "base_url"),
        (format!("{good}logging:\n  level: ${{NOT_SET}}\n"), "NOT_SET"),
    ] {
        program.write(&broken);
        program.signal("HUP");
        let line = program.says("nothing changed");
        assert!(line.contains(told), "{told} is not in {line}");
        assert!(!line.contains(crate::house::UPSTREAM_KEY), "{line}");
        assert_eq!(asked(address, "old").await, 200);
    }
    program.write(&good.replace("old:", "new:"));
    program.signal("HUP");
    program.says("read anew");
    assert_eq!(asked(address, "new").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_kept_connection_is_closed_while_others_finish() {
    let go = Arc::new(Notify::new());
    let vendor = waiting(&go).await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let mut running = streaming(address).await;
    let mut kept = Caller::connect(address).await;
    kept.send("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(kept.read_answer().await.status, 200);
    program.signal("TERM");
    assert!(kept.read_to_close().await.unwrap().is_empty());
    go.notify_one();
    assert!(running.read_answer().await.complete);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_file_that_has_gone_changes_nothing() {
    let vendor = answering().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), names(&vendor, "old: openai/gpt-4o")).unwrap();
    let mut program = Program::start(dir, &["serve", "--config", "openai-proxy.yaml"], &[]);
    let address = program.address();
    program.remove_file();
    program.signal("HUP");
    program.says("nothing changed");
    assert_eq!(asked(address, "old").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connection_during_the_drain_is_answered_and_told_that_it_closes() {
    let go = Arc::new(Notify::new());
    let vendor = waiting(&go).await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let mut running = streaming(address).await;
    program.signal("TERM");
    until_not_ready(address).await;
    let mut wrong = Vec::new();
    for (path, expected) in [("/readyz", 503), ("/livez", 200)].repeat(10) {
        let mut caller = Caller::connect(address).await;
        caller.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await.unwrap();
        match caller.try_read_answer().await {
            Ok(answer) if answer.status == expected && answer.header("connection") == Some("close") => {}
            Ok(answer) => wrong.push(format!("{path}: {} {:?}", answer.status, answer.header("connection"))),
            Err(error) => wrong.push(format!("{path}: {error}")),
        }
    }
    go.notify_one();
    assert!(running.read_answer().await.complete);
    assert!(wrong.is_empty(), "{} of 20: {wrong:#?}", wrong.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let vendor = Vendor::start(|_| {
            chat_events(false)
                .into_iter()
                .take(2)
                .fold(Answer::events(), Answer::send)
                .ending(Ending::Hang)
                .into()
        })
        .await;
        let mut program = behind(&vendor, "");
        let address = program.address();
        let mut caller = streaming(address).await;
        program.signal(first);
        until_not_ready(address).await;
        assert!(program.is_running());
        program.signal(second);
        let (status, said) = program.ends_within(Duration::from_secs(1)).await;
        assert_eq!(status.code(), Some(0), "{said:#?}");
        // Whatever the caller has got, it does not look like a whole answer.
        let answer = caller.read_answer().await;
        assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
        assert!(!answer.complete || answer.text().contains("\"error\""), "{}", answer.text());
        assert!(vendor.ledger().wait_for(|ledger| ledger.open() == 0, Duration::from_secs(1)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_right_behind_the_first_is_heard() {
    let vendor = Vendor::start(|_| {
        chat_events(false)
            .into_iter()
            .take(2)
            .fold(Answer::events(), Answer::send)
            .ending(Ending::Hang)
            .into()
    })
    .await;
    let mut program = behind(&vendor, "");
    let address = program.address();
    let _caller = streaming(address).await;
    // Two different signals are never merged into one by the system.
    program.signal_both("TERM", "INT");
    let (status, said) = program.ends_within(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(0), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_has_gone_changes_nothing() {
    let vendor = answering().await;
    let mut program = Program::configured(&names(&vendor, "old: openai/gpt-4o"));
    let address = program.address();
    program.remove_file();
    program.signal("HUP");
    program.says("nothing changed");
    assert_eq!(asked(address, "old").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_is_switched_off_by_a_reload_is_seen_in_the_metrics() {
    let vendor = answering().await;
    let mut program = Program::configured(&names(&vendor, "old: openai/gpt-4o"));
    let address = program.address();
    program.write(
        &names(&vendor, "old: openai/gpt-4o")
            .replace("api_key:", "dangerous_accept_any_certificate: true, api_key:"),
    );
    program.signal("HUP");
    program.says("read anew");
    let metrics = ask(address, "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("openai_proxy_certificates_unverified{provider=\"openai\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_ca_file_counts_after_a_reload() {
    let (old, new) = (Authority::new(), Authority::new());
    let chat = |_: &testkit::vendor::Seen| {
        Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into()
    };
    let vendor = Setup::new(chat).acceptor(acceptor(&new.signs(&["127.0.0.1"]))).start().await;
    let file = old.file();
    let mut program = Program::configured(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nproviders: {{openai: {{base_url: \"https://127.0.0.1:{}/v1\", api_key: sk-x, ca_file: {}}}}}\n",
        vendor.port(),
        file.display()
    ));
    let address = program.address();
    assert_eq!(asked(address, "gpt-4o").await, 502);
    std::fs::copy(new.file(), &file).unwrap();
    program.signal("HUP");
    program.says("read anew");
    assert_eq!(asked(address, "gpt-4o").await, 200);
}
