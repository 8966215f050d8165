//! Reading the request: JSON or a form, the fields every endpoint looks at, and the complaints about them.

use http::StatusCode;
use serde_json::{Map, Value};

use super::Asked;
use super::behaviour::Behaviour;
use super::error::Problem;
use crate::frame::multipart;

/// A request that could be read.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) fields: Map<String, Value>,
    /// Whether it was a form, and if so whether a file came with it.
    pub(super) form: Option<HasFile>,
    /// The model asked for; `mock` if none was.
    pub(super) model: String,
    pub(super) behaviour: Behaviour,
    pub(super) now: u64,
    pub(super) turn: u64,
}

/// Whether a form brings a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HasFile(pub(super) bool);

impl Ask {
    /// Reads the body and the model's name, unless the path has `named` it.
    pub(super) fn read(asked: &Asked<'_>, named: Option<String>) -> Result<Self, Problem> {
        let kind = asked.content_type.unwrap_or_default();
        let (fields, form) = if kind.trim_start().to_ascii_lowercase().starts_with("multipart/") {
            let (fields, file) = read_form(kind, asked.body)?;
            (fields, Some(HasFile(file)))
        } else {
            (read_json(asked.body)?, None)
        };
        let model = match (named, fields.get("model")) {
            (Some(model), _) => model,
            (None, None | Some(Value::Null)) => "mock".to_owned(),
            (None, Some(Value::String(model))) => model.clone(),
            (None, Some(other)) => return Err(Problem::wrong_type("model", "a string", other)),
        };
        let behaviour = Behaviour::of(&model)?;
        Ok(Self { fields, form, model, behaviour, now: asked.now, turn: asked.turn })
    }

    /// A field, unless it is absent or null.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<&Value, Problem> {
        self.field(name).ok_or_else(|| Problem::missing(name))
    }

    /// Complains in the words the older endpoints use when no model is named.
    pub(super) fn needs_model(&self) -> Result<(), Problem> {
        match self.model.as_str() {
            name if !name.is_empty() && self.field("model").is_some() => Ok(()),
            _ => Err(Problem::of(StatusCode::BAD_REQUEST, "you must provide a model parameter")),
        }
    }

    /// A text field.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.field(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(Problem::wrong_type(name, "a string", other)),
        }
    }

    /// A field that is true or false; a form writes it as text.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.field(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if self.form.is_some() => {
                Ok(text.eq_ignore_ascii_case("true") || text == "1")
            }
            Some(other) => Err(Problem::wrong_type(name, "a boolean", other)),
        }
    }

    /// A whole number within bounds; a form writes it as text.
    pub(super) fn count(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, Problem> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) if self.form.is_some() => text.parse().ok(),
            other => other.as_u64().and_then(|number| usize::try_from(number).ok()),
        };
        match number {
            None => Err(Problem::wrong_type(name, "a positive integer", value)),
            Some(number) if bounds.contains(&number) => Ok(Some(number)),
            Some(number) => {
                let (low, high) = (bounds.start(), bounds.end());
                let message = format!(
                    "Invalid '{name}': integer out of range. Expected {low} to {high}, but got {number} instead."
                );
                Err(Problem::invalid(name, "integer_out_of_range", message))
            }
        }
    }

    /// An id with the given beginning, the same for the same turn.
    pub(super) fn id(&self, beginning: &str) -> String {
        id(beginning, self.turn)
    }
}

/// An id made of a turn.
pub(super) fn id(beginning: &str, turn: u64) -> String {
    format!("{beginning}mock{turn:020x}")
}

fn read_json(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(Problem::wrong_type("body", "an object", &other)),
        Err(error) => Err(Problem::of(
            StatusCode::BAD_REQUEST,
            format!(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your \
                 HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid \
                 JSON: {error}.)"
            ),
        )),
    }
}

/// The text fields of a form, the last of each name, and whether it brings a file.
fn read_form(content_type: &str, body: &[u8]) -> Result<(Map<String, Value>, bool), Problem> {
    let read = || {
        let mut reader = multipart::Reader::new(&multipart::boundary(content_type)?);
        reader.push(body)?;
        reader.finish()?;
        Ok(reader)
    };
    let reader = read().map_err(|problem: multipart::MultipartProblem| {
        let message = format!("We could not parse the multipart body of your request: {}.", problem.say());
        Problem::of(StatusCode::BAD_REQUEST, message)
    })?;
    let fields = reader.fields().iter().map(|field| {
        let value = field.value.as_deref().unwrap_or_default();
        (field.name.clone(), Value::String(String::from_utf8_lossy(value).into_owned()))
    });
    Ok((fields.collect(), reader.file_begun()))
}
