//! Callers' keys made at run time: shown once, kept as no key, gone when they are taken away.

use std::path::Path;

use config::Given;
use serde_json::{Value, json};
use testkit::caller::{Answer, ask};
use testkit::vendor::{Act, Vendor};

use super::{get, good, open_house, refused, send, send_with};
use crate::house::{CHAT_ANSWER, TestHouse, chat, provider};

const KEYS: &str = "/admin/v1/keys";

/// A file and a database in a folder of their own, and a gateway that asks for keys.
fn kept(folder: &Path, vendor: &Vendor) -> Given {
    let file = folder.join("openai-proxy.yaml");
    let database = folder.join("state.db");
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nauth: {{mode: keys}}\nstorage: {{database: \"sqlite:{}\"}}\n{}",
        database.display(),
        provider(vendor)
    );
    std::fs::write(&file, yaml).unwrap();
    Given { file: Some(file), ..Given::default() }
}

async fn vendor() -> Vendor {
    Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await
}

async fn say(house: &TestHouse, key: &str) -> Answer {
    let head = [("x-api-key", key)];
    ask(house.address(), "POST", "/v1/chat/completions", &head, chat("gpt-4o", false)).await
}

async fn make(house: &TestHouse, body: &Value) -> String {
    let made = good(&send(house, "POST", KEYS, &body.to_string()).await);
    made["key"].as_str().unwrap().to_owned()
}

/// Everything in the files of a folder.
fn everything(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // What was a database's own affair may go while one looks.
    let text = |path: &Path| std::fs::read(path).unwrap_or_default();
    files.flat_map(|path| if path.is_dir() { everything(&path) } else { text(&path) }).collect()
}

fn holds(all: &[u8], text: &str) -> bool {
    all.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_made_shown_once_and_felt_by_the_next_call_as_is_its_end() {
    let (dir, vendor) = (tempfile::tempdir().unwrap(), vendor().await);
    let house = TestHouse::of(&kept(dir.path(), &vendor));
    let body = json!({
        "name": "laptop", "models": ["gpt-4o*"], "expires": "2099-12-31",
        "limits": {"requests": "2/day", "concurrency": 3},
    });
    let key = make(&house, &body).await;
    assert!(key.starts_with("sk-op-") && key.len() == 49, "256 bits behind a word for what it is: {key}");
    assert_ne!(key, make(&house, &json!({"name": "phone"})).await);
    assert_eq!(say(&house, &key).await.status, 200);
    let listed = good(&get(&house, KEYS).await);
    let end = format!("***{}", &key[key.len() - 4..]);
    let wanted = json!({
        "name": "laptop", "last_four": end, "models": ["gpt-4o*"], "expires": "2099-12-31",
        "limits": {"requests": "2/day", "concurrency": 3},
    });
    assert_eq!((&listed["data"][0], &listed["data"][1]["models"]), (&wanted, &Value::Null));
    assert_eq!(good(&get(&house, "/admin/v1/keys/laptop").await), wanted);
    assert_eq!((say(&house, &key).await.status, say(&house, &key).await.status), (200, 429));
    good(&send(&house, "DELETE", "/admin/v1/keys/laptop?reason=lost", "").await);
    assert_eq!(say(&house, &key).await.error_code().as_deref(), Some("invalid_api_key"));
    assert_eq!(refused(&send(&house, "DELETE", "/admin/v1/keys/laptop", "").await, 404), "not_found");
    for path in ["/admin/v1/config", "/admin/v1/audit", "/admin/v1/revisions/2", KEYS] {
        assert!(!get(&house, path).await.text().contains(&key), "{path}");
    }
    drop(house);
    let all = everything(dir.path());
    assert!(holds(&all, "laptop") && !holds(&all, &key[6..]), "its name is in a file, and the key in none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_outlasts_a_restart_and_another_key_of_the_vault() {
    let (dir, vendor) = (tempfile::tempdir().unwrap(), vendor().await);
    let given = kept(dir.path(), &vendor);
    let house = TestHouse::of(&given);
    let key = make(&house, &json!({"name": "laptop"})).await;
    drop(house);
    let house = TestHouse::of(&given);
    assert_eq!(say(&house, &key).await.status, 200);
    let file = dir.path().join("state.key");
    let old = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{}\n{old}", "0123456789abcdef".repeat(4))).unwrap();
    good(&send(&house, "POST", "/admin/v1/secrets/rotate", "").await);
    std::fs::write(&file, "0123456789abcdef".repeat(4)).unwrap();
    assert_eq!(say(&house, &key).await.status, 200);
    drop(house);
    let house = TestHouse::of(&given);
    assert_eq!(say(&house, &key).await.status, 200);
    // What was made can be taken back, and brought back, as any change.
    good(&send(&house, "POST", "/admin/v1/rollback", r#"{"revision": 1}"#).await);
    assert_eq!(say(&house, &key).await.error_code().as_deref(), Some("invalid_api_key"));
    good(&send(&house, "POST", "/admin/v1/rollback", r#"{"revision": 2}"#).await);
    assert_eq!(say(&house, &key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_with_in_the_place_of_a_key_is_shown_to_admins_noted_and_kept_nowhere() {
    let (dir, vendor) = (tempfile::tempdir().unwrap(), vendor().await);
    let given = kept(dir.path(), &vendor);
    let house = TestHouse::of(&given);
    make(&house, &json!({"name": "laptop"})).await;
    let show = |house: &TestHouse| {
        let address = house.address();
        let json = [("content-type", "application/json")];
        async move { ask(address, "POST", "/admin/v1/keys/laptop/aws", &json, "").await }
    };
    let answer = show(&house).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = good(&answer);
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("access_key_id"), text("secret_access_key"));
    assert!(id.len() == 20 && secret.len() == 40, "as long as AWS's: {told}");
    let trail = good(&get(&house, "/admin/v1/audit").await);
    let noted = &trail["data"][0];
    assert_eq!((&noted["action"], &noted["subject"]), (&json!("keys.aws"), &json!("laptop")), "{trail}");
    for path in
        [KEYS, "/admin/v1/keys/laptop", "/admin/v1/config", "/admin/v1/audit", "/admin/v1/revisions/2"]
    {
        let said = get(&house, path).await.text();
        assert!(!said.contains(&secret) && !said.contains(&id), "{path}");
    }
    let nobody = send(&house, "POST", "/admin/v1/keys/nobody/aws", "").await;
    assert_eq!(refused(&nobody, 404), "not_found");
    drop(house);
    let all = everything(dir.path());
    assert!(!holds(&all, &secret) && !holds(&all, &id), "neither is in a file");
    let house = TestHouse::of(&given);
    assert_eq!(good(&show(&house).await), told, "it outlasts a restart as the key does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_makes_one_key_and_shows_it_once() {
    let house = open_house();
    let add = || send_with(&house, "POST", KEYS, &[("idempotency-key", "k-1")], r#"{"name":"laptop"}"#);
    let (first, again) = (good(&add().await), good(&add().await));
    assert!(first["key"].is_string() && again["key"].is_null(), "{again}");
    assert_eq!(first["change"], again["change"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_could_not_hold_is_not_made() {
    let house = open_house();
    assert_eq!(refused(&send(&house, "POST", KEYS, r#"{"name":"one"}"#).await, 409), "exists");
    for wrong in [
        r#"{"name":"two words"}"#,
        r#"{"name":"x","expires":"soon"}"#,
        r#"{"name":"x","limits":{"requests":"many"}}"#,
        r#"{"name":"x","limits":{"concurrency":0}}"#,
        r#"{"name":"x","models":[""]}"#,
    ] {
        assert_eq!(
            refused(&send(&house, "POST", KEYS, wrong).await, 422),
            "invalid_configuration",
            "{wrong}"
        );
    }
    let unknown = send(&house, "POST", KEYS, r#"{"name":"x","role":"admin"}"#).await;
    assert_eq!(refused(&unknown, 400), "malformed_request");
    assert_eq!(good(&get(&house, KEYS).await)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_key_is_not_taken_from_a_door_that_others_can_reach() {
    let vendor = vendor().await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"0.0.0.0:0\", admin_listen: \"127.0.0.1:0\", workers: 1}}\n{}keys: {{laptop: {{key: sk-laptop-0123456789abcdefghijklmnop}}}}\n",
        provider(&vendor)
    ));
    let admin = house.inner().admin().unwrap();
    let answer =
        ask(admin, "DELETE", "/admin/v1/keys/laptop", &[("content-type", "application/json")], "").await;
    assert_eq!(refused(&answer, 422), "invalid_configuration");
    assert!(answer.text().contains("auth: {mode: keys}"), "{}", answer.text());
}
