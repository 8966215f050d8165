//! Items of an answer, as objects: the whole answer is made of them, and a streamed one begins and ends each.

use serde_json::{Value, json};

use super::super::json::Object;
use super::super::{Mint, Wire};
use super::tools::is_custom;
use crate::hub::{Answer, Media, Part, Request, Source, Thought};

/// What stands before a `signature` of thoughts in `encrypted_content`; no colon is in anything a vendor seals.
const SIGNATURE: &str = "signature:";

/// Ids for items: the vendor's where it is of this language and new, otherwise made up.
#[derive(Debug)]
pub(super) struct Ids {
    mint: Mint,
    used: Vec<String>,
}

impl Ids {
    pub(super) fn new(mint: Mint) -> Self {
        Self { mint, used: Vec::new() }
    }

    pub(super) fn next(&mut self, prefix: &str, theirs: Option<&str>) -> String {
        let fits = |id: &&str| id.starts_with(prefix) && !self.used.iter().any(|used| used == id);
        // The answer itself has the first one.
        let nth = self.used.len() + 1;
        let id = theirs.filter(fits).map_or_else(|| self.mint.id(prefix, nth), str::to_owned);
        self.used.push(id.clone());
        id
    }

    /// The id of a call, which some vendors do not give.
    pub(super) fn call(&mut self, theirs: &str) -> String {
        if theirs.is_empty() { self.next("call_", None) } else { theirs.to_owned() }
    }
}

/// What the model said, as items. `status` is how the last of them ends.
pub(super) fn items(answer: &Answer, request: &Request, ids: &mut Ids, status: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut content: Vec<Value> = Vec::new();
    for part in &answer.parts {
        let item = match part {
            Part::Text(said) => {
                content.push(text(said, Vec::new()));
                continue;
            }
            Part::Refusal(said) => {
                content.push(refusal(said));
                continue;
            }
            Part::Cited(Wire::Responses, source) => {
                annotate(content.last_mut(), source);
                continue;
            }
            Part::Thought(thought) => {
                let id = ids.next("rs_", thought.id.as_deref());
                Some(reasoning(&id, thought))
            }
            Part::Call(call) => {
                let named = Named::of(&call.name, call.custom, request);
                let (id, call_id) = (ids.next(named.prefix(), None), ids.call(&call.id));
                let mut item = named.item((&id, &call_id), &named.said(&call.arguments), "completed");
                mark(&mut item, call.signature.as_ref());
                Some(item)
            }
            Part::Image(media) => image(media, ids),
            Part::Opaque(Wire::Responses, item) => Some(item.clone()),
            // Nothing else has a place in an answer.
            _ => None,
        };
        if let Some(item) = item {
            closed(&mut content, &mut items, ids);
            items.push(item);
        }
    }
    closed(&mut content, &mut items, ids);
    if let Some(last) = items.last_mut().filter(|last| is_ours(last)) {
        last["status"] = status.into();
    }
    if let Some(first) =
        items.iter_mut().find_map(|item| item.get_mut("content")?.as_array_mut()?.first_mut())
    {
        // As Chat has them, they are all in one list.
        let logged = answer.logprobs.as_ref().map(|all| all["content"].clone()).filter(Value::is_array);
        if let (Some(logged), true) = (logged, first["type"] == "output_text") {
            first["logprobs"] = logged;
        }
    }
    items
}

fn closed(content: &mut Vec<Value>, items: &mut Vec<Value>, ids: &mut Ids) {
    if !content.is_empty() {
        items.push(message(&ids.next("msg_", None), std::mem::take(content), "completed"));
    }
}

/// Whether an item's status is ours to say.
fn is_ours(item: &Value) -> bool {
    matches!(item["type"].as_str(), Some("message" | "function_call" | "custom_tool_call"))
}

pub(super) fn message(id: &str, content: Vec<Value>, status: &str) -> Value {
    json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"})
}

pub(super) fn text(said: &str, annotations: Vec<Value>) -> Value {
    json!({"type": "output_text", "annotations": annotations, "logprobs": [], "text": said})
}

pub(super) fn refusal(said: &str) -> Value {
    json!({"type": "refusal", "refusal": said})
}

/// Puts a source to the text it is about, and says which one of that text it is.
pub(super) fn annotate(text: Option<&mut Value>, source: &Value) -> Option<usize> {
    let annotations = text?.get_mut("annotations")?.as_array_mut()?;
    annotations.push(source.clone());
    Some(annotations.len() - 1)
}

pub(super) fn reasoning(id: &str, thought: &Thought) -> Value {
    let summary = if thought.text.is_empty() { json!([]) } else { json!([summary(&thought.text)]) };
    let mut item = Object::default();
    item.put("id", id).put("type", "reasoning").put("summary", summary);
    item.maybe("encrypted_content", sealed(thought));
    item.done()
}

pub(super) fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// What the caller is to give back: sealed thoughts as they are, a signature behind a word that tells it.
fn sealed(thought: &Thought) -> Option<String> {
    let signature = thought.signature.as_ref().map(|signature| format!("{SIGNATURE}{signature}"));
    thought.sealed.clone().or(signature)
}

/// A signature, and what is sealed, out of what the caller gives back.
pub(super) fn unsealed(given: Option<String>) -> (Option<String>, Option<String>) {
    match given.as_ref().and_then(|given| given.strip_prefix(SIGNATURE)) {
        Some(signature) => (Some(signature.to_owned()), None),
        None => (None, given),
    }
}

/// A picture the model made.
pub(super) fn image(media: &Media, ids: &mut Ids) -> Option<Value> {
    let Source::Data { base64, .. } = &media.source else { return None };
    let id = ids.next("ig_", None);
    Some(json!({"id": id, "type": "image_generation_call", "status": "completed", "result": base64}))
}

/// The mark of Google's on a call.
pub(super) fn mark(item: &mut Value, signature: Option<&String>) {
    if let Some(signature) = signature {
        item["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
}

/// A tool as the caller knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    name: String,
    namespace: Option<String>,
    pub(super) custom: bool,
    /// The vendor has no tools of free text: it was told of a function whose one argument is that text.
    pub(super) wrapped: bool,
}

impl Named {
    pub(super) fn of(name: &str, custom: bool, request: &Request) -> Self {
        let wrapped = !custom && is_custom(name, request);
        let (namespace, own) = match request.namespace_of(name) {
            Some((namespace, own)) => (Some(namespace.name.clone()), own),
            None => (None, name),
        };
        Self { name: own.to_owned(), namespace, custom: custom || wrapped, wrapped }
    }

    /// How ids of its items begin.
    pub(super) fn prefix(&self) -> &'static str {
        if self.custom { "ctc_" } else { "fc_" }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is said to it: the arguments, or the text in them.
    pub(super) fn said(&self, arguments: &str) -> String {
        let object = self.wrapped.then(|| serde_json::from_str::<Value>(arguments).ok()).flatten();
        let values = object.as_ref().and_then(Value::as_object).map(|object| object.values());
        match values.map(|values| values.collect::<Vec<_>>()).as_deref() {
            Some([Value::String(text)]) => text.clone(),
            _ => arguments.to_owned(),
        }
    }

    /// An item: its id, the id of the call, what is said to it, and how it ends.
    pub(super) fn item(&self, (id, call): (&str, &str), said: &str, status: &str) -> Value {
        let (kind, field) =
            if self.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
        let mut item = Object::default();
        item.put("id", id).put("type", kind).put("status", status).put(field, said).put("call_id", call);
        item.maybe("namespace", self.namespace.clone()).put("name", self.name.as_str());
        item.done()
    }
}
