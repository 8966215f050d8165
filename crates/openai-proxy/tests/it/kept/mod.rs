//! Responses on a place that has chat completions only: kept by the gateway, gone on with, had again, and nobody else's.

mod going_on;
mod had_again;
mod long;
mod stored;
mod streamed;

use std::net::SocketAddr;

use serde_json::{Value, json};
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Ending, Framing, Seen, Vendor};

use crate::house::TestHouse;

const ADA: &str = "sk-ada-0123456789abcdefghijklmnopqrst";

/// What was said to it, in one line: `user: hi / assistant: ...`.
fn heard(seen: &Seen) -> String {
    let messages = seen.json()["messages"].as_array().cloned().unwrap_or_default();
    let said = messages.iter().map(|message| {
        let text = match &message["content"] {
            Value::String(text) => text.clone(),
            parts => {
                parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
            }
        };
        format!("{}: {text}", message["role"].as_str().unwrap_or_default())
    });
    said.collect::<Vec<_>>().join(" / ")
}

/// A vendor of chat completions that repeats the last word it was told, whole or streamed.
fn parrot(seen: &Seen) -> Act {
    if seen.path() != "/v1/chat/completions" {
        return Act::text(404, r#"{"error":{"message":"no such path"}}"#);
    }
    let last = heard(seen);
    let word = format!("{}!", last.rsplit(' ').next().unwrap_or_default());
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    if seen.json()["stream"] != true {
        let message = json!({"role": "assistant", "content": word});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        return Act::json(
            200,
            &json!({"id": "c1", "object": "chat.completion", "model": "parrot", "choices": [choice], "usage": usage}),
        );
    }
    events(&word, true)
}

fn events(word: &str, ends: bool) -> Act {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!(
            "data: {}\n\n",
            json!({"id": "c1", "object": "chat.completion.chunk", "model": "parrot", "choices": [choice]})
        )
    };
    let mut all = vec![chunk(json!({"role": "assistant", "content": word}), Value::Null)];
    if ends {
        all.push(chunk(json!({}), json!("stop")));
        all.push("data: [DONE]\n\n".to_owned());
    }
    let answer = vendor::Answer::events().framing(Framing::Chunked).send(all.concat());
    if ends { answer.into() } else { answer.ending(Ending::Fin).into() }
}

fn yaml(vendor: &Vendor, more: &str) -> String {
    format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-there, capabilities: [chat, models]}}}}\nmodels: {{m: there/parrot}}\nrouting: {{retries: 0}}\n{more}",
        vendor.url()
    )
}

async fn parrots(more: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(parrot).await;
    let house = TestHouse::new(&yaml(&vendor, more));
    (vendor, house)
}

async fn asks(address: SocketAddr, method: &str, path: &str, key: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {key}");
    ask(address, method, path, &[("authorization", &bearer), ("content-type", "application/json")], body)
        .await
}

async fn says(house: &TestHouse, body: Value) -> Answer {
    asks(house.address(), "POST", "/v1/responses", ADA, &body.to_string()).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("no id in {}", answer.text())).to_owned()
}

fn last_heard(vendor: &Vendor) -> String {
    heard(vendor.ledger().requests().last().unwrap())
}
