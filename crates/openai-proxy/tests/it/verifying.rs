//! A provider is verified step by step: each trouble is named at its step, with a hint; what costs money is recorded; and
//! no secret is ever told.

use std::time::{Duration, SystemTime};

use gateway::{
    Calls, Check, CheckResult, HealthWord, NoSuchProvider, Override, OverrideKind, Verification,
    VerifyOptions,
};
use serde_json::json;
use testkit::nobody::Nobody;
use testkit::vendor::{Act, Answer, Seen, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY, chat_events};
use crate::tls::{self, Authority};

/// A vendor where all is well.
fn well(seen: &Seen) -> Act {
    let body = seen.json();
    match seen.path() {
        "/v1/models" => Act::json(
            200,
            &json!({"object": "list", "data": [{"id": "text-embedding-3"}, {"id": "gpt-4o"}, {"id": "tts-1"}]}),
        ),
        "/v1/chat/completions" if body["stream"] == true => {
            let events = chat_events(body["stream_options"]["include_usage"] == true).concat();
            Answer::plain(200, events).header("content-type", "text/event-stream").into()
        }
        "/v1/chat/completions" => Act::json(
            200,
            &json!({"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}),
        ),
        "/v1/embeddings" => Act::json(
            200,
            &json!({"data": [{"embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 2, "total_tokens": 2}}),
        ),
        _ => Act::text(404, "no"),
    }
}

fn house(base_url: &str, more: &str) -> TestHouse {
    TestHouse::new(&format!(
        "providers: {{one: {{type: openai-compatible, base_url: \"{base_url}/v1\", api_key: {UPSTREAM_KEY}{more}}}}}\n"
    ))
}

/// Verifies, and looks through every word for our key.
async fn verified(house: &TestHouse, options: VerifyOptions) -> Verification {
    let verified = house.inner().gateway().verify("one", options).await.unwrap();
    let told = serde_json::to_string(&verified).unwrap();
    assert!(!told.contains(UPSTREAM_KEY), "{told}");
    for check in &verified.checks {
        let bad = matches!(check.result, CheckResult::Failed | CheckResult::Warning);
        assert!(!bad || check.hint.is_some(), "nobody says what to do: {check:?}");
    }
    verified
}

fn of<'a>(verified: &'a Verification, word: &str) -> &'a Check {
    verified
        .checks
        .iter()
        .find(|check| check.check == word)
        .unwrap_or_else(|| panic!("{word}: {verified:#?}"))
}

fn results(verified: &Verification) -> Vec<(&str, CheckResult)> {
    verified.checks.iter().map(|check| (check.check, check.result)).collect()
}

fn without_calls() -> VerifyOptions {
    VerifyOptions { calls: Calls::None, ..VerifyOptions::default() }
}

use CheckResult::{Failed, Passed, Skipped, Warning};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_is_well_every_step_passes_and_what_was_asked_is_recorded() {
    let vendor = Vendor::start(well).await;
    let house = house(&vendor.url(), "");
    let told = verified(&house, VerifyOptions::default()).await;
    assert_eq!(
        results(&told),
        [
            ("name", Skipped),
            ("connection", Passed),
            ("certificate", Skipped),
            ("answer", Passed),
            ("key", Passed),
            ("models", Passed),
            ("clock", Skipped),
            ("token", Passed),
            ("token", Passed),
            ("stream", Passed)
        ],
        "{told:#?}"
    );
    assert_eq!(told.result, Passed);
    assert!(of(&told, "stream").took_ms.is_some());
    assert_eq!(vendor.ledger().accepted(), 1, "all of it over one connection");

    let records = house.records(|records| records.len() == 3).await;
    assert!(records.iter().all(|record| record.caller == "verify" && record.status == 200));
    let known: Vec<_> = records
        .iter()
        .map(|record| (&*record.operation, record.model_sent.as_deref(), record.stream))
        .collect();
    let (chat, embed) = (Some("gpt-4o"), Some("text-embedding-3"));
    assert_eq!(known, [("chat", chat, false), ("embeddings", embed, false), ("chat", chat, true)]);
    assert_eq!(records[0].tokens.map(|tokens| tokens.input), Some(9));
    let standing = house.inner().gateway().standing("one").unwrap();
    assert_eq!(standing.health, HealthWord::Healthy, "it tells of its health like any call");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_calls_nothing_is_spent() {
    let vendor = Vendor::start(well).await;
    let house = house(&vendor.url(), "");
    let told = verified(&house, without_calls()).await;
    assert_eq!((of(&told, "token").result, of(&told, "stream").result), (Skipped, Skipped));
    assert_eq!(told.result, Passed);
    assert!(vendor.ledger().requests().iter().all(|seen| seen.method == "GET"), "lists cost nothing");
    assert!(house.inner().records().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_ends_it_and_is_not_told() {
    let vendor = Vendor::start(|_| {
        Act::json(401, &json!({"error": {"message": format!("Incorrect key: {UPSTREAM_KEY}")}}))
    })
    .await;
    let told = verified(&house(&vendor.url(), ""), VerifyOptions::default()).await;
    assert_eq!((told.result, of(&told, "key").result), (Failed, Failed));
    assert!(of(&told, "key").hint.as_ref().unwrap().contains("providers.one.api_key"));
    assert_eq!(of(&told, "token").what, "not tried, for `key` failed");
    assert_eq!(vendor.ledger().requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_told_at_the_step_where_it_shows() {
    let nobody = Nobody::new();
    let told = verified(&house(&nobody.url(), ""), VerifyOptions::default()).await;
    let connection = of(&told, "connection");
    assert!(
        connection.result == Failed && connection.cause.as_ref().unwrap().contains("refused"),
        "{connection:?}"
    );
    assert!(connection.hint.as_ref().unwrap().contains("Is it running?"));
    assert_eq!((of(&told, "answer").result, of(&told, "stream").result), (Skipped, Skipped));

    let inside = VerifyOptions { in_container: true, ..VerifyOptions::default() };
    let told = verified(&house(&nobody.url(), ""), inside).await;
    assert!(of(&told, "connection").hint.as_ref().unwrap().contains("host.docker.internal"));

    let told = verified(&house("http://nobody.invalid", ""), VerifyOptions::default()).await;
    assert_eq!((of(&told, "name").result, of(&told, "connection").result), (Failed, Skipped));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_ends_when_its_time_is_up() {
    let vendor = Vendor::start(|seen| match seen.method.as_str() {
        "GET" => well(seen),
        _ => Act::Hang,
    })
    .await;
    let house = house(&vendor.url(), ", models: [one, two, three]");
    let short = Duration::from_millis(300);
    let began = std::time::Instant::now();
    let told =
        verified(&house, VerifyOptions { each: short, whole: 2 * short, ..VerifyOptions::default() }).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let tokens: Vec<_> = told.checks.iter().filter(|check| check.check == "token").collect();
    assert_eq!(tokens.len(), 3);
    assert_eq!((tokens[0].result, tokens[2].result), (Failed, Skipped), "{told:#?}");
    assert!(tokens[2].what.contains("time"), "{}", tokens[2].what);
    let records = house.records(|records| !records.is_empty()).await;
    assert!(records.iter().all(|record| record.error.as_deref() == Some("upstream_timeout")), "{records:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_told_by_its_version_and_its_end() {
    let stranger = Vendor::start_with(well, tls::acceptor(&tls::self_signed())).await;
    let told = verified(&house(&stranger.url().replace("http:", "https:"), ""), without_calls()).await;
    let certificate = of(&told, "certificate");
    assert!(certificate.result == Failed && certificate.hint.as_ref().unwrap().contains("ca_file"));
    assert_eq!(of(&told, "connection").result, Passed);

    let authority = Authority::new();
    let ca_file = format!(", ca_file: \"{}\"", authority.file().display());
    for (days, result) in [(5, Warning), (100, Passed)] {
        let end = SystemTime::now() + Duration::from_hours(days * 24 + 1);
        let vendor =
            Vendor::start_with(well, tls::acceptor(&authority.signs_until(&["127.0.0.1"], end))).await;
        let told =
            verified(&house(&vendor.url().replace("http:", "https:"), &ca_file), without_calls()).await;
        let certificate = of(&told, "certificate");
        assert_eq!(certificate.result, result, "{certificate:?}");
        assert!(certificate.what.contains("TLS 1.3"), "{}", certificate.what);
        assert!(certificate.what.contains(&format!("{days} days")), "{}", certificate.what);
    }

    let any = ", dangerous_accept_any_certificate: true";
    let told = verified(&house(&stranger.url().replace("http:", "https:"), any), without_calls()).await;
    assert_eq!((of(&told, "certificate").result, of(&told, "models").result), (Warning, Passed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_deployment_is_asked_under_its_own_name_and_a_wrong_one_is_found() {
    let vendor = Vendor::start(|seen| match seen.path() {
        "/openai/models" => Act::json(200, &json!({"data": [{"id": "gpt-4o"}]})),
        "/openai/deployments/ours/chat/completions" if seen.json()["stream"] == true => {
            Answer::plain(200, chat_events(false).concat()).header("content-type", "text/event-stream").into()
        }
        "/openai/deployments/ours/chat/completions" => {
            Act::json(200, &json!({"choices": [{"message": {"content": "yes"}}]}))
        }
        "/openai/deployments/vectors/chat/completions" => {
            Act::json(400, &json!({"error": {"message": "The chatCompletion operation does not work."}}))
        }
        "/openai/deployments/vectors/embeddings" => Act::json(200, &json!({"data": [{"embedding": [1.0]}]})),
        _ => Act::json(404, &json!({"error": {"message": format!("DeploymentNotFound {UPSTREAM_KEY}")}})),
    })
    .await;
    let house = TestHouse::new(&format!(
        "providers: {{one: {{type: azure, base_url: \"{}\", api_key: {UPSTREAM_KEY}, api_version: \"2024-10-21\", \
         models: {{gpt-4o: ours, gpt-5: theirs, vec: vectors}}}}}}\n",
        vendor.url()
    ));
    let told = verified(&house, VerifyOptions::default()).await;
    let tokens: Vec<_> = told.checks.iter().filter(|check| check.check == "token").collect();
    let known: Vec<_> = tokens.iter().map(|check| (check.model.as_deref().unwrap(), check.result)).collect();
    assert_eq!(known, [("ours", Passed), ("theirs", Failed), ("vectors", Passed)], "{told:#?}");
    let wrong = tokens[1];
    assert!(wrong.cause.as_ref().unwrap().contains("DeploymentNotFound ***"), "{wrong:?}");
    assert!(wrong.hint.as_ref().unwrap().contains("providers.one.models"), "{wrong:?}");
    assert!(wrong.hint.as_ref().unwrap().contains("api_version"), "{wrong:?}");
    assert_eq!((of(&told, "stream").result, told.result), (Passed, Failed));
    assert!(vendor.ledger().requests().iter().all(|seen| seen.target.contains("api-version=2024-10-21")));
    assert!(vendor.ledger().requests().iter().all(|seen| seen.header("api-key") == Some(UPSTREAM_KEY)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_its_end_and_a_clock_that_is_wrong_are_noticed() {
    let vendor = Vendor::start(|seen| match (seen.path(), seen.json()["stream"] == true) {
        ("/v1/models", _) => Answer::plain(200, json!({"data": [{"id": "m"}]}).to_string())
            .header("content-type", "application/json")
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .into(),
        (_, true) => Answer::plain(200, "data: {\"choices\":[]}\n\n")
            .header("content-type", "text/event-stream")
            .into(),
        (_, false) => well(seen),
    })
    .await;
    let told = verified(&house(&vendor.url(), ""), VerifyOptions::default()).await;
    assert_eq!((of(&told, "clock").result, of(&told, "stream").result), (Failed, Warning), "{told:#?}");
    assert!(told.clock_apart_seconds.is_some_and(|apart| apart > 900_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_provider_can_be_verified_before_it_is_let_back() {
    let vendor = Vendor::start(well).await;
    let house = house(&vendor.url(), "");
    let gateway = house.inner().gateway();
    let (by, why) = ("ana".to_owned(), String::new());
    let said = Override { kind: OverrideKind::Paused, by, why, since: SystemTime::now(), lasts: None };
    gateway.set_standing("one", said).unwrap();
    assert_eq!(verified(&house, VerifyOptions::default()).await.result, Passed);
    assert!(gateway.verify("two", without_calls()).await.is_err_and(|error| error == NoSuchProvider));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_built_in_mock_is_verified_like_any_other() {
    let house = TestHouse::new("providers: {one: {type: mock}}\n");
    let told = verified(&house, VerifyOptions::default()).await;
    assert_eq!(
        (told.result, of(&told, "token").result, of(&told, "stream").result),
        (Passed, Passed, Passed),
        "{told:#?}"
    );
}

/// Whoever serves it over the network runs it on any thread.
#[expect(dead_code, reason = "it has to compile, and is never run")]
fn it_may_run_on_any_thread(gateway: &'static gateway::Gateway) {
    fn any_thread(_: impl Future + Send) {}
    any_thread(gateway.verify("one", VerifyOptions::default()));
}
