//! What is sent twice under one key is done once.

use super::{get, good, open_house, refused, send_with};

const KEY: &str = "idempotency-key";

fn body(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","type":"openai","base_url":"http://127.0.0.1:9/v1","api_key":"sk-some-key-0123"}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_create_is_answered_the_same_and_done_once() {
    let house = open_house();
    let add = |key: &'static str, name: &'static str| {
        let house = &house;
        async move { send_with(house, "POST", "/admin/v1/providers", &[(KEY, key)], &body(name)).await }
    };
    let first = add("k-1", "three").await;
    let made = good(&first);
    let again = add("k-1", "three").await;
    assert_eq!((again.status, good(&again)), (201, made));
    assert_eq!(again.header("idempotent-replay"), Some("true"));
    assert_eq!(refused(&add("k-1", "four").await, 422), "key_used");
    refused(&get(&house, "/instances/four").await, 404);
    // What was refused may be tried again under its key.
    let taken = add("k-2", "three").await;
    assert_eq!(refused(&taken, 409), "exists");
    good(&send_with(&house, "DELETE", "/instances/three", &[], "").await);
    assert_eq!(add("k-2", "three").await.status, 201);
    assert_eq!(refused(&add("", "five").await, 400), "malformed_request");
    let long = "k".repeat(256);
    let answer = send_with(&house, "POST", "/admin/v1/providers", &[(KEY, &long)], &body("five")).await;
    assert_eq!(refused(&answer, 400), "malformed_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_under_one_key_one_is_done() {
    let house = open_house();
    let before = good(&get(&house, "/admin/v1/revisions").await)["data"].as_array().unwrap().len();
    let headers = [(KEY, "all-the-same")];
    let text = body("three");
    let all = (0..20).map(|_| send_with(&house, "POST", "/admin/v1/providers", &headers, &text));
    let answers = futures_util::future::join_all(all).await;
    for answer in &answers {
        match answer.status {
            201 => {}
            409 => assert_eq!(refused(answer, 409), "running"),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    let after = good(&get(&house, "/admin/v1/revisions").await)["data"].as_array().unwrap().len();
    assert_eq!(after, before + 1);
}
