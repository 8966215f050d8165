//! A whole answer.

use std::time::UNIX_EPOCH;

use serde_json::{Map, Value, json};

use super::super::json::{Fields, Object, body};
use super::super::{To, Wire};
use super::{logprobs, part, request, stop};
use crate::hub::{Answer, Counts, Part, Response, Stop, Unreadable};
use crate::moment;

/// What a candidate tells of its sources.
pub(super) const SOURCES: &[&str] =
    &["groundingMetadata", "citationMetadata", "urlContextMetadata", "groundingAttributions"];

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    if let Some(error) = fields.any("error") {
        return Err(Unreadable::new(words(&error)));
    }
    let mut response = Response {
        id: fields.text("responseId")?,
        model: fields.text("modelVersion")?,
        created: fields.text("createTime")?.and_then(|time| seconds(&time)),
        ..Response::default()
    };
    if let Some(usage) = fields.object("usageMetadata")? {
        response.tier = usage.get("serviceTier").and_then(Value::as_str).and_then(request::tier);
        response.counts = counts(&usage);
    }
    let mut calls = Calls::of(response.id.as_deref());
    for (nth, candidate) in fields.list("candidates")?.unwrap_or_default().into_iter().enumerate() {
        let candidate = Fields::of(candidate, format!("candidates[{nth}]"))?;
        response.answers.push(answer(candidate, &mut calls)?);
    }
    if response.answers.is_empty() {
        let feedback = fields.any("promptFeedback").filter(is_blocked);
        feedback.ok_or_else(|| fields.missing("candidates"))?;
        response.answers.push(Answer { stop: Some(Stop::Filtered), ..Answer::default() });
    }
    Ok(response)
}

fn answer(mut candidate: Fields, calls: &mut Calls) -> Result<Answer, Unreadable> {
    let mut answer = Answer::default();
    let mut content = candidate.within("content")?;
    let at = content.path("parts");
    for (nth, value) in content.list("parts")?.unwrap_or_default().into_iter().enumerate() {
        answer.parts.extend(part::read(value, format!("{at}[{nth}]"), &mut Map::new())?);
    }
    answer.parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    answer.parts.iter_mut().for_each(|part| calls.identify(part));
    let word = candidate.text("finishReason")?.unwrap_or_default();
    answer.stop = stop::read(&word, answer.calls());
    answer.logprobs = candidate.any("logprobsResult").map(|result| logprobs::read(&result));
    answer.parts.extend(sources(&Value::Object(candidate.rest())));
    Ok(answer)
}

/// Whether a prompt was refused.
pub(super) fn is_blocked(feedback: &Value) -> bool {
    feedback["blockReason"].as_str().is_some_and(|reason| !reason.is_empty())
}

/// What a candidate tells of its sources, as one part.
pub(super) fn sources(candidate: &Value) -> Option<Part> {
    let told = |value: &&Value| match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    };
    let of = |name: &&str| Some(((*name).to_owned(), candidate.get(*name).filter(told)?.clone()));
    let sources: Map<String, Value> = SOURCES.iter().filter_map(of).collect();
    (!sources.is_empty()).then_some(Part::Cited(Wire::Gemini, sources.into()))
}

/// Gives ids to calls that have none: by the answer's own id and their number, so that no other call of the conversation has it.
#[derive(Debug, Default)]
pub(super) struct Calls {
    answer: String,
    made: usize,
}

impl Calls {
    pub(super) fn of(answer: Option<&str>) -> Self {
        Self { answer: answer.unwrap_or("gemini").to_owned(), made: 0 }
    }

    pub(super) fn identify(&mut self, part: &mut Part) {
        let Part::Call(call) = part else { return };
        if call.id.is_empty() {
            call.id = format!("call_{}_{}", self.answer, self.made);
        }
        self.made += 1;
    }

    /// Whether there were any.
    pub(super) fn any(&self) -> bool {
        self.made > 0
    }
}

/// What an error says.
pub(super) fn words(error: &Value) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned)
}

/// A point in time, in seconds since 1970.
pub(super) fn seconds(time: &str) -> Option<u64> {
    Some(moment::rfc3339(time)?.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// `usageMetadata` read. Thoughts stand beside the answer's tokens, those of tools beside the prompt's.
pub(super) fn counts(usage: &Map<String, Value>) -> Option<Counts> {
    let number = |name: &str| usage.get(name).and_then(Value::as_u64);
    let some = |name: &str| number(name).unwrap_or_default();
    let thought = some("thoughtsTokenCount");
    let answer = number("candidatesTokenCount").unwrap_or_else(|| some("responseTokenCount"));
    let counts = Counts {
        input: some("promptTokenCount") + some("toolUsePromptTokenCount"),
        output: answer + thought,
        cached: some("cachedContentTokenCount"),
        written: 0,
        thought,
    };
    (counts != Counts::default()).then_some(counts)
}

/// `usageMetadata` written.
pub(super) fn usage(counts: Counts) -> Object<'static> {
    let some = |number: u64| (number > 0).then_some(number);
    let mut usage = Object::default();
    usage
        .put("promptTokenCount", counts.input)
        .put("candidatesTokenCount", counts.output.saturating_sub(counts.thought))
        .put("totalTokenCount", counts.input.saturating_add(counts.output))
        .maybe("cachedContentTokenCount", some(counts.cached))
        .maybe("thoughtsTokenCount", some(counts.thought));
    usage
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    let candidates: Vec<Value> = response.answers.iter().enumerate().map(candidate).collect();
    let mut out = Object::default();
    out.put("candidates", candidates);
    if let Some(counts) = response.counts {
        let mut usage = usage(counts);
        usage.maybe("serviceTier", response.tier.as_deref().and_then(request::service_tier));
        out.put("usageMetadata", usage.done());
    }
    out.put("modelVersion", response.model.as_deref().unwrap_or(&to.request.model));
    out.put("responseId", response.id.clone().unwrap_or_else(|| to.mint.id("", 0)));
    out.bytes()
}

fn candidate((index, answer): (usize, &Answer)) -> Value {
    let mut content = Object::default();
    content.list("parts", part::answered(&answer.parts)).put("role", "model");
    let mut candidate = Object::default();
    candidate.put("content", content.done());
    candidate.maybe("finishReason", answer.stop.as_ref().map(stop::word)).put("index", index);
    for part in &answer.parts {
        if let Part::Cited(Wire::Gemini, Value::Object(sources)) = part {
            candidate.all(sources);
        }
    }
    candidate.maybe("logprobsResult", answer.logprobs.as_ref().and_then(logprobs::write));
    candidate.done()
}

/// A part of an answer without anything in it, as it stands where there is only a reason or a source to tell.
pub(super) fn nothing() -> Value {
    json!({"text": ""})
}
