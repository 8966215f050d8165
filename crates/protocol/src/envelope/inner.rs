//! The models that the requests within a batch name.
//!
//! Source: Gemini API reference, "BatchEmbedContentsRequest" (`requests[].model`) and "GenerateContentBatch"
//! (`batch.inputConfig.requests.requests[].request.model`): each has to be the model of the path.

use super::scan::Scan;
use super::{EnvelopeProblem, unescape};

/// What leads from the outermost object to the requests. (JSON of protocol buffers takes names in both spellings.)
const WAY: &[&str] = &["batch", "inputConfig", "input_config", "requests", "request"];

/// Every model that is named by a request within the batch `body`, in the order in which they stand.
pub fn inner_models(body: &[u8]) -> Vec<String> {
    let (mut scan, mut models) = (Scan::new(body), Vec::new());
    scan.space();
    // What is no JSON names none; it was refused already.
    let _walked = walk(&mut scan, 1, &mut models);
    models
}

fn walk(scan: &mut Scan<'_>, depth: usize, models: &mut Vec<String>) -> Result<(), EnvelopeProblem> {
    match scan.peek() {
        _ if depth >= super::MAX_DEPTH => scan.value(depth),
        Some(b'[') => scan.elements(|scan| walk(scan, depth + 1, models)),
        Some(b'{') => scan.members(|scan, key| match &*unescape(&scan.body()[key]) {
            name if WAY.contains(&name) => walk(scan, depth + 1, models),
            "model" => {
                let from = scan.at();
                scan.value(depth + 1)?;
                let raw = scan.body().get(from..scan.at()).unwrap_or_default();
                let text = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\""));
                models.extend(text.map(|text| unescape(text).into_owned()));
                Ok(())
            }
            _ => scan.value(depth + 1),
        }),
        _ => scan.value(depth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_of_a_batch_are_found_and_nothing_else_is() {
        let embed = br#"{"model":"models/top","requests":[{"model":"models/a","content":{"model":"no"}},{"m\u006fdel":"b"}]}"#;
        assert_eq!(inner_models(embed), ["models/top", "models/a", "b"]);
        let generate = br#"{"batch":{"inputConfig":{"requests":{"requests":[{"request":{"model":"models/a","contents":[{"parts":[{"functionCall":{"args":{"model":"no"}}}]}]},"metadata":{"model":"no"}}]}}}}"#;
        assert_eq!(inner_models(generate), ["models/a"]);
        for other in [&b"[]"[..], b"{", b"", br#"{"requests":7,"model":8}"#] {
            assert!(inner_models(other).is_empty());
        }
        let deep = format!("{}{}", "{\"request\":".repeat(100_000), "1");
        assert!(inner_models(deep.as_bytes()).is_empty());
    }
}
