//! Claude on Vertex AI. Sources: docs.anthropic.com, "Claude on Vertex AI"; cloud.google.com, "Request predictions with Claude models"
//! (`rawPredict`, `streamRawPredict`), "Count tokens for Claude models" (`count-tokens:rawPredict`); the Python library's `lib/vertex`.

use bytes::{BufMut, Bytes, BytesMut};

use super::place;
use crate::dialect::{Dialect, Wire};
use crate::envelope;
use crate::frame::said::Prefill;
use crate::operation::{Operation, Row};
use crate::secret::Secret;
use crate::vendor::{CredentialAt, Site, Vendor};

/// Who serves Claude there.
pub(super) static VENDOR: Claude = Claude;

/// Messages, at an address that names the model, with the version in the body.
pub(crate) struct Claude;

/// What stands in the body in place of the model.
const VERSION: &str = r#""anthropic_version":"vertex-2023-10-16""#;

/// Where its maker's models stand.
const PUBLISHER: &str = "publishers/anthropic/models/";

/// Whether a model is one of Claude's.
pub(super) fn is_one(model: &str) -> bool {
    model.starts_with("claude-") || model.starts_with(PUBLISHER)
}

impl Vendor for Claude {
    fn name(&self) -> &str {
        super::VENDOR.name()
    }

    fn home(&self) -> Option<&str> {
        None
    }

    fn key_variables(&self) -> &[String] {
        &[]
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        (operation == Operation::Messages).then_some(Dialect::Anthropic)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Messages)
    }

    fn conversation(&self, site: &Site, model: &str, streams: bool) -> String {
        let verb = if streams { "streamRawPredict" } else { "rawPredict" };
        format!("{}{}:{verb}", site.base_path, place(model))
    }

    fn moves_conversations(&self) -> bool {
        true
    }

    /// One address for all models ("Count tokens for Claude models"): the body names the one that is meant.
    fn counting(&self, site: &Site, model: &str) -> Option<(String, String)> {
        let name = model.strip_prefix(PUBLISHER).unwrap_or(model);
        Some((format!("{}/{PUBLISHER}count-tokens:rawPredict", site.base_path), name.to_owned()))
    }

    fn model_in_address(&self, _site: &Site, row: &'static Row) -> bool {
        row.about(row.shape).is_none()
    }

    /// The model's member becomes the version's: one edit, and all else stays.
    fn tune(&self, body: Bytes) -> Bytes {
        let Some(open) = body.iter().position(|byte| *byte == b'{') else { return body };
        let object = &body[open..];
        let said = envelope::member(object, "anthropic_version").is_some();
        let (place, text) = match (envelope::member(object, "model"), said) {
            (None, true) => return body,
            (None, false) if envelope::members(object).is_empty() => (1..1, VERSION.to_owned()),
            (None, false) => (1..1, format!("{VERSION},")),
            (Some(member), true) => (member.whole, String::new()),
            (Some(member), false) if object[member.whole.start] != b'"' => {
                (member.whole, format!(",{VERSION}"))
            }
            (Some(member), false) => {
                let comma = if object[member.whole.end - 1] == b',' { "," } else { "" };
                (member.whole, format!("{VERSION}{comma}"))
            }
        };
        let mut out = BytesMut::with_capacity(body.len() + text.len());
        out.put_slice(&body[..open + place.start]);
        out.put_slice(text.as_bytes());
        out.put_slice(&object[place.end..]);
        out.freeze()
    }

    fn credential_at(&self, secret: &Secret) -> Option<CredentialAt> {
        super::VENDOR.credential_at(secret)
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }

    fn prefill(&self) -> Prefill {
        Prefill::Message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_where_the_model_stood() {
        let version = r#""anthropic_version":"vertex-2023-10-16""#;
        for (body, wanted) in [
            (r#"{"model":"m","max_tokens":1}"#, format!(r#"{{{version},"max_tokens":1}}"#)),
            (r#" { "max_tokens":1 , "model" : "m" }"#, format!(r#" {{ "max_tokens":1,{version} }}"#)),
            (
                r#"{"a":"model","model":"m","b":{"model":"x"}}"#,
                format!(r#"{{"a":"model",{version},"b":{{"model":"x"}}}}"#),
            ),
            (r#"{"model":"m"}"#, format!("{{{version}}}")),
            ("{}", format!("{{{version}}}")),
            (r#"{"max_tokens":1}"#, format!(r#"{{{version},"max_tokens":1}}"#)),
            (r#"{"model":"m","anthropic_version":"v"}"#, r#"{"anthropic_version":"v"}"#.to_owned()),
            (r#"{"anthropic_version":"v"}"#, r#"{"anthropic_version":"v"}"#.to_owned()),
        ] {
            assert_eq!(VENDOR.tune(Bytes::from(body)), wanted, "{body}");
        }
    }
}
