//! What the gateway counts of calls: each once, where it belongs, by how it ended.

use gateway::{Ending, ProviderStatistics, Statistics};
use testkit::caller::ask;
use testkit::vendor::{Act, Ending as Way, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, chat, chat_events};

const CHAT: &str = "/v1/chat/completions";

/// A vendor that does what the model's name says.
async fn obedient() -> Vendor {
    Vendor::start(|seen| match seen.json()["model"].as_str() {
        Some("busy") => Act::json(429, &serde_json::json!({"error": {"message": "slow down"}})),
        Some("broken") => Act::json(500, &serde_json::json!({"error": {"message": "sorry"}})),
        Some("wrong") => Act::json(400, &serde_json::json!({"error": {"message": "no"}})),
        Some("locked") => Act::json(401, &serde_json::json!({"error": {"message": "who are you"}})),
        Some("uncounted") => Act::json(200, &serde_json::json!({"choices": []})),
        Some("cut") => Act::raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", Way::Fin),
        _ if seen.json()["stream"] == true => Act::raw(
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{}",
                chat_events(true).concat()
            ),
            Way::Fin,
        ),
        _ => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap_or_default()),
    })
    .await
}

fn of<'a>(told: &'a Statistics, provider: &str) -> &'a ProviderStatistics {
    told.providers.iter().find(|of| of.provider == provider).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_counted_once_where_it_belongs_and_by_how_it_ended() {
    let vendor = obedient().await;
    let gone = Vendor::start(|_| Act::Close).await;
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-a-key-for-the-vendor}}\n  \
         two: {{type: openai-compatible, base_url: \"{}/v1\"}}\n\
         models: {{\"*\": one, away: two}}\nrouting: {{unknown_model: error, retries: 0}}\n",
        vendor.url(),
        gone.url()
    ));
    let models = ["good", "good", "busy", "broken", "wrong", "locked", "uncounted", "cut", "away"];
    for model in models {
        ask(house.address(), "POST", CHAT, &[], chat(model, false)).await;
    }
    ask(house.address(), "POST", CHAT, &[], chat("good", true)).await;
    ask(house.address(), "POST", CHAT, &[], "{}").await;
    house.records(|records| records.len() == 11).await;

    let told = house.inner().gateway().statistics();
    let sums = &told.house.total.sums;
    assert_eq!((sums.calls, sums.answered, sums.streams, sums.uncounted_calls), (11, 4, 1, 1), "{sums:?}");
    let errors = sums.errors;
    assert_eq!((errors.total, errors.refused, errors.provider_refused), (7, 1, 1), "{errors:?}");
    assert_eq!((errors.rate_limited, errors.provider_failed), (1, 1), "{errors:?}");
    assert_eq!((errors.key_refused, errors.transport), (1, 2), "{errors:?}");
    assert_eq!((sums.tokens.input, sums.tokens.output), (27, 36));
    assert_eq!(sums.duration.calls, 10, "what we refused ourselves is no latency");

    let (one, two) = (&of(&told, "one").counted, &of(&told, "two").counted);
    assert_eq!((one.total.sums.calls, one.total.sums.tokens.input), (9, 27));
    assert_eq!((two.total.sums.calls, two.total.sums.errors.transport), (1, 1));
    assert_eq!(two.last_error.map(|error| error.kind), Some(Ending::Transport));
    let seconds: Vec<u64> = told.house.windows.iter().map(|window| window.window_seconds).collect();
    assert_eq!(seconds, [300, 900, 1800, 3600]);
    assert!(told.house.windows.iter().all(|window| window.sums == *sums), "all of it was just now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_begins_anew_and_leaves_the_records() {
    let house = TestHouse::new("providers: {mock: {}}\n");
    ask(house.address(), "POST", CHAT, &[], chat("any", false)).await;
    house.record().await;
    let gateway = house.inner().gateway();
    assert_eq!(of(&gateway.statistics(), "mock").counted.total.sums.calls, 1);
    gateway.reset_statistics();
    let told = gateway.statistics();
    assert_eq!((told.house.total.sums.calls, told.house.windows[0].sums.calls), (0, 0));
    assert_eq!(of(&told, "mock").counted.last_call_unix_ms, None);
    assert_eq!(house.record().await.status, 200, "what was recorded stays");
}
