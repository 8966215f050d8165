//! Projects in Google's cloud, asked with a service account's token.

use serde_json::json;
use testkit::caller;
use testkit::vendor::{self, Act, Seen, Vendor};

use super::{gives, is_greeted};
use crate::house::{TestHouse, chat};

/// A service account's file, for tokens of this directory.
fn service_account(directory: &Vendor) -> String {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem();
    json!({
        "type": "service_account", "project_id": "p-1", "private_key_id": "k", "private_key": key,
        "client_email": "gateway@p-1", "token_uri": format!("{}/token", directory.url()),
    })
    .to_string()
}

const SAID: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":12,"totalTokenCount":21}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_of_googles_is_asked_in_its_language_with_a_service_accounts_token() {
    let directory = Vendor::start(|_| gives("ya29.of-the-project", 3600)).await;
    let service = Vendor::start(|seen: &Seen| match seen.header("authorization") {
        Some("Bearer ya29.of-the-project") if seen.target.contains(":stream") => {
            vendor::Answer::plain(200, format!("data: {SAID}\r\n\r\n"))
                .header("content-type", "text/event-stream")
                .into()
        }
        Some("Bearer ya29.of-the-project") => {
            vendor::Answer::plain(200, SAID).header("content-type", "application/json").into()
        }
        _ => Act::json(401, &json!({"error": {"code": 401, "status": "UNAUTHENTICATED"}})),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, service_account(&directory)).unwrap();
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  cloud:\n    type: vertex\n    base_url: \"{}\"\n    google: {{credentials: \"${{file:{}}}\", location: europe-west1}}\nmodels: {{m: cloud/gemini-2.5-flash}}\n",
        service.url(),
        file.display()
    ));
    let place = "/v1/projects/p-1/locations/europe-west1/publishers/google/models/gemini-2.5-flash";
    let asked = |service: &Vendor| service.ledger().last().unwrap().seen.target;
    // In OpenAI's language, whole and streamed.
    is_greeted(&house).await;
    assert_eq!(asked(&service), format!("{place}:generateContent"));
    let answer = caller::ask(house.address(), "POST", "/v1/chat/completions", &[], &chat("m", true)).await;
    assert!(answer.status == 200 && answer.text().contains("[DONE]"), "{}", answer.text());
    assert_eq!(asked(&service), format!("{place}:streamGenerateContent?alt=sse"));
    // In its own: the bytes as they came.
    let body = r#"{ "contents":[{"role":"user","parts":[{"text":"hi"}]}],"labels":{"a":"b"} }"#;
    let key = [("x-goog-api-key", "AIza-of-the-caller")];
    let answer = caller::ask(house.address(), "POST", "/v1beta/models/m:generateContent", &key, body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, SAID));
    let seen = service.ledger().last().unwrap().seen;
    assert_eq!(
        (seen.target.as_str(), &seen.body[..]),
        (format!("{place}:generateContent").as_str(), body.as_bytes())
    );
    assert_eq!(seen.header("x-goog-api-key"), None, "the caller's own key goes nowhere");
    assert_eq!(directory.ledger().begun(), 1);
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":12}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claude_in_a_project_of_googles_is_asked_in_its_own_language() {
    let directory = Vendor::start(|_| gives("ya29.of-the-project", 3600)).await;
    let service = Vendor::start(|_| {
        vendor::Answer::plain(200, MESSAGE).header("content-type", "application/json").into()
    })
    .await;
    let login = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
        "token_uri": format!("{}/token", directory.url()),
    });
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  cloud:\n    type: vertex\n    base_url: \"{}\"\n    google: {{credentials: '{login}', project: p-1, location: global}}\nmodels: {{m: cloud/claude-opus-4-8}}\n",
        service.url()
    ));
    let place = "/v1/projects/p-1/locations/global/publishers/anthropic/models/claude-opus-4-8:rawPredict";
    let said = || service.ledger().last().unwrap().seen;
    is_greeted(&house).await;
    assert_eq!(
        (said().target.as_str(), &said().json()["anthropic_version"]),
        (place, &json!("vertex-2023-10-16"))
    );
    assert!(said().json().get("model").is_none());
    // In its own language but for one edit the bytes are the caller's.
    let body = r#"{ "model":"m", "max_tokens":9,"messages":[{"role":"user","content":"hi"}], "new":1 }"#;
    let answer = caller::ask(house.address(), "POST", "/v1/messages", &[("anthropic-beta", "b")], body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, MESSAGE));
    let wanted = body.replace(r#""model":"m", "#, r#""anthropic_version":"vertex-2023-10-16", "#);
    assert_eq!(
        (said().target.as_str(), said().text(), said().header("anthropic-beta")),
        (place, wanted, Some("b"))
    );
    // Written anew, because a thought is another vendor's, it goes to the same place with the same headers.
    let thought = r#"{"type":"thinking","thinking":"t","signature":"opxgemi0abcd"}"#;
    let body = format!(
        r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":"hi"}},{{"role":"assistant","content":[{thought},{{"type":"text","text":"a"}}]}},{{"role":"user","content":"on"}}]}}"#
    );
    let answer =
        caller::ask(house.address(), "POST", "/v1/messages", &[("anthropic-beta", "b")], &body).await;
    assert_eq!((answer.status, said().json().get("model")), (200, None), "{}", answer.text());
    assert_eq!(said().json()["anthropic_version"], "vertex-2023-10-16");
    assert_eq!((said().target.as_str(), said().header("anthropic-beta")), (place, Some("b")));
    assert!(!said().text().contains("opxgemi0"), "{}", said().text());
}
