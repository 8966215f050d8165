//! How much a provider may be asked for: never more than was written, other places first, then a fair line, then a refusal that
//! says when to come back.

use std::sync::Arc;
use std::time::Duration;

use testkit::caller::{Answer, Caller, ask};
use testkit::vendor::{Act, Answer as Told, Vendor};
use tokio::sync::{Barrier, Notify};

use crate::house::{CHAT_ANSWER, TestHouse, UPSTREAM_KEY, chat, chat_events};

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";
const PHONE: &str = "sk-phone-0123456789abcdefghijklmnopq";
const PATH: &str = "/v1/chat/completions";
const PATIENCE: Duration = Duration::from_secs(20);

/// A house with two callers before places of these settings, in this order.
fn house(places: &[(&Vendor, &str)], routing: &str) -> TestHouse {
    let place = |name: &str, vendor: &Vendor, settings: &str| {
        let url = vendor.url();
        format!(
            "  {name}: {{type: openai-compatible, base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}, {settings}}}\n"
        )
    };
    let names = ["one", "two"];
    let lines: String =
        places.iter().zip(names).map(|((vendor, settings), name)| place(name, vendor, settings)).collect();
    let uses = names[..places.len()].iter().map(|name| format!("{name}/m")).collect::<Vec<_>>().join(", ");
    TestHouse::new(&format!(
        "providers:\n{lines}models: {{m: {{use: [{uses}]}}}}\nrouting: {{{routing}}}\n\
         keys: {{laptop: {{key: {LAPTOP}}}, phone: {{key: {PHONE}}}}}\n"
    ))
}

async fn say(house: &TestHouse, key: &str) -> Answer {
    ask(house.address(), "POST", PATH, &[("x-api-key", key)], chat("m", false)).await
}

fn request(key: &str) -> String {
    let body = chat("m", false);
    let length = body.len();
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A caller whose call is on its way.
async fn sends(house: &TestHouse, key: &str) -> Caller {
    let mut caller = Caller::connect(house.address()).await;
    caller.send(request(key)).await.unwrap();
    caller
}

/// Calls that wait for a place.
async fn waiting(house: &TestHouse) -> usize {
    let text = ask(house.address(), "GET", "/metrics", &[], "").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("openai_proxy_queue_depth "));
    line.and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// Waits until so many wait.
async fn until_waiting(house: &TestHouse, many: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = waiting(house).await;
        if now == many {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{now} wait, and not {many}");
        tokio::task::yield_now().await;
    }
}

/// A vendor that answers each call when it is told to.
async fn held() -> (Vendor, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let answer = move || Told::plain(200, "").header("content-type", "application/json").wait_for(&held);
    (Vendor::start(move |_| answer().send(CHAT_ANSWER).into()).await, go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_once_a_provider_gets_exactly_as_many_as_it_may() {
    const CALLERS: usize = 1000;
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = house(&[(&vendor, "max_rpm: 137")], "when_exhausted: fail");
    let (address, together) = (house.address(), Arc::new(Barrier::new(CALLERS)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let together = together.clone();
        callers.spawn(async move {
            let mut caller = Caller::connect(address).await;
            together.wait().await;
            caller.send(request(LAPTOP)).await.unwrap();
            let answer = caller.read_answer().await;
            (answer.status, answer.error_code())
        });
    }
    let told = callers.join_all().await;
    let answered = told.iter().filter(|(status, _)| *status == 200).count();
    let full = (429, Some("upstream_limits_exhausted".to_owned()));
    assert_eq!((answered, told.iter().filter(|told| **told == full).count()), (137, CALLERS - 137));
    assert_eq!(vendor.ledger().begun(), 137);
}

/// What a call of this body may come to, by the rule that is written (docs/routing.md).
fn may_come_to(body: &serde_json::Value, bytes: usize) -> u64 {
    bytes as u64 / 4 + body["max_tokens"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_once_not_one_token_more_is_spent_than_there_is() {
    const CALLERS: u64 = 1000;
    const TOKENS: u64 = 9_973;
    // A vendor that spends all that a call lets it.
    let vendor = Vendor::start(|seen| {
        let all = may_come_to(&seen.json(), seen.body.len());
        let usage = serde_json::json!({"prompt_tokens": 0, "completion_tokens": all, "total_tokens": all});
        Act::json(200, &serde_json::json!({"choices": [], "usage": usage}))
    })
    .await;
    let house = house(&[(&vendor, &format!("max_tpm: {TOKENS}"))], "when_exhausted: fail");
    let (address, together) = (house.address(), Arc::new(Barrier::new(CALLERS as usize)));
    let mut callers = tokio::task::JoinSet::new();
    for call in 0..CALLERS {
        let together = together.clone();
        callers.spawn(async move {
            let body = format!(r#"{{"model":"m","max_tokens":{},"messages":[]}}"#, 20 + call % 50);
            together.wait().await;
            ask(address, "POST", PATH, &[("x-api-key", LAPTOP)], body).await.status
        });
    }
    let told = callers.join_all().await;
    let spent: u64 =
        vendor.ledger().requests().iter().map(|seen| may_come_to(&seen.json(), seen.body.len())).sum();
    assert!(told.iter().all(|status| [200, 429].contains(status)), "{told:?}");
    assert!(spent <= TOKENS && spent > TOKENS - 100, "{spent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_every_place_full_is_told_which_and_when_to_come_back() {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = house(&[(&vendor, "max_rpm: 1")], "when_exhausted: fail");
    assert_eq!(say(&house, LAPTOP).await.status, 200);
    let full = say(&house, LAPTOP).await;
    assert_eq!((full.status, full.error_code().as_deref()), (429, Some("upstream_limits_exhausted")));
    assert_eq!(
        (&full.json()["error"]["type"], full.header("x-should-retry")),
        (&"requests".into(), Some("true"))
    );
    assert!(full.text().contains("`one` (again in 6"), "{}", full.text());
    let wait: u64 = full.header("retry-after").unwrap().parse().unwrap();
    assert!((55..=61).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_without_room_is_passed_over() {
    let one = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let two = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = house(&[(&one, "max_rpm: 2"), (&two, "max_rpm: 100")], "affinity: false");
    for _ in 0..5 {
        assert_eq!(say(&house, LAPTOP).await.status, 200);
    }
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_set_aside_before_a_try_and_settled_by_what_was_counted() {
    let vendor = Vendor::start(|seen| match seen.json()["stream"].as_bool() {
        Some(true) => Told::events().send(chat_events(true).concat()).into(),
        _ => Act::text(200, CHAT_ANSWER),
    })
    .await;
    // Each call sets aside more than a thousand and comes to 21.
    let house = house(&[(&vendor, "max_tpm: 1200")], "when_exhausted: fail");
    for (at, stream) in [false, true, false, true, false].into_iter().enumerate() {
        let answer = ask(house.address(), "POST", PATH, &[("x-api-key", LAPTOP)], chat("m", stream)).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text());
        until_quiet(&house).await;
    }
    assert_eq!(vendor.ledger().begun(), 5);
}

async fn until_quiet(house: &TestHouse) {
    while house.inner().calls() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_let_in_in_turn_and_one_caller_holds_up_no_other() {
    let (vendor, go) = held().await;
    let house = house(&[(&vendor, "max_concurrency: 1")], "");
    let first = sends(&house, LAPTOP).await;
    assert!(vendor.ledger().wait_for(|ledger| ledger.begun() == 1, PATIENCE).await);
    let mut many = Vec::new();
    for at in 0..200 {
        many.push(sends(&house, LAPTOP).await);
        if at % 50 == 0 {
            until_waiting(&house, many.len()).await;
        }
    }
    until_waiting(&house, 200).await;
    let mut one = sends(&house, PHONE).await;
    until_waiting(&house, 201).await;
    // The one that is being answered, the one whose turn it is, and then the other caller's.
    for turn in 1..=3 {
        go.notify_one();
        assert!(vendor.ledger().wait_for(|ledger| ledger.begun() == turn + 1, PATIENCE).await, "turn {turn}");
    }
    let answer = tokio::time::timeout(PATIENCE, one.read_answer()).await;
    assert_eq!(answer.map(|answer| answer.status), Ok(200), "200 calls of another caller went before it");
    // Whoever hangs up has left the line.
    many.drain(100..).for_each(Caller::reset);
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while waiting(&house).await > 101 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    many.into_iter().for_each(Caller::reset);
    go.notify_one();
    until_waiting(&house, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_wait_and_no_more_and_none_longer_than_is_written() {
    let (vendor, go) = held().await;
    let house = house(&[(&vendor, "max_concurrency: 1")], "queue: {max: 1, wait: 2s}");
    let mut first = sends(&house, LAPTOP).await;
    assert!(vendor.ledger().wait_for(|ledger| ledger.begun() == 1, PATIENCE).await);
    let mut second = sends(&house, LAPTOP).await;
    until_waiting(&house, 1).await;
    let third = say(&house, PHONE).await;
    assert_eq!((third.status, third.error_code().as_deref()), (429, Some("upstream_limits_exhausted")));
    assert!(third.text().contains("As many calls wait already as may (1)"), "{}", third.text());
    let late = second.read_answer().await;
    assert_eq!(late.status, 429);
    assert!(late.text().contains("within the 2 s a call waits"), "{}", late.text());
    go.notify_one();
    assert_eq!(first.read_answer().await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_that_nothing_is_left_is_left_alone_before_it_has_to_refuse() {
    let told = |left: &'static str, reset: &'static str| {
        move || {
            Told::plain(200, CHAT_ANSWER)
                .header("content-type", "application/json")
                .header("x-ratelimit-remaining-requests", left)
                .header("x-ratelimit-reset-requests", reset)
        }
    };
    let (none, some) = (told("0", "60s"), told("5", "60s"));
    let one = Vendor::start(move |_| none().into()).await;
    let two = Vendor::start(move |_| some().into()).await;
    let house = house(&[(&one, ""), (&two, "")], "affinity: false");
    for _ in 0..3 {
        assert_eq!(say(&house, LAPTOP).await.status, 200);
    }
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_own_account_says_nothing_of_ours() {
    let none = || {
        Told::plain(200, CHAT_ANSWER)
            .header("content-type", "application/json")
            .header("x-ratelimit-remaining-requests", "0")
            .header("x-ratelimit-reset-requests", "60s")
    };
    let vendor = Vendor::start(move |_| none().into()).await;
    let url = vendor.url();
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{url}/v1\", credential: passthrough}}}}\n"
    ));
    for _ in 0..2 {
        let head = [("authorization", "Bearer sk-of-the-caller-itself")];
        let answer = ask(house.address(), "POST", PATH, &head, chat("gpt-4o", false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rest_that_was_asked_for_outlasts_a_restart() {
    let limited = || Told::plain(429, "{}").header("retry-after", "300");
    let one = Vendor::start(move |_| limited().into()).await;
    let two = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("usage.db");
    let routing = format!("affinity: false}}\nstorage: {{database: \"sqlite:{}\"", database.display());
    for start in 0..2 {
        let house = house(&[(&one, ""), (&two, "")], &routing);
        assert_eq!(say(&house, LAPTOP).await.status, 200, "start {start}");
        // As it is closed, what it has learnt is written.
    }
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_its_place_until_it_is_closed() {
    let vendor = Vendor::start(|seen| match seen.header("upgrade") {
        Some(_) => Act::Upgrade,
        None => Act::text(200, CHAT_ANSWER),
    })
    .await;
    let url = vendor.url();
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}, max_concurrency: 1}}}}\n\
         routing: {{when_exhausted: fail}}\n"
    ));
    let say = async || ask(house.address(), "POST", PATH, &[], chat("gpt-4o", false)).await.status;
    let mut caller = Caller::connect(house.address()).await;
    let knock = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
                 upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    caller.send(knock).await.unwrap();
    caller.wait_for_head().await.unwrap();
    assert_eq!(say().await, 429);
    caller.reset();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while say().await != 200 {
        assert!(tokio::time::Instant::now() < deadline, "its place was not given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rest_that_somebody_else_was_told_of_is_waited_for_in_the_line() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let vendor = Vendor::start(move |_| match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
        true => Told::plain(429, "{}").header("retry-after", "1").into(),
        false => Act::text(200, CHAT_ANSWER),
    })
    .await;
    let house = house(&[(&vendor, "")], "");
    let mut refused = sends(&house, LAPTOP).await;
    let rests = || {
        let told = house.inner().gateway().standings();
        told.providers[0].targets.iter().any(|target| target.breaker == gateway::BreakerWord::Resting)
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !rests() {
        assert!(tokio::time::Instant::now() < deadline, "it was told to rest");
        tokio::task::yield_now().await;
    }
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(sends(&house, PHONE).await);
    }
    assert_eq!(refused.read_answer().await.status, 200);
    for mut other in others {
        assert_eq!(other.read_answer().await.status, 200);
    }
    let entries = vendor.ledger().entries();
    let refused_at = entries[0].ended.unwrap();
    assert_eq!(entries.len(), 5);
    assert!(entries[1..].iter().all(|one| one.begun - refused_at >= Duration::from_millis(900)));
}
