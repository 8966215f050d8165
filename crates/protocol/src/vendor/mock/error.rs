//! Errors in OpenAI's shape and, where it is known, in OpenAI's words.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::reply::Reply;

/// An error that is answered. All four fields are always sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) kind: String,
    pub(super) param: Option<String>,
    pub(super) code: Option<String>,
    pub(super) retry_after: Option<Box<str>>,
}

impl Problem {
    /// An error of that status, with the type and code OpenAI uses for it.
    pub(super) fn of(status: StatusCode, message: impl Into<String>) -> Self {
        let (kind, code) = match status.as_u16() {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            429 => ("requests", Some("rate_limit_exceeded")),
            500.. => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        Self {
            status,
            message: message.into(),
            kind: kind.to_owned(),
            param: None,
            code: code.map(str::to_owned),
            retry_after: None,
        }
    }

    /// 400 about one parameter.
    pub(super) fn invalid(param: &str, code: &str, message: impl Into<String>) -> Self {
        let mut problem = Self::of(StatusCode::BAD_REQUEST, message);
        problem.param = Some(param.to_owned());
        problem.code = Some(code.to_owned());
        problem
    }

    /// 400: a parameter that must be there is not.
    pub(super) fn missing(param: &str) -> Self {
        Self::invalid(param, "missing_required_parameter", format!("Missing required parameter: '{param}'."))
    }

    /// 400: a parameter has the wrong type.
    pub(super) fn wrong_type(param: &str, wanted: &str, given: &Value) -> Self {
        let given = match given {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a decimal",
            Value::Number(_) => "an integer",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        let message = format!("Invalid type for '{param}': expected {wanted}, but got {given} instead.");
        Self::invalid(param, "invalid_type", message)
    }

    /// 404: no such model.
    pub(super) fn no_model(model: &str, why: &str) -> Self {
        let mut problem =
            Self::of(StatusCode::NOT_FOUND, format!("The model `{model}` does not exist in the mock: {why}"));
        problem.code = Some("model_not_found".to_owned());
        problem
    }

    /// 404: the mock does not do this.
    pub(super) fn no_endpoint(method: &http::Method, path: &str) -> Self {
        let message = format!(
            "The mock cannot answer {method} {path}. It can answer POST to /v1/chat/completions, /v1/completions, \
             /v1/responses, /v1/embeddings, /v1/moderations, /v1/audio/speech, /v1/audio/transcriptions, \
             /v1/audio/translations, /v1/images/generations and /v1/images/edits; GET of /v1/models and /v1/files; \
             and GET, DELETE and cancel of /v1/responses/{{id}}."
        );
        Self::of(StatusCode::NOT_FOUND, message)
    }

    /// The error as it is sent.
    pub(super) fn reply(self) -> Reply {
        let mut reply = Reply::json(json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }}));
        reply.status = self.status;
        if matches!(self.status.as_u16(), 204 | 205 | 304) {
            // These have no body in HTTP.
            reply.pieces = vec![Bytes::new()];
        }
        if let Some(value) = self.retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
            reply.headers.insert(RETRY_AFTER, value);
        }
        reply
    }
}
