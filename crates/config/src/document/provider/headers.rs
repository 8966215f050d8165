//! Headers that are set on every request to a provider.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::layer::kinds::ACCOUNT_HEADERS;
use crate::problem::{Wrong, wrong};
use crate::reader::Section as Settings;

/// `headers`, and the settings that are nothing but a header.
pub(super) fn headers(section: &Settings<'_>) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (setting, name) in ACCOUNT_HEADERS {
        if let Some(at) = section.get(setting)
            && let Some(value) = at.parse(header_value)
            && !value.is_empty()
        {
            out.insert(HeaderName::from_static(name), value);
        }
    }
    let Some(at) = section.get("headers") else { return out };
    for (name, at) in at.named().into_iter().filter(|(_, at)| !at.node.is_null()) {
        match (header_name(&name), at.parse(header_value)) {
            (Ok(name), Some(value)) => drop(out.insert(name, value)),
            (Err(against), _) => at.wrong(against),
            (Ok(_), None) => {}
        }
    }
    out
}

/// Headers that are ours, or the connection's, to set.
const OURS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
];
/// Headers a credential travels in.
const CREDENTIALS: &[&str] = &["authorization", "api-key", "x-api-key", "x-goog-api-key"];

fn header_name(name: &str) -> Result<HeaderName, Wrong> {
    let lower = name.to_ascii_lowercase();
    if CREDENTIALS.contains(&lower.as_str()) {
        return wrong("carries the credential.", "Write the key as `api_key`.");
    }
    if OURS.contains(&lower.as_str()) {
        return wrong("is set by the gateway itself.", "Remove it.");
    }
    HeaderName::from_bytes(lower.as_bytes())
        .or_else(|_| wrong("is not a header's name.", "Use letters, digits and `-`."))
}

/// Kept out of debug output and of header compression: it may be a secret.
fn header_value(text: &str) -> Result<HeaderValue, Wrong> {
    let Ok(mut value) = HeaderValue::from_str(text) else {
        return wrong("holds a line break or another control character.", "Write it in one line.");
    };
    value.set_sensitive(true);
    Ok(value)
}
