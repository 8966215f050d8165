//! Faults made on purpose: the callers of a gateway with a fallback notice nothing, its operator sees all of it.

use std::time::Duration;

use serde_json::{Value, json};
use store::AuditFilter;
use testkit::caller::{Answer as Got, ask};
use testkit::failing::{Pace, well};
use testkit::vendor::Vendor;

use crate::admin::{KEYS, OPERATOR, VIEWER, good, refused, with_key};
use crate::house::{TestHouse, UPSTREAM_KEY, chat};

const DRILLS: &str = "/admin/v1/drills";

async fn well_vendor() -> Vendor {
    Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await
}

/// Two places for one model, the first of them to be drilled.
struct Drilled {
    first: Vendor,
    second: Vendor,
    house: TestHouse,
}

impl Drilled {
    async fn with(more: &str) -> Self {
        let (first, second) = (well_vendor().await, well_vendor().await);
        let provider = |vendor: &Vendor| {
            format!(
                "{{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, breaker: {{min_requests: 1000000}}}}",
                vendor.url()
            )
        };
        let house = TestHouse::new(&format!(
            "providers:\n  a: {}\n  b: {}\nmodels: {{m: {{use: [a/m, b/m]}}}}\nauth: {{mode: none}}\nstorage: {{database: memory}}\n{more}{KEYS}",
            provider(&first),
            provider(&second)
        ));
        Self { first, second, house }
    }

    async fn begins(&self, drill: &Value) -> Value {
        good(&with_key(&self.house, OPERATOR, "POST", DRILLS, &drill.to_string()).await)
    }

    async fn running(&self) -> Vec<Value> {
        let told = good(&with_key(&self.house, VIEWER, "GET", DRILLS, "").await);
        told["data"].as_array().unwrap().clone()
    }

    async fn call(&self, stream: bool) -> Got {
        ask(self.house.address(), "POST", "/v1/chat/completions", &[], chat("m", stream)).await
    }

    fn asked(&self) -> (usize, usize) {
        (self.first.ledger().begun(), self.second.ledger().begun())
    }

    async fn audited(&self) -> Vec<(String, String, String)> {
        let db = &self.house.inner().control().books().db;
        let rows = db.audit_page(&AuditFilter::default(), None, 100).await.unwrap();
        let entries =
            rows.into_iter().map(|row| row.entry).filter(|entry| entry.action.starts_with("drill."));
        entries.map(|entry| (entry.action, entry.subject, entry.actor)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_first_place_is_drilled_every_call_is_answered_by_the_second() {
    for fault in ["refuse", "reset", "garbage", "503", "429?retry_after=1s", "401", "cut", "cut?after=2"] {
        let drilled = Drilled::with("routing: {retries: 0}\n").await;
        drilled
            .begins(&json!({"provider": "a", "fault": fault, "for_seconds": 60, "reason": "practice"}))
            .await;
        for stream in [false, true] {
            let got = drilled.call(stream).await;
            assert_eq!(got.status, 200, "{fault}: {}", got.text());
            let text = got.text();
            let whole = if stream { text.contains("[DONE]") } else { text.contains("finish_reason") };
            assert!(whole && !text.contains("\"error\""), "{fault}: {text}");
        }
        let (first, second) = drilled.asked();
        assert_eq!(first > 0, fault.starts_with("cut"), "only what is cut was sent to it: {fault}");
        assert!(second >= 2, "{fault}");
        let records = drilled.house.records(|records| records.len() == 2).await;
        for record in records {
            let trail: Vec<_> = record.trail.iter().map(|one| (one.provider.as_str(), one.drill)).collect();
            assert!(trail.len() >= 2 || record.provider.as_deref() == Some("b"), "{fault}: {trail:?}");
            assert!(trail.iter().all(|(provider, drill)| *drill == (*provider == "a")), "{fault}: {trail:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_of_silence_is_ended_by_the_clocks_of_the_real_thing() {
    let more = "routing: {retries: 0}\nprovider_defaults: {timeouts: {first_byte: 200ms, between_bytes: 200ms, gap: 200ms}}\n";
    for fault in ["hang", "slow=20s", "stall", "stall?after=2", "slow=50ms"] {
        let drilled = Drilled::with(more).await;
        drilled.begins(&json!({"provider": "a", "fault": fault, "for_seconds": 60})).await;
        let got = drilled.call(fault == "stall?after=2").await;
        assert_eq!(got.status, 200, "{fault}: {}", got.text());
        assert!(!got.text().contains("\"error\""), "{fault}: {}", got.text());
        let asked = match fault {
            "slow=50ms" => (1, 0),
            "stall" | "stall?after=2" => (1, 1),
            _ => (0, 1),
        };
        assert_eq!(drilled.asked(), asked, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_is_kept_and_whoever_is_not_struck_notices_nothing() {
    let drilled = Drilled::with("routing: {retries: 0}\n").await;
    drilled
        .begins(
            &json!({"provider": "a", "model": "m", "fault": "503", "share_percent": 10, "for_seconds": 60}),
        )
        .await;
    for _ in 0..1000 {
        assert_eq!(drilled.call(false).await.status, 200);
    }
    let (first, second) = drilled.asked();
    assert_eq!(first + second, 1000);
    assert!((70..=130).contains(&second), "{second} of 1,000 were struck");
    let told = &drilled.running().await[0];
    assert_eq!((&told["attempts"], &told["struck"]), (&1000.into(), &second.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_ends_by_itself_or_by_hand_and_the_trail_says_who_began_it() {
    let drilled = Drilled::with("routing: {retries: 0}\n").await;
    drilled.begins(&json!({"provider": "a", "fault": "503", "for_seconds": 1})).await;
    assert_eq!(drilled.call(false).await.status, 200);
    assert_eq!(drilled.asked(), (0, 1));
    let standing = good(&with_key(&drilled.house, VIEWER, "GET", "/admin/v1/providers/a/breaker", "").await);
    assert_eq!(standing["drills"][0]["fault"], "503", "{standing}");
    let over = async {
        while !drilled.running().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), over).await.unwrap();
    good(
        &with_key(&drilled.house, OPERATOR, "POST", "/admin/v1/providers/a/breaker", r#"{"action":"reset"}"#)
            .await,
    );
    assert_eq!(drilled.call(false).await.status, 200);
    assert_eq!(drilled.asked(), (1, 1));
    let standing = good(&with_key(&drilled.house, VIEWER, "GET", "/admin/v1/providers/a/breaker", "").await);
    assert_eq!(standing.get("drills"), None, "{standing}");

    let begun = drilled.begins(&json!({"provider": "a", "fault": "refuse", "for_seconds": 3600})).await;
    let at = format!("{DRILLS}/{}", begun["id"]);
    good(&with_key(&drilled.house, OPERATOR, "DELETE", &at, "").await);
    refused(&with_key(&drilled.house, OPERATOR, "DELETE", &at, "").await, 404);
    assert_eq!(drilled.call(false).await.status, 200);
    assert_eq!(drilled.asked(), (2, 1));
    let row = |action: &str| (action.to_owned(), "a".to_owned(), "ops".to_owned());
    assert_eq!(drilled.audited().await, [row("drill.end"), row("drill.begin"), row("drill.begin")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_has_bounds_and_whoever_may_only_look_begins_none() {
    let drilled = Drilled::with("").await;
    let good_one = json!({"provider": "a", "fault": "503", "for_seconds": 60});
    let denied = with_key(&drilled.house, VIEWER, "POST", DRILLS, &good_one.to_string()).await;
    assert_eq!(refused(&denied, 403), "role_too_low");
    for (drill, status, code) in [
        (json!({"provider": "a", "fault": "503", "for_seconds": 3601}), 422, "unbounded_drill"),
        (json!({"provider": "a", "fault": "503", "for_seconds": 0}), 422, "unbounded_drill"),
        (
            json!({"provider": "a", "fault": "503", "for_seconds": 60, "share_percent": 0}),
            422,
            "unbounded_drill",
        ),
        (json!({"provider": "a", "fault": "200", "for_seconds": 60}), 422, "bad_fault"),
        (json!({"provider": "nobody", "fault": "503", "for_seconds": 60}), 404, "not_found"),
        (json!({"provider": "a", "fault": "503"}), 400, "malformed_request"),
    ] {
        let answer = with_key(&drilled.house, OPERATOR, "POST", DRILLS, &drill.to_string()).await;
        assert_eq!(refused(&answer, status), code, "{drill}");
    }
    assert!(drilled.running().await.is_empty());
}
