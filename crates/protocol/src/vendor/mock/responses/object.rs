//! The response object: what was asked repeated with its defaults, then the output and the usage.

use serde_json::{Map, Value, json};

use crate::vendor::mock::ask::id as id_of;
use crate::vendor::mock::voice::Speech;

/// Request fields a response repeats, with what is sent when the request leaves them out.
fn repeated() -> Value {
    json!({
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": "default",
        "store": true,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": null,
        "metadata": {},
    })
}

/// A response that has begun.
pub(in crate::vendor::mock) fn begun(asked: &Map<String, Value>, id: &str, now: u64, model: &str) -> Value {
    let mut response = json!({
        "id": id,
        "object": "response",
        "created_at": now,
        "status": "in_progress",
        "background": false,
        "error": null,
        "incomplete_details": null,
        "model": model,
        "output": [],
        "usage": null,
    });
    if let (Value::Object(response), Value::Object(repeated)) = (&mut response, repeated()) {
        for (name, usual) in repeated {
            let given = asked.get(&name).filter(|value| !value.is_null()).cloned().unwrap_or(usual);
            response.insert(name, given);
        }
        if let Some(text) = response.get_mut("text").and_then(Value::as_object_mut) {
            text.entry("format").or_insert_with(|| json!({"type": "text"}));
        }
    }
    response
}

/// The same response, finished; `turn` makes the ids inside.
pub(in crate::vendor::mock) fn ended(
    begun: &Value,
    now: u64,
    speech: &Speech,
    prompt: usize,
    turn: u64,
) -> Value {
    let cut = matches!(speech, Speech::Text { cut: true, .. });
    let status = if cut { "incomplete" } else { "completed" };
    let item = match speech {
        Speech::Text { .. } => json!({
            "id": id_of("msg_", turn),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": speech.whole()}],
        }),
        Speech::Call { name, .. } => json!({
            "id": id_of("fc_", turn),
            "type": "function_call",
            "status": status,
            "arguments": speech.whole(),
            "call_id": id_of("call_", turn),
            "name": name,
        }),
    };
    let tokens = speech.tokens();
    let mut response = begun.clone();
    response["status"] = status.into();
    response["completed_at"] = if cut { Value::Null } else { now.into() };
    if cut {
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    }
    response["output"] = json!([item]);
    response["usage"] = json!({
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + tokens,
    });
    response
}
