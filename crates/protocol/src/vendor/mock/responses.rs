//! `/v1/responses`: making one, and the few things that can be done with one made before.
//!
//! The mock remembers nothing: a response asked for by its id is made up again from the id.

mod object;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::Asked;
use super::ask::Ask;
use super::error::Problem;
use super::reply::{Reply, named};
use super::voice::{self, GREETING, Last, Speech, Wish};

/// Makes a response.
pub(super) fn create(ask: &Ask) -> Result<Reply, Problem> {
    if ask.field("model").is_none() {
        return Err(Problem::missing("model"));
    }
    let elsewhere =
        ["previous_response_id", "conversation", "prompt"].iter().any(|name| ask.field(name).is_some());
    let nothing = Value::Array(Vec::new());
    let input = if elsewhere { ask.field("input").unwrap_or(&nothing) } else { ask.needed("input")? };
    let (last, heard, mut prompt) = read_input(input)?;
    prompt += ask.text("instructions")?.map_or(0, voice::tokens);
    let speech = voice::compose(&Wish {
        says: &ask.behaviour.says,
        last,
        heard,
        tool: voice::tool(ask.field("tools"), ask.field("tool_choice"))?,
        format: ask.field("text").and_then(|text| text.get("format")),
        limit: ask.count("max_output_tokens", 1..=usize::MAX)?,
        stop: Vec::new(),
    });
    let begun = object::begun(&ask.fields, &ask.id("resp_"), ask.now, &ask.model);
    let ended = object::ended(&begun, ask.now, &speech, prompt, ask.turn);
    if ask.flag("stream")? {
        return Ok(Reply::events(events(&begun, &ended, &speech)));
    }
    Ok(Reply::json(ended))
}

/// Answers what is asked about a response made before; `None` for a path that is no response's.
pub(super) fn stored(asked: &Asked<'_>, rest: &str) -> Option<Result<Reply, Problem>> {
    let rest = rest.strip_prefix("/responses/")?;
    let (id, behind) = rest.split_once('/').unwrap_or((rest, ""));
    let known = |reply: Value| match id.strip_prefix("resp_") {
        Some(end) if !end.is_empty() => Ok(Reply::json(reply)),
        _ => {
            let mut problem =
                Problem::of(http::StatusCode::NOT_FOUND, format!("Response with id '{id}' not found."));
            problem.param = Some("id".to_owned());
            Err(problem)
        }
    };
    let begun = || object::begun(&Map::new(), id, asked.now, "mock");
    if asked.method == Method::GET && behind.is_empty() {
        let speech = Speech::Text { pieces: voice::pieces(GREETING), cut: false };
        Some(known(object::ended(&begun(), asked.now, &speech, 1, asked.turn)))
    } else if asked.method == Method::DELETE && behind.is_empty() {
        Some(known(json!({"id": id, "object": "response", "deleted": true})))
    } else if asked.method == Method::POST && behind == "cancel" {
        let mut cancelled = begun();
        cancelled["status"] = "cancelled".into();
        cancelled["background"] = true.into();
        Some(known(cancelled))
    } else {
        None
    }
}

/// Who spoke last, what the user said last, and how many tokens all of it counts as.
fn read_input(input: &Value) -> Result<(Last, String, usize), Problem> {
    let items = match input {
        Value::String(text) => return Ok((Last::User, text.clone(), voice::tokens(text))),
        Value::Array(items) => items,
        other => return Err(Problem::wrong_type("input", "a string or an array of objects", other)),
    };
    if let Some((at, other)) = items.iter().enumerate().find(|(_, item)| !item.is_object()) {
        return Err(Problem::wrong_type(&format!("input[{at}]"), "an object", other));
    }
    let word = |item: &Value, name| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = |item: &Value| {
        let content = item.get("content").or_else(|| item.get("output"));
        content.map(voice::text_of).unwrap_or_default()
    };
    let last = match items.last() {
        Some(item) if word(item, "type") == "function_call_output" => Last::Tool(text(item)),
        Some(item) if word(item, "role") == "user" => Last::User,
        _ => Last::Other,
    };
    let heard = items.iter().rfind(|item| word(item, "role") == "user").map(text).unwrap_or_default();
    let tokens = items.iter().map(|item| voice::tokens(&text(item)) + 3).sum();
    Ok((last, heard, tokens))
}

/// The whole stream. The last event carries the finished response; there is no `[DONE]`.
fn events(begun: &Value, ended: &Value, speech: &Speech) -> Vec<Bytes> {
    let mut events = Vec::new();
    let mut add = |kind: &str, rest: Value| {
        let mut event = json!({"type": kind, "sequence_number": events.len()});
        if let (Value::Object(event), Value::Object(rest)) = (&mut event, rest) {
            event.extend(rest);
        }
        events.push(named(&event));
    };
    add("response.created", json!({"response": begun}));
    add("response.in_progress", json!({"response": begun}));
    let done = &ended["output"][0];
    let id = &done["id"];
    let mut item = done.clone();
    item["status"] = "in_progress".into();
    match speech {
        Speech::Text { .. } => {
            let part = &done["content"][0];
            let mut empty = part.clone();
            empty["text"] = "".into();
            item["content"] = json!([]);
            let at = json!({"item_id": id, "output_index": 0, "content_index": 0});
            let with = |name: &str, value: Value| {
                let mut rest = at.clone();
                rest[name] = value;
                rest
            };
            let logged = |mut rest: Value| {
                rest["logprobs"] = json!([]);
                rest
            };
            add("response.output_item.added", json!({"output_index": 0, "item": item}));
            add("response.content_part.added", with("part", empty));
            for piece in speech.streamed(1) {
                add("response.output_text.delta", logged(with("delta", piece.into())));
            }
            add("response.output_text.done", logged(with("text", part["text"].clone())));
            add("response.content_part.done", with("part", part.clone()));
        }
        Speech::Call { name, .. } => {
            item["arguments"] = "".into();
            add("response.output_item.added", json!({"output_index": 0, "item": item}));
            for piece in speech.streamed(1) {
                let delta = json!({"item_id": id, "output_index": 0, "delta": piece});
                add("response.function_call_arguments.delta", delta);
            }
            let arguments = &done["arguments"];
            let rest = json!({"item_id": id, "output_index": 0, "name": name, "arguments": arguments});
            add("response.function_call_arguments.done", rest);
        }
    }
    add("response.output_item.done", json!({"output_index": 0, "item": done}));
    let whole = ended["status"] == "completed";
    add(if whole { "response.completed" } else { "response.incomplete" }, json!({"response": ended}));
    events
}
