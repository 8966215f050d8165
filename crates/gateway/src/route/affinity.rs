//! What a conversation is known by, so that it can stay at one place: what its program says, else how it begins.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::intake::{Call, Payload};

/// Headers by which programs name a conversation: ours, then those of OpenCode, Codex and others.
const NAMED: [&str; 5] =
    ["x-openai-proxy-affinity", "x-session-affinity", "x-session-id", "session_id", "x-conversation-id"];

/// How a request begins, in the languages that have messages.
#[derive(Deserialize, Default)]
struct Beginning<'b> {
    #[serde(default, borrow)]
    prompt_cache_key: Option<&'b RawValue>,
    #[serde(default, borrow)]
    system: Option<&'b RawValue>,
    #[serde(default, borrow)]
    instructions: Option<&'b RawValue>,
    #[serde(default, borrow)]
    tools: Option<&'b RawValue>,
    #[serde(default, borrow)]
    messages: Option<&'b RawValue>,
    #[serde(default, borrow)]
    input: Option<&'b RawValue>,
}

#[derive(Deserialize)]
struct Message<'b> {
    #[serde(borrow)]
    role: Option<&'b RawValue>,
}

/// What it is known by, if its program says so; with `digest`, else by how it begins.
pub(super) fn of(call: &Call, digest: bool) -> Option<u64> {
    named(&call.head).or_else(|| {
        let Payload::Whole(body) = &call.body else { return None };
        let begins: Beginning<'_> = serde_json::from_slice(body).ok()?;
        match begins.prompt_cache_key {
            Some(key) => Some(hash(&key.get())),
            None => digest.then(|| beginning(&begins)),
        }
    })
}

fn named(head: &HeaderMap) -> Option<u64> {
    NAMED.iter().find_map(|name| head.get(*name)).map(|value| hash(&value.as_bytes()))
}

/// System, tools and everything up to the first turn of the user: what stays the same while a conversation grows.
fn beginning(begins: &Beginning<'_>) -> u64 {
    let text = |value: Option<&RawValue>| value.map(|value| value.get().to_owned());
    let turns = begins.messages.or(begins.input);
    let first: Vec<String> =
        match turns.and_then(|turns| serde_json::from_str::<Vec<&RawValue>>(turns.get()).ok()) {
            Some(turns) => {
                let user = turns.iter().position(|turn| is_users(turn)).unwrap_or(0);
                turns.iter().take(user + 1).map(|turn| turn.get().to_owned()).collect()
            }
            None => text(turns).into_iter().collect(),
        };
    hash(&(text(begins.system), text(begins.instructions), text(begins.tools), first))
}

fn is_users(turn: &RawValue) -> bool {
    let role = serde_json::from_str::<Message<'_>>(turn.get()).ok().and_then(|message| message.role);
    role.is_some_and(|role| role.get() == r#""user""#)
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known_by(body: &str) -> u64 {
        beginning(&serde_json::from_str(body).unwrap())
    }

    #[test]
    fn a_conversation_that_grows_is_known_by_its_beginning() {
        let first = r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"A"}]}"#;
        let later = r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"C"}]}"#;
        let other = r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"B"}]}"#;
        assert_eq!(known_by(first), known_by(later));
        assert_ne!(known_by(first), known_by(other));
    }
}
