//! The one form of a request that is signed, written for both sides. Source: docs.aws.amazon.com, "Create a signed AWS API request", "Create
//! a canonical request".

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};

use super::Signed;
use crate::vendor::encode;

/// The form, and the names of the headers in it.
pub(super) struct Canonical {
    pub(super) text: String,
    pub(super) names: String,
}

/// Writes it; `payload` is the hash of the body.
pub(super) fn canonical(request: Signed<'_>, payload: &str) -> Canonical {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let mut head: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.head {
        // Blanks in a row are one, quoted or not.
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        head.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    let lines: String = head.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
    let names = head.into_keys().collect::<Vec<_>>().join(";");
    let (method, path, query) = (request.method, path_of(path), query_of(query));
    Canonical { text: format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}"), names }
}

/// A path without dots and double slashes, encoded once more: what is encoded on the wire is so twice (but for S3).
fn path_of(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let ends = !segments.is_empty() && matches!(last, "" | "." | "..");
    let whole = segments.iter().map(|segment| encode(segment)).collect::<Vec<_>>().join("/");
    format!("/{whole}{}", if ends { "/" } else { "" })
}

/// A query in the order of its names, and of their values, each encoded once.
fn query_of(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (once(name), once(value))
    };
    let mut pairs: Vec<(String, String)> = pairs.map(pair).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A text encoded once, whether it was or not.
fn once(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let byte = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                at += 2;
                u8::try_from(high * 16 + low).unwrap_or(b'%')
            }
            _ => *byte,
        };
        at += 1;
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// SHA-256, in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_in_a_path_is_encoded_twice() {
        assert_eq!(path_of("/model/a.b%3A0/converse"), "/model/a.b%253A0/converse");
        assert_eq!(path_of(""), "/");
    }
}
