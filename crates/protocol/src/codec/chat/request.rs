//! What is asked.

use serde_json::{Value, json};

use super::super::Habits;
use super::super::json::{Fields, Object, body, wrong};
use super::{message, tools, unsayable};
use crate::hub::{Budget, Losses, Reasoning, Request, Sampling, Unreadable, Unsayable};

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let messages = fields.list("messages")?.ok_or_else(|| fields.missing("messages"))?;
    message::read(messages, &mut request)?;
    request.tools = tools::read(&mut fields)?;
    request.choice = tools::read_choice(&mut fields)?;
    request.parallel = fields.flag("parallel_tool_calls")?;
    request.shape = tools::read_shape(&mut fields)?;
    request.sampling = sampling(&mut fields)?;
    if let Some(effort) = fields.text("reasoning_effort")? {
        request.reasoning = Some(Reasoning { effort: Some(effort), ..Reasoning::default() });
    }
    request.stream = fields.flag("stream")?.unwrap_or_default();
    let mut options = fields.within("stream_options")?;
    request.counted = options.flag("include_usage")?.unwrap_or_default();
    request.user = fields.text("user")?;
    request.metadata = fields.object("metadata")?;
    request.tier = fields.text("service_tier")?;
    request.cache_key = fields.text("prompt_cache_key")?;
    request.verbosity = fields.text("verbosity")?;
    request.rest = fields.rest();
    Ok(request)
}

fn sampling(fields: &mut Fields) -> Result<Sampling, Unreadable> {
    let newer = fields.whole("max_completion_tokens")?;
    Ok(Sampling {
        most_tokens: newer.or(fields.whole("max_tokens")?),
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.number("top_k")?,
        min_p: fields.number("min_p")?,
        seed: fields.number("seed")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        stop: stops(fields)?,
        n: fields.whole("n")?,
        logit_bias: fields.object("logit_bias")?,
        logprobs: fields.flag("logprobs")?,
        top_logprobs: fields.whole("top_logprobs")?,
    })
}

/// `stop`: one text, or several.
pub(in crate::codec) fn stops(fields: &mut Fields) -> Result<Vec<String>, Unreadable> {
    match fields.any("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => several
            .into_iter()
            .map(|stop| {
                if let Value::String(text) = stop {
                    Ok(text)
                } else {
                    Err(wrong("stop", "a string or an array of strings", &stop))
                }
            })
            .collect(),
        Some(other) => Err(wrong("stop", "a string or an array of strings", &other)),
    }
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    let messages = message::write(request, habits, losses)?;
    if messages.is_empty() {
        return Err(Unreadable::at(
            "messages",
            "The model must be told something: there is nothing to answer.",
        ));
    }
    out.put("model", request.model.as_str()).put("messages", messages);
    tools::write(request, &mut out, losses);
    out.maybe("response_format", request.shape.as_ref().map(tools::shape_of));
    let sampling = &request.sampling;
    out.maybe(if habits.own { "max_completion_tokens" } else { "max_tokens" }, sampling.most_tokens);
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
    out.maybe("logit_bias", sampling.logit_bias.clone())
        .maybe("logprobs", sampling.logprobs)
        .maybe("top_logprobs", sampling.top_logprobs);
    out.maybe("reasoning_effort", request.reasoning.as_ref().and_then(|reasoning| effort(reasoning, losses)));
    out.maybe("verbosity", request.verbosity.clone())
        .maybe("user", user(request, losses, &unsayable::USER))
        .maybe("metadata", request.metadata.clone());
    out.maybe("service_tier", request.tier.clone()).maybe("prompt_cache_key", request.cache_key.clone());
    if request.stream {
        // Whether or not the caller wants to read it: it is what the call is accounted by.
        let options = habits.counts_streams.then(|| json!({"include_usage": true}));
        out.put("stream", true).maybe("stream_options", options);
    }
    for name in request.rest.keys() {
        losses.field(name);
    }
    Ok(out.bytes())
}

/// Who is behind the call, unless the word for it is longer than OpenAI takes it.
pub(in crate::codec) fn user(request: &Request, losses: &mut Losses, lost: &Unsayable) -> Option<String> {
    const MOST: usize = 64;
    let user = request.user.as_ref()?;
    let fits = user.chars().nth(MOST).is_none();
    losses.add_if(!fits, lost);
    fits.then(|| user.clone())
}

/// The effort, which tokens are told as where no word was said.
fn effort(reasoning: &Reasoning, losses: &mut Losses) -> Option<String> {
    if reasoning.effort.is_some() {
        return reasoning.effort.clone();
    }
    let word = match reasoning.budget? {
        Budget::Off => "none",
        Budget::Tokens(0..=2048) => "low",
        // As much as it likes is what a model thinks at a medium effort; without a word many do not think at all.
        Budget::Adaptive | Budget::Tokens(2049..=8192) => "medium",
        Budget::Tokens(_) => "high",
    };
    losses.add_if(reasoning.budget != Some(Budget::Off), &unsayable::BUDGET);
    Some(word.to_owned())
}

#[cfg(test)]
mod tests;
