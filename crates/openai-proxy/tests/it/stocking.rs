//! Models brought to a server that keeps them itself, copied and taken away: by administration, and by nobody else.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Act, Answer, Seen, Vendor};
use tokio::sync::Notify;

use crate::admin::{ADMIN, KEYS, OPERATOR, good, refused, with_key};
use crate::house::TestHouse;

const LINES: [&str; 3] = [
    r#"{"status":"pulling manifest"}"#,
    r#"{"status":"pulling 6a0746a1ec1a","digest":"sha256:6a0746a1ec1a","total":1000,"completed":250}"#,
    r#"{"status":"success"}"#,
];

/// A server like Ollama, of which models can be asked for; the last line of a pull comes when it may.
fn server(seen: &Seen, go: &Arc<Notify>) -> Act {
    let body = seen.json();
    match (seen.method.as_str(), seen.path()) {
        ("POST", "/api/pull") if body["model"] == "nobody/none" => {
            Act::text(200, "{\"error\":\"pull model manifest: file does not exist\"}\n")
        }
        ("POST", "/api/pull") => {
            let begun = format!("{}\n{}\n", LINES[0], LINES[1]);
            let answer = Answer::stream(200).header("content-type", "application/x-ndjson");
            answer.send(begun).wait_for(go).send(format!("{}\n", LINES[2])).into()
        }
        ("DELETE", "/api/delete") if body["model"] == "llama3.2:3b" => Act::text(200, ""),
        ("DELETE", "/api/delete") => Act::json(404, &json!({"error": "model 'x' not found"})),
        ("POST", "/api/copy") => Act::text(200, ""),
        ("GET", "/v1/models") => Act::json(200, &json!({"object": "list", "data": [{"id": "llama3.2:3b"}]})),
        _ => Act::text(404, "{}"),
    }
}

async fn with(settings: &str) -> (Vendor, TestHouse, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |seen| server(seen, &held)).await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 2{settings}}}\ndiscovery: {{enabled: never}}\n\
         providers:\n  here: {{type: ollama, base_url: \"{}/v1\"}}\n  there: {{type: openai, base_url: \"http://127.0.0.1:9/v1\", api_key: sk-there}}\n\
         auth: {{mode: none}}\nstorage: {{database: memory}}\n{KEYS}",
        vendor.url()
    ));
    (vendor, house, go)
}

async fn admin(house: &TestHouse, method: &str, path: &str, body: &str) -> Got {
    with_key(house, ADMIN, method, path, body).await
}

/// How the one model on its way fares, once it is as wished.
async fn pull(house: &TestHouse, wished: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let pulls = good(&admin(house, "GET", "/admin/v1/providers/here/pulls", "").await);
        let last = pulls["data"].as_array().unwrap().last().cloned().unwrap_or_default();
        if wished(&last) {
            return last;
        }
        assert!(tokio::time::Instant::now() < deadline, "{pulls}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_brought_and_its_progress_told_until_it_is_there() {
    let (vendor, house, go) = with("").await;
    let at = "/admin/v1/providers/here/pulls";
    let begun = admin(&house, "POST", at, r#"{"model":"llama3.2:3b"}"#).await;
    assert_eq!((begun.status, &good(&begun)["state"]), (201, &"running".into()));
    let half = pull(&house, |pull| pull["completed"] == 250).await;
    assert_eq!((&half["total"], &half["status"]), (&1000.into(), &"pulling 6a0746a1ec1a".into()));
    // Asked for once more, it is the same one.
    good(&admin(&house, "POST", at, r#"{"model":"llama3.2:3b"}"#).await);
    go.notify_one();
    pull(&house, |pull| pull["state"] == "done").await;
    let asked: Vec<_> =
        vendor.ledger().requests().into_iter().filter(|seen| seen.path() == "/api/pull").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].json(), json!({"model": "llama3.2:3b", "stream": true}));
    let audit = good(&admin(&house, "GET", "/admin/v1/audit", "").await);
    assert!(audit.to_string().contains("model.pull"), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_says_why_and_what_is_stopped_is_cut() {
    let (vendor, house, _go) = with("").await;
    let at = "/admin/v1/providers/here/pulls";
    good(&admin(&house, "POST", at, r#"{"model":"nobody/none"}"#).await);
    let failed = pull(&house, |pull| pull["state"] == "failed").await;
    assert_eq!(failed["status"], "pull model manifest: file does not exist");
    good(&admin(&house, "POST", at, r#"{"model":"hf.co/some/model:q4"}"#).await);
    pull(&house, |pull| pull["completed"] == 250).await;
    good(&admin(&house, "DELETE", &format!("{at}/hf.co%2Fsome%2Fmodel%3Aq4"), "").await);
    pull(&house, |pull| pull["state"] == "stopped").await;
    let cut = vendor.ledger().wait_for(|ledger| ledger.open() == 0, std::time::Duration::from_secs(5)).await;
    assert!(cut, "the server is still asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_copied_and_taken_away() {
    let (vendor, house, _go) = with("").await;
    let models = "/admin/v1/providers/here/models";
    good(&admin(&house, "POST", &format!("{models}/llama3.2%3A3b/copy"), r#"{"to":"mine"}"#).await);
    good(&admin(&house, "DELETE", &format!("{models}/llama3.2%3A3b"), "").await);
    let bodies: Vec<_> = vendor.ledger().requests().iter().map(|seen| seen.json()).collect();
    assert!(bodies.contains(&json!({"source": "llama3.2:3b", "destination": "mine"})), "{bodies:?}");
    assert!(bodies.contains(&json!({"model": "llama3.2:3b"})), "{bodies:?}");
    let gone = admin(&house, "DELETE", &format!("{models}/x"), "").await;
    assert_eq!(refused(&gone, 404), "refused_there");
    assert!(gone.text().contains("model 'x' not found"), "{}", gone.text());
    let other = admin(&house, "DELETE", "/admin/v1/providers/there/models/x", "").await;
    assert_eq!(refused(&other, 409), "models_not_kept");
    let low = with_key(&house, OPERATOR, "DELETE", &format!("{models}/x"), "").await;
    assert_eq!(refused(&low, 403), "role_too_low");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_changes_the_models_of_a_server_unless_that_is_switched_on_and_they_administer() {
    let managing = [
        ("POST", "/api/pull", r#"{"model":"m","stream":true}"#),
        ("DELETE", "/api/delete", r#"{"model":"llama3.2:3b"}"#),
        ("POST", "/api/copy", r#"{"source":"a","destination":"b"}"#),
        ("POST", "/api/create", r#"{"model":"m","from":"n"}"#),
        ("POST", "/api/push", r#"{"model":"m"}"#),
        ("POST", "/api/blobs/sha256:0", "x"),
        ("POST", "/api/something/new", "{}"),
    ];
    let key = [("authorization", "Bearer admin-key-0123456789"), ("content-type", "application/json")];
    let (vendor, house, _go) = with("").await;
    for (method, path, body) in managing {
        let answer = ask(house.address(), method, path, &key, body).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(
            answer.json()["error"].as_str().is_some_and(|say| say.contains("server.manage_models")),
            "{path}"
        );
    }
    assert_eq!(vendor.ledger().begun(), 0, "nothing is asked of it");
    let (vendor, house, go) = with(", manage_models: on").await;
    for headers in [&[][..], &[("authorization", "Bearer sk-some-caller")], &[("x-admin-api-key", OPERATOR)]]
    {
        for (method, path, body) in managing {
            let answer = ask(house.address(), method, path, headers, body).await;
            assert_eq!(answer.status, 401, "{path} {headers:?}: {}", answer.text());
        }
    }
    assert_eq!(vendor.ledger().begun(), 0, "nothing is asked of it");
    go.notify_one();
    let pulled = ask(house.address(), "POST", "/api/pull", &key, r#"{"model":"m","stream":true}"#).await;
    assert_eq!((pulled.status, pulled.text()), (200, LINES.map(|line| format!("{line}\n")).concat()));
    let gone = ask(house.address(), "DELETE", "/api/delete", &key, r#"{"model":"llama3.2:3b"}"#).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    for seen in vendor.ledger().requests() {
        assert!(!format!("{:?}", seen.headers).contains(ADMIN), "a key of administration is for nobody else");
    }
    let audit = good(&admin(&house, "GET", "/admin/v1/audit", "").await);
    assert!(audit.to_string().contains("DELETE /api/delete"), "{audit}");
}
