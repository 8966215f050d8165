//! What is asked.

use serde_json::{Value, json};

use super::super::json::{Fields, Object, body, wrong};
use super::{document, message, tools, unsayable};
use crate::hub::{Budget, Losses, Part, Reasoning, Request, Sampling, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let messages = fields.list("messages")?.ok_or_else(|| fields.missing("messages"))?;
    message::read(messages, &mut request)?;
    let documents = fields.list("documents")?.unwrap_or_default().into_iter().enumerate();
    let documents: Result<Vec<Part>, Unreadable> = documents
        .map(|(nth, one)| Ok(Part::File(document::read(one, &format!("documents[{nth}]"))?)))
        .collect();
    document::place(documents?, &mut request);
    request.tools = tools::read(&mut fields)?;
    request.choice = tools::read_choice(&mut fields)?;
    request.shape = tools::read_shape(&mut fields)?;
    request.sampling = sampling(&mut fields)?;
    request.reasoning = thinking(&mut fields)?;
    request.stream = fields.flag("stream")?.unwrap_or_default();
    // A stream always ends with its counts.
    request.counted = request.stream;
    request.rest = fields.rest();
    Ok(request)
}

fn sampling(fields: &mut Fields) -> Result<Sampling, Unreadable> {
    Ok(Sampling {
        most_tokens: fields.whole("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("p")?,
        top_k: fields.number("k")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        stop: stops(fields)?,
        logprobs: fields.flag("logprobs")?,
        ..Sampling::default()
    })
}

fn stops(fields: &mut Fields) -> Result<Vec<String>, Unreadable> {
    let text = |(nth, stop)| match stop {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("stop_sequences[{nth}]"), "a string", &other)),
    };
    fields.list("stop_sequences")?.unwrap_or_default().into_iter().enumerate().map(text).collect()
}

/// `thinking`: on or off, and how many tokens it may take.
fn thinking(fields: &mut Fields) -> Result<Option<Reasoning>, Unreadable> {
    let mut thinking = fields.within("thinking")?;
    let tokens = thinking.whole("token_budget")?;
    let budget = match (thinking.text("type")?.as_deref(), tokens) {
        (None, None) => return Ok(None),
        (Some("disabled"), _) => Budget::Off,
        (Some("enabled") | None, Some(tokens)) => Budget::Tokens(tokens),
        (Some("enabled"), None) => Budget::Adaptive,
        (Some(_), _) => {
            return Err(Unreadable::at(thinking.path("type"), "This must be `enabled` or `disabled`."));
        }
    };
    Ok(Some(Reasoning { budget: Some(budget), ..Reasoning::default() }))
}

pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    let written = message::write(request, losses)?;
    out.put("model", request.model.as_str()).put("messages", written.messages);
    out.list("documents", written.documents);
    tools::write(request, &mut out, losses)?;
    out.maybe("response_format", request.shape.as_ref().map(|shape| tools::shape_of(shape, losses)));
    let sampling = &request.sampling;
    out.maybe("max_tokens", sampling.most_tokens).maybe("temperature", sampling.temperature.clone());
    out.maybe("p", sampling.top_p.clone()).maybe("k", sampling.top_k.clone());
    out.maybe("seed", sampling.seed.clone()).list("stop_sequences", sampling.stop.clone());
    out.maybe("frequency_penalty", sampling.frequency_penalty.clone())
        .maybe("presence_penalty", sampling.presence_penalty.clone());
    out.maybe("logprobs", sampling.logprobs);
    out.maybe("thinking", request.reasoning.as_ref().and_then(|reasoning| thought(reasoning, losses)));
    if request.stream {
        out.put("stream", true);
    }
    lose(request, losses);
    Ok(out.bytes())
}

/// What there is no field for.
fn lose(request: &Request, losses: &mut Losses) {
    let sampling = &request.sampling;
    losses.add_if(sampling.min_p.is_some(), &unsayable::MIN_P);
    losses.add_if(sampling.n.is_some_and(|n| n != 1), &unsayable::SEVERAL);
    losses.add_if(sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS);
    losses.add_if(sampling.top_logprobs.is_some(), &unsayable::TOP_LOGPROBS);
    losses.add_if(request.user.is_some(), &unsayable::USER);
    losses.add_if(request.metadata.is_some(), &unsayable::METADATA);
    losses.add_if(request.tier.is_some(), &unsayable::TIER);
    losses.add_if(request.cache_key.is_some(), &unsayable::CACHE_KEY);
    losses.add_if(request.verbosity.is_some(), &unsayable::VERBOSITY);
    for name in request.rest.keys() {
        losses.field(name);
    }
}

/// `thinking`. An effort is said in tokens, where nobody said how many.
fn thought(reasoning: &Reasoning, losses: &mut Losses) -> Option<Value> {
    losses.add_if(reasoning.shown == Some(false) && !reasoning.is_off(), &unsayable::SHOWN);
    if reasoning.is_off() {
        return Some(json!({"type": "disabled"}));
    }
    losses.add_if(reasoning.effort.is_some(), &unsayable::EFFORT);
    let tokens = match (reasoning.budget, reasoning.effort.as_deref()) {
        (Some(Budget::Tokens(tokens)), _) => Some(tokens),
        (_, Some("minimal" | "low")) => Some(2048),
        (_, Some("medium")) => Some(8192),
        (_, Some(_)) | (Some(Budget::Adaptive | Budget::Off), None) => None,
        (None, None) => return None,
    };
    let mut thinking = Object::default();
    thinking.put("type", "enabled").maybe("token_budget", tokens);
    Some(thinking.done())
}
