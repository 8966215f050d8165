//! Who may do what: the table says, and the doors do.

use config::snapshot::Role;
use control::api::{Right, routes};
use testkit::caller::ask;

use super::routes::{body_for, filled, holds};
use super::{ADMIN, KEYS, OPERATOR, TWO, VIEWER, good, locked_house, refused, send_with, with_key};
use crate::house::TestHouse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_may_exactly_what_the_table_says() {
    let house = locked_house();
    for route in routes() {
        let Right::Role(needed) = route.right else { continue };
        let method = route.method.as_str();
        for (key, role) in [(VIEWER, Role::Viewer), (OPERATOR, Role::Operator)] {
            // Who is let in asks for something that is not there, or says nothing that can be read.
            let body = if body_for(&route).is_empty() { "" } else { "{" };
            let path = filled(route.path).replace("/one", "/nobody");
            let answer = with_key(&house, key, method, &path, body).await;
            let row = format!("{method} {path} as {}: {}", role.name(), answer.text());
            if role >= needed {
                assert!(!matches!(answer.status, 401 | 403), "{row}");
            } else {
                assert_eq!(refused(&answer, 403), "role_too_low", "{row}");
                assert!(answer.text().contains(needed.name()), "it names the role: {row}");
            }
        }
        let answer = send_with(&house, method, &filled(route.path), &[], &body_for(&route)).await;
        assert_eq!(refused(&answer, 401), "key_needed", "{method} {}", route.path);
        assert!(answer.header("www-authenticate").is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_the_same_in_either_header_and_two_different_ones_are_refused() {
    let house = locked_house();
    let bearer = format!("Bearer {ADMIN}");
    let ask_with = |headers: Vec<(&'static str, String)>| {
        let address = house.address();
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            ask(address, "GET", "/config", &headers, "").await
        }
    };
    good(&ask_with(vec![("authorization", bearer.clone())]).await);
    good(&ask_with(vec![("X-Admin-API-Key", ADMIN.to_owned())]).await);
    good(&ask_with(vec![("x-admin-api-key", ADMIN.to_owned()), ("authorization", bearer.clone())]).await);
    let two = ask_with(vec![("x-admin-api-key", VIEWER.to_owned()), ("authorization", bearer)]).await;
    assert_eq!(refused(&two, 400), "conflicting_credentials");
    let own = TestHouse::new(&format!("{TWO}\nadmin: {{api_key: {ADMIN}, header: X-Gate}}\n"));
    good(&ask(own.address(), "GET", "/config", &[("x-gate", ADMIN)], "").await);
    refused(&ask(own.address(), "GET", "/config", &[("x-admin-api-key", ADMIN)], "").await, 401);
}

/// T-37.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_keys_is_not_heard_for_a_minute_and_fills_no_trail() {
    let house = locked_house();
    for guess in 0..20 {
        let key = format!("guess-number-{guess:08}");
        assert_eq!(refused(&with_key(&house, &key, "GET", "/stats", "").await, 401), "wrong_key");
    }
    let answer = with_key(&house, ADMIN, "GET", "/stats", "").await;
    assert_eq!(refused(&answer, 429), "too_many_tries");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let db = &house.inner().control().books().db;
    let rows = db.audit_page(&store::AuditFilter::default(), None, 100).await.unwrap();
    let denied: Vec<_> = rows.iter().filter(|row| row.entry.outcome == "denied").collect();
    assert_eq!(denied.len(), 2, "the first, and the last that was heard: {denied:#?}");
    assert!(denied.iter().all(|row| row.entry.address == "127.0.0.1" && !row.entry.detail.contains("guess")));
}

/// The key of the trail is made with the first revision, and whoever is turned away may be faster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guess_before_anything_was_recorded_is_in_the_trail_of_a_new_database() {
    let dir = tempfile::tempdir().unwrap();
    let kept = format!("storage: {{database: \"sqlite:{}\"}}", dir.path().join("usage.db").display());
    let house = TestHouse::new(&format!("{}{KEYS}", TWO.replace("storage: {database: memory}", &kept)));
    let answer = with_key(&house, "guess-number-one", "GET", "/stats", "").await;
    assert_eq!(refused(&answer, 401), "wrong_key");
    let db = &house.inner().control().books().db;
    let rows = db.audit_page(&store::AuditFilter::default(), None, 100).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.entry.outcome == "denied").count(), 1, "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tried_and_what_was_done_are_in_the_trail_under_names_and_without_keys() {
    let house = locked_house();
    refused(&with_key(&house, VIEWER, "POST", "/config/reload", "").await, 403);
    good(
        &with_key(
            &house,
            ADMIN,
            "PATCH",
            "/instances/one",
            r#"{"priority": 3, "api_key": "sk-secret-in-a-change"}"#,
        )
        .await,
    );
    good(&with_key(&house, OPERATOR, "POST", "/stats/reset", "").await);
    let trail = good(&with_key(&house, VIEWER, "GET", "/admin/v1/audit", "").await);
    let told: Vec<(&str, &str, &str)> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["actor"].as_str().unwrap(),
                row["action"].as_str().unwrap(),
                row["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    for wanted in [
        ("eyes", "POST /config/reload", "denied"),
        ("admin", "config.change", "done"),
        ("ops", "statistics.reset", "done"),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} in {told:?}");
    }
    assert!(!holds(&trail, "sk-secret-in-a-change") && !holds(&trail, ADMIN), "{trail}");
    let verified = good(&with_key(&house, OPERATOR, "POST", "/admin/v1/audit/verify", "").await);
    assert_eq!(verified["whole"], true, "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_key_goes_to_no_provider() {
    let vendor = testkit::vendor::Vendor::start(|_| {
        testkit::vendor::Act::json(200, &crate::house::CHAT_ANSWER.parse().unwrap())
    })
    .await;
    let house = super::house_before(&vendor);
    good(
        &super::send(
            &house,
            "PATCH",
            "/admin/v1/config",
            &format!(r#"{{"admin": {{"api_key": "{ADMIN}"}}}}"#),
        )
        .await,
    );
    let headers = [("x-admin-api-key", ADMIN)];
    let body = crate::house::chat("m-1", false);
    assert_eq!(ask(house.address(), "POST", "/v1/chat/completions", &headers, body).await.status, 200);
    let seen = format!("{:?}", vendor.ledger().requests());
    assert!(seen.contains("/v1/chat/completions") && !seen.contains(ADMIN), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_key_is_passed_through_to_nobody() {
    let vendor =
        testkit::vendor::Vendor::start(|_| testkit::vendor::Act::json(401, &serde_json::json!({}))).await;
    let provider = format!(
        "{{type: openai, base_url: \"{}/v1\", credential: passthrough, models: [m-1]}}",
        vendor.url()
    );
    let house = TestHouse::new(&format!(
        "providers: {{one: {provider}}}\nstorage: {{database: memory}}\n{}",
        super::KEYS
    ));
    for key in [ADMIN, "sk-somebody's-own"] {
        let bearer = format!("Bearer {key}");
        let body = crate::house::chat("m-1", false);
        ask(house.address(), "POST", "/v1/chat/completions", &[("authorization", &bearer)], body).await;
    }
    let seen = format!("{:?}", vendor.ledger().requests());
    assert!(seen.contains("sk-somebody's-own") && !seen.contains(ADMIN), "{seen}");
}
