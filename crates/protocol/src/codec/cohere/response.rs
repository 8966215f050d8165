//! A whole answer.

use serde_json::{Value, json};

use super::super::json::{Fields, Object, body};
use super::super::{Mint, To};
use super::{finish_reason, message, stop};
use crate::hub::{Answer, Counts, Response, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = body(bytes)?;
    if !fields.has("message") {
        return Err(fields.missing("message"));
    }
    let parts = message::said(&mut fields.within("message")?)?;
    let mut answer = Answer { parts, stop: None, logprobs: fields.list("logprobs")?.map(probabilities) };
    answer.stop = fields.text("finish_reason")?.map(|word| stop(&word, answer.calls()));
    Ok(Response {
        id: fields.text("id")?,
        counts: fields.any("usage").as_ref().and_then(counts),
        answers: vec![answer],
        ..Response::default()
    })
}

pub(super) fn write(response: &Response, to: &To<'_>) -> Vec<u8> {
    // There is always one answer: more cannot be asked for.
    let answer = response.answers.first();
    let mut out = Object::default();
    out.put("id", id(response.id.as_deref(), to.mint));
    out.put("message", message::answered(answer.map_or(&[], |answer| &answer.parts)));
    out.maybe("finish_reason", answer.and_then(|answer| answer.stop.as_ref()).map(finish_reason));
    out.maybe("usage", response.counts.map(usage));
    out.maybe("logprobs", answer.and_then(|answer| answer.logprobs.as_ref()).and_then(probabilities_of));
    out.bytes()
}

/// The vendor's id if it is one of this kind (a UUID), or one of our own.
pub(in crate::codec) fn id(theirs: Option<&str>, mint: Mint) -> String {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let ours = |id: &&str| {
        id.len() == 36
            && id.bytes().enumerate().all(
                |(at, byte)| {
                    if dash(at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
                },
            )
    };
    if let Some(id) = theirs.filter(ours) {
        return id.to_owned();
    }
    let mut id = mint.id("", 0);
    for at in [20, 16, 12, 8] {
        id.insert(at, '-');
    }
    id
}

/// `usage` read. `tokens` is what the model read and wrote; `billed_units` leaves out the vendor's own words around the prompt.
/// `cached_tokens` are among those that were read.
pub(super) fn counts(usage: &Value) -> Option<Counts> {
    let number = |of: &Value, name: &str| {
        // The reference has them as numbers that may have a fraction.
        Fields::of(of.clone(), "").ok().and_then(|mut fields| fields.whole(name).ok().flatten())
    };
    let token = |name: &str| number(&usage["tokens"], name).or_else(|| number(&usage["billed_units"], name));
    usage.is_object().then(|| Counts {
        input: token("input_tokens").unwrap_or_default(),
        output: token("output_tokens").unwrap_or_default(),
        cached: number(usage, "cached_tokens").unwrap_or_default(),
        ..Counts::default()
    })
}

/// `usage` written. Programs read either group; where another vendor counted, both are the same.
pub(super) fn usage(counts: Counts) -> Value {
    let tokens = json!({"input_tokens": counts.input, "output_tokens": counts.output});
    json!({"billed_units": tokens, "tokens": tokens, "cached_tokens": counts.cached})
}

/// Probabilities as OpenAI writes them.
fn probabilities(items: Vec<Value>) -> Value {
    json!({"content": entries(&Value::Array(items))})
}

/// The entries of them, of a list of pieces or of one. A piece of text of several tokens is one here, as likely as all of them together.
pub(super) fn entries(items: &Value) -> Vec<Value> {
    let one = |item: &Value| {
        let token = item["text"].as_str().unwrap_or_default();
        let each = item["logprobs"].as_array().into_iter().flatten();
        let sum: f64 = each.filter_map(Value::as_f64).sum();
        json!({"token": token, "logprob": sum, "bytes": token.as_bytes(), "top_logprobs": []})
    };
    match items {
        Value::Array(items) => items.iter().map(one).collect(),
        Value::Object(_) => vec![one(items)],
        _ => Vec::new(),
    }
}

/// The same, written.
fn probabilities_of(logprobs: &Value) -> Option<Value> {
    Some(logprobs["content"].as_array()?.chunks(1).map(item).collect::<Vec<Value>>().into())
}

/// Entries as one piece of text. The numbers of tokens are the vendor's own, and are not known.
pub(super) fn item(entries: &[Value]) -> Value {
    let text: String = entries.iter().filter_map(|entry| entry["token"].as_str()).collect();
    let each: Vec<&Value> = entries.iter().map(|entry| &entry["logprob"]).collect();
    json!({"text": text, "token_ids": [], "logprobs": each})
}
