//! A whole answer: read, and written, which a line of a streamed one is, too.

use serde_json::{Value, json};

use super::super::json::Object;
use super::super::{To, logprobs};
use super::reader::State;
use super::{Form, done_reason, message};
use crate::hub::gather::Gather;
use crate::hub::{Call, Counts, Part, Response, Source, Stop, Unreadable};
use crate::moment;

pub(super) fn read(form: Form, bytes: &[u8]) -> Result<Response, Unreadable> {
    let line: Value = serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::new(format!("The body is not valid JSON: {error}.")))?;
    let said = match form {
        Form::Chat => line["message"].is_object(),
        Form::Generate => line["response"].is_string(),
    };
    if !said && line.get("error").is_none() {
        let field = if form == Form::Chat { "message" } else { "response" };
        return Err(Unreadable::at(field, "This field is required."));
    }
    let (mut deltas, mut gather) = (Vec::new(), Gather::default());
    State::new(form).line(&line, &mut deltas);
    deltas.iter().for_each(|delta| gather.push(delta));
    let mut response = gather.into_response().map_err(Unreadable::new)?;
    if let Some(answer) = response.answers.first_mut() {
        let words = logprobs::read(&line["logprobs"]);
        answer.logprobs = (!words.is_empty()).then(|| json!({"content": words}));
    }
    Ok(response)
}

pub(super) fn write(form: Form, response: &Response, to: &To<'_>) -> Vec<u8> {
    let mut said = Said::default();
    // More than one answer cannot be asked for.
    let answer = response.answers.first();
    for part in answer.iter().flat_map(|answer| &answer.parts) {
        said.take(part, said.calls.len());
    }
    let model = response.model.as_deref().unwrap_or(&to.request.model);
    let at = moment::date(response.created.unwrap_or(to.mint.now));
    let mut out = head(model, &at, said, form);
    done(&mut out, answer.and_then(|answer| answer.stop.as_ref()), response.counts);
    let logprobs = answer.and_then(|answer| answer.logprobs.as_ref()).and_then(|all| all.get("content"));
    out.maybe("logprobs", logprobs.filter(|entries| entries.is_array()).cloned());
    out.bytes()
}

/// How every line begins.
pub(super) fn head<'a>(model: &'a str, at: &'a str, said: Said, form: Form) -> Object<'a> {
    let mut out = Object::default();
    out.put("model", model).put("created_at", at);
    said.put(form, &mut out);
    out
}

/// How the last line ends. Durations are not known, and none of Ollama's libraries needs them.
pub(super) fn done(out: &mut Object, stop: Option<&Stop>, counts: Option<Counts>) {
    out.put("done", true).maybe("done_reason", stop.map(done_reason));
    if let Some(counts) = counts {
        // None is what was not counted.
        out.maybe("prompt_eval_count", (counts.input > 0).then_some(counts.input));
        out.maybe("prompt_eval_cached_count", (counts.cached > 0).then_some(counts.cached));
        out.put("eval_count", counts.output);
    }
}

/// What is said in an answer, or in a line of it.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: String,
    thinking: String,
    images: Vec<String>,
    calls: Vec<Value>,
}

impl Said {
    /// Adds a part; `index` is a call's number among the calls. What has no place in it is no answer to an Ollama program.
    pub(super) fn take(&mut self, part: &Part, index: usize) {
        match part {
            Part::Text(text) | Part::Refusal(text) => self.text.push_str(text),
            Part::Thought(thought) => self.thinking.push_str(&thought.text),
            Part::Call(call) => self.calls.push(called(call, index)),
            Part::Image(media) => {
                if let Source::Data { base64, .. } = &media.source {
                    self.images.push(base64.clone());
                }
            }
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.thinking.is_empty() && self.images.is_empty() && self.calls.is_empty()
    }

    fn put(self, form: Form, out: &mut Object) {
        let thinking = Some(self.thinking).filter(|text| !text.is_empty());
        match form {
            Form::Chat => {
                let mut message = Object::default();
                message.put("role", "assistant").put("content", self.text).maybe("thinking", thinking);
                message.list("images", self.images).list("tool_calls", self.calls);
                out.put("message", message.done());
            }
            Form::Generate => {
                out.put("response", self.text).maybe("thinking", thinking);
                out.list("tool_calls", self.calls).maybe("image", self.images.into_iter().next());
            }
        }
    }
}

/// A call. Arguments that are no object are kept in one: the model may have broken off within them.
fn called(call: &Call, index: usize) -> Value {
    let arguments = message::arguments(call).unwrap_or_else(|| match call.arguments.as_str() {
        "" => json!({}),
        text => json!({"arguments": text}),
    });
    message::called(&call.id, &call.name, arguments, index)
}
