//! `POST /v1beta/models/{model}:{verb}`: Gemini's language; the path names the model, and whether the answer streams.
//!
//! Tools are not called here, for the reason given in `messages.rs`. Source: Gemini API reference (v1beta), "Generating
//! content" and "Counting tokens", and recorded streams.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Endpoint;
use super::ask::Ask;
use super::behaviour::percent_decoded;
use super::embeddings;
use super::error::Problem;
use super::reply::{Reply, unnamed};
use super::voice::{self, Last, Speech, Wish};
use crate::operation::asks_for_events;

/// What all these paths begin with.
pub(super) const BASE: &str = "/v1beta/models/";

/// What a path names.
pub(super) struct Named<'a> {
    pub(super) model: String,
    verb: &'a str,
}

/// Reads the path; `None` for one that names no verb of ours.
pub(super) fn named(rest: &str) -> Option<Named<'_>> {
    let (model, verb) = rest.strip_prefix(BASE)?.rsplit_once(':')?;
    let known = matches!(
        verb,
        "generateContent" | "streamGenerateContent" | "countTokens" | "embedContent" | "batchEmbedContents"
    );
    Some(Named { model: percent_decoded(model).filter(|_| known)?, verb })
}

/// What answers the verb. A stream is one of events only if the query says so; otherwise it is a JSON array.
pub(super) fn endpoint(named: &Named<'_>, query: Option<&str>) -> Endpoint {
    let events = query.is_some_and(asks_for_events);
    match (named.verb, events) {
        ("countTokens", _) => count,
        ("embedContent", _) => embeddings::embed_content,
        ("batchEmbedContents", _) => embeddings::batch_embed_contents,
        ("streamGenerateContent", true) => stream_events,
        ("streamGenerateContent", false) => stream_array,
        _ => whole,
    }
}

fn whole(ask: &Ask) -> Result<Reply, Problem> {
    let (speech, prompt) = speak(ask)?;
    Ok(Reply::json(part(ask, &speech.whole(), Some(&speech), prompt)))
}

fn stream_events(ask: &Ask) -> Result<Reply, Problem> {
    Ok(Reply::events(parts(ask)?.iter().map(unnamed).collect()))
}

fn stream_array(ask: &Ask) -> Result<Reply, Problem> {
    let parts = parts(ask)?;
    let last = parts.len() - 1;
    let piece = |(at, part): (usize, &Value)| {
        let (begin, end) = (if at == 0 { "[" } else { ",\r\n" }, if at == last { "]" } else { "" });
        Bytes::from(format!("{begin}{part}{end}"))
    };
    Ok(Reply::stream("application/json; charset=utf-8", parts.iter().enumerate().map(piece).collect()))
}

fn count(ask: &Ask) -> Result<Reply, Problem> {
    let inner = ask.field("generateContentRequest").and_then(|request| request.get("contents"));
    let contents = inner.or_else(|| ask.field("contents")).ok_or_else(|| absent("contents"))?;
    Ok(Reply::json(json!({"totalTokens": tokens(contents)})))
}

/// What is said, and how many tokens were asked with.
fn speak(ask: &Ask) -> Result<(Speech, usize), Problem> {
    let contents = ask.field("contents").ok_or_else(|| absent("contents"))?;
    let list: &[Value] = contents.as_array().map_or(std::slice::from_ref(contents), Vec::as_slice);
    let config = ask.field("generationConfig");
    let set = |name: &str| config.and_then(|config| config.get(name)).filter(|value| !value.is_null());
    let answers_tool = |content: &Value| {
        let parts = content.get("parts").and_then(Value::as_array).into_iter().flatten();
        parts.clone().any(|part| part.get("functionResponse").is_some())
    };
    let last = match list.last() {
        None => return Err(absent("contents")),
        Some(content) if answers_tool(content) => Last::Tool("so far so good.".to_owned()),
        Some(content) if by_user(content) => Last::User,
        Some(_) => Last::Other,
    };
    let format = (set("responseMimeType").and_then(Value::as_str) == Some("application/json"))
        .then(|| set("responseJsonSchema").or_else(|| set("responseSchema")))
        .map(|schema| match schema {
            Some(schema) => json!({"type": "json_schema", "schema": schema}),
            None => json!({"type": "json_object"}),
        });
    let stops = set("stopSequences").and_then(Value::as_array).into_iter().flatten();
    let speech = voice::compose(&Wish {
        says: &ask.behaviour.says,
        last,
        heard: list.iter().rfind(|content| by_user(content)).map(text).unwrap_or_default(),
        tool: None,
        format: format.as_ref(),
        limit: set("maxOutputTokens").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok()),
        stop: stops.filter_map(|stop| Some(stop.as_str()?.to_owned())).collect(),
    });
    let system = ask.field("systemInstruction").map(text).unwrap_or_default();
    Ok((speech, tokens(contents) + voice::tokens(&system)))
}

/// The parts of a stream; the last one says why it ends.
fn parts(ask: &Ask) -> Result<Vec<Value>, Problem> {
    let (speech, prompt) = speak(ask)?;
    let mut pieces = speech.streamed(1);
    let last = pieces.pop().unwrap_or_default();
    let begun = pieces.iter().map(|piece| part(ask, piece, None, prompt));
    Ok(begun.chain([part(ask, &last, Some(&speech), prompt)]).collect())
}

/// One answer, or one part of a stream; with the whole speech it is the last.
fn part(ask: &Ask, said: &str, ended: Option<&Speech>, prompt: usize) -> Value {
    let content = json!({"parts": [{"text": said}], "role": "model"});
    let mut candidate = json!({"content": content, "index": 0});
    let mut usage = json!({"promptTokenCount": prompt, "totalTokenCount": prompt});
    if let Some(speech) = ended {
        let cut = matches!(speech, Speech::Text { cut: true, .. });
        candidate["finishReason"] = if cut { "MAX_TOKENS" } else { "STOP" }.into();
        usage["candidatesTokenCount"] = speech.tokens().into();
        usage["totalTokenCount"] = (prompt + speech.tokens()).into();
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": ask.model,
        "responseId": ask.id("gen"),
    })
}

/// The user is who speaks when nobody is named.
fn by_user(content: &Value) -> bool {
    matches!(content.get("role").and_then(Value::as_str), None | Some("user"))
}

fn text(content: &Value) -> String {
    content.get("parts").map(voice::text_of).unwrap_or_default()
}

fn tokens(contents: &Value) -> usize {
    match contents {
        Value::Array(list) => list.iter().map(|content| voice::tokens(&text(content)) + 1).sum(),
        one => voice::tokens(&text(one)) + 1,
    }
}

fn absent(field: &str) -> Problem {
    Problem::invalid(
        field,
        "INVALID_ARGUMENT",
        format!("* GenerateContentRequest.{field}: {field} is not specified"),
    )
}
