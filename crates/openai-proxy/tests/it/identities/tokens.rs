//! Tokens of a directory: when they are asked for, how often, and what is said when there are none.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{CheckResult, VerifyOptions};
use serde_json::json;
use testkit::caller::{self, Answer};
use testkit::vendor::{self, Act, Seen, Vendor};
use tokio::sync::Notify;

use super::{call, gives};
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
