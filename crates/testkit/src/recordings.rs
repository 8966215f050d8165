//! The recorded exchanges with real vendors, from `shared/recordings/<name>.jsonl.gz` beside the checkout. They are
//! not in the repository: a test without them says so and passes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// One exchange as recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Stable name of the exchange.
    pub id: String,
    /// Package it was taken from; decides how far to trust a surprising one.
    pub source: String,
    /// Test it belonged to.
    pub case: String,
    /// Method.
    pub method: String,
    /// Host.
    pub host: String,
    /// Path without query.
    pub path: String,
    /// Query without `?`.
    pub query: String,
    /// Request headers.
    pub req_headers: Vec<(String, String)>,
    /// Request body.
    pub req_body: Vec<u8>,
    /// Status.
    pub status: u16,
    /// Answer headers.
    pub resp_headers: Vec<(String, String)>,
    /// Answer body, streams whole with their framing.
    pub resp_body: Vec<u8>,
}

impl Recording {
    /// Whether the answer is a stream: events, or Bedrock's binary frames. Judged by what the headers say and, as many
    /// recordings have none, by the path and the first bytes.
    pub fn is_stream(&self) -> bool {
        let kind = crate::wire::header(&self.resp_headers, "content-type").unwrap_or_default();
        ["text/event-stream", "application/vnd.amazon.eventstream", "application/x-ndjson"]
            .iter()
            .any(|stream| kind.starts_with(stream))
            || ["data:", "event:", ": "].iter().any(|start| self.resp_body.starts_with(start.as_bytes()))
            || (self.status == 200 && self.path.ends_with("-stream"))
    }

    fn parse(line: &str) -> Option<Recording> {
        let record: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        Some(Recording {
            id: text("id"),
            source: text("source"),
            case: text("case"),
            method: text("method"),
            host: text("host"),
            path: text("path"),
            query: text("query"),
            req_headers: headers(&record["req_headers"]),
            req_body: body(&record, "req_body", "req_encoding")?,
            status: match &record["status"] {
                Value::String(status) => status.parse().ok()?,
                status => status.as_u64()?.try_into().ok()?,
            },
            resp_headers: headers(&record["resp_headers"]),
            resp_body: body(&record, "resp_body", "resp_encoding")?,
        })
    }
}

/// Headers are an object, sometimes as a string of JSON; a value may be a list.
fn headers(value: &Value) -> Vec<(String, String)> {
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(object) = parsed.as_ref().unwrap_or(value).as_object() else { return Vec::new() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    object
        .iter()
        .flat_map(|(name, value)| {
            let values =
                value.as_array().map_or_else(|| vec![text(value)], |all| all.iter().map(text).collect());
            values.into_iter().map(move |value| (name.clone(), value))
        })
        .collect()
}

fn body(record: &Value, name: &str, encoding: &str) -> Option<Vec<u8>> {
    match (&record[name], record[encoding].as_str()) {
        (Value::Null, _) => Some(Vec::new()),
        (Value::String(text), Some("base64")) => STANDARD.decode(text).ok(),
        (Value::String(text), _) => Some(text.clone().into_bytes()),
        (other, _) => Some(other.to_string().into_bytes()),
    }
}

/// All recordings called `name`, looked for from `root` upwards; `None` when they are absent. Panics on a record which
/// cannot be read: a silently shorter corpus would be worse.
pub fn load(root: &Path, name: &str) -> Option<Vec<Recording>> {
    let file = File::open(folder(root)?.join(format!("{name}.jsonl.gz"))).ok()?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    let record = |line: std::io::Result<String>| {
        let line = line.expect("gzipped lines");
        Recording::parse(&line).unwrap_or_else(|| panic!("{name}: no recording: {line:.200}"))
    };
    Some(lines.map(record).collect())
}

/// `shared/recordings` in `root` or in a folder above it.
fn folder(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    root.ancestors().map(|up| up.join("shared/recordings")).find(|path| path.is_dir())
}

/// Up to eight places to cut `len` bytes at, in order and within `1..len`; the same for the same seed.
pub fn splits(len: usize, seed: u64) -> Vec<usize> {
    if len < 2 {
        return Vec::new();
    }
    // Never zero: xorshift would stay there.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let count = next() % 8 + 1;
    let span = len as u64 - 1;
    let mut at: Vec<usize> = (0..count).map(|_| usize::try_from(next() % span).unwrap_or(0) + 1).collect();
    at.sort_unstable();
    at.dedup();
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_can_be_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (name, count, streams) in [("openai", 822, 135), ("bedrock", 349, 65), ("anthropic", 392, 50)] {
            let Some(all) = load(root, name) else { return };
            assert_eq!(all.len(), count, "{name}");
            assert_eq!(all.iter().filter(|one| one.is_stream()).count(), streams, "{name}");
            assert!(all.iter().all(|one| one.status >= 100));
        }
    }

    #[test]
    fn splits_are_in_order_inside_and_repeatable() {
        for len in 0..200 {
            for seed in 0..20 {
                let at = splits(len, seed);
                assert_eq!(at, splits(len, seed));
                assert!(at.windows(2).all(|two| two[0] < two[1]));
                assert!(at.iter().all(|at| (1..len).contains(at)));
            }
        }
    }
}
