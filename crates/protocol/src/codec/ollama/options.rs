//! What both forms share: how words are drawn, the shape of the answer, how much is thought, and whether it streams.

use serde_json::{Map, Value, json};

use super::super::json::{Fields, Object, wrong};
use super::unsayable;
use crate::hub::{Budget, Losses, Reasoning, Request, Sampling, Shape, Unreadable};

/// Reads them, and keeps what is left: nobody takes anything behind it.
pub(super) fn read(mut fields: Fields, request: &mut Request) -> Result<(), Unreadable> {
    request.stream = fields.flag("stream")?.unwrap_or(true);
    request.shape = shape(&mut fields)?;
    request.reasoning = thinking(&mut fields)?;
    let mut options = fields.object("options")?.unwrap_or_default();
    // Below nothing is no number of tokens: without end (-1), or until the context is full (-2).
    let endless = options.get("num_predict").is_some_and(|most| most.as_f64().is_some_and(|most| most < 0.0));
    let endless = endless.then(|| options.shift_remove_entry("num_predict")).flatten();
    let mut options = Fields::of(Value::Object(options), "options")?;
    request.sampling = Sampling {
        most_tokens: options.whole("num_predict")?,
        temperature: options.number("temperature")?,
        top_p: options.number("top_p")?,
        top_k: options.number("top_k")?,
        min_p: options.number("min_p")?,
        seed: options.number("seed")?,
        frequency_penalty: options.number("frequency_penalty")?,
        presence_penalty: options.number("presence_penalty")?,
        stop: stops(&mut options)?,
        logprobs: fields.flag("logprobs")?,
        top_logprobs: fields.whole("top_logprobs")?,
        ..Sampling::default()
    };
    let mut unknown = options.rest();
    unknown.extend(endless);
    request.rest = fields.rest();
    if !unknown.is_empty() {
        request.rest.insert("options".to_owned(), Value::Object(unknown));
    }
    Ok(())
}

/// `stop`: one text, or several.
fn stops(options: &mut Fields) -> Result<Vec<String>, Unreadable> {
    let at = options.path("stop");
    let list = match options.any("stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(several)) => several,
        Some(one) => vec![one],
    };
    let text = |value| match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(&at, "a string or an array of strings", &other)),
    };
    list.into_iter().map(text).collect()
}

/// `format`: a word, or a schema.
fn shape(fields: &mut Fields) -> Result<Option<Shape>, Unreadable> {
    match fields.any("format") {
        None => Ok(None),
        Some(Value::String(word)) if word.is_empty() => Ok(None),
        Some(Value::String(word)) if word == "json" => Ok(Some(Shape::Json)),
        Some(schema @ Value::Object(_)) => {
            // Ollama always holds to it; what others call strict asks more of a schema than Ollama does.
            Ok(Some(Shape::Schema { name: None, description: None, schema, strict: None }))
        }
        Some(other) => Err(wrong(&fields.path("format"), "`json` or a JSON Schema", &other)),
    }
}

/// `think`: whether, or how much.
fn thinking(fields: &mut Fields) -> Result<Option<Reasoning>, Unreadable> {
    let mut reasoning = Reasoning::default();
    match fields.any("think") {
        None => return Ok(None),
        Some(Value::Bool(true)) => reasoning.budget = Some(Budget::Adaptive),
        Some(Value::Bool(false)) => reasoning.budget = Some(Budget::Off),
        Some(Value::String(word)) if word.is_empty() => return Ok(None),
        Some(Value::String(word)) => reasoning.effort = Some(word),
        Some(other) => return Err(wrong(&fields.path("think"), "true, false or a word", &other)),
    }
    Ok(Some(reasoning))
}

/// Writes them, with those of the caller's further fields that are `own` to this form.
pub(super) fn write<'a>(request: &'a Request, own: &[&str], out: &mut Object<'a>, losses: &mut Losses) {
    out.maybe("format", request.shape.as_ref().and_then(|shape| format_of(shape, losses)));
    out.maybe("think", request.reasoning.as_ref().and_then(|reasoning| think(reasoning, losses)));
    let sampling = &request.sampling;
    out.maybe("logprobs", sampling.logprobs).maybe("top_logprobs", sampling.top_logprobs);
    out.maybe("options", options(request, losses));
    for (name, value) in &request.rest {
        match name.as_str() {
            name if own.contains(&name) => {
                out.put(name, value);
            }
            "options" if value.is_object() => {}
            name => losses.field(name),
        }
    }
    // Silence would mean a stream.
    out.put("stream", request.stream);
    losses.add_if(sampling.n.is_some_and(|n| n > 1), &unsayable::SEVERAL);
    losses.add_if(sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS);
    losses.add_if(request.user.is_some(), &unsayable::USER);
    losses.add_if(request.metadata.is_some(), &unsayable::METADATA);
    losses.add_if(request.tier.is_some(), &unsayable::TIER);
    losses.add_if(request.cache_key.is_some(), &unsayable::CACHE_KEY);
    losses.add_if(request.verbosity.is_some(), &unsayable::VERBOSITY);
}

/// `options`: the hub's words over the caller's own.
fn options(request: &Request, losses: &mut Losses) -> Option<Value> {
    let sampling = &request.sampling;
    let mut known = Object::default();
    known
        .maybe("num_predict", sampling.most_tokens)
        .maybe("temperature", sampling.temperature.clone())
        .maybe("top_p", sampling.top_p.clone())
        .maybe("top_k", sampling.top_k.clone())
        .maybe("min_p", sampling.min_p.clone())
        .maybe("seed", sampling.seed.clone())
        .maybe("frequency_penalty", sampling.frequency_penalty.clone())
        .maybe("presence_penalty", sampling.presence_penalty.clone())
        .list("stop", sampling.stop.clone());
    let mut options = match request.rest.get("options") {
        Some(Value::Object(own)) => own.clone(),
        _ => Map::new(),
    };
    if let Value::Object(known) = known.done() {
        for (name, value) in known {
            let other = options.insert(name, value.clone()).is_some_and(|other| other != value);
            if other {
                losses.field("options");
            }
        }
    }
    (!options.is_empty()).then_some(Value::Object(options))
}

fn format_of(shape: &Shape, losses: &mut Losses) -> Option<Value> {
    match shape {
        Shape::Text => None,
        Shape::Json => Some(json!("json")),
        Shape::Schema { description, schema, .. } => {
            losses.add_if(description.is_some(), &unsayable::DESCRIPTION);
            Some(schema.clone())
        }
    }
}

/// The effort, which tokens are told as where no word was said.
fn think(reasoning: &Reasoning, losses: &mut Losses) -> Option<Value> {
    losses.add_if(reasoning.shown == Some(false), &unsayable::SHOWN);
    losses.add_if(matches!(reasoning.budget, Some(Budget::Tokens(_))), &unsayable::BUDGET);
    if reasoning.is_off() {
        return Some(json!(false));
    }
    let word = match (reasoning.effort.as_deref(), reasoning.budget) {
        (Some(word @ ("minimal" | "xhigh")), _) => {
            losses.add(&unsayable::EFFORT);
            if word == "minimal" { "low" } else { "high" }
        }
        (Some(word), _) => word,
        (None, Some(Budget::Tokens(0..=2048))) => "low",
        (None, Some(Budget::Tokens(2049..=8192))) => "medium",
        (None, Some(Budget::Tokens(_))) => "high",
        (None, Some(Budget::Adaptive)) => return Some(json!(true)),
        (None, Some(Budget::Off) | None) => return None,
    };
    Some(json!(word))
}
