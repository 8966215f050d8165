//! A whole answer.

use serde_json::{Map, Value, json};

use super::super::json::{Object, body};
use super::super::{To, Wire};
use super::{block, content, stop};
use crate::hub::{Answer, Call, Counts, Part, Response, Thought, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    let blocks = fields.list("content")?.ok_or_else(|| fields.missing("content"))?;
    let mut parts = content::parts_of(blocks, "content", &mut Map::new())?;
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    let details = fields.any("stop_details").unwrap_or_default();
    parts.extend(stop::explanation(&details).map(|words| Part::Refusal(words.to_owned())));
    let mut answer = Answer { parts, ..Answer::default() };
    let sequence = fields.text("stop_sequence")?;
    answer.stop =
        fields.text("stop_reason")?.map(|word| stop::read(&word, sequence.as_deref(), answer.calls()));
    let usage = fields.any("usage").filter(Value::is_object);
    Ok(Response {
        id: fields.text("id")?,
        model: fields.text("model")?,
        created: None,
        counts: usage.as_ref().map(|usage| Usage::of(usage).counts()),
        tier: usage.as_ref().and_then(|usage| usage["service_tier"].as_str()).map(tier),
        answers: vec![answer],
    })
}

/// How soon it was served; the hub's word is OpenAI's.
fn tier(word: &str) -> String {
    if word == "standard" { "default".to_owned() } else { word.to_owned() }
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    // There is one answer, and several cannot be asked for.
    let answer = response.answers.first().cloned().unwrap_or_default();
    let (content, refusal) = said(&answer.parts);
    let id = id(response.id.as_deref(), to);
    let mut out = begun(&id, response.model.as_deref().unwrap_or(&to.request.model));
    out.put("content", content);
    stop::write(answer.stop.as_ref(), &refusal, &mut out);
    let mut usage = usage(response.counts.unwrap_or_default());
    usage.maybe(
        "service_tier",
        match response.tier.as_deref() {
            Some("default") => Some("standard"),
            Some(word @ ("priority" | "batch")) => Some(word),
            _ => None,
        },
    );
    out.put("usage", usage.done());
    out.bytes()
}

/// A message without what it says.
pub(super) fn begun<'a>(id: &'a str, model: &'a str) -> Object<'a> {
    let mut out = Object::default();
    out.put("id", id).put("type", "message").put("role", "assistant").put("model", model);
    out
}

/// The vendor's id if it is one of Anthropic's kind, or one of our own.
pub(super) fn id(theirs: Option<&str>, to: &To<'_>) -> String {
    theirs.filter(|id| id.starts_with("msg_")).map_or_else(|| to.mint.id("msg_", 0), str::to_owned)
}

/// The blocks of an answer, and what it says in place of one.
fn said(parts: &[Part]) -> (Vec<Value>, String) {
    let (mut blocks, mut refusal) = (Vec::with_capacity(parts.len()), String::new());
    for part in parts {
        match part {
            Part::Refusal(words) => refusal.push_str(words),
            Part::Cited(Wire::Messages, citation) => block::cite(blocks.last_mut(), citation),
            other => blocks.extend(blocks_of(other)),
        }
    }
    (blocks, refusal)
}

/// The blocks of a part that an answer may have.
pub(super) fn blocks_of(part: &Part) -> Vec<Value> {
    match part {
        Part::Text(text) if !text.is_empty() => vec![block::text_block(text)],
        Part::Thought(thought) => thoughts(thought),
        Part::Call(call) => vec![block::call_block(&call.id, &call.name, input(call))],
        Part::Opaque(Wire::Messages, block) => vec![block.clone()],
        _ => Vec::new(),
    }
}

/// Sealed thoughts that have a text as well (Responses has such) are two blocks.
fn thoughts(thought: &Thought) -> Vec<Value> {
    let legible = Thought { sealed: None, ..thought.clone() };
    let shown = !legible.text.is_empty() || legible.signature.is_some();
    let sealed = thought.sealed.is_some().then(|| block::thought_block(thought));
    shown.then(|| block::thought_block(&legible)).into_iter().chain(sealed).collect()
}

/// What is no object is wrapped into one: the caller has to see it.
fn input(call: &Call) -> Value {
    let object = if call.custom { None } else { call.object() };
    object.unwrap_or_else(|| block::free_text(&call.arguments))
}

/// `usage` as it stands there: what came from a cache and went into one is counted beside the prompt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    input: u64,
    output: u64,
    cached: u64,
    written: u64,
    thought: u64,
}

impl Usage {
    /// Read.
    pub(super) fn of(usage: &Value) -> Self {
        let number = |name: &str| usage[name].as_u64().unwrap_or_default();
        let by_time = usage["cache_creation"].as_object().into_iter().flat_map(Map::values);
        let by_time = by_time.filter_map(Value::as_u64).fold(0, u64::saturating_add);
        Self {
            input: number("input_tokens"),
            output: number("output_tokens"),
            cached: number("cache_read_input_tokens"),
            written: number("cache_creation_input_tokens").max(by_time),
            thought: usage["output_tokens_details"]["thinking_tokens"].as_u64().unwrap_or_default(),
        }
    }

    /// With what a stream says later. Each number counts from the beginning, and may be left out.
    pub(super) fn and(self, later: Self) -> Self {
        Self {
            input: self.input.max(later.input),
            output: self.output.max(later.output),
            cached: self.cached.max(later.cached),
            written: self.written.max(later.written),
            thought: self.thought.max(later.thought),
        }
    }

    /// In the normal form.
    pub(super) fn counts(self) -> Counts {
        Counts {
            input: self.input.saturating_add(self.cached).saturating_add(self.written),
            output: self.output,
            cached: self.cached,
            written: self.written,
            thought: self.thought,
        }
    }
}

/// `usage` written.
pub(super) fn usage(counts: Counts) -> Object<'static> {
    let mut out = Object::default();
    let beside = counts.cached.saturating_add(counts.written);
    out.put("input_tokens", counts.input.saturating_sub(beside));
    out.put("cache_creation_input_tokens", counts.written);
    out.put("cache_read_input_tokens", counts.cached);
    out.put("output_tokens", counts.output);
    let thought = (counts.thought > 0).then(|| json!({"thinking_tokens": counts.thought}));
    out.maybe("output_tokens_details", thought);
    out
}
