//! What is asked.

use serde_json::{Value, json};

use super::super::json::{Fields, Object, body, wrong};
use super::super::{Habits, chat};
use super::unsayable;
use crate::hub::{Choice, Losses, Part, Request, Role, Sampling, Turn, Unreadable};

/// Fields of the reference that the hub has no word for.
const OWN: &[&str] = &["best_of", "echo", "suffix"];

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let prompt = prompt(&mut fields)?;
    request.turns.push(Turn::new(Role::User, vec![Part::Text(prompt)]));
    request.sampling = sampling(&mut fields)?;
    request.stream = fields.flag("stream")?.unwrap_or_default();
    let mut options = fields.within("stream_options")?;
    request.counted = options.flag("include_usage")?.unwrap_or_default();
    request.user = fields.text("user")?;
    request.rest = fields.rest();
    // What is usual anyway asks for nothing.
    request.rest.retain(|name, value| match name.as_str() {
        "echo" => *value != json!(false),
        "best_of" => *value != json!(1),
        "suffix" => value != "",
        _ => true,
    });
    Ok(request)
}

/// The one text that is to go on. A list of one is as good.
fn prompt(fields: &mut Fields) -> Result<String, Unreadable> {
    let refused = |say: &str| Err(Unreadable::at("prompt", say));
    match fields.any("prompt") {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(mut several)) => match (several.len(), several.pop()) {
            (1, Some(Value::String(text))) => Ok(text),
            (_, Some(Value::Number(_) | Value::Array(_))) => refused(
                "A prompt of token numbers is only for the model whose tokens they are; send it as text.",
            ),
            (0, _) => refused("There is no text in it."),
            _ => refused("This model takes one prompt a call; send one call for each."),
        },
        Some(other) => Err(wrong("prompt", "a string or an array of one string", &other)),
        None => Err(fields.missing("prompt")),
    }
}

fn sampling(fields: &mut Fields) -> Result<Sampling, Unreadable> {
    // The number is of alternatives; with none of them the probabilities are still wanted.
    let logprobs = fields.whole("logprobs")?;
    Ok(Sampling {
        most_tokens: fields.whole("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        min_p: fields.number("min_p")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        stop: chat::stops(fields)?,
        n: fields.whole("n")?,
        logit_bias: fields.object("logit_bias")?,
        logprobs: logprobs.map(|_| true),
        top_logprobs: logprobs.filter(|number| *number > 0),
    })
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("prompt", one_text(request, losses)?);
    let sampling = &request.sampling;
    out.maybe("max_tokens", sampling.most_tokens);
    out.maybe("temperature", sampling.temperature.clone()).maybe("top_p", sampling.top_p.clone());
    let limits = [
        ("top_k", habits.top_k, &sampling.top_k, &unsayable::TOP_K),
        ("min_p", habits.min_p, &sampling.min_p, &unsayable::MIN_P),
    ];
    for (name, known, limit, lost) in limits {
        out.maybe(name, limit.clone().filter(|_| known));
        losses.add_if(limit.is_some() && !known, lost);
    }
    out.maybe("seed", sampling.seed.clone()).list("stop", sampling.stop.clone()).maybe("n", sampling.n);
    out.maybe("frequency_penalty", sampling.frequency_penalty.clone())
        .maybe("presence_penalty", sampling.presence_penalty.clone());
    out.maybe("logit_bias", sampling.logit_bias.clone());
    let logprobs = (sampling.logprobs == Some(true)).then(|| sampling.top_logprobs.unwrap_or_default());
    out.maybe("logprobs", logprobs).maybe("user", chat::user(request, losses, &unsayable::USER));
    if request.stream {
        // Whether or not the caller wants to read it: it is what the call is accounted by.
        let options = habits.counts_streams.then(|| json!({"include_usage": true}));
        out.put("stream", true).maybe("stream_options", options);
    }
    for (name, value) in &request.rest {
        if OWN.contains(&name.as_str()) {
            out.put(name, value.clone());
        } else {
            losses.field(name);
        }
    }
    unsaid(request, losses)?;
    Ok(out.bytes())
}

fn unsaid(request: &Request, losses: &mut Losses) -> Result<(), Unreadable> {
    if matches!(
        request.choice,
        Some(Choice::Required | Choice::Named(_) | Choice::Allowed { required: true, .. })
    ) {
        return Err(Unreadable::at("tool_choice", "A model that completes a text cannot call a tool."));
    }
    losses.add_if(!request.tools.is_empty(), &unsayable::TOOLS);
    losses.add_if(request.shape.is_some(), &unsayable::SHAPE);
    losses.add_if(request.reasoning.is_some(), &unsayable::REASONING);
    losses.add_if(request.verbosity.is_some(), &unsayable::VERBOSITY);
    losses.add_if(request.metadata.is_some(), &unsayable::METADATA);
    losses.add_if(request.tier.is_some(), &unsayable::TIER);
    losses.add_if(request.cache_key.is_some(), &unsayable::CACHE_KEY);
    Ok(())
}

/// The conversation as one text, which it can only be while nobody has answered.
fn one_text(request: &Request, losses: &mut Losses) -> Result<String, Unreadable> {
    let mut texts: Vec<&str> = Vec::new();
    losses.add_if(!request.system.is_empty(), &unsayable::SYSTEM);
    for part in &request.system {
        texts.extend(said(part, losses)?);
    }
    for turn in &request.turns {
        losses.add_if(turn.name.is_some(), &unsayable::NAME);
        losses.add_if(turn.role == Role::System, &unsayable::SYSTEM);
        if turn.role == Role::Assistant {
            let say = "A model that completes a text knows no conversation: what was answered before cannot be told to it.";
            return Err(Unreadable::at("messages", say));
        }
        for part in &turn.parts {
            texts.extend(said(part, losses)?);
        }
    }
    Ok(texts.join("\n\n"))
}

fn said<'a>(part: &'a Part, losses: &mut Losses) -> Result<Option<&'a str>, Unreadable> {
    match part {
        Part::Text(text) | Part::Refusal(text) => return Ok(Some(text)),
        Part::CachePoint(_) => losses.add(&unsayable::CACHE_POINT),
        Part::Cited(..) | Part::Opaque(..) | Part::Thought(_) => losses.add(&unsayable::OPAQUE),
        Part::Image(_) | Part::Audio(_) | Part::File(_) => {
            return Err(Unreadable::at("messages", "A model that completes a text reads nothing but text."));
        }
        Part::Call(_) | Part::Outcome(_) => {
            let say = "A model that completes a text knows no calls, and cannot be told what came of one.";
            return Err(Unreadable::at("messages", say));
        }
    }
    Ok(None)
}
