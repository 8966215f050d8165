//! A whole answer.

use serde_json::{Map, Value, json};

use super::super::To;
use super::super::json::{Fields, Object, body};
use super::{finish_reason, message, stop};
use crate::hub::{Answer, Counts, Response, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    let mut response = Response {
        id: fields.text("id")?,
        model: fields.text("model")?,
        created: fields.whole("created")?,
        tier: fields.text("service_tier")?,
        counts: fields.object("usage")?.map(|usage| counts(&usage)),
        answers: Vec::new(),
    };
    for (nth, choice) in
        fields.list("choices")?.ok_or_else(|| fields.missing("choices"))?.into_iter().enumerate()
    {
        let mut choice = Fields::of(choice, format!("choices[{nth}]"))?;
        let parts = message::said(&mut choice.within("message")?)?;
        let mut answer = Answer { parts, stop: None, logprobs: choice.any("logprobs") };
        answer.stop = choice.text("finish_reason")?.map(|word| stop(&word, answer.calls()));
        response.answers.push(answer);
    }
    Ok(response)
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    let choice = |(index, answer): (usize, &Answer)| {
        json!({
            "index": index,
            "message": message::answered(&answer.parts),
            "logprobs": answer.logprobs.clone().map(whole),
            "finish_reason": answer.stop.as_ref().map(finish_reason),
        })
    };
    let choices: Vec<Value> = response.answers.iter().enumerate().map(choice).collect();
    let mut out = Object::default();
    out.put("id", id(response.id.as_deref(), to)).put("object", "chat.completion");
    out.put("created", response.created.unwrap_or(to.mint.now));
    out.put("model", response.model.as_deref().unwrap_or(&to.request.model)).put("choices", choices);
    out.maybe("usage", response.counts.map(usage)).maybe("service_tier", response.tier.clone());
    out.bytes()
}

/// Probabilities with both of their lists.
fn whole(mut logprobs: Value) -> Value {
    if let Some(lists) = logprobs.as_object_mut() {
        lists.entry("refusal").or_insert(Value::Null);
    }
    logprobs
}

/// The vendor's id if it is one of OpenAI's kind, or one of our own.
pub(super) fn id(theirs: Option<&str>, to: &To<'_>) -> String {
    theirs.filter(|id| id.starts_with("chatcmpl")).map_or_else(|| to.mint.id("chatcmpl-", 0), str::to_owned)
}

/// `usage` read.
pub(in crate::codec) fn counts(usage: &Map<String, Value>) -> Counts {
    let number = |name: &str| usage.get(name).and_then(Value::as_u64);
    let detail =
        |group: &str, name: &str| usage.get(group).and_then(|group| group.get(name)).and_then(Value::as_u64);
    Counts {
        input: number("prompt_tokens").unwrap_or_default(),
        output: number("completion_tokens").unwrap_or_default(),
        cached: detail("prompt_tokens_details", "cached_tokens")
            .or_else(|| number("prompt_cache_hit_tokens"))
            .unwrap_or_default(),
        written: detail("prompt_tokens_details", "cache_write_tokens").unwrap_or_default(),
        thought: detail("completion_tokens_details", "reasoning_tokens").unwrap_or_default(),
    }
}

/// `usage` written.
pub(in crate::codec) fn usage(counts: Counts) -> Value {
    let mut read = Object::default();
    read.put("cached_tokens", counts.cached)
        .maybe("cache_write_tokens", (counts.written > 0).then_some(counts.written));
    json!({
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input.saturating_add(counts.output),
        "prompt_tokens_details": read.done(),
        "completion_tokens_details": {"reasoning_tokens": counts.thought},
    })
}
