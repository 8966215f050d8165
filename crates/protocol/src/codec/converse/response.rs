//! A whole answer.

use serde_json::{Value, json};

use super::super::Habits;
use super::super::json::{Object, body};
use super::request::TIERS;
use super::{Pen, block, stop, stop_reason};
use crate::hub::{Answer, Counts, Losses, Response, Role, Stop, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    if !fields.has("output") {
        return Err(fields.missing("output"));
    }
    let mut message = fields.within("output")?.within("message")?;
    let at = message.path("content");
    let parts = block::read_all(message.list("content")?, &at, Role::Assistant)?;
    let mut answer = Answer { parts, ..Answer::default() };
    answer.stop = fields.text("stopReason")?.map(|word| stop(&word, answer.calls()));
    // Anthropic's models tell which, if they were asked to.
    let told = fields.any("additionalModelResponseFields").unwrap_or_default();
    if let (Some(Stop::Sequence(which)), Some(text)) = (&mut answer.stop, told["stop_sequence"].as_str()) {
        *which = Some(text.to_owned());
    }
    Ok(Response {
        answers: vec![answer],
        counts: fields.any("usage").as_ref().and_then(counts),
        tier: fields.any("serviceTier").unwrap_or_default()["type"].as_str().map(str::to_owned),
        ..Response::default()
    })
}

pub(super) fn write(response: &Response) -> Vec<u8> {
    let answer = response.answers.first().cloned().unwrap_or_default();
    let mut losses = Losses::default();
    let mut pen = Pen { losses: &mut losses, habits: Habits::default(), asks: false, names: Vec::new() };
    // Nothing of an answer is refused.
    let content = block::write(&answer.parts, Role::Assistant, &mut pen).unwrap_or_default();
    let mut out = Object::default();
    out.put("output", json!({"message": {"role": "assistant", "content": content}}));
    out.maybe("stopReason", answer.stop.as_ref().map(stop_reason));
    // Required, as the metrics are.
    out.put("usage", usage(response.counts.unwrap_or_default())).put("metrics", unmeasured());
    out.maybe(
        "serviceTier",
        response.tier.as_deref().filter(|tier| TIERS.contains(tier)).map(|tier| json!({"type": tier})),
    );
    out.bytes()
}

/// How long the model took is not known here, and must be said: programs read it without asking whether it is there.
pub(super) fn unmeasured() -> Value {
    json!({"latencyMs": 0})
}

/// `usage` read: what concerns the cache stands beside the input.
pub(super) fn counts(usage: &Value) -> Option<Counts> {
    let number = |name: &str| usage[name].as_u64();
    usage.as_object()?;
    let cached = number("cacheReadInputTokens").or_else(|| number("cacheReadInputTokenCount"));
    let written = number("cacheWriteInputTokens").or_else(|| number("cacheWriteInputTokenCount"));
    let (cached, written) = (cached.unwrap_or_default(), written.unwrap_or_default());
    let input = number("inputTokens").unwrap_or_default();
    Some(Counts {
        input: input.saturating_add(cached).saturating_add(written),
        output: number("outputTokens").unwrap_or_default(),
        cached,
        written,
        thought: 0,
    })
}

/// `usage` written.
pub(super) fn usage(counts: Counts) -> Value {
    let mut usage = Object::default();
    usage
        .put("inputTokens", counts.input.saturating_sub(counts.cached).saturating_sub(counts.written))
        .put("outputTokens", counts.output)
        .put("totalTokens", counts.input.saturating_add(counts.output))
        .maybe("cacheReadInputTokens", (counts.cached > 0).then_some(counts.cached))
        .maybe("cacheWriteInputTokens", (counts.written > 0).then_some(counts.written));
    usage.done()
}
