//! What is asked.

use serde_json::{Map, Value, json};

use super::super::claude::{self, Claude, Drawn};
use super::super::json::{Fields, Object, body, wrong};
use super::super::{Habits, closed};
use super::{Pen, message, model_fields, tools, unsayable};
use crate::hub::{Losses, Request, Sampling, Shape, Unreadable, Unsayable};

/// The words for how soon an answer is wanted.
pub(super) const TIERS: [&str; 4] = ["default", "priority", "flex", "reserved"];

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    // A stream always tells its counts.
    let mut request = Request { counted: true, ..Request::default() };
    request.system = message::read_system(fields.list("system")?)?;
    request.turns = message::read(fields.list("messages")?.unwrap_or_default())?;
    let mut config = fields.within("toolConfig")?;
    request.tools = tools::read(&mut config)?;
    request.choice = tools::read_choice(&mut config)?;
    let mut inference = fields.within("inferenceConfig")?;
    request.sampling = Sampling {
        most_tokens: inference.whole("maxTokens")?,
        temperature: inference.number("temperature")?,
        top_p: inference.number("topP")?,
        stop: stops(&mut inference)?,
        ..Sampling::default()
    };
    let mut output = fields.within("outputConfig")?;
    request.shape = read_shape(&mut output)?;
    let mut model = fields.object("additionalModelRequestFields")?.unwrap_or_default();
    model_fields::read(&mut model, output.text("effort")?, &mut request);
    request.metadata = fields.object("requestMetadata")?;
    request.tier = fields.within("serviceTier")?.text("type")?;
    request.rest = fields.rest();
    for (name, rest) in [
        ("inferenceConfig", inference.rest()),
        ("toolConfig", config.rest()),
        ("outputConfig", output.rest()),
        ("additionalModelRequestFields", model),
    ] {
        if !rest.is_empty() {
            request.rest.insert(name.to_owned(), Value::Object(rest));
        }
    }
    Ok(request)
}

fn stops(inference: &mut Fields) -> Result<Vec<String>, Unreadable> {
    let at = inference.path("stopSequences");
    let text = |stop: Value| {
        if let Value::String(text) = stop { Ok(text) } else { Err(wrong(&at, "an array of strings", &stop)) }
    };
    inference.list("stopSequences")?.unwrap_or_default().into_iter().map(text).collect()
}

/// `textFormat`. The schema is JSON in a string, and an answer is always held to it.
fn read_shape(output: &mut Fields) -> Result<Option<Shape>, Unreadable> {
    let mut format = output.within("textFormat")?;
    let mut structure = format.within("structure")?;
    let mut definition = structure.within("jsonSchema")?;
    let at = definition.path("schema");
    let Some(schema) = definition.text("schema")? else { return Ok(None) };
    let schema = serde_json::from_str(&schema)
        .map_err(|error| Unreadable::at(at, format!("This must be JSON in a string: {error}.")))?;
    Ok(Some(Shape::Schema {
        name: definition.text("name")?,
        description: definition.text("description")?,
        schema,
        strict: Some(true),
    }))
}

pub(super) fn write(request: &Request, habits: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let fitted = claude::fitted(request, losses);
    let request = fitted.as_ref();
    let mut out = Object::default();
    let mut pen = Pen { losses, habits, asks: true, names: Vec::new() };
    out.list("system", message::write_system(&request.system, &mut pen)?);
    out.put("messages", message::write(request, &mut pen)?);
    let mut model = model_fields::write(request, habits, losses);
    let thinks = model.word("thinking", "type").is_some_and(|kind| kind != "disabled");
    let drawn = drawn(request, thinks, losses);
    out.maybe("inferenceConfig", inference(&request.sampling, &drawn));
    out.maybe("toolConfig", tools::write(request, losses));
    model.maybe("top_k", drawn.top_k);
    out.maybe("additionalModelRequestFields", model.unless_empty());
    let mut output = Object::default();
    output.maybe("textFormat", request.shape.as_ref().and_then(|shape| shape_of(shape, losses)));
    output.maybe("effort", model_fields::effort(request, losses));
    out.maybe("outputConfig", output.unless_empty());
    out.maybe("requestMetadata", request.metadata.as_ref().and_then(|notes| notes_of(notes, losses)));
    let tier = request.tier.as_deref().filter(|tier| TIERS.contains(tier));
    losses.add_if(tier.is_none() && request.tier.is_some(), &unsayable::TIER);
    out.maybe("serviceTier", tier.map(|tier| json!({"type": tier})));
    for (asked, lost) in left_out(request) {
        losses.add_if(asked, lost);
    }
    for name in request.rest.keys() {
        losses.field(name);
    }
    Ok(out.bytes())
}

/// What the model takes of it. `top_k` is a word of Anthropic's models: others have another for it, or none.
fn drawn(request: &Request, thinks: bool, losses: &mut Losses) -> Drawn {
    let asked = Drawn::of(&request.sampling);
    let drawn = match Claude::on_bedrock(&request.model) {
        Some(claude) => claude.draws(&asked, thinks),
        None => Drawn { top_k: None, ..asked.clone() },
    };
    drawn.tell(&asked, [&unsayable::TEMPERATURE, &unsayable::TOP_P, &unsayable::TOP_K], losses);
    drawn
}

fn inference(sampling: &Sampling, drawn: &Drawn) -> Option<Object<'static>> {
    let mut inference = Object::default();
    inference
        .maybe("maxTokens", sampling.most_tokens)
        .maybe("temperature", drawn.temperature.clone())
        .maybe("topP", drawn.top_p.clone())
        .list("stopSequences", sampling.stop.clone());
    inference.unless_empty()
}

fn shape_of(shape: &Shape, losses: &mut Losses) -> Option<Value> {
    match shape {
        Shape::Text => None,
        Shape::Json => {
            losses.add(&unsayable::JSON);
            None
        }
        Shape::Schema { name, description, schema, strict } => {
            losses.add_if(*strict == Some(false), &unsayable::LOOSE_SCHEMA);
            let mut schema = schema.clone();
            losses.add_if(closed::close(&mut schema), &unsayable::OPEN_SCHEMA);
            let mut definition = Object::default();
            definition
                .put("schema", schema.to_string())
                .maybe("name", name.clone())
                .maybe("description", description.clone());
            Some(json!({"type": "json_schema", "structure": {"jsonSchema": definition.done()}}))
        }
    }
}

/// Notes are texts by texts.
fn notes_of(notes: &Map<String, Value>, losses: &mut Losses) -> Option<Value> {
    let texts: Map<String, Value> = notes
        .iter()
        .filter(|(_, note)| note.is_string())
        .map(|(name, note)| (name.clone(), note.clone()))
        .collect();
    losses.add_if(texts.len() < notes.len(), &unsayable::METADATA);
    (!texts.is_empty()).then_some(Value::Object(texts))
}

/// What has no place at all, and whether it was asked for.
fn left_out(request: &Request) -> [(bool, &'static Unsayable); 10] {
    let sampling = &request.sampling;
    [
        (sampling.min_p.is_some(), &unsayable::MIN_P),
        (sampling.seed.is_some(), &unsayable::SEED),
        (sampling.frequency_penalty.is_some(), &unsayable::FREQUENCY_PENALTY),
        (sampling.presence_penalty.is_some(), &unsayable::PRESENCE_PENALTY),
        (sampling.n.is_some_and(|n| n != 1), &unsayable::N),
        (sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS),
        (sampling.logprobs == Some(true) || sampling.top_logprobs.is_some(), &unsayable::LOGPROBS),
        (request.user.is_some(), &unsayable::USER),
        (request.cache_key.is_some(), &unsayable::CACHE_KEY),
        (request.verbosity.is_some(), &unsayable::VERBOSITY),
    ]
}
