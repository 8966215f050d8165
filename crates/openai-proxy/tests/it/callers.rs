//! Who may call: keys are asked for, found, refused, and lead where they may and no further.

use testkit::caller::{Answer, Caller, ask};
use testkit::vendor::{Act, Seen, Vendor};

use crate::changes::apply;
use crate::house::{CHAT_ANSWER, TestHouse, chat, provider};
use control::Proposal;

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";
const PHONE: &str = "sk-phone-0123456789abcdefghijklmnopq";
const NOBODY: &str = "sk-nobody-0123456789abcdefghijklmnop";

fn answers(seen: &Seen) -> Act {
    match seen.path() {
        "/v1/models" => {
            Act::text(200, r#"{"object":"list","data":[{"id":"gpt-4o"},{"id":"gpt-4o-mini"},{"id":"o3"}]}"#)
        }
        _ => Act::text(200, CHAT_ANSWER),
    }
}

/// A vendor, and a house before it in which these keys are.
async fn with(keys: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(answers).await;
    let house = TestHouse::new(&format!("{}{keys}", provider(&vendor)));
    (vendor, house)
}

async fn say(house: &TestHouse, headers: &[(&str, &str)], model: &str) -> Answer {
    ask(house.address(), "POST", "/v1/chat/completions", headers, chat(model, false)).await
}

async fn say_as(house: &TestHouse, key: &str, model: &str) -> Answer {
    say(house, &[("authorization", &format!("Bearer {key}"))], model).await
}

fn told(answer: &Answer) -> (u16, Option<String>, Option<String>) {
    (answer.status, answer.error_code(), answer.header("x-should-retry").map(str::to_owned))
}

fn refused(status: u16, code: &str) -> (u16, Option<String>, Option<String>) {
    (status, Some(code.to_owned()), Some("false".to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_a_key_in_any_header_is_known_by_name_and_the_key_goes_no_further() {
    let (vendor, house) = with(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n")).await;
    let bearer = format!("Bearer {LAPTOP}");
    let spellings =
        [("authorization", &*bearer), ("x-api-key", LAPTOP), ("api-key", LAPTOP), ("x-goog-api-key", LAPTOP)];
    for (name, value) in spellings {
        let answer = say(&house, &[(name, value)], "gpt-4o").await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    let records = house.records(|records| records.len() == spellings.len()).await;
    assert!(records.iter().all(|record| record.caller == "laptop"), "{records:#?}");
    assert_eq!(vendor.ledger().requests().len(), spellings.len());
    assert!(!vendor.ledger().contains(LAPTOP.as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_no_key_or_nobodys_is_refused_in_the_language_they_speak() {
    let (vendor, house) = with(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n")).await;
    assert_eq!(told(&say(&house, &[], "gpt-4o").await), refused(401, "missing_api_key"));
    assert_eq!(told(&say_as(&house, NOBODY, "gpt-4o").await), refused(401, "invalid_api_key"));
    let shorter = &LAPTOP[..LAPTOP.len() - 1];
    assert_eq!(told(&say_as(&house, shorter, "gpt-4o").await), refused(401, "invalid_api_key"));
    let message =
        ask(house.address(), "POST", "/v1/messages", &[("x-api-key", NOBODY)], chat("c", false)).await;
    assert_eq!((message.status, &message.json()["error"]["type"]), (401, &"authentication_error".into()));
    let list = ask(house.address(), "GET", "/v1/models", &[], "").await;
    assert_eq!(list.status, 401, "what there is to ask for is nobody else's affair either");
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_not_read_before_its_sender_is_known() {
    let (_vendor, house) = with(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n")).await;
    let mut caller = Caller::connect(house.address()).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n{";
    caller.send(head).await.unwrap();
    assert_eq!(told(&caller.read_answer().await), refused(401, "missing_api_key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_holds_to_the_end_of_its_last_day() {
    let keys = format!(
        "keys: {{laptop: {{key: {LAPTOP}, expires: 2020-01-31}}, phone: {{key: {PHONE}, expires: 2999-01-31}}}}\n"
    );
    let (_vendor, house) = with(&keys).await;
    let ended = say_as(&house, LAPTOP, "gpt-4o").await;
    assert_eq!(told(&ended), refused(401, "expired_api_key"));
    assert!(ended.text().contains("`laptop`"), "{}", ended.text());
    assert_eq!(say_as(&house, PHONE, "gpt-4o").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_keys_is_not_heard_for_a_while_and_whoever_has_one_still_is() {
    let (_vendor, house) = with(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n")).await;
    for guess in 0..20 {
        let answer = say_as(&house, &format!("{NOBODY}{guess}"), "gpt-4o").await;
        assert_eq!(told(&answer), refused(401, "invalid_api_key"), "{guess}");
    }
    let answer = say_as(&house, NOBODY, "gpt-4o").await;
    assert_eq!(told(&answer), refused(429, "too_many_tries"));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(say_as(&house, LAPTOP, "gpt-4o").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_taken_away_is_nobodys_from_the_next_call_on() {
    let vendor = Vendor::start(answers).await;
    let door = "server: {listen: \"127.0.0.1:0\", workers: 2}\n";
    let yaml = |keys: &str| format!("{door}{}auth: {{mode: keys}}\n{keys}", provider(&vendor));
    let house = TestHouse::new(&yaml(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n")));
    assert_eq!(say_as(&house, LAPTOP, "gpt-4o").await.status, 200);
    house.rewrite(&yaml(""));
    apply(house.inner().control(), Proposal::Reread).await;
    assert_eq!(told(&say_as(&house, LAPTOP, "gpt-4o").await), refused(401, "invalid_api_key"));
    house.rewrite(&yaml(&format!("keys: {{phone: {{key: {PHONE}}}}}\n")));
    apply(house.inner().control(), Proposal::Reread).await;
    assert_eq!(say_as(&house, PHONE, "gpt-4o").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_headers_that_are_accepted_hold_a_key() {
    let (_vendor, house) =
        with(&format!("auth: {{accept: [x-api-key]}}\nkeys: {{laptop: {{key: {LAPTOP}}}}}\n")).await;
    assert_eq!(told(&say_as(&house, LAPTOP, "gpt-4o").await), refused(401, "missing_api_key"));
    assert_eq!(say(&house, &[("x-api-key", LAPTOP)], "gpt-4o").await.status, 200);
    let both = [("x-api-key", LAPTOP), ("authorization", "Bearer other")];
    assert_eq!(say(&house, &both, "gpt-4o").await.status, 200, "what is not looked at cannot disagree");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_gateway_knows_its_keys_and_passes_on_no_more_than_other_peoples() {
    let vendor = Vendor::start(answers).await;
    let house = TestHouse::new(&format!(
        "auth: {{mode: none}}\nproviders: {{openai: {{base_url: \"{}/v1\"}}}}\nkeys: {{laptop: {{key: {LAPTOP}}}}}\n",
        vendor.url()
    ));
    assert_eq!(say_as(&house, LAPTOP, "gpt-4o").await.status, 200);
    assert!(!vendor.ledger().contains(LAPTOP.as_bytes()), "a key of ours is no credential elsewhere");
    assert_eq!(say_as(&house, NOBODY, "gpt-4o").await.status, 200);
    assert!(vendor.ledger().contains(NOBODY.as_bytes()), "their own goes where it is meant to go");
    let records = house.records(|records| records.len() == 2).await;
    let mut callers: Vec<&str> = records.iter().map(|record| &*record.caller).collect();
    callers.sort_unstable();
    assert_eq!(callers, ["laptop", "open"]);
}

/// A key for some models, names that lead to others, and a rule for a path.
async fn allowed() -> (Vendor, TestHouse) {
    with(&format!(
        "keys: {{laptop: {{key: {LAPTOP}, models: [\"gpt-4o*\", mini, other, tiny]}}, phone: {{key: {PHONE}, models: [openai/o3, smart]}}}}\n\
         models: {{mini: openai/gpt-4o-mini, other: openai/o3, smart: openai/o3, \"tiny\": {{hidden: true, use: [openai/o3-mini]}}}}\n\
         routes: {{/v1/embeddings: [openai]}}\nrouting: {{unknown_model: openai}}\n"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_models_leads_to_them_alone_whatever_they_are_called() {
    let (vendor, house) = allowed().await;
    for model in ["gpt-4o", "gpt-4o-2024", "mini"] {
        assert_eq!(say_as(&house, LAPTOP, model).await.status, 200, "{model}");
    }
    let before = vendor.ledger().requests().len();
    for model in ["o3", "smart", "gpt-4", "", "GPT-4O"] {
        let answer = say_as(&house, LAPTOP, model).await;
        assert!(matches!(answer.status, 400 | 404), "{model}: {}", answer.text());
    }
    // Names that are allowed, and lead to what is not.
    for model in ["other", "tiny"] {
        assert_eq!(told(&say_as(&house, LAPTOP, model).await), refused(404, "model_not_found"), "{model}");
    }
    assert_eq!(
        say_as(&house, PHONE, "smart").await.status,
        200,
        "a place may be allowed by its provider's name"
    );
    assert_eq!(vendor.ledger().requests().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_models_runs_none_that_nobody_can_name() {
    let (vendor, house) = allowed().await;
    let key = [("authorization", &*format!("Bearer {LAPTOP}"))];
    let posts = [
        ("/v1/batches", r#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions"}"#),
        ("/v1/batches", r#"{"model":"gpt-4o","input_file_id":"file-1"}"#),
        ("/v1/messages/batches", r#"{"requests":[{"params":{"model":"o3"}}]}"#),
        ("/v1/threads/t/runs", r#"{"assistant_id":"a"}"#),
        ("/v1/realtime/client_secrets", r#"{"session":{"model":"o3"}}"#),
        ("/v1/responses", r#"{"prompt":{"id":"p"}}"#),
        ("/v1/something/new", r#"{"input":"x"}"#),
        ("/v1/embeddings", r#"{"model":"o3","input":"x"}"#),
        ("/v1/deployments/o3/chat/completions", r#"{"model":"gpt-4o"}"#),
        ("/openai/deployments/o3/chat/completions", r#"{"model":"gpt-4o"}"#),
        ("/v1/chat/completions?model=o3", r#"{"model":"gpt-4o"}"#),
    ];
    for (path, body) in posts {
        let json = [key[0], ("content-type", "application/json")];
        let answer = ask(house.address(), "POST", path, &json, body).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
    }
    let refused = vendor.ledger().requests().len();
    assert!(vendor.ledger().requests().iter().all(|seen| seen.path() == "/v1/models"), "{refused}");
    assert_eq!(ask(house.address(), "GET", "/v1/files", &key, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_models_shows_each_caller_what_it_may_use() {
    let (_vendor, house) = allowed().await;
    for (key, wanted) in [(LAPTOP, &["mini", "gpt-4o", "gpt-4o-mini"][..]), (PHONE, &["smart"])] {
        let shown = [("authorization", &*format!("Bearer {key}"))];
        let list = ask(house.address(), "GET", "/v1/models", &shown, "").await.json();
        let ids: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted);
        let one = ask(house.address(), "GET", "/v1/models/o3", &shown, "").await;
        assert_eq!((one.status, one.error_code().as_deref()), (404, Some("model_not_found")));
    }
}
