//! A conversation that goes on by the id of its last answer: what its place is told, and whose conversation it is.

use serde_json::json;
use testkit::vendor::{Act, Vendor};

use super::{ADA, asks, id, last_heard, parrot, parrots, says, yaml};
use crate::house::TestHouse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_by_the_id_of_its_last_answer_and_without_its_instructions() {
    let (vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one", "instructions": "be a parrot"})).await;
    assert_eq!((first.status, &first.json()["store"]), (200, &json!(true)), "{}", first.text());
    assert!(first.header("x-openai-proxy-dropped").is_none(), "{:?}", first.headers);
    assert_eq!(last_heard(&vendor), "developer: be a parrot / user: one".replace("developer", role(&vendor)));
    let second = says(&house, json!({"model": "m", "input": [{"role": "user", "content": "two"}], "previous_response_id": id(&first)})).await;
    assert_eq!(second.json()["previous_response_id"], first.json()["id"], "{}", second.text());
    assert_eq!(last_heard(&vendor), "user: one / assistant: one! / user: two");
    assert!(second.header("x-openai-proxy-dropped").is_none(), "{:?}", second.headers);
    // From the first once more: another branch.
    for (previous, word, all) in [
        (&second, "three", "user: one / assistant: one! / user: two / assistant: two! / user: three"),
        (&first, "other", "user: one / assistant: one! / user: other"),
    ] {
        let answer =
            says(&house, json!({"model": "m", "input": word, "previous_response_id": id(previous)})).await;
        assert_eq!((answer.status, last_heard(&vendor).as_str()), (200, all), "{}", answer.text());
    }
}

/// How the first message of instructions is called there.
fn role(vendor: &Vendor) -> &'static str {
    if last_heard(vendor).starts_with("system") { "system" } else { "developer" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vendor_keeps_is_not_gone_on_with_elsewhere_in_silence() {
    let (vendor, house) = parrots("").await;
    let body = json!({"model": "m", "input": "on", "previous_response_id": "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654"});
    let answer = says(&house, body).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("previous_response_not_found")));
    let answer = says(&house, json!({"model": "m", "input": "on", "conversation": "conv_1"})).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["param"].as_str().map(str::to_owned)),
        (400, Some("conversation".to_owned()))
    );
    assert_eq!(vendor.ledger().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_keeps_answers_itself_hears_of_its_own_ids_as_they_were_written() {
    let vendor = Vendor::start(|seen| match seen.method.as_str() {
        "POST" => {
            Act::text(200, r#"{"id":"resp_vendors","object":"response","status":"completed","output":[]}"#)
        }
        _ => Act::text(200, r#"{"id":"resp_vendors","object":"response","theirs":true}"#),
    })
    .await;
    let house = TestHouse::before(&vendor);
    let body = r#"{ "model":"gpt-4o", "input":"on", "previous_response_id":"resp_vendors" }"#;
    let answer = asks(house.address(), "POST", "/v1/responses", ADA, body).await;
    assert_eq!((answer.status, id(&answer).as_str()), (200, "resp_vendors"));
    assert_eq!(vendor.ledger().requests().last().unwrap().text(), body);
    let again = asks(house.address(), "GET", "/v1/responses/resp_vendors", ADA, "").await;
    assert_eq!(again.json()["theirs"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_of_ours_stays_ours_where_it_goes_on_at_a_place_that_speaks_its_language() {
    let chats = Vendor::start(parrot).await;
    let answers = Vendor::start(|_| {
        let output = json!([{"id": "msg_v", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "yes", "annotations": []}]}]);
        Act::json(200, &json!({"id": "resp_v", "object": "response", "created_at": 1, "model": "other", "status": "completed", "output": output}))
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{chats: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-a, capabilities: [chat, models]}}, answers: {{type: openai, base_url: \"{}/v1\", api_key: sk-b}}}}\nmodels: {{m: chats/parrot, other: answers/other}}\n",
        chats.url(),
        answers.url()
    ));
    let first = says(&house, json!({"model": "m", "input": "one"})).await;
    let second =
        says(&house, json!({"model": "other", "input": "two", "previous_response_id": id(&first)})).await;
    assert_eq!((second.status, &second.json()["store"]), (200, &json!(true)), "{}", second.text());
    let asked = answers.ledger().requests().last().unwrap().clone();
    assert_eq!((asked.path(), &asked.json()["store"]), ("/v1/responses", &json!(false)));
    let said = asked.text();
    assert!(
        said.contains("one!")
            && said.contains("two")
            && !said.contains("previous_response_id")
            && !said.contains("msg_"),
        "{said}"
    );
    let third =
        says(&house, json!({"model": "m", "input": "three", "previous_response_id": id(&second)})).await;
    assert_eq!(third.status, 200, "{}", third.text());
    assert_eq!(last_heard(&chats), "user: one / assistant: one! / user: two / assistant: yes / user: three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tools_and_their_outcomes_go_on_by_the_id_of_the_call() {
    let vendor = Vendor::start(|seen| {
        let tooled = seen.text().contains("\"tool\"");
        let message = match tooled {
            true => json!({"role": "assistant", "content": "four"}),
            false => json!({"role": "assistant", "content": null, "tool_calls": [{"id": "call_7", "type": "function", "function": {"name": "add", "arguments": "{\"a\":2}"}}]}),
        };
        let finish = if tooled { "stop" } else { "tool_calls" };
        let choice = json!({"index": 0, "message": message, "finish_reason": finish});
        Act::json(200, &json!({"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice]}))
    })
    .await;
    let house = TestHouse::new(&yaml(&vendor, ""));
    let tools = json!([{"type": "function", "name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}]);
    let first = says(&house, json!({"model": "m", "input": "2+2", "tools": tools})).await;
    let call = first.json()["output"][0].clone();
    assert_eq!(call["call_id"], "call_7", "{}", first.text());
    let outcome = json!([{"type": "function_call_output", "call_id": "call_7", "output": "4"}]);
    let second = says(
        &house,
        json!({"model": "m", "input": outcome, "tools": tools, "previous_response_id": id(&first)}),
    )
    .await;
    assert_eq!(second.status, 200, "{}", second.text());
    let asked = vendor.ledger().requests().last().unwrap().json();
    let roles: Vec<&str> =
        asked["messages"].as_array().unwrap().iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "tool"], "{asked}");
    assert_eq!(asked["messages"][1]["tool_calls"][0]["id"], "call_7");
}
