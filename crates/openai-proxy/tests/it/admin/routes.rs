//! Every route, once as it should be and once refused.

use config::snapshot::Role;
use control::api::{Right, Route, routes};
use serde_json::{Value, json};
use testkit::caller::ask;

use super::{get, good, open_house, refused, send};
use crate::house::TestHouse;

const DRILL: &str = r#"{"provider":"one","fault":"503","for_seconds":60}"#;

/// A path with something in its places.
pub(super) fn filled(path: &str) -> String {
    let words = [
        ("{name}", "one"),
        ("{id}", "default"),
        ("{path}", "routing"),
        ("{number}", "1"),
        ("{from}", "1"),
        ("{to}", "1"),
        ("{model}", "m-1"),
    ];
    words.iter().fold(path.to_owned(), |path, (word, with)| path.replace(word, with))
}

/// A body a route takes, as far as it wants one.
pub(super) fn body_for(route: &Route) -> String {
    let path = route.path;
    let body = match (route.method.as_str(), path) {
        ("POST", "/instances/add" | "/admin/v1/providers") => {
            json!({"name": "three", "type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-third-key-ijkl", "models": ["m-9"]})
        }
        ("POST", "/instances/add-many") => {
            json!([{"name": "four", "provider_type": "openai", "api_base": "http://127.0.0.1:9/v1", "api_key": "sk-4-key-ijklmn"}])
        }
        ("PATCH", "/instances/{name}" | "/admin/v1/providers/{name}") => json!({"priority": 7}),
        ("PUT", "/admin/v1/providers/{name}") => {
            json!({"type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-other-key-ijkl", "models": ["m-1"]})
        }
        ("POST", "/admin/v1/providers/{name}/keys") => json!({"id": "spare", "key": "sk-spare-key-mnop"}),
        ("POST", "/admin/v1/providers/{name}/keys/{id}/rotate") => json!({"key": "sk-next-key-qrst"}),
        ("POST", "/admin/v1/providers/{name}/breaker") => json!({"action": "force_open", "for_seconds": 60}),
        ("POST", "/admin/v1/providers/{name}/pause") => json!({"action": "pause", "reason": "work"}),
        ("POST", "/admin/v1/drills") => return DRILL.to_owned(),
        ("POST", "/admin/v1/providers/{name}/pulls") => json!({"model": "m-9"}),
        ("POST", "/admin/v1/providers/{name}/models/{model}/copy") => json!({"to": "m-9"}),
        ("POST", "/admin/v1/keys") => {
            json!({"name": "another", "models": ["m-1"], "expires": "2099-12-31", "limits": {"requests": "60/min"}})
        }
        ("POST", "/admin/v1/models") => json!({"name": "another", "use": "one/m-2"}),
        ("PUT" | "PATCH", "/admin/v1/models/{name}") => json!({"use": "one/m-2"}),
        ("PUT" | "PATCH", "/admin/v1/routing") => json!({"expose_headers": false}),
        ("PUT", "/admin/v1/config/{path}") => json!({"expose_headers": true}),
        ("PATCH", "/admin/v1/config") | ("POST", "/admin/v1/plan") => {
            json!({"routing": {"expose_headers": false}})
        }
        ("POST", "/admin/v1/explain") => json!({"body": {"model": "m-1"}}),
        ("POST", "/admin/v1/rollback") => json!({"revision": 1}),
        ("POST", "/admin/v1/database/prune") => json!({"older_than_days": 30}),
        _ => return String::new(),
    };
    body.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_does_what_it_should() {
    for route in routes() {
        let house = open_house();
        let path = match route.path {
            "/admin/v1/models/{name}" => "/admin/v1/models/public".to_owned(),
            // A model leads to the first one.
            path if route.method == "DELETE" => path
                .replace("{name}", "two")
                .replace("{id}", "default")
                .replace("{path}", "routing")
                .replace("{number}", "1")
                .replace("{model}", "m-1"),
            path => filled(path),
        };
        // Something that can be forgotten again.
        good(&send(&house, "PUT", "/admin/v1/config/routing", r#"{"expose_headers": false}"#).await);
        if route.path == "/admin/v1/drills/{number}" {
            good(&send(&house, "POST", "/admin/v1/drills", DRILL).await);
        }
        let answer = send(&house, route.method.as_str(), &path, &body_for(&route)).await;
        let row = format!("{} {}: {}", route.method, route.path, answer.text());
        match route.path {
            // Nothing is on its way, and nobody brings models to this kind of service (`it/stocking.rs` has one that takes them).
            "/admin/v1/providers/{name}/pulls/{model}" => assert_eq!(answer.status, 404, "{row}"),
            path if path.ends_with("/pulls") || path.contains("/models/{model}") => {
                assert_eq!(answer.status, 409, "{row}");
            }
            // A database in memory is not copied.
            "/admin/v1/database/backup" => assert_eq!(answer.status, 409, "{row}"),
            // A provider without a key of its own needs to be told so.
            "/admin/v1/providers/{name}/keys/{id}" if route.method == "DELETE" => {
                assert!([200, 422].contains(&answer.status), "{row}");
            }
            "/verification/instances/test" => assert_eq!(answer.status, 404, "{row}"),
            path if path.starts_with("/verification") || path.starts_with("/health/") => {
                assert_eq!(answer.status, 308, "{row}");
                assert!(answer.header("location").is_some(), "{row}");
            }
            _ => assert!(matches!(answer.status, 200 | 201), "{row}"),
        }
        for secret in ["sk-first", "sk-second", "sk-third", "sk-other", "sk-spare", "sk-next", "sk-caller"] {
            assert!(!answer.text().contains(secret), "a key is shown: {row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_says_what_is_wrong_with_a_request() {
    let house = open_house();
    for route in routes().into_iter().filter(|route| route.right != Right::Anyone) {
        let writes = route.method != "GET";
        let body = body_for(&route);
        let path = filled(route.path);
        if writes && !body.is_empty() {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            let answer = ask(house.address(), route.method.as_str(), &path, &headers, &body).await;
            assert_eq!(refused(&answer, 415), "not_json", "{} {path}", route.method);
            let answer = send(&house, route.method.as_str(), &path, "{\"a\": ").await;
            assert_eq!(refused(&answer, 400), "malformed_request", "{} {path}", route.method);
            let twice = send(
                &house,
                route.method.as_str(),
                &path,
                r#"{"key":"a","key":"b","use":1,"use":2,"x":1,"x":1}"#,
            )
            .await;
            refused(&twice, 400);
        }
        if !route.path.starts_with("/verification") && !route.path.starts_with("/health") {
            let answer =
                send(&house, route.method.as_str(), &format!("{path}?no_such_parameter=1"), &body).await;
            let code = refused(&answer, 400);
            assert_eq!(code, "malformed_request", "{} {path}", route.method);
        }
        // What is asked of something that is not there.
        let gone = path.replace("/one", "/nobody").replace("/1", "/99999");
        if gone != path
            && !route.path.contains("{from}")
            && !route.path.starts_with("/health")
            && !route.path.starts_with("/verif")
        {
            let answer = send(&house, route.method.as_str(), &gone, &body).await;
            refused(&answer, 404);
        }
    }
    let other = send(&house, "PATCH", "/stats", "{}").await;
    assert_eq!(refused(&other, 405), "method_not_allowed");
    assert!(other.header("allow").is_some_and(|allow| allow.contains("GET")), "{:?}", other.headers);
    for path in [
        "/admin",
        "/admin/",
        "/admin/v1",
        "/admin/v2/providers",
        "/stats/none",
        "/verification/instances/test/x",
    ] {
        refused(&get(&house, path).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_long_is_refused() {
    let house = open_house();
    let body = format!("{{\"x\": \"{}\"}}", "a".repeat(1024 * 1024));
    let answer = send(&house, "PATCH", "/admin/v1/config", &body).await;
    assert_eq!(refused(&answer, 413), "too_large");
    good(&get(&house, "/stats").await);
}

#[test]
fn every_change_takes_the_highest_role_and_every_look_the_lowest() {
    for Route { method, path, right } in routes() {
        let Right::Role(role) = right else {
            assert!(path.starts_with("/admin/docs") || path == "/admin/openapi.json", "{path}");
            continue;
        };
        match method.as_str() {
            "GET" if path.starts_with("/instances/verify") => {
                assert_eq!(role, Role::Operator, "it costs money")
            }
            "GET" => assert_eq!(role, Role::Viewer, "{path}"),
            "DELETE" if path.starts_with("/admin/v1/drills") => {
                assert_eq!(role, Role::Operator, "it lasts nowhere");
            }
            "PUT" | "PATCH" | "DELETE" => assert_eq!(role, Role::Admin, "{path}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_counts_for_the_next_call_and_names_all_that_is_wrong() {
    let vendor = testkit::vendor::Vendor::start(|_| {
        testkit::vendor::Act::json(200, &crate::house::CHAT_ANSWER.parse().unwrap())
    })
    .await;
    let house = super::house_before(&vendor);
    let call = || async {
        ask(house.address(), "POST", "/v1/chat/completions", &[], crate::house::chat("other-name", false))
            .await
            .status
    };
    assert_eq!(call().await, 404);
    let made =
        good(&send(&house, "POST", "/admin/v1/models", r#"{"name":"other-name","use":"one/m-1"}"#).await);
    assert_eq!(
        (made["changed"].as_bool(), made["differences"][0]["path"].as_str()),
        (Some(true), Some("models.other-name.use"))
    );
    assert_eq!(call().await, 200);
    let wrong = send(
        &house,
        "PATCH",
        "/admin/v1/config",
        r#"{"servr": {}, "providers": {"one": {"priority": "high", "base_url": 5}}}"#,
    )
    .await;
    assert_eq!(refused(&wrong, 422), "invalid_configuration");
    let problems = wrong.json()["problems"].as_array().cloned().unwrap_or_default();
    assert!(problems.len() >= 3, "all at once: {problems:#?}");
    assert!(problems.iter().all(|one| one["what"].is_string()), "{problems:#?}");
    assert_eq!(call().await, 200, "nothing was changed");
}

/// Whether something stands anywhere in an answer.
pub(super) fn holds(value: &Value, text: &str) -> bool {
    value.to_string().contains(text)
}

/// A house whose changes outlast it.
pub(super) fn kept(folder: &std::path::Path) -> TestHouse {
    let file = folder.join("openai-proxy.db");
    let yaml = super::TWO.replace("database: memory", &format!("database: \"sqlite:{}\"", file.display()));
    TestHouse::new(&yaml)
}
