//! A whole answer.

use serde_json::{Value, json};

use super::super::json::{Fields, Object, body};
use super::super::{To, chat};
use super::{finish_reason, logprobs};
use crate::hub::{Answer, Part, Response, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    let mut response = Response {
        id: fields.text("id")?,
        model: fields.text("model")?,
        created: fields.whole("created")?,
        tier: fields.text("service_tier")?,
        counts: fields.object("usage")?.map(|usage| chat::counts(&usage)),
        answers: Vec::new(),
    };
    for (nth, choice) in
        fields.list("choices")?.ok_or_else(|| fields.missing("choices"))?.into_iter().enumerate()
    {
        let mut choice = Fields::of(choice, format!("choices[{nth}]"))?;
        let text = choice.text("text")?.filter(|text| !text.is_empty());
        response.answers.push(Answer {
            parts: text.into_iter().map(Part::Text).collect(),
            stop: choice.text("finish_reason")?.map(|word| chat::stop(&word, false)),
            logprobs: choice.any("logprobs").as_ref().and_then(logprobs::read),
        });
    }
    Ok(response)
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    let choice = |(index, answer): (usize, &Answer)| {
        json!({
            "text": words(&answer.parts),
            "index": index,
            "logprobs": logprobs::write(answer.logprobs.as_ref()),
            "finish_reason": answer.stop.as_ref().map(finish_reason),
        })
    };
    let choices: Vec<Value> = response.answers.iter().enumerate().map(choice).collect();
    let mut out = Object::default();
    out.put("id", id(response.id.as_deref(), to)).put("object", "text_completion");
    out.put("created", response.created.unwrap_or(to.mint.now));
    out.put("model", response.model.as_deref().unwrap_or(&to.request.model)).put("choices", choices);
    out.maybe("usage", response.counts.map(chat::usage));
    out.bytes()
}

/// All that there is a place for: the text, and what was said in place of it.
fn words(parts: &[Part]) -> String {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) | Part::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The vendor's id if it is one of this language, or one of our own.
pub(super) fn id(theirs: Option<&str>, to: &To<'_>) -> String {
    theirs.filter(|id| id.starts_with("cmpl")).map_or_else(|| to.mint.id("cmpl-", 0), str::to_owned)
}
