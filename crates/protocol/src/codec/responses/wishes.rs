//! How the answer is wanted: the shape of its text, how much it is to think, what is to be told with it.

use serde_json::{Map, Value, json};

use super::super::json::{Fields, Object};
use super::tools::keep;
use super::unsayable;
use crate::hub::{Budget, Losses, Reasoning, Request, Shape, Unreadable};

/// What `include` has for probabilities.
const LOGPROBS: &str = "message.output_text.logprobs";

/// What `include` has for thoughts that can be given back.
const SEALED: &str = "reasoning.encrypted_content";

/// `text`: the shape, and how many words.
pub(super) fn read_text(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let mut text = fields.within("text")?;
    request.verbosity = text.text("verbosity")?;
    let mut format = text.within("format")?;
    request.shape = match format.text("type")?.as_deref() {
        None => None,
        Some("text") => Some(Shape::Text),
        Some("json_object") => Some(Shape::Json),
        Some("json_schema") => Some(Shape::Schema {
            name: format.text("name")?,
            description: format.text("description")?,
            strict: format.flag("strict")?,
            schema: format.any("schema").unwrap_or_else(|| json!({})),
        }),
        Some(other) => {
            let say = format!("`{other}` is no shape this gateway can translate.");
            return Err(Unreadable::at("text.format.type", say));
        }
    };
    keep("text.format", format, &mut request.rest);
    keep("text", text, &mut request.rest);
    Ok(())
}

/// The same, written.
pub(super) fn text_of(request: &Request) -> Object<'_> {
    let mut text = Object::default();
    text.maybe("format", request.shape.as_ref().map(format_of)).maybe("verbosity", request.verbosity.clone());
    text
}

fn format_of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "text"}),
        Shape::Json => json!({"type": "json_object"}),
        Shape::Schema { name, description, schema, strict } => {
            let mut format = Object::default();
            format.put("type", "json_schema").put("name", name.as_deref().unwrap_or("answer"));
            format.maybe("description", description.clone()).put("schema", schema.clone());
            format.maybe("strict", *strict);
            format.done()
        }
    }
}

/// `reasoning`. A summary of a certain kind is one that is wanted; the kind stays beside it.
pub(super) fn read_reasoning(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let mut given = fields.within("reasoning")?;
    let effort = given.text("effort")?;
    let older = given.text("generate_summary")?;
    let summary = given.text("summary")?.or(older);
    let shown = summary.is_some().then_some(true);
    if let Some(kind) = summary.filter(|kind| kind != "auto") {
        request.rest.insert("reasoning.summary".to_owned(), kind.into());
    }
    if effort.is_some() || shown.is_some() {
        request.reasoning = Some(Reasoning { effort, budget: None, shown });
    }
    keep("reasoning", given, &mut request.rest);
    Ok(())
}

/// The same, written.
pub(super) fn reasoning_of(request: &Request, losses: &mut Losses) -> Object<'static> {
    let mut object = Object::default();
    if let Some(reasoning) = &request.reasoning {
        object.maybe("effort", effort(reasoning, losses));
        object.maybe("summary", (reasoning.shown == Some(true)).then_some("auto"));
    }
    object
}

/// The effort, which tokens are told as where no word was said.
fn effort(reasoning: &Reasoning, losses: &mut Losses) -> Option<String> {
    if reasoning.effort.is_some() {
        return reasoning.effort.clone();
    }
    let word = match reasoning.budget? {
        Budget::Off => "none",
        Budget::Tokens(0..=2048) => "low",
        // As in Chat Completions: without a word many models do not think.
        Budget::Adaptive | Budget::Tokens(2049..=8192) => "medium",
        Budget::Tokens(_) => "high",
    };
    losses.add_if(reasoning.budget != Some(Budget::Off), &unsayable::BUDGET);
    Some(word.to_owned())
}

/// `include` and `top_logprobs`: probabilities have a word in the hub, sealed thoughts come where there are any, and the others stay.
pub(super) fn read_include(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let mut include = fields.list("include")?.unwrap_or_default();
    include.retain(|word| word != SEALED);
    let asked = include.len();
    include.retain(|word| word != LOGPROBS);
    request.sampling.top_logprobs = fields.whole("top_logprobs")?;
    // Who wants alternatives wants probabilities, and Chat takes none without the other.
    let wanted = include.len() < asked || request.sampling.top_logprobs.is_some_and(|number| number > 0);
    request.sampling.logprobs = wanted.then_some(true);
    if !include.is_empty() {
        request.rest.insert("include".to_owned(), include.into());
    }
    Ok(())
}

/// The same, written; `sealed`: thoughts are to come back in a form that can be given back.
pub(super) fn include_of(request: &Request, sealed: bool) -> Vec<Value> {
    let mut include = request.rest.get("include").and_then(Value::as_array).cloned().unwrap_or_default();
    let wanted = [(LOGPROBS, request.sampling.logprobs == Some(true)), (SEALED, sealed)];
    for (word, _) in wanted.iter().filter(|(_, wanted)| *wanted) {
        if !include.iter().any(|known| known == word) {
            include.push(json!(word));
        }
    }
    include
}

/// Fields kept by their path go back to where they stood.
pub(super) fn with_rest<'a>(mut object: Object<'a>, path: &str, rest: &'a Map<String, Value>) -> Object<'a> {
    object.all(rest.iter().filter_map(|(name, value)| {
        let inner = name.strip_prefix(path).and_then(|name| name.strip_prefix('.'));
        inner.filter(|name| !name.contains('.')).map(|name| (name, value))
    }));
    object
}
