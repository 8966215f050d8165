//! Revisions over the API: what changed, when, by whom, and back again.

use serde_json::json;

use super::{get, good, open_house, refused, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_restores_what_was_written_and_says_so_beforehand() {
    let house = open_house();
    let tag = |answer: &testkit::caller::Answer| answer.header("etag").unwrap().trim_matches('"').to_owned();
    let first = get(&house, "/admin/v1/config").await;
    let (number, before) = (tag(&first), good(&first));
    good(
        &send(
            &house,
            "PATCH",
            "/admin/v1/config?reason=try%20it",
            r#"{"providers":{"one":{"priority":9},"two":null}}"#,
        )
        .await,
    );
    let second = get(&house, "/admin/v1/config").await;
    assert_ne!(good(&second), before);
    refused(&get(&house, "/instances/two").await, 404);
    let difference = good(&get(&house, &format!("/admin/v1/revisions/{number}/diff/{}", tag(&second))).await);
    let paths: Vec<&str> = difference["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert!(
        paths.contains(&"providers.one.priority")
            && paths.iter().any(|path| path.starts_with("providers.two")),
        "{paths:?}"
    );
    let list = good(&get(&house, "/admin/v1/revisions?limit=1").await);
    assert_eq!(
        (list["data"][0]["reason"].as_str(), list["data"][0]["actor"].as_str()),
        (Some("try it"), Some("local"))
    );
    assert!(list["next"].is_string());
    let body = format!("{{\"revision\": {number}}}");
    let planned = good(&send(&house, "POST", "/admin/v1/rollback?dry_run=true", &body).await);
    assert_eq!(planned["changed"], true);
    refused(&get(&house, "/instances/two").await, 404);
    good(&send(&house, "POST", "/admin/v1/rollback", &body).await);
    assert_eq!(good(&get(&house, "/admin/v1/config").await), before);
    good(&get(&house, "/instances/two").await);
    let whole = good(&get(&house, &format!("/admin/v1/revisions/{number}")).await);
    assert_eq!(whole["config"], before);
    refused(&send(&house, "POST", "/admin/v1/rollback", r#"{"revision": 4711}"#).await, 404);
    refused(&get(&house, "/admin/v1/revisions/0").await, 404);
    refused(&get(&house, "/admin/v1/revisions/first").await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_what_would_change_and_changes_nothing() {
    let house = open_house();
    let before = good(&get(&house, "/admin/v1/config").await);
    let plan = good(&send(&house, "POST", "/admin/v1/plan", r#"{"cache":{"ttl":"5m"}}"#).await);
    assert_eq!(plan["differences"], json!([{"path": "cache.ttl", "was": null, "is": "5m"}]));
    assert!(plan["notes"].to_string().contains("not in use yet"), "{plan}");
    refused(&send(&house, "POST", "/admin/v1/plan", r#"{"routing":{"retry":5}}"#).await, 422);
    assert_eq!(good(&get(&house, "/admin/v1/config").await), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_setting_is_written_read_and_forgotten_again() {
    let house = open_house();
    let at = "/admin/v1/config/providers.one.priority";
    refused(&get(&house, at).await, 404);
    good(&send(&house, "PUT", at, "5").await);
    assert_eq!(good(&get(&house, at).await)["value"], 5);
    let sources = good(&get(&house, "/admin/config/instances/one/sources").await);
    let priority = sources["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["path"] == "providers.one.priority")
        .unwrap();
    assert_eq!(
        (priority["source"]["layer"].as_str(), priority["source"]["author"].as_str()),
        (Some("database"), Some("local"))
    );
    good(&send(&house, "DELETE", at, "").await);
    refused(&get(&house, at).await, 404);
    // A key is shown by nobody.
    let key = good(&get(&house, "/admin/v1/config/providers.one.api_key").await);
    assert!(!key["value"].to_string().contains("first"), "{key}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_reads_the_files_and_a_bad_one_changes_nothing() {
    let house = open_house();
    let head = format!("server: {{listen: \"127.0.0.1:0\", workers: 2}}\n{}", super::TWO);
    good(&get(&house, "/config").await);
    house.rewrite(&head.replace("m-3", "m-33"));
    let changed = good(&send(&house, "POST", "/config/reload", "").await);
    assert_eq!(changed["changed"], true);
    house.rewrite(&format!("{head}\nserver: ["));
    refused(&send(&house, "POST", "/config/reload", "").await, 422);
    let status = good(&get(&house, "/admin/v1/reload").await);
    assert_eq!(status["changes"]["last"]["outcome"], "refused", "{status}");
    assert_eq!(refused(&get(&house, "/config").await, 409), "files_unreadable");
    assert_eq!(good(&get(&house, "/admin/v1/config").await)["providers"]["two"]["models"][0], "m-33");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_files_alone_have_the_word_nothing_is_changed_here() {
    let house = crate::house::TestHouse::new(&format!("{}config: {{source: file}}\n", super::TWO));
    let answer = send(&house, "PATCH", "/instances/one", r#"{"priority": 3}"#).await;
    assert_eq!(refused(&answer, 403), "read_only");
    good(&send(&house, "POST", "/config/reload", "").await);
    let storage =
        send(&open_house(), "PATCH", "/admin/v1/config", r#"{"storage": {"database": "memory"}}"#).await;
    assert_eq!(refused(&storage, 422), "files_only");
}
