//! How the answer is wanted: `generationConfig`.

use serde_json::{Map, Value};

use super::super::json::{Fields, Object, wrong};
use super::{schema, spelling, thinking, unsayable};
use crate::hub::{Losses, Request, Sampling, Shape, Unreadable};

/// Reads it. What the hub has no word for goes into the rest, each field under its path.
pub(super) fn read(mut config: Fields, request: &mut Request) -> Result<(), Unreadable> {
    request.sampling = Sampling {
        most_tokens: config.whole("maxOutputTokens")?,
        temperature: config.number("temperature")?,
        top_p: config.number("topP")?,
        top_k: config.number("topK")?,
        seed: config.number("seed")?,
        frequency_penalty: config.number("frequencyPenalty")?,
        presence_penalty: config.number("presencePenalty")?,
        stop: stops(&mut config)?,
        n: config.whole("candidateCount")?,
        logprobs: config.flag("responseLogprobs")?,
        top_logprobs: config.whole("logprobs")?,
        ..Sampling::default()
    };
    request.shape = shape(&mut config, &mut request.rest)?;
    request.reasoning = thinking::read(&mut config, &mut request.rest)?;
    let kinds = config.list("responseModalities")?.unwrap_or_default();
    // Text alone is what an answer is anyway.
    if !matches!(kinds.as_slice(), [] | [Value::String(_)]) || kinds.iter().any(|kind| !is_text(kind)) {
        request.rest.insert(config.path("responseModalities"), kinds.into());
    }
    spelling::keep(config, &mut request.rest);
    Ok(())
}

fn is_text(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("text"))
}

fn stops(config: &mut Fields) -> Result<Vec<String>, Unreadable> {
    let at = config.path("stopSequences");
    let text = |stop| {
        if let Value::String(text) = stop { Ok(text) } else { Err(wrong(&at, "an array of strings", &stop)) }
    };
    config.list("stopSequences")?.unwrap_or_default().into_iter().map(text).collect()
}

/// The shape in all its spellings: JSON Schema, the schema there was before, and both with their media type in an object of the text's own.
fn shape(config: &mut Fields, rest: &mut Map<String, Value>) -> Result<Option<Shape>, Unreadable> {
    let mut format = spelling::within(config, "responseFormat")?;
    let mut text = spelling::within(&mut format, "text")?;
    let newest = text.any("schema");
    let kind = text.text("mimeType")?.map(|word| word.to_ascii_lowercase().replace('_', "/"));
    spelling::keep(text, rest);
    spelling::keep(format, rest);
    let mut schema = newest.or(config.any("responseJsonSchema")).or(config.any("_responseJsonSchema"));
    let kind = config.text("responseMimeType")?.or(kind);
    let older = config.any("responseSchema");
    match kind.as_deref() {
        None | Some("application/json") => {}
        Some("text/plain") => return Ok(Some(Shape::Text)),
        Some(other) => {
            // `text/x.enum`: one of some words, without quotes.
            rest.insert(config.path("responseMimeType"), other.into());
            rest.extend(older.map(|schema| (config.path("responseSchema"), schema)));
            return Ok(None);
        }
    }
    schema = schema.or(older.map(schema::json_schema));
    Ok(match (schema, kind) {
        (Some(schema), _) => Some(Shape::Schema { name: None, description: None, schema, strict: None }),
        (None, Some(_)) => Some(Shape::Json),
        (None, None) => None,
    })
}

/// Writes it, if there is anything to say.
pub(super) fn write<'a>(request: &'a Request, losses: &mut Losses) -> Option<Object<'a>> {
    let sampling = &request.sampling;
    let mut config = Object::default();
    config
        .maybe("temperature", sampling.temperature.clone())
        .maybe("topP", sampling.top_p.clone())
        .maybe("topK", sampling.top_k.clone())
        .maybe("seed", sampling.seed.clone())
        .maybe("maxOutputTokens", sampling.most_tokens)
        .list("stopSequences", sampling.stop.clone())
        .maybe("candidateCount", sampling.n)
        .maybe("presencePenalty", sampling.presence_penalty.clone())
        .maybe("frequencyPenalty", sampling.frequency_penalty.clone())
        .maybe("responseLogprobs", sampling.logprobs)
        .maybe("logprobs", sampling.top_logprobs);
    match &request.shape {
        None => {}
        Some(Shape::Text) => {
            config.put("responseMimeType", "text/plain");
        }
        Some(Shape::Json) => {
            config.put("responseMimeType", "application/json");
        }
        Some(Shape::Schema { description, schema, .. }) => {
            losses.add_if(description.is_some(), &unsayable::SHAPE_DESCRIPTION);
            config.put("responseMimeType", "application/json").put("responseJsonSchema", schema);
        }
    }
    config.maybe("thinkingConfig", thinking::write(request, losses));
    losses.add_if(sampling.min_p.is_some(), &unsayable::MIN_P);
    losses.add_if(sampling.logit_bias.is_some(), &unsayable::LOGIT_BIAS);
    config.unless_empty()
}
