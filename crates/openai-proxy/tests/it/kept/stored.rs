//! Where answers lie: in a database that outlasts a restart, may be away, and is bounded.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use testkit::caller::PATIENCE;
use testkit::until::until;
use testkit::vendor::Vendor;

use super::{ADA, asks, id, last_heard, parrot, parrots, says, yaml};
use crate::house::TestHouse;

fn in_file(vendor: &Vendor, file: &Path, more: &str) -> String {
    yaml(vendor, &format!("storage: {{database: \"sqlite:{}\"{more}}}\n", file.display()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_outlasts_a_restart_and_lies_nowhere_readable() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let mut previous = None;
    for word in ["canary-one", "canary-two", "canary-three"] {
        let house = TestHouse::new(&in_file(&vendor, &file, ""));
        let mut body = json!({"model": "m", "input": word});
        if let Some(previous) = &previous {
            body["previous_response_id"] = Value::from(String::clone(previous));
        }
        let answer = says(&house, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        previous = Some(id(&answer));
    }
    assert_eq!(
        last_heard(&vendor),
        "user: canary-one / assistant: canary-one! / user: canary-two / assistant: canary-two! / user: canary-three"
    );
    for entry in std::fs::read_dir(dir.path()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"canary-"), "{:?}", entry.path());
    }
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let path = format!("/v1/responses/{}/input_items", previous.unwrap());
    let items = asks(house.address(), "GET", &path, ADA, "").await;
    assert_eq!(items.json()["data"].as_array().unwrap().len(), 5, "{}", items.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_locked_calls_are_answered_and_go_on() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    // The key is made with the first.
    let mut previous = id(&says(&house, json!({"model": "m", "input": "zero"})).await);
    let options = SqliteConnectOptions::new().filename(&file);
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for round in 0..5 {
        let began = std::time::Instant::now();
        let answer = says(
            &house,
            json!({"model": "m", "input": format!("n{round}"), "previous_response_id": previous}),
        )
        .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(
            began.elapsed() < std::time::Duration::from_secs(3),
            "a caller waited: {:?}",
            began.elapsed()
        );
        previous = id(&answer);
    }
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    drop(house);
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let answer = says(&house, json!({"model": "m", "input": "last", "previous_response_id": previous})).await;
    assert_eq!(answer.status, 200, "what waited was written: {}", answer.text());
    assert!(
        last_heard(&vendor).starts_with("user: zero / assistant: zero! / user: n0"),
        "{}",
        last_heard(&vendor)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_locked_nothing_is_deleted_and_a_stop_waits_for_no_deletion() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    says(&house, json!({"model": "m", "input": "the key is made with the first"})).await;
    let mut other = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let held = id(&says(&house, json!({"model": "m", "input": "held"})).await);
    let path = format!("/v1/responses/{held}");
    let deletions = (0..40).map(|_| {
        let (address, path) = (house.address(), path.clone());
        async move {
            let began = std::time::Instant::now();
            (asks(address, "DELETE", &path, ADA, "").await.status, began.elapsed())
        }
    });
    let mut soonest = std::time::Duration::MAX;
    for (status, took) in futures_util::future::join_all(deletions).await {
        assert_eq!(status, 503);
        soonest = soonest.min(took);
    }
    assert!(soonest < std::time::Duration::from_secs(3), "too many waited: {soonest:?}");
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200, "it is still there");
    let began = std::time::Instant::now();
    drop(house);
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "a stop waited: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_calls_are_answered_and_what_is_in_it_is_told_to_be_out_of_reach() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("usage.db");
    let old = {
        let house = TestHouse::new(&in_file(&vendor, &file, ""));
        id(&says(&house, json!({"model": "m", "input": "old"})).await)
    };
    let house = TestHouse::new(&in_file(&vendor, &file, ""));
    let mut other = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    // Nobody reads or writes what is locked like this.
    sqlx::raw_sql("DROP TABLE responses").execute(&mut other).await.unwrap();
    let fresh = says(&house, json!({"model": "m", "input": "new"})).await;
    assert_eq!((fresh.status, &fresh.json()["store"]), (200, &json!(true)), "{}", fresh.text());
    let on = says(&house, json!({"model": "m", "input": "on", "previous_response_id": id(&fresh)})).await;
    assert_eq!(on.status, 200, "what is still in memory is found: {}", on.text());
    let gone = says(&house, json!({"model": "m", "input": "on", "previous_response_id": old})).await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert!(gone.text().contains("database is away"), "{}", gone.text());
    let gone = asks(house.address(), "GET", &format!("/v1/responses/{old}"), ADA, "").await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (503, Some("responses_unavailable")));
    assert!(!gone.text().contains("usage.db") && !gone.text().contains("sqlite"), "{}", gone.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_kept_no_longer_than_it_is_written() {
    let (_vendor, house) = parrots("storage: {responses: {age: 1s}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "one"})).await;
    let path = format!("/v1/responses/{}", id(&answer));
    let gone = async || asks(house.address(), "GET", &path, ADA, "").await.status != 200;
    assert!(until(PATIENCE, gone).await, "it is there for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_kept_than_is_written() {
    let (_vendor, house) = parrots("storage: {responses: {most: 1KiB}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "x".repeat(4096)})).await;
    let path = format!("/v1/responses/{}", id(&answer));
    let gone = async || asks(house.address(), "GET", &path, ADA, "").await.status != 200;
    assert!(until(PATIENCE, gone).await, "it is there for ever");
}
