//! `POST /v1/messages` and `/v1/messages/count_tokens`: Anthropic's language.
//!
//! Tools are not called here: the programs that speak this language bring dozens of them with every question, and run what
//! they are told. Source: Anthropic API reference, "Messages" and "Streaming messages", and recorded streams.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::error::Problem;
use super::reply::{Reply, named};
use super::voice::{self, Last, Speech, Wish};

/// Tokens counted for what stands around each message.
const AROUND_MESSAGE: usize = 3;

/// Answers a question.
pub(super) fn answer(ask: &Ask) -> Result<Reply, Problem> {
    let (messages, prompt) = read(ask)?;
    let limit = ask.count("max_tokens", 1..=usize::MAX)?.ok_or_else(|| missing("max_tokens"))?;
    let last = match messages.last() {
        Some(message) if role(message) == "user" => match tool_result(message) {
            Some(result) => Last::Tool(result),
            None => Last::User,
        },
        _ => Last::Other,
    };
    let speech = voice::compose(&Wish {
        says: &ask.behaviour.says,
        last,
        heard: messages.iter().rfind(|message| role(message) == "user").map(content).unwrap_or_default(),
        tool: None,
        format: None,
        limit: Some(limit),
        stop: stops(ask),
    });
    let reason = match speech {
        Speech::Text { cut: true, .. } => "max_tokens",
        _ => "end_turn",
    };
    let mut message = json!({
        "id": ask.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": usage(prompt, 1),
    });
    if ask.flag("stream")? {
        return Ok(Reply::events(events(&message, &speech, reason, &usage(prompt, speech.tokens()))));
    }
    message["content"] = json!([{"type": "text", "text": speech.whole()}]);
    message["stop_reason"] = reason.into();
    message["usage"] = usage(prompt, speech.tokens());
    Ok(Reply::json(message))
}

/// Counts a question.
pub(super) fn count(ask: &Ask) -> Result<Reply, Problem> {
    let (_, prompt) = read(ask)?;
    Ok(Reply::json(json!({"input_tokens": prompt})))
}

/// The messages, and how many tokens they count as together with the system's words.
fn read(ask: &Ask) -> Result<(&[Value], usize), Problem> {
    if ask.field("model").is_none() {
        return Err(missing("model"));
    }
    let messages = ask.field("messages").ok_or_else(|| missing("messages"))?;
    let list = messages.as_array().ok_or_else(|| wrong("messages", "Input should be a valid list"))?;
    if list.is_empty() {
        return Err(wrong("messages", "at least one message is required"));
    }
    if let Some(at) = list.iter().position(|message| role(message).is_empty()) {
        return Err(missing(&format!("messages.{at}.role")));
    }
    let system = ask.field("system").map(voice::text_of).unwrap_or_default();
    let each = list.iter().map(|message| voice::tokens(&content(message)) + AROUND_MESSAGE);
    Ok((list, each.sum::<usize>() + voice::tokens(&system)))
}

/// The whole stream, from `message_start` to `message_stop`.
fn events(begun: &Value, speech: &Speech, reason: &str, usage: &Value) -> Vec<Bytes> {
    let mut events = vec![
        json!({"type": "message_start", "message": begun}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
    ];
    let delta = |piece: String| {
        let delta = json!({"type": "text_delta", "text": piece});
        json!({"type": "content_block_delta", "index": 0, "delta": delta})
    };
    events.extend(speech.streamed(1).into_iter().map(delta));
    events.push(json!({"type": "content_block_stop", "index": 0}));
    let ended = json!({"stop_reason": reason, "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": ended, "usage": usage}));
    events.push(json!({"type": "message_stop"}));
    events.iter().map(named).collect()
}

fn usage(input: usize, output: usize) -> Value {
    json!({
        "input_tokens": input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn stops(ask: &Ask) -> Vec<String> {
    let stops = ask.field("stop_sequences").and_then(Value::as_array).into_iter().flatten();
    stops.filter_map(|stop| Some(stop.as_str()?.to_owned())).collect()
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn content(message: &Value) -> String {
    message.get("content").map(voice::text_of).unwrap_or_default()
}

/// What a tool answered, if the message brings that.
fn tool_result(message: &Value) -> Option<String> {
    let parts = message.get("content")?.as_array()?;
    let part = parts.iter().find(|part| part.get("type").and_then(Value::as_str) == Some("tool_result"))?;
    Some(part.get("content").map(voice::text_of).unwrap_or_default())
}

fn missing(field: &str) -> Problem {
    wrong(field, "Field required")
}

fn wrong(field: &str, what: &str) -> Problem {
    Problem::invalid(field, "invalid_value", format!("{field}: {what}"))
}
