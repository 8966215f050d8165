//! Conversations of Responses that are kept here, because the place that answers keeps none: their ids, what a request says of keeping,
//! how a conversation goes on, and how it is listed.
//!
//! Source: OpenAI API reference, "Responses" (create, retrieve, delete, cancel, list input items; `openai-openapi.yaml`, August 2026).

mod items;
mod listing;
mod message;

pub use items::{Conversation, own_input, own_said};
pub use listing::{Wanted, deleted, page};
pub use message::{Create, Unsaid, create, error, warmed};

use std::borrow::Cow;
use std::ops::Range;

use crate::envelope::{self, EnvelopeProblem};

/// How ids of ours begin: no vendor's does, for behind `resp_` theirs have digits to the base of 16 only.
const OURS: &str = "resp_op";
const DIGITS: usize = 32;

/// The id of an answer that may be kept here, of a number nobody else has.
pub fn id(seed: u128) -> String {
    format!("{OURS}{seed:032x}")
}

/// Whether an id is one of ours.
pub fn is_ours(id: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    id.strip_prefix(OURS).is_some_and(|rest| rest.len() == DIGITS && rest.bytes().all(digit))
}

/// Whether a body may name an id of ours: most do not, and are not looked at any further.
pub fn may_name_ours(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"\"resp_op").is_some()
}

/// What a request says of keeping.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// `store`, where it is said.
    pub store: Option<bool>,
    /// `previous_response_id`.
    pub previous: Option<String>,
    /// It belongs to a conversation that a vendor keeps (`conversation`).
    pub conversation: bool,
    /// `generate: false`: nothing is to be answered yet ("WebSocket mode").
    pub warms: bool,
}

/// What a body says of keeping.
///
/// # Errors
/// When that is in doubt: a field that decides on it, or what would be kept (`input`), stands twice or is of another type. Then nothing
/// may be kept, and nothing be gone on with.
pub fn wish(body: &[u8]) -> Result<Wish, EnvelopeProblem> {
    let names = ["store", "previous_response_id", "conversation", "generate", "input"];
    // What `input` may be its reader knows.
    let [store, previous, conversation, generate, _once] =
        envelope::values(from_brace(body), names)?.map(|value| value.filter(|value| *value != b"null"));
    let wrong = EnvelopeProblem::WrongType;
    let store = match store {
        None => None,
        Some(b"true") => Some(true),
        Some(b"false") => Some(false),
        Some(_) => return Err(wrong("store")),
    };
    let text = |id| serde_json::from_slice(id).map_err(|_no_text| wrong("previous_response_id"));
    let previous = previous.map(text).transpose()?;
    if conversation.is_some_and(|named| !matches!(named.first(), Some(b'"' | b'{'))) {
        return Err(wrong("conversation"));
    }
    let warms = generate == Some(b"false");
    Ok(Wish { store, previous, conversation: conversation.is_some(), warms })
}

/// What is answered under an id of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The id.
    pub id: String,
    /// It can be had again.
    pub kept: bool,
    /// What it goes on with.
    pub previous: Option<String>,
}

/// A request with what was said before put before its own input, and without the id by which that was meant.
///
/// `before` are items, with commas between them. All other bytes stay as they were.
pub fn joined(body: &[u8], before: &str) -> Vec<u8> {
    let own = own_text(body);
    let comma = if before.is_empty() || own.is_empty() { "" } else { "," };
    let input = format!("[{before}{comma}{own}]");
    let without = without(body, &["previous_response_id"]);
    match envelope::member(from_brace(&without), "input") {
        Some(member) => {
            let at = without.len() - from_brace(&without).len();
            spliced(&without, at + member.value.start..at + member.value.end, &input)
        }
        None => with_first(&without, &format!("\"input\":{input}")),
    }
}

/// A body's own input as items with commas between them.
fn own_text(body: &[u8]) -> Cow<'_, str> {
    let body = from_brace(body);
    let Some(member) = envelope::member(body, "input") else { return Cow::Borrowed("") };
    let value = std::str::from_utf8(&body[member.value]).unwrap_or_default();
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(list) => Cow::Borrowed(list.trim()),
        None if value.starts_with('"') => Cow::Owned(format!(
            "{{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":{value}}}]}}"
        )),
        // It is nothing that could be asked; its reader says so.
        None => Cow::Borrowed(""),
    }
}

/// The body without these members, each of which stands once.
fn without(body: &[u8], names: &[&str]) -> Vec<u8> {
    let mut left = body.to_vec();
    for name in names {
        if let Some(member) = envelope::member(from_brace(&left), name) {
            let at = left.len() - from_brace(&left).len();
            left.drain(at + member.whole.start..at + member.whole.end);
        }
    }
    left
}

/// The body with one more member, before the others.
fn with_first(body: &[u8], member: &str) -> Vec<u8> {
    let at = body.len() - from_brace(body).len() + 1;
    let empty = body[at.min(body.len())..].trim_ascii_start().starts_with(b"}");
    spliced(body, at..at, &format!("{member}{}", if empty { "" } else { "," }))
}

fn spliced(body: &[u8], place: Range<usize>, text: &str) -> Vec<u8> {
    let before = body.get(..place.start).unwrap_or_default();
    let behind = body.get(place.end..).unwrap_or_default();
    [before, text.as_bytes(), behind].concat()
}

/// A body from its brace on: blanks may stand before it.
fn from_brace(body: &[u8]) -> &[u8] {
    body.trim_ascii_start()
}

#[cfg(test)]
mod tests;
