//! `POST /v1/completions`, the old one.

use serde_json::{Value, json};

use super::ask::Ask;
use super::chat::{MOST_CHOICES, finished, stops, usage, usage_wanted};
use super::error::Problem;
use super::reply::Reply;
use super::voice::{self, Last, Speech, Wish};

/// A prompt as far as the mock reads it: token numbers have a length but no text.
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) tokens: usize,
}

/// Answers each prompt.
pub(super) fn answer(ask: &Ask) -> Result<Reply, Problem> {
    ask.needs_model()?;
    let prompts = prompts("prompt", ask.needed("prompt")?, MOST_CHOICES)?;
    let limit = ask.count("max_tokens", 0..=usize::MAX)?;
    let copies = ask.count("n", 1..=MOST_CHOICES)?.unwrap_or(1);
    let echo = ask.flag("echo")?;
    let answers: Vec<Speech> = prompts
        .iter()
        .flat_map(|prompt| std::iter::repeat_n(prompt, copies))
        .map(|prompt| {
            let wish = Wish {
                says: &ask.behaviour.says,
                last: Last::User,
                heard: prompt.text.clone(),
                tool: None,
                format: None,
                limit,
                stop: stops(ask),
            };
            match voice::compose(&wish) {
                Speech::Text { mut pieces, cut } if echo => {
                    pieces.splice(0..0, voice::pieces(&prompt.text));
                    Speech::Text { pieces, cut }
                }
                speech => speech,
            }
        })
        .collect();
    let prompt = prompts.iter().map(|prompt| prompt.tokens).sum();
    let usage = usage(prompt, answers.iter().map(Speech::tokens).sum());
    let envelope = json!({
        "id": ask.id("cmpl-"),
        "object": "text_completion",
        "created": ask.now,
        "model": ask.model,
    });
    if ask.flag("stream")? {
        let chunks = chunks(&envelope, &answers);
        return Ok(Reply::events(finished(chunks, &envelope, usage_wanted(ask).then_some(&usage))));
    }
    let choices =
        answers.iter().enumerate().map(|(index, speech)| choice(index, &speech.whole(), Some(speech)));
    let mut body = envelope;
    body["choices"] = choices.collect();
    body["usage"] = usage;
    Ok(Reply::json(body))
}

/// Reads one text, a list of texts, one list of tokens or a list of those.
pub(super) fn prompts(param: &str, value: &Value, most: usize) -> Result<Vec<Prompt>, Problem> {
    let wrong =
        |value: &Value| Problem::wrong_type(param, "a string or an array of strings or tokens", value);
    let one = |value: &Value| match value {
        Value::String(text) => Ok(Prompt { text: text.clone(), tokens: voice::tokens(text) }),
        Value::Array(tokens) if tokens.iter().all(Value::is_u64) => {
            Ok(Prompt { text: String::new(), tokens: tokens.len() })
        }
        other => Err(wrong(other)),
    };
    match value {
        Value::Array(list) if list.is_empty() || list.len() > most && !list.iter().all(Value::is_u64) => {
            let message =
                format!("Invalid '{param}': expected an array of 1 to {most}, but got {}.", list.len());
            Err(Problem::invalid(param, "invalid_array_length", message))
        }
        Value::Array(list) if !list.iter().all(Value::is_u64) => list.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

/// The pieces of all choices, in turns.
fn chunks(envelope: &Value, answers: &[Speech]) -> Vec<Value> {
    let streams: Vec<Vec<String>> = answers.iter().map(|speech| speech.streamed(answers.len())).collect();
    let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
    let chunk = |index, text: &str, ended| {
        let mut chunk = envelope.clone();
        chunk["choices"] = json!([choice(index, text, ended)]);
        chunk
    };
    let mut chunks = Vec::new();
    for step in 0..=longest {
        for (index, (stream, speech)) in streams.iter().zip(answers).enumerate() {
            match stream.get(step) {
                Some(text) => chunks.push(chunk(index, text, None)),
                None if step == stream.len() => chunks.push(chunk(index, "", Some(speech))),
                None => {}
            }
        }
    }
    chunks
}

fn choice(index: usize, text: &str, ended: Option<&Speech>) -> Value {
    let reason = ended.map(|speech| match speech {
        Speech::Text { cut: true, .. } => "length",
        _ => "stop",
    });
    json!({"text": text, "index": index, "logprobs": null, "finish_reason": reason})
}
