//! Every reason we do not answer as asked: one table from kind to status, type, code and retry advice, and the body in
//! the caller's language.
//!
//! Source of the shape: OpenAI API reference, "Error codes" (`message`, `type`, `param`, `code`, all present), and
//! Anthropic API reference, "Errors".

mod foreign;

use http::StatusCode;

use crate::dialect::Dialect;

pub use foreign::{answer, array_of_answer, event_of_answer};

/// Why we do not answer as asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "each kind is described by its row in the table below")]
pub enum Kind {
    MalformedHttp,
    BadPath,
    InvalidJson,
    DuplicateKey,
    MissingModel,
    ConflictingModel,
    InvalidForm,
    KeyInQuery,
    ConflictingCredentials,
    MissingKey,
    InvalidKey,
    ExpiredKey,
    IncompleteSignature,
    InvalidSignature,
    TooManyTries,
    OriginRefused,
    ModelNotFound,
    PreviousNotFound,
    ResponseNotFound,
    NotInBackground,
    UnknownPath,
    NotServed,
    MethodNotAllowed,
    CallerTooSlow,
    TooLarge,
    Unreadable,
    TargetTooLong,
    WrongHost,
    UpgradeRequired,
    Unsupported,
    RequestsExhausted,
    TokensExhausted,
    CallsExhausted,
    HeadTooLarge,
    Internal,
    AuthUnavailable,
    TooManyConnections,
    AccountingUnavailable,
    ResponsesUnavailable,
    ProviderPaused,
    NoHealthyTarget,
    UpstreamLimits,
    UpstreamUnreachable,
    UpstreamTls,
    UpstreamProtocol,
    UpstreamInterrupted,
    UpstreamAuth,
    UpstreamBilling,
    UpstreamBadResponse,
    UpstreamTimeout,
}

/// What a kind means on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The status of the answer.
    pub status: StatusCode,
    /// OpenAI's `type`.
    pub kind: &'static str,
    /// OpenAI's `code`: stable, and the label in metrics and logs.
    pub code: &'static str,
    /// Asking again unchanged may succeed (`x-should-retry`).
    pub retry: bool,
}

const REQUEST: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const REQUESTS: &str = "requests";
const TOKENS: &str = "tokens";
const QUOTA: &str = "insufficient_quota";

impl Kind {
    /// The table.
    pub fn meaning(self) -> Meaning {
        let (status, kind, code, retry) = match self {
            Self::MalformedHttp => (StatusCode::BAD_REQUEST, REQUEST, "malformed_http", false),
            Self::BadPath => (StatusCode::BAD_REQUEST, REQUEST, "bad_path", false),
            Self::InvalidJson => (StatusCode::BAD_REQUEST, REQUEST, "invalid_json", false),
            Self::DuplicateKey => (StatusCode::BAD_REQUEST, REQUEST, "duplicate_key", false),
            Self::MissingModel => (StatusCode::BAD_REQUEST, REQUEST, "missing_model", false),
            Self::ConflictingModel => (StatusCode::BAD_REQUEST, REQUEST, "conflicting_model", false),
            Self::InvalidForm => (StatusCode::BAD_REQUEST, REQUEST, "invalid_form", false),
            Self::KeyInQuery => (StatusCode::BAD_REQUEST, REQUEST, "key_in_query", false),
            Self::ConflictingCredentials => {
                (StatusCode::UNAUTHORIZED, REQUEST, "conflicting_credentials", false)
            }
            Self::MissingKey => (StatusCode::UNAUTHORIZED, REQUEST, "missing_api_key", false),
            Self::InvalidKey => (StatusCode::UNAUTHORIZED, REQUEST, "invalid_api_key", false),
            Self::ExpiredKey => (StatusCode::UNAUTHORIZED, REQUEST, "expired_api_key", false),
            Self::IncompleteSignature => (StatusCode::FORBIDDEN, REQUEST, "incomplete_signature", false),
            Self::InvalidSignature => (StatusCode::FORBIDDEN, REQUEST, "invalid_signature", false),
            Self::TooManyTries => (StatusCode::TOO_MANY_REQUESTS, REQUEST, "too_many_tries", false),
            Self::OriginRefused => (StatusCode::FORBIDDEN, REQUEST, "origin_refused", false),
            Self::ModelNotFound => (StatusCode::NOT_FOUND, REQUEST, "model_not_found", false),
            // As OpenAI has them, but for the code of the second, which it leaves out.
            Self::PreviousNotFound => {
                (StatusCode::BAD_REQUEST, REQUEST, "previous_response_not_found", false)
            }
            Self::ResponseNotFound => (StatusCode::NOT_FOUND, REQUEST, "response_not_found", false),
            Self::NotInBackground => (StatusCode::BAD_REQUEST, REQUEST, "not_in_background", false),
            Self::UnknownPath => (StatusCode::NOT_FOUND, REQUEST, "unknown_path", false),
            Self::NotServed => (StatusCode::NOT_FOUND, REQUEST, "not_served", false),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, REQUEST, "method_not_allowed", false),
            Self::CallerTooSlow => (StatusCode::REQUEST_TIMEOUT, REQUEST, "request_timeout", true),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, REQUEST, "request_too_large", false),
            Self::Unreadable => (StatusCode::UNSUPPORTED_MEDIA_TYPE, REQUEST, "unreadable_body", false),
            Self::TargetTooLong => (StatusCode::URI_TOO_LONG, REQUEST, "target_too_long", false),
            Self::WrongHost => (StatusCode::MISDIRECTED_REQUEST, REQUEST, "host_not_allowed", false),
            Self::UpgradeRequired => (StatusCode::UPGRADE_REQUIRED, REQUEST, "websocket_not_served", false),
            Self::Unsupported => (StatusCode::BAD_REQUEST, REQUEST, "unsupported_parameter", false),
            Self::RequestsExhausted | Self::CallsExhausted => {
                (StatusCode::TOO_MANY_REQUESTS, REQUESTS, "rate_limit_exceeded", true)
            }
            Self::TokensExhausted => (StatusCode::TOO_MANY_REQUESTS, TOKENS, "rate_limit_exceeded", true),
            Self::HeadTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, REQUEST, "head_too_large", false)
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal_error", true),
            Self::AuthUnavailable => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "auth_unavailable", true),
            Self::TooManyConnections => {
                (StatusCode::SERVICE_UNAVAILABLE, SERVER, "too_many_connections", true)
            }
            Self::AccountingUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, SERVER, "accounting_unavailable", true)
            }
            Self::ResponsesUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, SERVER, "responses_unavailable", true)
            }
            Self::ProviderPaused => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "provider_paused", true),
            Self::UpstreamLimits => {
                (StatusCode::TOO_MANY_REQUESTS, REQUESTS, "upstream_limits_exhausted", true)
            }
            Self::NoHealthyTarget => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "no_healthy_target", false),
            Self::UpstreamUnreachable => (StatusCode::BAD_GATEWAY, SERVER, "upstream_unreachable", true),
            Self::UpstreamTls => (StatusCode::BAD_GATEWAY, SERVER, "upstream_tls_error", false),
            Self::UpstreamProtocol => (StatusCode::BAD_GATEWAY, SERVER, "upstream_protocol_error", true),
            Self::UpstreamInterrupted => {
                (StatusCode::BAD_GATEWAY, SERVER, "upstream_stream_interrupted", true)
            }
            Self::UpstreamAuth => (StatusCode::BAD_GATEWAY, SERVER, "upstream_auth_failed", false),
            // As OpenAI says it itself: of a 5xx some programs ask thirty times, of this once.
            Self::UpstreamBilling => (StatusCode::TOO_MANY_REQUESTS, QUOTA, "insufficient_quota", false),
            Self::UpstreamBadResponse => (StatusCode::BAD_GATEWAY, SERVER, "upstream_bad_response", true),
            Self::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, SERVER, "upstream_timeout", true),
        };
        Meaning { status, kind, code, retry }
    }

    /// The stable code, which is also the label.
    pub fn label(self) -> &'static str {
        self.meaning().code
    }
}

/// An error in words, before it is put into a language.
#[derive(Clone, Copy)]
struct Words<'w> {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'w str>,
    say: &'w str,
    param: Option<&'w str>,
}

impl<'w> Words<'w> {
    fn of(kind: Kind, say: &'w str, param: Option<&'w str>) -> Self {
        let meaning = kind.meaning();
        Self { status: meaning.status, kind: meaning.kind, code: Some(meaning.code), say, param }
    }

    fn body(self, dialect: Dialect) -> String {
        let Self { status, kind, code, say, param } = self;
        match dialect {
            Dialect::Anthropic => {
                let kind = match status {
                    StatusCode::UNAUTHORIZED => "authentication_error",
                    StatusCode::PAYMENT_REQUIRED => "billing_error",
                    StatusCode::FORBIDDEN => "permission_error",
                    StatusCode::NOT_FOUND => "not_found_error",
                    StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
                    StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
                    StatusCode::GATEWAY_TIMEOUT => "timeout_error",
                    _ if status.as_u16() == 529 => "overloaded_error",
                    _ if status.is_server_error() => "api_error",
                    _ => "invalid_request_error",
                };
                serde_json::json!({"type": "error", "error": {"type": kind, "message": say}}).to_string()
            }
            Dialect::Gemini => {
                let word = match status {
                    StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
                    StatusCode::FORBIDDEN => "PERMISSION_DENIED",
                    StatusCode::NOT_FOUND => "NOT_FOUND",
                    StatusCode::TOO_MANY_REQUESTS => "RESOURCE_EXHAUSTED",
                    _ if status.is_server_error() => "UNAVAILABLE",
                    _ => "INVALID_ARGUMENT",
                };
                let code = status.as_u16();
                serde_json::json!({"error": {"code": code, "message": say, "status": word}}).to_string()
            }
            Dialect::Ollama => serde_json::json!({"error": say}).to_string(),
            // AWS names the kind in a header, Cohere not at all.
            Dialect::Bedrock | Dialect::Cohere => serde_json::json!({"message": say}).to_string(),
            Dialect::OpenAi => {
                let error = serde_json::json!({"message": say, "type": kind, "param": param, "code": code});
                serde_json::json!({ "error": error }).to_string()
            }
        }
    }

    fn event(self, dialect: Dialect, named_events: bool) -> String {
        match dialect {
            Dialect::OpenAi if named_events => {
                let Self { code, say, param, .. } = self;
                let event =
                    serde_json::json!({"type": "error", "code": code, "message": say, "param": param});
                event_line(&event.to_string(), true)
            }
            Dialect::Cohere => message_end(self.say, None),
            _ => event_line(&self.body(dialect), dialect == Dialect::Anthropic),
        }
    }
}

fn event_line(data: &str, named: bool) -> String {
    if named { format!("event: error\ndata: {data}\n\n") } else { format!("data: {data}\n\n") }
}

/// The event that ends a stream of Cohere's that broke off. Programs know its events by their `type`, and would pass over an error that
/// has none as if the stream had ended well.
pub(crate) fn message_end(say: &str, usage: Option<serde_json::Value>) -> String {
    let mut delta = serde_json::json!({"error": say, "finish_reason": "ERROR"});
    if let Some(usage) = usage {
        delta["usage"] = usage;
    }
    let event = serde_json::json!({"type": "message-end", "delta": delta});
    format!("event: message-end\ndata: {event}\n\n")
}

/// The body of an error answer, in the caller's language.
pub fn body(kind: Kind, say: &str, param: Option<&str>, dialect: Dialect) -> String {
    Words::of(kind, say, param).body(dialect)
}

/// The same for a call of Responses. Codex, which speaks no other, asks five times where it reads this word behind a 503, and thirty
/// times where it reads any other.
pub fn responses_body(kind: Kind, say: &str, param: Option<&str>) -> String {
    let code = match kind {
        Kind::NoHealthyTarget => Some("server_is_overloaded"),
        _ => Some(kind.label()),
    };
    Words { code, ..Words::of(kind, say, param) }.body(Dialect::OpenAi)
}

/// The status by which callers of a language know a kind. AWS has no 401: whom it does not know it forbids.
pub fn status(kind: Kind, dialect: Dialect) -> StatusCode {
    match kind.meaning().status {
        StatusCode::UNAUTHORIZED if dialect == Dialect::Bedrock => StatusCode::FORBIDDEN,
        status => status,
    }
}

/// The header of [`header`], for an error of ours: of who asks, AWS has words of its own ("Common Error Types").
pub fn own_header(kind: Kind, dialect: Dialect) -> Option<(&'static str, &'static str)> {
    let name = match kind {
        _ if dialect != Dialect::Bedrock => return None,
        Kind::MissingKey => "MissingAuthenticationTokenException",
        Kind::InvalidKey => "UnrecognizedClientException",
        Kind::ExpiredKey => "ExpiredTokenException",
        Kind::IncompleteSignature => "IncompleteSignatureException",
        Kind::InvalidSignature => "InvalidSignatureException",
        _ => return header(status(kind, dialect), dialect),
    };
    Some((EXCEPTION, name))
}

/// Where AWS names the exception (restJson1).
const EXCEPTION: &str = "x-amzn-errortype";

/// A header by which programs of a language know what kind of error it is: AWS's, the name of the exception.
pub fn header(status: StatusCode, dialect: Dialect) -> Option<(&'static str, &'static str)> {
    let name = match status.as_u16() {
        _ if dialect != Dialect::Bedrock => return None,
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 | 504 => "ModelTimeoutException",
        429 => "ThrottlingException",
        400..=499 => "ValidationException",
        502 | 503 | 529 => "ServiceUnavailableException",
        _ => "InternalServerException",
    };
    Some((EXCEPTION, name))
}

/// The one event that ends a stream the upstream did not end: an error, never an invented completion (D-18).
pub fn event(kind: Kind, say: &str, dialect: Dialect, named_events: bool) -> String {
    Words::of(kind, say, None).event(dialect, named_events)
}
