//! Texts that are meant to do harm, in every field that takes one.

use control::api::{Right, routes};
use serde_json::{Value, json};

use super::routes::body_for;
use super::{get, good, open_house, send};

/// What has opened databases, shells and pages.
const TEXTS: [&str; 12] = [
    "' OR '1'='1",
    "'; DROP TABLE requests; --",
    "\" OR \"\"=\"",
    "1) UNION SELECT name, sql FROM sqlite_master --",
    "%' AND 1=(SELECT COUNT(*) FROM sqlite_master) AND '%'='",
    "\\'; SELECT pg_sleep(10); --",
    "%00",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "${file:/etc/passwd}",
    "*(|(objectclass=*))",
    "\u{202e}\u{0}\u{7f}\u{feff}",
];

/// Escaped for a path or a query.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Puts a text in the place of every text in a body.
fn poisoned(value: &Value, text: &str) -> Value {
    match value {
        Value::String(_) => json!(text),
        Value::Array(items) => items.iter().map(|item| poisoned(item, text)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), poisoned(value, text))).collect())
        }
        other => other.clone(),
    }
}

const QUERIES: [(&str, &[&str]); 5] = [
    ("/instances", &["provider_type", "model", "status", "name", "cursor", "limit"]),
    ("/admin/v1/requests", &["model", "provider", "caller", "status", "cursor", "from", "until", "limit"]),
    ("/admin/v1/audit", &["actor", "action", "cursor", "from", "until"]),
    ("/admin/v1/usage", &["group", "by", "from", "until"]),
    ("/admin/config/sources", &["path"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_in_any_field_does_anything_but_be_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let house = super::routes::kept(folder.path());
    let before = good(&get(&house, "/config").await);
    let long = "x".repeat(10_000);
    let texts = TEXTS.iter().copied().chain([long.as_str()]);
    for text in texts {
        for (path, parameters) in QUERIES {
            for parameter in parameters {
                let target = format!("{path}?{parameter}={}", escaped(text));
                let answer = get(&house, &target).await;
                // A target has at most 8 KiB.
                assert!(
                    matches!(answer.status, 200 | 400 | 414),
                    "{target}: {} {}",
                    answer.status,
                    answer.text()
                );
                let rows = answer.json()["data"].as_array().map_or(0, Vec::len);
                let searched = !matches!(*parameter, "cursor" | "limit" | "from" | "until" | "by" | "group");
                assert!(rows == 0 || !searched, "{target} found {rows}");
            }
        }
        for route in routes().into_iter().filter(|route| route.right != Right::Anyone) {
            let safe = route.method == "POST"
                && matches!(
                    route.path,
                    "/instances/add" | "/admin/v1/models" | "/instances/add-many" | "/admin/v1/providers"
                );
            let path = ["{name}", "{id}", "{path}", "{number}", "{from}", "{to}"]
                .iter()
                .fold(route.path.to_owned(), |path, word| path.replace(word, &escaped(text)));
            let body = serde_json::from_str(&body_for(&route))
                .map_or(String::new(), |body| poisoned(&body, text).to_string());
            // What names nothing that is there, and what would make something whose name is no name.
            if path == route.path && !safe {
                continue;
            }
            let answer = send(&house, route.method.as_str(), &path, &body).await;
            let row = format!("{} {}: {} {}", route.method, route.path, answer.status, answer.text());
            assert!(answer.status < 500 && answer.status != 101, "{row}");
            let makes_a_model = route.path == "/admin/v1/models";
            assert!(answer.status >= 300 || makes_a_model || route.path.contains("config/{path}"), "{row}");
        }
        // A setting that holds dots, quotes or slashes is one nobody has.
        let answer = send(&house, "PUT", &format!("/admin/v1/config/{}", escaped(text)), "{}").await;
        assert!(answer.status < 500, "{}", answer.text());
    }
    let after = good(&get(&house, "/config").await);
    assert_eq!(before["providers"], after["providers"], "nothing was done");
    let verified = good(&send(&house, "POST", "/admin/v1/audit/verify", "").await);
    assert_eq!(verified["whole"], true, "{verified}");
    let health = good(&get(&house, "/admin/v1/database?thorough=true").await);
    assert_eq!(health["damages"], json!([]), "{health}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deep_or_strange_body_is_refused_and_not_swallowed() {
    let house = open_house();
    let deep = format!("{}1{}", "{\"a\":".repeat(300), "}".repeat(300));
    for body in [
        &*deep,
        "null",
        "[]",
        "1e999",
        "\"text\"",
        "{\"providers\": []}",
        "{\"a\":1}{",
        "\u{feff}{}",
        "{\"server\": 7}",
    ] {
        let answer = send(&house, "PATCH", "/admin/v1/config", body).await;
        assert!(
            matches!(answer.status, 400 | 422),
            "{}: {} {}",
            &body[..body.len().min(40)],
            answer.status,
            answer.text()
        );
    }
}

/// What stands in a file of this computer is told by nobody, not even by what would be wrong with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_and_no_sealed_key_is_read_through_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "what-nobody-may-read").unwrap();
    let house = open_house();
    good(&send(&house, "PATCH", "/instances/one", r#"{"api_key": "sk-what-nobody-may-read"}"#).await);
    let written = house.inner().control().sheet().await.unwrap();
    let sealed =
        written.at(&["providers", "one", "api_key"].map(str::to_owned)).unwrap().as_str().unwrap().to_owned();
    assert!(sealed.starts_with("${sealed:value-"), "{sealed}");
    for reference in [format!("${{file:{}}}", file.display()), sealed, "${sealed:audit-key}".to_owned()] {
        for patch in [
            json!({"logging": {"level": reference}}),
            json!({"server": {"listen": reference}}),
            json!({"models": {"x": reference}}),
            json!({"models": {"x": {"use": [reference]}}}),
            json!({"routing": {"unknown_model": reference}}),
            json!({"routing": {"retries": reference}}),
            json!({"providers": {"two": {"type": reference}}}),
            json!({"providers": {"two": {"base_url": reference}}}),
            json!({"providers": {"two": {"ca_file": reference}}}),
            json!({"providers": {"two": {"headers": {"x-a": reference}}}}),
            json!({"providers": {"two": {"api_key": reference}}}),
            json!({"providers": {"two": {"api_key": {"a": reference}}}}),
            json!({"admin": {"keys": {"x": {"key": reference, "role": reference}}}}),
            json!({"no_such": reference}),
        ] {
            for (method, path) in [("POST", "/admin/v1/plan"), ("PATCH", "/admin/v1/config")] {
                let answer = send(&house, method, path, &patch.to_string()).await;
                let text = answer.text();
                assert!(answer.status < 500 && !text.contains("nobody-may-read"), "{method} {patch}: {text}");
            }
        }
    }
}
