//! What is asked.

use serde_json::{Number, Value, json};

use super::super::Habits;
use super::super::claude::{self, Claude, Drawn};
use super::super::json::{Fields, Object, body, wrong};
use super::{content, message, output, tools, unsayable};
use crate::hub::{Budget, Losses, Part, Request, Sampling, Unreadable};

/// The most tokens of an answer where the caller named no limit.
const MOST_TOKENS: u64 = 8192;

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    request.system = message::read_system(&mut fields, &mut request.rest)?;
    let messages = fields.list("messages")?.ok_or_else(|| fields.missing("messages"))?;
    request.turns = message::read(messages, &mut request.rest)?;
    cache_all(&mut fields, &mut request);
    request.tools = tools::read(&mut fields, &mut request.rest)?;
    tools::read_choice(&mut fields, &mut request)?;
    output::read(&mut fields, &mut request)?;
    request.sampling = sampling(&mut fields)?;
    request.stream = fields.flag("stream")?.unwrap_or_default();
    // Every stream of this language is counted.
    request.counted = request.stream;
    let mut metadata = fields.within("metadata")?;
    request.user = metadata.text("user_id")?;
    request.metadata = Some(metadata.rest()).filter(|notes| !notes.is_empty());
    request.tier = fields.text("service_tier")?.map(|word| match word.as_str() {
        "standard_only" => "default".to_owned(),
        _ => word,
    });
    request.rest.extend(fields.rest());
    Ok(request)
}

/// `cache_control` of the whole request: the last block is worth a cache.
fn cache_all(fields: &mut Fields, request: &mut Request) {
    let mut whole = json!({"cache_control": fields.any("cache_control")});
    let last =
        request.turns.last_mut().filter(|turn| !matches!(turn.parts.last(), Some(Part::CachePoint(_))));
    if let (Some(ttl), Some(turn)) = (content::cache_point(&mut whole), last) {
        turn.parts.push(Part::CachePoint(ttl));
    }
}

fn sampling(fields: &mut Fields) -> Result<Sampling, Unreadable> {
    let text = |stop| match stop {
        Value::String(text) => Ok(text),
        other => Err(wrong("stop_sequences", "an array of strings", &other)),
    };
    let stop = fields.list("stop_sequences")?.unwrap_or_default();
    Ok(Sampling {
        most_tokens: fields.whole("max_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        stop: stop.into_iter().map(text).collect::<Result<_, _>>()?,
        ..Sampling::default()
    })
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let fitted = claude::fitted(request, losses);
    let request = fitted.as_ref();
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("max_tokens", most_tokens(request, losses));
    out.maybe("system", message::write_system(request, losses)?);
    out.put("messages", message::write(request, habits, losses)?);
    tools::write(request, &mut out, losses);
    output::write(request, habits, &mut out, losses);
    write_sampling(request, &mut out, losses);
    out.maybe("metadata", request.user.as_ref().map(|user| json!({"user_id": user})));
    out.maybe("service_tier", request.tier.as_deref().and_then(|tier| tier_of(tier, losses)));
    if request.stream {
        out.put("stream", true);
    }
    losses.add_if(request.metadata.is_some(), &unsayable::METADATA);
    losses.add_if(request.cache_key.is_some(), &unsayable::CACHE_KEY);
    losses.add_if(request.verbosity.is_some(), &unsayable::VERBOSITY);
    for name in request.rest.keys() {
        losses.field(name);
    }
    Ok(out.bytes())
}

/// `max_tokens`, in which the thinking has its place too.
fn most_tokens(request: &Request, losses: &mut Losses) -> u64 {
    if let Some(most) = request.sampling.most_tokens {
        return most;
    }
    losses.add(&unsayable::NO_LIMIT);
    match request.reasoning.as_ref().and_then(|reasoning| reasoning.budget) {
        Some(Budget::Tokens(budget)) => budget.saturating_add(MOST_TOKENS),
        _ => MOST_TOKENS,
    }
}

fn write_sampling(request: &Request, out: &mut Object, losses: &mut Losses) {
    let sampling = &request.sampling;
    let (blank, stop): (Vec<String>, Vec<String>) =
        sampling.stop.iter().cloned().partition(|stop| stop.trim().is_empty());
    let cooler = |temperature: &Number| {
        let above = temperature.as_f64().is_some_and(|number| number > 1.0);
        losses.add_if(above, &unsayable::TEMPERATURE);
        if above { Number::from(1) } else { temperature.clone() }
    };
    let temperature = sampling.temperature.as_ref().map(cooler);
    let asked = Drawn { temperature, ..Drawn::of(sampling) };
    let thinks = out.word("thinking", "type").is_some_and(|kind| kind != "disabled");
    let drawn = Claude::of(&request.model).draws(&asked, thinks);
    drawn.tell(&asked, [&unsayable::NOT_ONE, &unsayable::TOP_P, &unsayable::TOP_K], losses);
    out.maybe("temperature", drawn.temperature).maybe("top_p", drawn.top_p).maybe("top_k", drawn.top_k);
    out.list("stop_sequences", stop);
    for (asked, lost) in [
        (!blank.is_empty(), &unsayable::STOP),
        (sampling.min_p.is_some(), &unsayable::MIN_P),
        (sampling.seed.is_some(), &unsayable::SEED),
        (sampling.frequency_penalty.is_some(), &unsayable::FREQUENCY_PENALTY),
        (sampling.presence_penalty.is_some(), &unsayable::PRESENCE_PENALTY),
        (sampling.n.is_some_and(|n| n != 1), &unsayable::N),
        (sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS),
        (sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), &unsayable::LOGPROBS),
    ] {
        losses.add_if(asked, lost);
    }
}

/// `service_tier`. The hub's word is OpenAI's.
fn tier_of(tier: &str, losses: &mut Losses) -> Option<&'static str> {
    match tier {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            losses.add(&unsayable::TIER);
            None
        }
    }
}
