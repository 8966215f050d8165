//! Two hundred callers at once, thousands of calls, resets and hang-ups among them: nobody ever gets a byte of another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::caller::Caller;
use testkit::vendor::{Act, Answer, Ending, Vendor};

use crate::house::undaunted;

const TENANTS: usize = 200;
const CALLS: usize = 100;

/// The vendor answers with the mark of whoever asks, in all the ways answers come and break.
fn script(seen: &testkit::vendor::Seen) -> Act {
    let mark = seen.header("x-mark").unwrap_or_default().to_owned();
    let text = format!("{{\"mark\":\"{mark}\",\"pad\":\"{}\"}}", mark.repeat(20));
    match seen.header("x-kind") {
        Some("stream") => (0..5)
            .fold(Answer::events(), |answer, n| {
                answer.send(format!("data: {{\"n\":{n},\"mark\":\"{mark}\"}}\n\n"))
            })
            .send("data: [DONE]\n\n")
            .into(),
        Some("cut") => {
            Answer::events().send(format!("data: {{\"mark\":\"{mark}\"}}\n\n")).ending(Ending::Reset).into()
        }
        Some("reset") => Act::Reset,
        Some("close") => Answer::plain(200, text)
            .header("content-type", "application/json")
            .ending(Ending::CleanThenFin)
            .into(),
        _ => Answer::plain(200, text).header("content-type", "application/json").into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_one_caller_reaches_another() {
    let vendor = Vendor::start(script).await;
    let house = undaunted(&vendor);
    let address = house.address();
    let calls = Arc::new(AtomicUsize::new(0));
    let mut tenants = tokio::task::JoinSet::new();
    for tenant in 0..TENANTS {
        let calls = calls.clone();
        tenants.spawn(async move { be(tenant, address, &calls).await });
    }
    while let Some(ended) = tenants.join_next().await {
        ended.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), TENANTS * CALLS);
}

async fn be(tenant: usize, address: std::net::SocketAddr, calls: &AtomicUsize) {
    let mut caller = Caller::connect(address).await;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ (tenant as u64).wrapping_mul(0x2545_f491_4f6c_dd1d);
    for call in 0..CALLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        calls.fetch_add(1, Ordering::Relaxed);
        let mark = format!("<<{tenant}:{call}>>");
        let kind = ["plain", "plain", "stream", "cut", "reset", "close", "leave"][(random % 7) as usize];
        let body = format!(
            "{{\"model\":\"gpt-4o\",\"stream\":{},\"mark\":\"{mark}\"}}",
            kind == "stream" || kind == "cut"
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-mark: {mark}\r\nx-kind: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        caller.send(request).await.unwrap();
        if kind == "leave" {
            caller.reset();
            caller = Caller::connect(address).await;
            continue;
        }
        let answer = caller.read_answer().await;
        let text = answer.text();
        let others = text.matches("<<").count() - text.matches(&mark).count();
        assert_eq!(others, 0, "{mark} {kind} got {text}");
        match kind {
            "reset" => assert_eq!(answer.status, 502, "{mark}: {text}"),
            _ => assert!(text.contains(&mark), "{mark} {kind}: {} {text}", answer.status),
        }
    }
}
