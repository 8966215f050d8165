//! Probabilities, to and from OpenAI's way to write them, which is the hub's.

use serde_json::{Value, json};

/// `logprobsResult` as OpenAI's `logprobs`.
pub(super) fn read(result: &Value) -> Value {
    json!({"content": entries(result), "refusal": null})
}

/// The entries of it.
pub(super) fn entries(result: &Value) -> Vec<Value> {
    let none = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let top = result["topCandidates"].as_array().unwrap_or(&none);
    let token = |(nth, chosen): (usize, &Value)| {
        let mut token = token(chosen);
        let others = top.get(nth).map(|step| list(&step["candidates"])).unwrap_or_default();
        token["top_logprobs"] = others.iter().map(self::token).collect();
        token
    };
    let chosen = list(&result["chosenCandidates"]);
    chosen.iter().enumerate().map(token).collect()
}

fn token(candidate: &Value) -> Value {
    let text = candidate["token"].as_str().unwrap_or_default();
    json!({"token": text, "logprob": candidate["logProbability"], "bytes": text.as_bytes()})
}

/// The same the other way.
pub(super) fn write(logprobs: &Value) -> Option<Value> {
    let tokens = logprobs["content"].as_array()?;
    let candidate = |token: &Value| json!({"token": token["token"], "logProbability": token["logprob"]});
    let step = |token: &Value| {
        let others = token["top_logprobs"].as_array();
        let others: Vec<Value> = others.into_iter().flatten().map(candidate).collect();
        json!({"candidates": others})
    };
    Some(json!({
        "topCandidates": tokens.iter().map(step).collect::<Vec<_>>(),
        "chosenCandidates": tokens.iter().map(candidate).collect::<Vec<_>>(),
    }))
}
