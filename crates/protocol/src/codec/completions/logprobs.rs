//! Probabilities: here in lists side by side, in the hub as Chat has them, a list of tokens.

use serde_json::{Map, Value, json};

/// Read into Chat's form; `None`: there are none.
pub(super) fn read(logprobs: &Value) -> Option<Value> {
    logprobs["tokens"].is_array().then(|| json!({"content": entries(logprobs), "refusal": null}))
}

/// The entries of Chat's form.
pub(super) fn entries(logprobs: &Value) -> Vec<Value> {
    let token = |(nth, token): (usize, &Value)| {
        let ranked = logprobs["top_logprobs"][nth].as_object().into_iter().flatten();
        let top: Vec<Value> = ranked.map(|(token, logprob)| of(token, logprob)).collect();
        let mut token = of(token.as_str().unwrap_or_default(), &logprobs["token_logprobs"][nth]);
        token["top_logprobs"] = top.into();
        token
    };
    logprobs["tokens"].as_array().into_iter().flatten().enumerate().map(token).collect()
}

fn of(token: &str, logprob: &Value) -> Value {
    json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
}

/// Written from Chat's form.
pub(super) fn write(logprobs: Option<&Value>) -> Value {
    let content = logprobs.and_then(|all| all["content"].as_array());
    content.map_or(Value::Null, |content| lists(content, &mut 0))
}

/// The lists of such entries; `offset` is where the first token begins, and becomes where the next one does. It is counted in characters.
pub(super) fn lists(content: &[Value], offset: &mut usize) -> Value {
    let mut offsets = Vec::with_capacity(content.len());
    for token in content {
        offsets.push(*offset);
        *offset += token["token"].as_str().unwrap_or_default().chars().count();
    }
    let list = |name: &str| content.iter().map(|token| token[name].clone()).collect::<Vec<Value>>();
    let top = |token: &Value| {
        let ranked = token["top_logprobs"].as_array().into_iter().flatten();
        let name = |one: &Value| Some((one["token"].as_str()?.to_owned(), one["logprob"].clone()));
        ranked.filter_map(name).collect::<Map<String, Value>>()
    };
    json!({
        "tokens": list("token"),
        "token_logprobs": list("logprob"),
        "top_logprobs": content.iter().map(top).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}
