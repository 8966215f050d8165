//! The words instances are described in: settings with today's name and form, state, and what has no place.

use serde_json::Value as Json;

/// How a value is to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// At least this.
    Whole(i64),
    Names,
    Pairs,
    /// Any form of `models`.
    Models,
}

/// Settings that are ours under today's name.
pub(super) const KEPT: &[(&str, &str, Form)] = &[
    ("type", "type", Form::Text),
    ("provider_type", "type", Form::Text),
    ("base_url", "base_url", Form::Text),
    ("api_base", "base_url", Form::Text),
    ("api_key", "api_key", Form::Text),
    ("api_version", "api_version", Form::Text),
    ("proxy", "proxy", Form::Text),
    ("proxy_url", "proxy", Form::Text),
    ("organization", "organization", Form::Text),
    ("priority", "priority", Form::Whole(i64::MIN)),
    ("weight", "weight", Form::Whole(0)),
    ("max_tpm", "max_tpm", Form::Whole(0)),
    ("max_rpm", "max_rpm", Form::Whole(0)),
    ("models", "models", Form::Models),
    ("supported_models", "supported_models", Form::Names),
    ("model_deployments", "model_deployments", Form::Pairs),
];

/// What is no setting: how an instance was at that moment.
pub(super) const STATE: &[&str] = &[
    "status",
    "state",
    "health",
    "healthy",
    "health_status",
    "is_healthy",
    "error_count",
    "errors",
    "last_error",
    "last_error_time",
    "consecutive_failures",
    "rate_limited_until",
    "cooldown_until",
    "instance_stats",
    "stats",
    "last_used",
    "last_checked",
    "last_check",
    "client",
    "current_tpm",
    "current_rpm",
    "tpm_usage",
    "usage_window",
    "total_requests",
    "successful_requests",
    "failed_requests",
    "request_count",
    "total_tokens",
    "total_tokens_served",
    "tokens_used",
    "total_latency_ms",
    "avg_latency_ms",
    "utilization_percentage",
    "total_successful_requests",
];

/// What a table needs for itself.
pub(super) const BOOKKEEPING: &[&str] = &[
    "id",
    "instance_id",
    "created_at",
    "updated_at",
    "changed_at",
    "timestamp",
    "worker_id",
    "comment",
    "changed_by",
    "operation",
    "action",
    "change_type",
    "author",
    "hash",
    "checksum",
];

/// Settings that have no place here, and why.
pub(super) const LOST: &[(&str, &str)] = &[
    ("retry_count", "attempts are counted for all providers: `routing.retries`"),
    ("max_retries", "attempts are counted for all providers: `routing.retries`"),
    ("max_input_tokens", "how long a prompt may be is left to the provider"),
    ("description", "it has no place; write a comment"),
    ("tags", "they have no place; write a comment"),
    ("metadata", "it has no place; write a comment"),
];

/// Whether a name is that of a setting, ours or older.
pub(super) fn is_setting(key: &str) -> bool {
    key == "enabled" || KEPT.iter().any(|(older, ..)| *older == key)
}

impl Form {
    /// The value in this form. Lists and maps may be JSON in a text, numbers may be texts.
    pub(super) fn of(self, value: &Json) -> Option<Json> {
        let read;
        let value = match value.as_str().map(str::trim) {
            Some(text)
                if self != Self::Text && text != "discover" && !text.is_empty() && !text.contains("${") =>
            {
                read = serde_json::from_str(text).ok()?;
                &read
            }
            _ => value,
        };
        // What a variable will say is not known yet.
        if value.as_str().is_some_and(|text| text.contains("${")) {
            return Some(value.clone());
        }
        let line = |text: &str| !text.chars().any(char::is_control);
        let text = |value: &Json| value.as_str().is_some_and(|text| !text.is_empty() && line(text));
        match (self, value) {
            (Self::Text, Json::String(text)) => line(text).then(|| value.clone()),
            (Self::Whole(least), Json::Number(number)) => {
                number.as_i64().filter(|number| *number >= least).map(Json::from)
            }
            (Self::Models, Json::String(word)) => (word == "discover").then(|| value.clone()),
            (Self::Names | Self::Models, Json::Array(items)) => items.iter().all(text).then(|| value.clone()),
            (Self::Pairs | Self::Models, Json::Object(members)) => {
                let named = |(name, own): (&String, &Json)| !name.is_empty() && line(name) && text(own);
                members.iter().all(named).then(|| value.clone())
            }
            _ => None,
        }
    }
}
