//! The text as OpenAI streams it: a chunk with the role, a chunk a token, one with the finish reason, one with the usage
//! if it was asked for, `[DONE]`. Or whole, if no stream was asked for.

use super::pace::Pace;
use super::text::{PROMPT_TOKENS, TEXT, pieces};
use crate::vendor::{Act, Answer, Seen};
use serde_json::{Value, json};

/// One answer in the making.
pub struct Answering {
    id: String,
    model: String,
    stream: bool,
    /// A usage chunk was asked for.
    counts: bool,
    pace: Pace,
    /// What is still to be said.
    left: Vec<&'static str>,
    /// The prefill is no beginning of the text: what a model would then say is not it.
    lost: bool,
}

/// The assistant's text that stands last: what is to be gone on from.
pub(super) fn prefill(body: &Value) -> Option<String> {
    let last = body["messages"].as_array()?.last()?;
    if last["role"] != "assistant" {
        return None;
    }
    match &last["content"] {
        Value::Array(parts) => Some(parts.iter().filter_map(|part| part["text"].as_str()).collect()),
        content => content.as_str().map(str::to_owned),
    }
}

/// Takes a prefill out: so does a model that makes nothing of it.
pub(super) fn forget_prefill(body: &mut Value) {
    if prefill(body).is_some()
        && let Some(messages) = body["messages"].as_array_mut()
    {
        messages.pop();
    }
}

impl Answering {
    /// An answer to this request, from its prefill on.
    pub fn to(seen: &Seen, body: &Value, pace: Pace) -> Answering {
        let prefill = prefill(body).unwrap_or_default();
        Answering {
            id: format!("chatcmpl-{}-{}", body["model"].as_str().unwrap_or_default(), seen.number),
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"] == true,
            counts: body["stream_options"]["include_usage"] == true,
            pace,
            lost: !TEXT.starts_with(&prefill),
            left: pieces(prefill.len()),
        }
    }

    /// The whole answer, as it was asked for.
    pub fn whole(&self) -> Act {
        if !self.stream {
            return self.plain();
        }
        self.tail(self.paced(self.head(), self.words())).event("[DONE]").into()
    }

    /// Whether a stream was asked for.
    pub fn streams(&self) -> bool {
        self.stream
    }

    /// The head of the stream, and the chunk with the role.
    pub fn head(&self) -> Answer {
        Answer::events().send(self.chunk(&json!({"role": "assistant", "content": ""}), None))
    }

    /// A chunk a token.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.said().into_iter().map(|piece| self.chunk(&json!({"content": piece}), None))
    }

    /// These chunks, each after the time a token takes; where it takes none, all that are left go out together.
    pub fn paced(&self, answer: Answer, words: impl Iterator<Item = String>) -> Answer {
        if self.pace.token.is_zero() {
            return answer.send(words.collect::<String>());
        }
        words.fold(answer, |answer, word| answer.wait(self.pace.token).send(word))
    }

    /// The finish reason, and the usage if it was asked for.
    pub fn tail(&self, answer: Answer) -> Answer {
        let answer = answer.send(self.chunk(&json!({}), Some("stop")));
        if !self.counts {
            return answer;
        }
        let mut last = self.event(json!([]));
        last["usage"] = self.usage();
        answer.event(&last.to_string())
    }

    fn said(&self) -> Vec<&'static str> {
        if self.lost { vec![" [this is not how the text begins]"] } else { self.left.clone() }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> String {
        let event =
            self.event(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]));
        format!("data: {event}\n\n")
    }

    fn event(&self, choices: Value) -> Value {
        let mut event = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": 1_700_000_000, "model": self.model,
            "choices": choices,
        });
        if self.counts {
            event["usage"] = Value::Null;
        }
        event
    }

    fn usage(&self) -> Value {
        let said = self.said().len() as u64;
        json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": said, "total_tokens": PROMPT_TOKENS + said})
    }

    fn plain(&self) -> Act {
        Act::json(
            200,
            &json!({
                "id": self.id, "object": "chat.completion", "created": 1_700_000_000, "model": self.model,
                "choices": [{
                    "index": 0, "logprobs": null, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": self.said().concat()},
                }],
                "usage": self.usage(),
            }),
        )
    }
}
