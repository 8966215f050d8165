//! Answers of a shape, from models that their vendor cannot hold to one: a tool is made of the schema, the model is to call it, and what it
//! calls it with is the text of its answer. That text is held against the schema, which nobody else does.

mod steps;

use serde_json::{Value, json};

use super::loss::Unsayable;
use super::part::Part;
use super::request::{Choice, Request, Shape, Tool};
use super::response::{Answer, Response, Stop};
use super::schema::{self, Mismatch};

pub use steps::ShapeSteps;

/// What is told where such a tool stands for a schema.
pub static SCHEMA: Unsayable = Unsayable {
    what: "json_schema",
    why: "where a model is held to none (\"Schemas\" says which): said as a tool to be called, whose call is the answer's text; whether that \
          keeps to the schema is looked at here",
};

/// The one argument of a tool whose schema is no object's.
const ARGUMENT: &str = "answer";

/// The tool that stands for a schema.
#[derive(Clone, PartialEq, Debug)]
pub struct ShapeTool {
    name: String,
    description: String,
    schema: Value,
    /// Arguments are an object; the schema is none, and stands in one.
    wrapped: bool,
}

impl ShapeTool {
    /// For a request that asks for a schema; `None`: it does not.
    pub fn of(request: &Request) -> Option<Self> {
        let Some(Shape::Schema { name, description, schema, .. }) = &request.shape else { return None };
        let free = |name: &str| !request.tools.iter().any(|tool| tool.name() == Some(name));
        let own = name.as_deref().filter(|name| is_name(name)).unwrap_or(ARGUMENT);
        let mut name = own.to_owned();
        while !free(&name) {
            name.push('_');
        }
        let what = description.as_deref().map(|what| format!(" {what}")).unwrap_or_default();
        Some(Self {
            name,
            description: format!("Gives your answer: its arguments are all that is read of it.{what}"),
            schema: schema.clone(),
            wrapped: !is_object(schema),
        })
    }

    /// The request with the tool in place of the schema. Where the model must not be forced to call one it is asked to.
    pub fn offer(&self, request: &Request, forces: bool) -> Request {
        let mut asked = Request { shape: None, ..request.clone() };
        if request.choice.as_ref().is_some_and(Choice::is_forced) {
            // It has to call one of the caller's own: there is no text to be of a shape.
            return asked;
        }
        asked.choice = self.choice(request, forces);
        if !forces {
            let ask =
                format!("Give your final answer by calling the tool `{}`, and in no other way.", self.name);
            asked.system.push(Part::Text(ask));
        }
        asked.tools.push(Tool::Function {
            name: self.name.clone(),
            description: Some(self.description.clone()),
            schema: Some(self.arguments()),
            strict: None,
            cache: None,
        });
        asked
    }

    /// Beside the caller's own tools it is one of them, and one must be called: theirs, or this with the answer.
    fn choice(&self, request: &Request, forces: bool) -> Option<Choice> {
        let with = |names: &[String]| names.iter().chain([&self.name]).cloned().collect();
        match &request.choice {
            Some(Choice::None) if forces && !request.tools.is_empty() => {
                Some(Choice::Named(self.name.clone()))
            }
            Some(Choice::None) if !request.tools.is_empty() => {
                Some(Choice::Allowed { names: vec![self.name.clone()], required: false })
            }
            Some(Choice::Allowed { names, .. }) => {
                Some(Choice::Allowed { names: with(names), required: forces })
            }
            _ => forces.then_some(Choice::Required),
        }
    }

    fn arguments(&self) -> Value {
        if !self.wrapped {
            let mut schema = self.schema.clone();
            if let Value::Object(schema) = &mut schema {
                schema.entry("type").or_insert_with(|| "object".into());
            }
            return schema;
        }
        let mut inner = self.schema.clone();
        moved(&mut inner);
        json!({"type": "object", "properties": {ARGUMENT: inner}, "required": [ARGUMENT], "additionalProperties": false})
    }

    /// The text that arguments stand for. What they are otherwise, the model wrote as the text.
    fn text(&self, arguments: String) -> String {
        if !self.wrapped {
            return arguments;
        }
        match serde_json::from_str(&arguments) {
            Ok(Value::Object(mut object)) => {
                object.shift_remove(ARGUMENT).map_or(arguments, |it| it.to_string())
            }
            _ => arguments,
        }
    }

    /// Whether a text keeps to the schema.
    fn keeps(&self, text: &str) -> Result<(), Mismatch> {
        let value = serde_json::from_str(text).map_err(|_| Mismatch::whole("is no JSON"))?;
        schema::check(&value, &self.schema)
    }

    /// Makes text of the calls in a whole answer.
    ///
    /// # Errors
    /// When it is an answer, and does not keep to the schema.
    pub fn unwrap(&self, response: &mut Response) -> Result<(), Mismatch> {
        response.answers.iter_mut().try_for_each(|answer| self.unwrap_one(answer))
    }

    fn unwrap_one(&self, answer: &mut Answer) -> Result<(), Mismatch> {
        let is_it = |part: &Part| matches!(part, Part::Call(call) if call.name == self.name && !call.custom);
        let first = answer.parts.iter().position(is_it).map(|at| answer.parts.remove(at));
        // One answer is enough.
        answer.parts.retain(|part| !is_it(part));
        if first.is_some() && answer.stop == Some(Stop::Calls) && !answer.calls() {
            answer.stop = Some(Stop::End);
        }
        let refused = answer.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
        let is_all = is_complete(answer.stop.as_ref()) && !answer.calls() && !refused;
        let said = super::part::text_of(&answer.parts);
        let text = match first {
            Some(Part::Call(call)) => self.text(call.arguments),
            _ if is_all => bare(&said).to_owned(),
            _ => return Ok(()),
        };
        if text != said {
            // What is said beside it is no part of it.
            answer.parts.retain(|part| !matches!(part, Part::Text(_) | Part::Cited(..)));
            answer.parts.push(Part::Text(text.clone()));
        }
        if is_all { self.keeps(&text) } else { Ok(()) }
    }
}

/// Whether an answer that ends so says all it was to say.
fn is_complete(stop: Option<&Stop>) -> bool {
    matches!(stop, None | Some(Stop::End))
}

/// A text without the fence that models like to put around JSON.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    inside.map_or(text, |inside| inside.strip_prefix("json").unwrap_or(inside).trim())
}

/// Whether every vendor takes it as the name of a tool.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    name.len() <= 60 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(plain)
}

/// Whether a schema says that it is an object's.
fn is_object(schema: &Value) -> bool {
    match schema.get("type") {
        Some(kind) => kind == "object",
        None => schema.get("properties").is_some_and(Value::is_object),
    }
}

/// Lets the names within a schema mean the same where it stands below another one.
fn moved(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, inner) in members.iter_mut() {
                match inner {
                    Value::String(meant) if name == "$ref" => {
                        if let Some(fragment) = meant.strip_prefix('#') {
                            *meant = format!("#/properties/{ARGUMENT}{fragment}");
                        }
                    }
                    // Values, no schemas.
                    _ if matches!(name.as_str(), "const" | "enum" | "default" | "examples") => {}
                    inner => moved(inner),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(moved),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
