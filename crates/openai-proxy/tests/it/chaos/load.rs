//! Calls at a steady pace, whatever becomes of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testkit::view::View;
use tokio::task::JoinSet;

/// Nobody waits longer for the next byte.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of one call.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// Which call it was; it stands in its prompt.
    pub(super) number: u64,
    pub(super) asked: Instant,
    pub(super) took: Duration,
    pub(super) status: u16,
    /// The whole answer, and not a word of trouble.
    pub(super) whole: bool,
    /// `retry-after` in seconds.
    pub(super) wait: Option<u64>,
    /// What came, if it was not the whole answer.
    pub(super) instead: String,
}

/// The prompt of a call: vendors can tell by it which one they are asked for.
pub(super) fn prompt(number: u64) -> String {
    format!("call {number}.")
}

/// The request of a call; each second one, from the first on, is streamed.
pub(super) fn body(number: u64) -> String {
    let (stream, prompt) = (number.is_multiple_of(2), prompt(number));
    format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#)
}

async fn call(address: SocketAddr, number: u64) -> Heard {
    let view = View::of(address, &body(number), PATIENCE).await;
    let whole = view.is_whole();
    Heard {
        number,
        asked: view.asked,
        took: view.took,
        status: view.status,
        whole,
        wait: view.header("retry-after").and_then(|wait| wait.parse().ok()),
        instead: if whole { String::new() } else { format!("{view:?}") },
    }
}

/// So many calls a second, for so long; each second one is streamed, each second one is not.
pub(super) async fn steady(address: SocketAddr, rate: u32, lasts: Duration) -> Vec<Heard> {
    let (begun, mut calling, mut heard) = (tokio::time::Instant::now(), JoinSet::new(), Vec::new());
    let mut number = 0;
    loop {
        let due = Duration::from_secs(1) * u32::try_from(number).unwrap_or(u32::MAX) / rate;
        if due >= lasts {
            break;
        }
        tokio::time::sleep_until(begun + due).await;
        calling.spawn(call(address, number));
        number += 1;
        while let Some(ended) = calling.try_join_next() {
            heard.push(ended.unwrap());
        }
    }
    heard.extend(calling.join_all().await);
    heard.sort_by_key(|call| call.number);
    heard
}

/// How slow the machine itself is meanwhile: calls straight to a vendor that is well, twenty a second, while `load` runs. What
/// is measured of the gateway may be as much later as these are.
pub(super) async fn beside<T>(well: SocketAddr, load: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let mut times = Vec::new();
    let calling = async {
        loop {
            times.push(call(well, 1).await.took);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let done = tokio::select! {
        done = load => done,
        () = calling => unreachable!("it never ends"),
    };
    times.sort();
    (done, times)
}

/// The time that all but one of a hundred stayed below.
pub(super) fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}
