//! The response object: what was asked, repeated with what the reference says where nothing was asked, then what came of it.

use serde_json::{Map, Value, json};

use super::super::To;
use super::{request, tools, wishes};
use crate::hub::{Counts, Losses, Part, Stop};
use crate::kept;

/// The object.
pub(super) type Whole = Map<String, Value>;

/// The object of an answer that has begun.
pub(super) fn begun(to: &To<'_>) -> Whole {
    let asked = to.request;
    // It was told when the request was written.
    let mut told = Losses::default();
    let rest = |name: &str, usual: Value| asked.rest.get(name).cloned().unwrap_or(usual);
    let instructions = match asked.system.first() {
        Some(Part::Text(text)) => json!(text),
        _ => Value::Null,
    };
    let named = asked.named.as_ref();
    let fixed = [
        ("id", json!(named.map_or_else(|| to.mint.id("resp_", 0), |named| named.id.clone()))),
        ("object", json!("response")),
        ("created_at", json!(to.mint.now)),
        ("status", json!("in_progress")),
        ("background", json!(false)),
        ("completed_at", Value::Null),
        ("error", Value::Null),
        ("incomplete_details", Value::Null),
        ("instructions", instructions),
        ("max_output_tokens", json!(asked.sampling.most_tokens)),
        ("max_tool_calls", rest("max_tool_calls", Value::Null)),
        ("model", json!(asked.model)),
        ("output", json!([])),
        ("parallel_tool_calls", json!(asked.parallel.unwrap_or(true))),
        (
            "previous_response_id",
            named.map_or_else(|| rest("previous_response_id", Value::Null), |named| json!(named.previous)),
        ),
        ("prompt_cache_key", json!(asked.cache_key)),
        ("reasoning", reasoning(to, &mut told)),
        ("safety_identifier", rest("safety_identifier", Value::Null)),
        ("service_tier", json!(asked.tier.as_deref().unwrap_or("default"))),
        // Whatever was asked: an answer that another vendor gave can be had again only where the gateway keeps it.
        ("store", json!(named.is_some_and(|named| named.kept))),
        ("temperature", asked.sampling.temperature.clone().map_or(json!(1.0), Value::Number)),
        ("text", text(to)),
        ("tool_choice", request::choice(asked).unwrap_or_else(|| json!("auto"))),
        ("tools", Value::Array(tools::write(asked, &mut told))),
        ("top_logprobs", json!(asked.sampling.top_logprobs.unwrap_or_default())),
        ("top_p", asked.sampling.top_p.clone().map_or(json!(1.0), Value::Number)),
        ("truncation", rest("truncation", json!("disabled"))),
        ("usage", Value::Null),
        ("user", json!(asked.user)),
        ("metadata", Value::Object(asked.metadata.clone().unwrap_or_default())),
    ];
    fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Who answers, and when, if the vendor says so. Its id stays if it is one of this language, and the answer has none of ours.
pub(super) fn named(whole: &mut Whole, id: Option<&str>, model: Option<&str>, created: Option<u64>) {
    let ours = whole.get("id").and_then(Value::as_str).is_some_and(kept::is_ours);
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            whole.insert(name.to_owned(), value);
        }
    };
    put("id", id.filter(|id| !ours && id.starts_with("resp_")).map(Value::from));
    put("model", model.map(Value::from));
    put("created_at", created.map(Value::from));
}

fn reasoning(to: &To<'_>, told: &mut Losses) -> Value {
    let mut object = json!({"effort": null, "summary": null});
    let asked = wishes::with_rest(wishes::reasoning_of(to.request, told), "reasoning", &to.request.rest);
    merge(&mut object, asked.done());
    object
}

fn text(to: &To<'_>) -> Value {
    let mut object = json!({"format": {"type": "text"}, "verbosity": "medium"});
    merge(&mut object, wishes::text_of(to.request).done());
    object
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// How an answer ends: its status, and the reason if it is not complete.
pub(super) fn ending(stop: Option<&Stop>) -> (&'static str, Option<&'static str>) {
    match stop {
        Some(Stop::Length | Stop::ContextFull) => ("incomplete", Some("max_output_tokens")),
        Some(Stop::Filtered | Stop::Refused) => ("incomplete", Some("content_filter")),
        Some(Stop::Malformed(_)) => ("failed", None),
        Some(Stop::End | Stop::Sequence(_) | Stop::Calls | Stop::Paused) | None => ("completed", None),
    }
}

/// How the last item of such an answer ends.
pub(super) fn item_status(stop: Option<&Stop>) -> &'static str {
    if ending(stop).0 == "completed" { "completed" } else { "incomplete" }
}

/// The answer is over.
pub(super) fn end(
    whole: &mut Whole,
    stop: Option<&Stop>,
    output: Vec<Value>,
    counts: Option<Counts>,
    now: u64,
) {
    let (status, reason) = ending(stop);
    let mut put = |name: &str, value: Value| {
        whole.insert(name.to_owned(), value);
    };
    put("status", json!(status));
    if status == "completed" {
        put("completed_at", json!(now));
    }
    if let Some(reason) = reason {
        put("incomplete_details", json!({"reason": reason}));
    }
    if let Some(Stop::Malformed(word)) = stop {
        let say = format!("The model's answer cannot be used: {word}.");
        put("error", json!({"code": "server_error", "message": say}));
    }
    put("output", Value::Array(output));
    if let Some(counts) = counts {
        put("usage", usage(counts));
    }
}

fn usage(counts: Counts) -> Value {
    json!({
        "input_tokens": counts.input,
        "input_tokens_details": {"cached_tokens": counts.cached, "cache_write_tokens": counts.written},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.thought},
        "total_tokens": counts.input.saturating_add(counts.output),
    })
}

/// `usage` read.
pub(super) fn counts(usage: &Value) -> Option<Counts> {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    usage.is_object().then(|| Counts {
        input: number(&usage["input_tokens"]),
        output: number(&usage["output_tokens"]),
        cached: number(&usage["input_tokens_details"]["cached_tokens"]),
        written: number(&usage["input_tokens_details"]["cache_write_tokens"]),
        thought: number(&usage["output_tokens_details"]["reasoning_tokens"]),
    })
}

/// Why an answer of that status ends; `Err`: it failed, in the vendor's words.
pub(super) fn stop(response: &Value, calls: bool) -> Result<Option<Stop>, String> {
    let reason = response["incomplete_details"]["reason"].as_str();
    Ok(Some(match response["status"].as_str() {
        Some("completed") if calls => Stop::Calls,
        Some("completed") => Stop::End,
        Some("incomplete") => match reason {
            Some("content_filter") => Stop::Filtered,
            // Of tokens there are several kinds.
            Some(word) if !word.contains("token") => Stop::Malformed(word.to_owned()),
            _ => Stop::Length,
        },
        Some(word @ ("failed" | "cancelled")) => {
            return Err(response["error"]["message"].as_str().unwrap_or(word).to_owned());
        }
        _ => return Ok(None),
    }))
}
