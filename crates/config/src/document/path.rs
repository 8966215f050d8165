//! Patterns of paths, as people write them.

use protocol::operation;

use crate::problem::{Wrong, wrong};

/// Every spelling of a path in one: with `/v1`, without a trailing slash.
pub(super) fn pattern(text: &str) -> Result<String, Wrong> {
    let stem = text.strip_suffix("/*").unwrap_or(text);
    if !text.starts_with('/') || stem.contains(['*', '?', '#', ' ']) {
        return wrong("is not a path we can match.", "Write /v1/audio/speech, or /v1/audio/* for all below.");
    }
    let mut below = stem.trim_end_matches('/');
    below = operation::foreign(below).unwrap_or(below);
    while let Some(rest) = below.strip_prefix("/v1").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        below = rest;
    }
    let end = if text.ends_with("/*") || below.is_empty() { "/*" } else { "" };
    Ok(format!("/v1{below}{end}"))
}
