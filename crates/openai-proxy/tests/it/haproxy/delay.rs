//! How late HAProxy passes on what a model says, token by token: with our file, and with the older one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::caller::Caller;
use testkit::vendor::{Answer, Ending, Vendor};
use tokio::sync::Notify;

use super::proxy::{Place, on_free_port, put};
use super::{ALTERNATIVES, alternative};

const SEED: &str = include_str!("../import/seed.cfg");
const TOKENS: usize = 40;
const PACE: Duration = Duration::from_millis(50);

/// A vendor that says its next token whenever it is told to.
async fn talking(go: &Arc<Notify>) -> Vendor {
    let go = go.clone();
    Vendor::start(move |_| {
        let answer = Answer::events().send("data: begin\n\n");
        let tokens = 0..TOKENS;
        tokens.fold(answer, |answer, _| answer.wait_for(&go).event("token")).ending(Ending::Clean).into()
    })
    .await
}

/// The median of how long each token was under way.
async fn median_delay(address: SocketAddr, go: &Arc<Notify>) -> Duration {
    let mut caller = Caller::connect(address).await;
    let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    caller.send(request).await.unwrap();
    caller.wait_for_head().await.unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (told, go) = (sent.clone(), go.clone());
    let telling = async move {
        let mut pace = tokio::time::interval(PACE);
        for _ in 0..TOKENS {
            pace.tick().await;
            told.lock().unwrap().push(Instant::now());
            go.notify_one();
        }
    };
    let hearing = async {
        let (mut heard, mut all) = (Vec::new(), Vec::new());
        while heard.len() < TOKENS {
            all.extend_from_slice(&caller.read_some().await.unwrap());
            let count = String::from_utf8_lossy(&all).matches("data: token\n\n").count();
            heard.resize(count, Instant::now());
        }
        heard
    };
    let ((), heard) = tokio::join!(telling, hearing);
    let sent = sent.lock().unwrap();
    let mut delays: Vec<Duration> = heard.iter().zip(sent.iter()).map(|(to, from)| *to - *from).collect();
    delays.sort();
    delays[TOKENS / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_pass_at_once_with_our_file() {
    let go = Arc::new(Notify::new());
    let vendor = talking(&go).await;
    let haproxy = Place::new().run(&alternative(ALTERNATIVES[0], &vendor));
    let delay = median_delay(haproxy.address, &go).await;
    eprintln!("token delay with our file: {delay:?}");
    assert!(delay < Duration::from_millis(5), "{delay:?}");
}

/// If this fails because the older file has become fast, our warning about it is no longer true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_held_back_with_the_older_file() {
    let go = Arc::new(Notify::new());
    let vendor = talking(&go).await;
    let cloud = "api.openai.com:443 ssl verify none sni str(api.openai.com)";
    let older = put(&on_free_port(SEED), cloud, &format!("127.0.0.1:{}", vendor.port()));
    let haproxy = Place::new().run(&older);
    let delay = median_delay(haproxy.address, &go).await;
    eprintln!("token delay with the older file: {delay:?}");
    assert!(delay > Duration::from_millis(70), "{delay:?}");
    drop(haproxy);
    // The one line is all it takes.
    let haproxy = Place::new().run(&put(&older, "defaults\n", "defaults\n    option http-no-delay\n"));
    let delay = median_delay(haproxy.address, &go).await;
    assert!(delay < Duration::from_millis(5), "{delay:?}");
}
