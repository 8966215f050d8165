//! Errors in the shape of the language asked in and, where it is known, in OpenAI's words.
//!
//! Sources for the other shapes: Anthropic API reference, "Errors"; Google AIP-193 and the codes of `google.rpc.Code`.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::reply::Reply;
use crate::dialect::Dialect;

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
             /v1/audio/translations, /v1/images/generations, /v1/images/edits, /v1/messages, \
             /v1/messages/count_tokens and generateContent, streamGenerateContent, countTokens, embedContent and \
             batchEmbedContents of /v1beta/models/{{model}}; GET of /v1/models and /v1/files; \
             and GET, DELETE and cancel of /v1/responses/{{id}}."
        );
        Self::of(StatusCode::NOT_FOUND, message)
    }

    /// The `type` Messages has for the status, unless the model's name asked for one.
    fn kind_of_messages(&self) -> &str {
        if self.kind != Self::of(self.status, "").kind {
            return &self.kind;
        }
        match self.status.as_u16() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }

    /// The word `generateContent` has for the status, unless the model's name asked for a code.
    fn status_of_generate(&self) -> &str {
        if let Some(code) = &self.code
            && self.code != Self::of(self.status, "").code
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            return code;
        }
        match self.status.as_u16() {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            499 => "CANCELLED",
            501 => "UNIMPLEMENTED",
            503 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        }
    }

    /// The error as it is sent.
    pub(super) fn reply(self, language: Dialect) -> Reply {
        let mut reply = Reply::json(match language {
            Dialect::Anthropic => json!({
                "type": "error",
                "error": {"type": self.kind_of_messages(), "message": self.message},
            }),
            Dialect::Gemini => json!({"error": {
                "code": self.status.as_u16(),
                "message": self.message,
                "status": self.status_of_generate(),
            }}),
            _ => json!({"error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }}),
        });
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
