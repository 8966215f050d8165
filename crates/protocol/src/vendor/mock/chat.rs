//! `POST /v1/chat/completions`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::Ask;
use super::error::Problem;
use super::reply::{DONE, Reply, unnamed};
use super::voice::{self, Last, Speech, Wish};

/// Tokens counted for what stands around each message.
const AROUND_MESSAGE: usize = 3;
/// Most answers to one request.
pub(super) const MOST_CHOICES: usize = 16;

/// Answers a chat.
pub(super) fn answer(ask: &Ask) -> Result<Reply, Problem> {
    ask.needs_model()?;
    let messages = ask.needed("messages")?;
    let list = messages
        .as_array()
        .ok_or_else(|| Problem::wrong_type("messages", "an array of objects", messages))?;
    let Some(last) = list.last() else {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty \
                       array instead.";
        return Err(Problem::invalid("messages", "empty_array", message));
    };
    if let Some((at, other)) = list.iter().enumerate().find(|(_, message)| !message.is_object()) {
        return Err(Problem::wrong_type(&format!("messages[{at}]"), "an object", other));
    }
    if let Some(at) = list.iter().position(|message| role(message).is_empty()) {
        return Err(Problem::missing(&format!("messages[{at}].role")));
    }
    let speech = voice::compose(&Wish {
        says: &ask.behaviour.says,
        last: match role(last) {
            "user" => Last::User,
            "tool" | "function" => Last::Tool(content(last)),
            _ => Last::Other,
        },
        heard: list.iter().rfind(|message| role(message) == "user").map(content).unwrap_or_default(),
        tool: voice::tool(ask.field("tools"), ask.field("tool_choice"))?,
        format: ask.field("response_format"),
        limit: match ask.count("max_completion_tokens", 1..=usize::MAX)? {
            None => ask.count("max_tokens", 1..=usize::MAX)?,
            limit => limit,
        },
        stop: stops(ask),
    });
    let copies = ask.count("n", 1..=MOST_CHOICES)?.unwrap_or(1);
    let prompt = list.iter().map(|message| voice::tokens(&content(message)) + AROUND_MESSAGE).sum();
    let usage = usage(prompt, speech.tokens() * copies);
    if ask.flag("stream")? {
        return Ok(Reply::events(chunks(ask, &speech, copies, &usage)));
    }
    let choices: Vec<Value> = (0..copies).map(|index| choice(ask, &speech, index)).collect();
    Ok(Reply::json(json!({
        "id": ask.id("chatcmpl-"),
        "object": "chat.completion",
        "created": ask.now,
        "model": ask.model,
        "choices": choices,
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    })))
}

/// The `stop` sequences: one or a list.
pub(super) fn stops(ask: &Ask) -> Vec<String> {
    match ask.field("stop") {
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(stops)) => {
            stops.iter().filter_map(|stop| Some(stop.as_str()?.to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the usage is wanted at the end of a stream.
pub(super) fn usage_wanted(ask: &Ask) -> bool {
    ask.field("stream_options").and_then(|options| options.get("include_usage")) == Some(&Value::Bool(true))
}

/// Token counts as chat and completions write them.
pub(super) fn usage(prompt: usize, completion: usize) -> Value {
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// Puts the chunks of a stream in order: with usage, every chunk says `"usage":null` and one more says the numbers.
pub(super) fn finished(mut chunks: Vec<Value>, envelope: &Value, usage: Option<&Value>) -> Vec<Bytes> {
    if let Some(usage) = usage {
        let mut last = envelope.clone();
        last["choices"] = json!([]);
        for chunk in &mut chunks {
            chunk["usage"] = Value::Null;
        }
        last["usage"] = usage.clone();
        chunks.push(last);
    }
    chunks.iter().map(unnamed).chain([DONE]).collect()
}

fn choice(ask: &Ask, speech: &Speech, index: usize) -> Value {
    let mut message = json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
    match speech {
        Speech::Text { .. } => message["content"] = speech.whole().into(),
        Speech::Call { name, .. } => {
            message["tool_calls"] = json!([{
                "id": call_id(ask, index),
                "type": "function",
                "function": {"name": name, "arguments": speech.whole()},
            }]);
        }
    }
    json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish_reason(speech)})
}

fn chunks(ask: &Ask, speech: &Speech, copies: usize, usage: &Value) -> Vec<Bytes> {
    let envelope = json!({
        "id": ask.id("chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": ask.now,
        "model": ask.model,
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    });
    let mut chunks = Vec::new();
    let mut add = |delta: &dyn Fn(usize) -> Value, reason: Value| {
        chunks.extend((0..copies).map(|index| {
            let mut chunk = envelope.clone();
            chunk["choices"] =
                json!([{"index": index, "delta": delta(index), "logprobs": null, "finish_reason": reason}]);
            chunk
        }));
    };
    match speech {
        Speech::Text { .. } => {
            add(&|_| json!({"role": "assistant", "content": "", "refusal": null}), Value::Null);
            for piece in speech.streamed(copies) {
                add(&|_| json!({"content": piece}), Value::Null);
            }
        }
        Speech::Call { name, .. } => {
            let function = json!({"name": name, "arguments": ""});
            let begin = |index| json!({"index": 0, "id": call_id(ask, index), "type": "function", "function": function});
            add(
                &|index| json!({"role": "assistant", "content": null, "tool_calls": [begin(index)]}),
                Value::Null,
            );
            for piece in speech.streamed(copies) {
                add(
                    &|_| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}),
                    Value::Null,
                );
            }
        }
    }
    add(&|_| json!({}), finish_reason(speech).into());
    finished(chunks, &envelope, usage_wanted(ask).then_some(usage))
}

fn finish_reason(speech: &Speech) -> &'static str {
    match speech {
        Speech::Call { .. } => "tool_calls",
        Speech::Text { cut: true, .. } => "length",
        Speech::Text { .. } => "stop",
    }
}

fn call_id(ask: &Ask, index: usize) -> String {
    format!("{}{index:02x}", ask.id("call_"))
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn content(message: &Value) -> String {
    message.get("content").map(voice::text_of).unwrap_or_default()
}
