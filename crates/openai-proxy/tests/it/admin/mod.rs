//! Administration over HTTP, at a whole house.

mod callers;
mod conflicts;
mod doors;
mod hostile;
mod keys;
mod once;
mod pages;
mod records;
mod revisions;
mod roles;
mod routes;
mod seed003;
mod standing;

use serde_json::Value;
use testkit::caller::{Answer, ask};
use testkit::vendor::Vendor;

use crate::house::TestHouse;

/// Keys of the three roles.
pub(crate) const ADMIN: &str = "admin-key-0123456789";
pub(crate) const OPERATOR: &str = "operator-key-0123456789";
pub(crate) const VIEWER: &str = "viewer-key-0123456789";

/// Two providers and a model name; no vendor is needed, for nothing is asked of them.
pub(crate) const TWO: &str = "
providers:
  one: {type: openai, base_url: \"http://127.0.0.1:9/v1\", api_key: sk-first-key-abcd, models: [m-1, m-2]}
  two: {type: openai, base_url: \"http://127.0.0.1:9/v1\", api_key: sk-second-key-efgh, models: [m-3]}
models: {public: one/m-1}
auth: {mode: none}
keys: {one: {key: sk-caller-one-0123456789abcdefghijk}, two: {key: sk-caller-two-0123456789abcdefghijk}}
storage: {database: memory}
";

/// The keys, as configuration.
pub(crate) const KEYS: &str = "
admin:
  api_key: admin-key-0123456789
  keys:
    ops: {key: operator-key-0123456789, role: operator}
    eyes: {key: viewer-key-0123456789, role: viewer}
";

/// A house that anybody on this computer administers.
pub(crate) fn open_house() -> TestHouse {
    TestHouse::new(TWO)
}

/// A house with keys.
pub(crate) fn locked_house() -> TestHouse {
    TestHouse::new(&format!("{TWO}{KEYS}"))
}

/// A house with this one provider, `one`.
pub(crate) fn house_before(vendor: &Vendor) -> TestHouse {
    let provider = format!(
        "{{type: openai, base_url: \"{}/v1\", api_key: sk-first-key-abcd, models: [m-1]}}",
        vendor.url()
    );
    TestHouse::new(&format!(
        "providers: {{one: {provider}}}\nrouting: {{unknown_model: error}}\nstorage: {{database: memory}}\n"
    ))
}

/// Asks for something.
pub(crate) async fn get(house: &TestHouse, path: &str) -> Answer {
    ask(house.address(), "GET", path, &[], "").await
}

/// Asks for a change.
pub(crate) async fn send(house: &TestHouse, method: &str, path: &str, body: &str) -> Answer {
    send_with(house, method, path, &[], body).await
}

/// Asks for a change, with more headers.
pub(crate) async fn send_with(
    house: &TestHouse,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    ask(house.address(), method, path, &all, body).await
}

/// Asks with a key.
pub(crate) async fn with_key(house: &TestHouse, key: &str, method: &str, path: &str, body: &str) -> Answer {
    send_with(house, method, path, &[("x-admin-api-key", key)], body).await
}

/// The JSON of an answer that must be a good one.
#[track_caller]
pub(crate) fn good(answer: &Answer) -> Value {
    assert!((200..300).contains(&answer.status), "{}: {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text());
    answer.json()
}

/// The code of a problem that must have this status.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 20), "{problem}");
    problem["code"].as_str().unwrap_or_default().to_owned()
}
