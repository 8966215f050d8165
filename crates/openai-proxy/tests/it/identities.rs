//! Providers that know us by who we are: a token is asked for where it is given, once for all who wait, anew before it ends, and
//! requests are signed where that is wanted. No caller hears of any of it, but by an error that is ours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use gateway::{CheckResult, VerifyOptions};
use protocol::secret::Secret;
use protocol::vendor::identity::sigv4::{self, Keys, Scope, Signed};
use serde_json::json;
use testkit::caller::{self, Answer};
use testkit::vendor::{self, Act, Seen, Vendor};
use tokio::sync::Notify;

use crate::house::{CHAT_ANSWER, TestHouse, UNDAUNTED, chat};

const SECRET: &str = "the-secret-of-the-application";

/// A directory that gives tokens, each another one, and a service that takes those it has been told of.
struct Scene {
    directory: Vendor,
    service: Vendor,
    holds: Arc<Mutex<BTreeSet<String>>>,
}

impl Scene {
    /// `about`: what the directory does about its question of that number, with the token it would give.
    async fn new(about: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let holds = Arc::new(Mutex::new(BTreeSet::new()));
        let (given, taken, asked) = (holds.clone(), holds.clone(), AtomicUsize::new(0));
        let directory = Vendor::start(move |_| {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            let token = format!("token-number-{number}-of-the-directory");
            given.lock().unwrap().insert(format!("Bearer {token}"));
            about(number, &token)
        })
        .await;
        let service = Vendor::start(move |seen: &Seen| {
            let shown = seen.header("authorization").unwrap_or_default();
            if taken.lock().unwrap().contains(shown) && seen.header("api-key").is_none() {
                return vendor::Answer::plain(200, CHAT_ANSWER)
                    .header("content-type", "application/json")
                    .into();
            }
            Act::json(401, &json!({"error": {"code": "401", "message": "Access denied"}}))
        })
        .await;
        Self { directory, service, holds }
    }

    fn yaml(&self) -> String {
        format!(
            "discovery: {{enabled: never}}\nproviders:\n  east:\n    type: azure\n    base_url: \"{}\"\n    entra_id: {{tenant: t-1, client_id: c-1, client_secret: {SECRET}, authority: \"{}\"}}\nmodels: {{m: {{use: [east/gpt]}}}}\n",
            self.service.url(),
            self.directory.url()
        )
    }

    /// Asked however often it fails.
    fn undaunted(&self) -> String {
        let breaker = format!("    type: azure\n    breaker: {UNDAUNTED}\n");
        self.yaml().replace("    type: azure\n", &breaker)
    }

    fn house(&self) -> TestHouse {
        TestHouse::new(&self.yaml())
    }

    /// No token holds any more.
    fn revoke(&self) {
        self.holds.lock().unwrap().clear();
    }

    fn asked(&self) -> usize {
        self.directory.ledger().begun()
    }
}

fn gives(token: &str, seconds: u64) -> Act {
    Act::json(200, &json!({"token_type": "Bearer", "access_token": token, "expires_in": seconds}))
}

async fn call(house: &TestHouse) -> Answer {
    caller::ask(house.address(), "POST", "/v1/chat/completions", &[], &chat("m", false)).await
}

/// What a caller hears of a trouble with who we are: that it is ours, and no more.
fn is_ours(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.error_code().as_deref()),
        (502, Some("upstream_auth_failed")),
        "{}",
        answer.text()
    );
    for secret in [SECRET, "127.0.0.1", "token-number", "t-1", "invalid_client"] {
        assert!(!String::from_utf8_lossy(&answer.raw).contains(secret), "{secret}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_call_asks_for_a_token_and_others_use_it() {
    let scene = Scene::new(|_, token| gives(token, 3600)).await;
    let house = scene.house();
    assert_eq!(scene.asked(), 0, "nothing is asked before anybody calls");
    for _ in 0..3 {
        let answer = call(&house).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(scene.asked(), 1);
    let question = &scene.directory.ledger().requests()[0];
    let body = String::from_utf8_lossy(&question.body).into_owned();
    assert_eq!(question.target, "/t-1/oauth2/v2.0/token");
    assert!(body.contains("grant_type=client_credentials") && body.contains("client_id=c-1"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_at_once_ask_for_one_token() {
    let scene = Scene::new(|_, token| {
        let said = json!({"access_token": token, "expires_in": 3600}).to_string();
        vendor::Answer::plain(200, said).late(Duration::from_millis(200)).into()
    })
    .await;
    let house = scene.house();
    let address = house.address();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        calls.spawn(async move {
            caller::ask(address, "POST", "/v1/chat/completions", &[], &chat("m", false)).await.status
        });
    }
    let statuses: BTreeSet<u16> = calls.join_all().await.into_iter().collect();
    assert_eq!((statuses, scene.asked()), (BTreeSet::from([200]), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_token_is_asked_for_early_and_no_call_waits_for_it() {
    let go_on = Arc::new(Notify::new());
    let gate = go_on.clone();
    let scene = Scene::new(move |number, token| match number {
        1 => gives(token, 3),
        _ => {
            let said = json!({"access_token": token, "expires_in": 3600}).to_string();
            vendor::Answer::stream(200).wait_for(&gate).send(said).into()
        }
    })
    .await;
    let house = scene.house();
    // With the first, until the directory has been asked for the second, which it does not give yet.
    let answered = |scene: &Scene| {
        scene
            .service
            .ledger()
            .requests()
            .last()
            .and_then(|seen| seen.header("authorization").map(str::to_owned))
    };
    while scene.asked() < 2 {
        assert_eq!(call(&house).await.status, 200);
        assert!(answered(&scene).unwrap().contains("number-1"));
    }
    let answer = call(&house).await;
    assert_eq!(answer.status, 200, "a call goes on with the one that holds");
    go_on.notify_one();
    while !answered(&scene).unwrap().contains("number-2") {
        assert_eq!(call(&house).await.status, 200);
    }
    assert_eq!(scene.asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_tokens_are_given_nobody_may_be() {
    let scene = Scene::new(|_, _| Act::Reset).await;
    let house = scene.house();
    is_ours(&call(&house).await);
    assert_eq!(scene.service.ledger().begun(), 0, "nothing was sent without a token");
    // And whoever else serves the model answers.
    let other = Vendor::start(|_| Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap())).await;
    let yaml = scene.yaml().replace(
        "models: {m: {use: [east/gpt]}}",
        &format!("  other: {{base_url: \"{}/v1\", api_key: sk-other}}\nmodels: {{m: {{use: [east/gpt, other/gpt]}}}}", other.url()),
    );
    let house = TestHouse::new(&yaml);
    let answer = call(&house).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_gives_no_token_is_never_the_callers_401_and_is_not_asked_by_everybody() {
    let refused = || {
        let said = json!({"error": "invalid_client", "error_description": format!("AADSTS7000215: {SECRET} is wrong")});
        Act::json(401, &said)
    };
    let answers: [fn(&str) -> Act; 4] = [
        |_| Act::json(200, &json!({"token_type": "Bearer"})),
        |_| Act::text(200, "<html>sign in</html>"),
        |token| Act::json(200, &json!({"access_token": token})),
        |token| gives(token, 0),
    ];
    let scene = Scene::new(move |_, _| refused()).await;
    let house = TestHouse::new(&scene.undaunted());
    for _ in 0..20 {
        is_ours(&call(&house).await);
    }
    assert!(scene.asked() < 8, "asked {} times for one thing", scene.asked());
    for answer in answers {
        let scene = Scene::new(move |_, token| answer(token)).await;
        is_ours(&call(&scene.house()).await);
        assert_eq!(scene.service.ledger().begun(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_holds_no_more_is_replaced_within_the_call() {
    let scene = Scene::new(|_, token| gives(token, 3600)).await;
    let house = scene.house();
    assert_eq!(call(&house).await.status, 200);
    scene.revoke();
    let answer = call(&house).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((scene.asked(), scene.service.ledger().begun()), (2, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_refuses_every_token_is_asked_once_more_and_no_further() {
    let scene = Scene::new(|_, token| gives(token, 3600)).await;
    let refuses = Vendor::start(|_| Act::json(401, &json!({"error": {"message": "no"}}))).await;
    let house = TestHouse::new(&scene.undaunted().replace(&scene.service.url(), &refuses.url()));
    is_ours(&call(&house).await);
    assert_eq!((scene.asked(), refuses.ledger().begun()), (2, 2));
    is_ours(&call(&house).await);
    assert_eq!((scene.asked(), refuses.ledger().begun()), (2, 3), "it is something else that is refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_repeats_a_token_is_withheld() {
    let directory = Vendor::start(|_| gives("a-token-nobody-may-see-1234", 3600)).await;
    let service = Vendor::start(|seen: &Seen| {
        let shown = seen.header("authorization").unwrap_or_default();
        Act::json(200, &json!({"choices": [{"message": {"role": "assistant", "content": shown}}]}))
    })
    .await;
    let scene = Scene { directory, service, holds: Arc::default() };
    let answer = call(&scene.house()).await;
    assert_eq!(
        (answer.status, answer.error_code().as_deref()),
        (502, Some("upstream_bad_response")),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("nobody-may-see"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_repeats_a_token_is_withheld_though_another_has_come_meanwhile() {
    let scene = Scene::new(|_, token| gives(token, 3600)).await;
    let go_on = Arc::new(Notify::new());
    let gate = go_on.clone();
    // The first call is answered when the others are, the second is refused.
    let service = Vendor::start(move |seen: &Seen| match seen.number {
        1 => {
            let shown = seen.header("authorization").unwrap_or_default();
            let said = json!({"choices": [{"message": {"role": "assistant", "content": shown}}]});
            let answer = vendor::Answer::stream(200).header("content-type", "application/json");
            answer.wait_for(&gate).send(said.to_string()).into()
        }
        2 => Act::json(401, &json!({"error": {"message": "no"}})),
        _ => Act::json(200, &serde_json::from_str(CHAT_ANSWER).unwrap()),
    })
    .await;
    let yaml = scene.yaml().replace(&scene.service.url(), &service.url());
    let house = TestHouse::new(&format!("{yaml}routing: {{retries: 0}}\n"));
    let others = async {
        while service.ledger().begun() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(call(&house).await.status, 200);
        assert_eq!(scene.asked(), 2);
        go_on.notify_one();
    };
    let (answer, ()) = tokio::join!(call(&house), others);
    assert_eq!(answer.error_code().as_deref(), Some("upstream_bad_response"), "{}", answer.text());
    assert!(!String::from_utf8_lossy(&answer.raw).contains("token-number"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_verified_tells_whether_we_are_known_there() {
    let scene = Scene::new(|_, _| {
        Act::json(400, &json!({"error": "invalid_client", "error_description": format!("not {SECRET}")}))
    })
    .await;
    let house = scene.house();
    let verified = house.inner().gateway().verify("east", VerifyOptions::default()).await.unwrap();
    let key = verified.checks.iter().find(|check| check.check == "key").unwrap();
    assert_eq!(key.result, CheckResult::Failed, "{verified:?}");
    let told = serde_json::to_string(&verified).unwrap();
    assert!(told.contains("invalid_client") && !told.contains(SECRET), "{told}");
}

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
    let answer = call(&house).await;
    assert_eq!(
        (answer.status, &answer.json()["choices"][0]["message"]["content"]),
        (200, &json!("hello")),
        "{}",
        answer.text()
    );
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

const CONVERSE: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":12,"totalTokens":21}}"#;

fn keys(id: &str, secret: &str, session: Option<&str>) -> Keys {
    Keys { id: id.to_owned(), secret: Secret::new(secret), session: session.map(Secret::new) }
}

/// Whether a request is signed with these keys, as its receiver finds out: anew, of what came.
fn is_signed(seen: &Seen, keys: &Keys, service: &str) -> Result<(), String> {
    let said = |name: &str| seen.header(name).unwrap_or_default().to_owned();
    let authorization = said("authorization");
    let part = |name: &str| {
        authorization.split([' ', ',']).find_map(|part| part.strip_prefix(name)).unwrap_or_default()
    };
    let names: Vec<&str> = part("SignedHeaders=").split(';').collect();
    for name in ["host", "x-amz-date"] {
        if !names.contains(&name) {
            return Err(format!("{name} is not signed: {authorization}"));
        }
    }
    let added = ["x-amz-date", "x-amz-security-token"];
    let values: Vec<(&str, String)> = names
        .iter()
        .filter(|name| !added.contains(name))
        .map(|name| (*name, seen.header_all(name).join(",")))
        .collect();
    let head: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = Signed { method: &seen.method, target: &seen.target, head: &head, body: &seen.body };
    let mut tried = String::new();
    for back in 0..60 {
        let now = SystemTime::now() - Duration::from_secs(back);
        let lines = sigv4::sign(keys, Scope { region: "eu-west-1", service, now }, request);
        if lines[0].1 == said("x-amz-date") {
            let right = lines.iter().all(|(name, value)| said(name) == *value);
            return if right { Ok(()) } else { Err(format!("{authorization}, and not {lines:?}")) };
        }
        write!(tried, "{} ", lines[0].1).unwrap();
    }
    Err(format!("dated {} and none of {tried}", said("x-amz-date")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_signed_as_they_go_out_whoever_signed_what_came_in() {
    let ours = || keys("AKIAOURS", "our-secret-access-key", None);
    let service = Vendor::start(move |seen: &Seen| match is_signed(seen, &ours(), "bedrock") {
        Ok(()) => vendor::Answer::plain(200, CONVERSE).header("content-type", "application/json").into(),
        Err(why) => vendor::Answer::plain(403, json!({"message": why}).to_string())
            .header("x-amzn-errortype", "InvalidSignatureException")
            .into(),
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  there:\n    type: bedrock\n    base_url: \"{}\"\n    aws: {{region: eu-west-1, access_key_id: AKIAOURS, secret_access_key: our-secret-access-key}}\nmodels: {{m: \"there/eu.anthropic.claude:0\"}}\n",
        service.url()
    ));
    let answer = call(&house).await;
    assert_eq!(
        (answer.status, &answer.json()["choices"][0]["message"]["content"]),
        (200, &json!("hello")),
        "{}",
        answer.text()
    );
    // In straight passage, asked by somebody who signs with keys of their own.
    let theirs = [
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIATHEIRS/20261129/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
        ),
        ("x-amz-date", "20261129T000000Z"),
        ("x-amz-security-token", "their-session"),
        ("x-amzn-trace-id", "kept"),
        ("content-type", "application/json"),
    ];
    let body = r#"{ "messages":[{"role":"user","content":[{"text":"hi"}]}] }"#;
    let answer = caller::ask(house.address(), "POST", "/model/m/converse", &theirs, body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, CONVERSE));
    let seen = service.ledger().last().unwrap().seen;
    assert_eq!(
        (seen.target.as_str(), &seen.body[..]),
        ("/model/eu.anthropic.claude%3A0/converse", body.as_bytes())
    );
    let head = String::from_utf8_lossy(&seen.raw_head).into_owned();
    assert!(!head.contains("THEIRS") && !head.contains("their-session") && head.contains("kept"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_taken_and_taken_anew_when_its_keys_hold_no_more() {
    let taken = Arc::new(AtomicUsize::new(0));
    let (giving, current) = (taken.clone(), taken.clone());
    let sts = Vendor::start(move |seen: &Seen| {
        if let Err(why) = is_signed(seen, &keys("AKIABASE", "base-secret-access-key", None), "sts") {
            return Act::text(403, format!("<Code>SignatureDoesNotMatch</Code><Message>{why}</Message>"));
        }
        let number = giving.fetch_add(1, Ordering::SeqCst) + 1;
        Act::text(
            200,
            format!("<Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>secret-of-role-{number}</SecretAccessKey><SessionToken>session-of-role-{number}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"),
        )
    })
    .await;
    let service = Vendor::start(move |seen: &Seen| {
        // The first role's keys are good for one call.
        let number = current.load(Ordering::SeqCst);
        let (secret, session) = (format!("secret-of-role-{number}"), format!("session-of-role-{number}"));
        let right = is_signed(seen, &keys(&format!("ASIA{number}"), &secret, Some(&session)), "bedrock");
        match right {
            Err(why) => Act::json(400, &json!({"message": why})),
            Ok(()) if number == 1 && seen.number > 1 => {
                vendor::Answer::plain(403, r#"{"message":"expired"}"#)
                    .header("x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/")
                    .into()
            }
            Ok(()) => vendor::Answer::plain(200, CONVERSE).header("content-type", "application/json").into(),
        }
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  there:\n    type: bedrock\n    base_url: \"{}\"\n    aws: {{region: eu-west-1, access_key_id: AKIABASE, secret_access_key: base-secret-access-key, role_arn: \"arn:aws:iam::1:role/r\", sts_url: \"{}\"}}\nmodels: {{m: \"there/model\"}}\n",
        service.url(),
        sts.url()
    ));
    for number in [1, 2, 2] {
        let answer = call(&house).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(taken.load(Ordering::SeqCst), number);
    }
    assert_eq!(service.ledger().begun(), 4);
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
    let answer = call(&house).await;
    assert_eq!(
        (answer.status, &answer.json()["choices"][0]["message"]["content"]),
        (200, &json!("hello")),
        "{}",
        answer.text()
    );
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
