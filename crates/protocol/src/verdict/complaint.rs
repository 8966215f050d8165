//! An error body, as far as a reading needs it: the words it has for what went wrong, and its message.
//!
//! Shapes: OpenAI API reference, "Error codes" (`error.code`, `type`, `param`); Anthropic API reference, "Errors"
//! (`error.type`); Google AIP-193 (`error.status`, `details[].reason`), also as the only member of an array; Azure
//! (`error.innererror.code`); Ollama (`error` is the message); Mistral and Cohere (message and type beside no `error`);
//! FastAPI (`detail`); OpenRouter (`error.metadata.raw` quotes whoever answered it); Groq (`error.status_code`, in streams); the `error` and `response.failed` events of
//! OpenAI's Responses.

use http::StatusCode;
use serde_json::Value;

/// How much of a body is looked at. Errors are short; what is longer is a page meant for eyes.
const MOST: usize = 64 * 1024;

/// What an error body says.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// Its words for what went wrong, the most particular first.
    words: Vec<String>,
    /// The status it names itself.
    status: Option<StatusCode>,
    /// The parameter it is about.
    pub(super) param: String,
    /// What it says to people, in lower case.
    pub(super) message: String,
}

impl Complaint {
    /// Reads a body; what is no JSON says nothing.
    pub(super) fn of(body: &[u8]) -> Self {
        let whole = body.get(..MOST).unwrap_or(body);
        let Ok(body) = serde_json::from_slice::<Value>(whole) else { return Self::default() };
        let body = body.as_array().and_then(|all| all.first()).unwrap_or(&body);
        let inside = body.get("error").filter(|error| !error.is_null());
        let inside = inside.or_else(|| body.get("response")?.get("error"));
        let mut complaint = Self::default();
        match inside {
            Some(Value::String(message)) => complaint.message = message.to_lowercase(),
            Some(error) => complaint.take(error),
            None => complaint.take(body),
        }
        complaint
    }

    /// Takes what one object says.
    fn take(&mut self, error: &Value) {
        let inner = error.get("innererror").and_then(|inner| inner.get("code"));
        let details = error.get("details").and_then(Value::as_array);
        let reasons = details.into_iter().flatten().filter_map(|detail| detail.get("reason"));
        let own =
            [error.get("code"), inner, error.get("status"), error.get("type"), error.get("status_code")];
        for word in reasons.chain(own.into_iter().flatten()) {
            match word {
                Value::String(word) => self.words.push(word.clone()),
                Value::Number(number) => self.words.push(number.to_string()),
                _ => {}
            }
        }
        self.status = self.words.iter().find_map(|word| StatusCode::from_bytes(word.as_bytes()).ok());
        self.param = text(error.get("param")).to_owned();
        let raw = error.get("metadata").and_then(|metadata| metadata.get("raw"));
        let detail = error.get("detail").map(said);
        let message = [text(error.get("message")), text(raw), &detail.unwrap_or_default()].join("\n");
        self.message = message.to_lowercase();
    }

    /// Its words, the most particular first.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The status it names itself, if that is one of an error.
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status.filter(|status| status.is_client_error() || status.is_server_error())
    }
}

/// A text, or nothing.
fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// What a `detail` says: a text, or a list of faults found.
fn said(detail: &Value) -> String {
    detail.as_str().map_or_else(|| detail.to_string(), str::to_owned)
}
