//! A whole answer.

use serde_json::{Value, json};

use super::super::json::{Fields, body, bytes};
use super::super::{To, Wire};
use super::input::{call_of, thought_of};
use super::object;
use super::output::{Ids, items};
use crate::hub::{Answer, Media, Part, Request, Response, Source, Thought, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    let output = fields.list("output")?.ok_or_else(|| fields.missing("output"))?;
    let mut answer = Answer::default();
    let mut logged = Vec::new();
    for (nth, item) in output.into_iter().enumerate() {
        read_item(item, &format!("output[{nth}]"), &mut answer.parts, &mut logged)?;
    }
    if !logged.is_empty() {
        answer.logprobs = Some(json!({"content": logged, "refusal": null}));
    }
    let id = fields.text("id")?;
    let model = fields.text("model")?;
    // Some write it with a fraction.
    let created = fields.any("created_at").and_then(|at| at.as_u64().or_else(|| whole(at.as_f64()?)));
    let tier = fields.text("service_tier")?;
    let whole = Value::Object(fields.rest());
    answer.stop = object::stop(&whole, answer.calls())
        .map_err(|words| Unreadable::new(format!("The response failed: {words}")))?;
    Ok(Response { id, model, created, tier, counts: object::counts(&whole["usage"]), answers: vec![answer] })
}

fn whole(seconds: f64) -> Option<u64> {
    format!("{seconds:.0}").parse().ok()
}

/// One item of the output. Of a message's parts nothing is needed but their words.
fn read_item(
    item: Value,
    at: &str,
    parts: &mut Vec<Part>,
    logged: &mut Vec<Value>,
) -> Result<(), Unreadable> {
    if item["type"] != "message" {
        parts.extend(part_of(item, at)?);
        return Ok(());
    }
    for part in item["content"].as_array().into_iter().flatten() {
        match (part["text"].as_str(), part["refusal"].as_str()) {
            (Some(text), _) => parts.push(Part::Text(text.to_owned())),
            (None, Some(refusal)) => parts.push(Part::Refusal(refusal.to_owned())),
            (None, None) => {}
        }
        let sources = part["annotations"].as_array().into_iter().flatten();
        parts.extend(sources.map(|source| Part::Cited(Wire::Responses, source.clone())));
        logged.extend(part["logprobs"].as_array().into_iter().flatten().cloned());
    }
    Ok(())
}

/// An item that is one part; `None`: there is nothing in it.
pub(super) fn part_of(item: Value, at: &str) -> Result<Option<Part>, Unreadable> {
    let kind = item["type"].as_str().unwrap_or_default();
    Ok(match kind {
        "function_call" | "custom_tool_call" => {
            let custom = kind == "custom_tool_call";
            // Whose namespaces these are, the request knows; here they are only joined to a name.
            let call = call_of(&mut Fields::of(item, at)?, custom, &mut Request::default())?;
            Some(Part::Call(call))
        }
        "reasoning" => Some(thought_of(&mut Fields::of(item, at)?)?)
            .filter(|thought: &Thought| !thought.text.is_empty() || thought.sealed.is_some())
            .map(Part::Thought),
        "image_generation_call" if item["result"].is_string() => {
            let format = item["output_format"].as_str().unwrap_or("png");
            let base64 = item["result"].as_str().unwrap_or_default().to_owned();
            Some(Part::Image(Media::new(Source::Data { kind: format!("image/{format}"), base64 })))
        }
        _ => Some(Part::Opaque(Wire::Responses, item)),
    })
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    let mut whole = object::begun(to);
    object::named(&mut whole, response.id.as_deref(), response.model.as_deref(), response.created);
    if let Some(tier) = &response.tier {
        whole.insert("service_tier".to_owned(), json!(tier));
    }
    // There is one answer here; several cannot have been asked for.
    let answer = response.answers.first();
    let stop = answer.and_then(|answer| answer.stop.as_ref());
    let mut ids = Ids::new(to.mint);
    let output = answer.map(|answer| items(answer, to.request, &mut ids, object::item_status(stop)));
    object::end(&mut whole, stop, output.unwrap_or_default(), response.counts, to.mint.now);
    bytes(&whole)
}
