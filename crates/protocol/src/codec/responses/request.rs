//! What is asked.

use serde_json::{Value, json};

use super::super::json::{Fields, Object, body};
use super::super::{Habits, chat};
use super::{input, items, tools, unsayable, wishes};
use crate::hub::{Losses, Reasoning, Request, Unreadable};

/// Fields of the reference that the hub has no word for. Chat has some of them, with the same meaning.
const OWN: &[&str] = &[
    "background",
    "client_metadata",
    "context_management",
    "conversation",
    "max_tool_calls",
    "moderation",
    "previous_response_id",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "truncation",
];

/// The fewest tokens an answer may be bounded by.
const FEWEST: u64 = 16;

/// Objects whose own further fields are kept by their path, and written back.
const OPENED: &[&str] = &["reasoning", "text", "stream_options"];

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    tools::read(&mut fields, &mut request)?;
    input::instructions(&mut fields, &mut request)?;
    // What goes on with something stored may bring nothing new.
    let stored = ["previous_response_id", "conversation", "prompt"].iter().any(|name| fields.has(name));
    match fields.any("input") {
        Some(given) => input::read(given, &mut request)?,
        None if stored => {}
        None => return Err(fields.missing("input")),
    }
    // It may name a tool that stands in the conversation.
    tools::read_choice(&mut fields, &mut request)?;
    wishes::read_text(&mut fields, &mut request)?;
    wishes::read_reasoning(&mut fields, &mut request)?;
    wishes::read_include(&mut fields, &mut request)?;
    sampling(&mut fields, &mut request)?;
    request.parallel = fields.flag("parallel_tool_calls")?;
    request.stream = fields.flag("stream")?.unwrap_or_default();
    tools::keep("stream_options", fields.within("stream_options")?, &mut request.rest);
    request.user = fields.text("user")?;
    request.metadata = fields.object("metadata")?;
    request.tier = fields.text("service_tier")?;
    request.cache_key = fields.text("prompt_cache_key")?;
    request.rest.extend(fields.rest());
    request.rest.retain(|name, value| !is_usual(name, value));
    Ok(request)
}

/// Whether a field asks for nothing but what is done anyway.
fn is_usual(name: &str, value: &Value) -> bool {
    match name {
        // Nothing is kept of an answer of another vendor's, and none is made in the background.
        "store" | "background" => *value == json!(false),
        "truncation" => value == "disabled",
        _ => false,
    }
}

fn sampling(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let sampling = &mut request.sampling;
    sampling.most_tokens = fields.whole("max_output_tokens")?;
    sampling.temperature = fields.number("temperature")?;
    sampling.top_p = fields.number("top_p")?;
    Ok(())
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let written = items::write(request, habits, losses)?;
    let mut out = Object::default();
    out.put("model", request.model.as_str()).maybe("instructions", written.instructions);
    out.put("input", written.input);
    let tools = tools::write(request, losses);
    let any = !tools.is_empty();
    out.list("tools", tools);
    if any {
        out.maybe("tool_choice", choice(request)).maybe("parallel_tool_calls", request.parallel);
    }
    let rest = &request.rest;
    out.maybe("text", wishes::with_rest(wishes::text_of(request), "text", rest).unless_empty());
    let reasoning = wishes::with_rest(wishes::reasoning_of(request, losses), "reasoning", rest);
    out.maybe("reasoning", reasoning.unless_empty());
    let sampling = &request.sampling;
    // Fewer are refused.
    losses.add_if(sampling.most_tokens.is_some_and(|most| most < FEWEST), &unsayable::FEWEST);
    out.maybe("max_output_tokens", sampling.most_tokens.map(|most| most.max(FEWEST)));
    out.maybe("temperature", sampling.temperature.clone()).maybe("top_p", sampling.top_p.clone());
    out.maybe("top_logprobs", sampling.top_logprobs);
    unsaid(request, losses);
    out.maybe("user", chat::user(request, losses, &unsayable::USER))
        .maybe("metadata", request.metadata.clone());
    out.maybe("service_tier", request.tier.clone()).maybe("prompt_cache_key", request.cache_key.clone());
    // Models that do not think refuse to be asked for sealed thoughts; one that is told how much to think does.
    let thinks = request.reasoning.as_ref().is_some_and(|reasoning| !Reasoning::is_off(reasoning));
    out.list("include", wishes::include_of(request, habits.own && thinks));
    // The vendor keeps answers unless told otherwise, and callers of other languages cannot have asked for it.
    out.put("store", rest.get("store").cloned().unwrap_or(json!(false)));
    for (name, value) in rest {
        match name.as_str() {
            // Of Anthropic's by this name only the name is the same.
            "context_management" if !value.is_array() => losses.field(name),
            name if OWN.contains(&name) => {
                out.put(name, value.clone());
            }
            name if is_said(name, any) => {}
            name => losses.field(name),
        }
    }
    if request.stream {
        out.put("stream", true);
        let options = wishes::with_rest(Object::default(), "stream_options", rest);
        out.maybe("stream_options", options.unless_empty());
    }
    Ok(out.bytes())
}

/// A choice among a vendor's own tools stands as it was written.
pub(super) fn choice(request: &Request) -> Option<Value> {
    let own = request.rest.get("tool_choice").filter(|choice| choice.is_object()).cloned();
    own.or_else(|| request.choice.as_ref().map(|choice| tools::choice_of(choice, request)))
}

/// Whether a field of the rest is said elsewhere.
fn is_said(name: &str, any_tool: bool) -> bool {
    let opened =
        name.split_once('.').is_some_and(|(path, inner)| OPENED.contains(&path) && !inner.contains('.'));
    match name {
        "include" | "store" | tools::NAMESPACE_DESCRIPTION => true,
        "tool_choice" => any_tool,
        _ => opened,
    }
}

fn unsaid(request: &Request, losses: &mut Losses) {
    let sampling = &request.sampling;
    losses.add_if(sampling.top_k.is_some(), &unsayable::TOP_K);
    losses.add_if(sampling.min_p.is_some(), &unsayable::MIN_P);
    losses.add_if(sampling.seed.is_some(), &unsayable::SEED);
    losses.add_if(sampling.frequency_penalty.is_some(), &unsayable::FREQUENCY);
    losses.add_if(sampling.presence_penalty.is_some(), &unsayable::PRESENCE);
    losses.add_if(!sampling.stop.is_empty(), &unsayable::STOP);
    losses.add_if(sampling.n.is_some_and(|n| n > 1), &unsayable::N);
    losses.add_if(sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS);
}
