//! Why an answer ends.

use serde_json::{Value, json};

use super::super::json::Object;
use crate::hub::Stop;

/// Reads `stop_reason`. `calls`: a call for the caller was made, which is then why an answer ends that is otherwise complete.
pub(super) fn read(word: &str, sequence: Option<&str>, calls: bool) -> Stop {
    match word {
        "max_tokens" => Stop::Length,
        "model_context_window_exceeded" => Stop::ContextFull,
        "refusal" => Stop::Refused,
        // Context was made smaller, and the answer waits to be gone on with (a beta of 2026).
        "pause_turn" | "compaction" => Stop::Paused,
        "stop_sequence" => Stop::Sequence(sequence.map(str::to_owned)),
        "tool_use" => Stop::Calls,
        _ if calls => Stop::Calls,
        _ => Stop::End,
    }
}

/// The words with which Anthropic says why it refused.
pub(super) fn explanation(details: &Value) -> Option<&str> {
    details["explanation"].as_str().filter(|words| !words.is_empty())
}

/// Writes `stop_reason`, `stop_sequence` and, where there are words for it, `stop_details`. `refusal` is what the model said in
/// place of an answer, which is no text there.
pub(super) fn write(stop: Option<&Stop>, refusal: &str, out: &mut Object) {
    let refused = !refusal.is_empty();
    let word = stop.map(|stop| match stop {
        Stop::Length => "max_tokens",
        Stop::ContextFull => "model_context_window_exceeded",
        Stop::Calls => "tool_use",
        Stop::Paused => "pause_turn",
        Stop::Sequence(Some(_)) => "stop_sequence",
        Stop::End | Stop::Sequence(None) if !refused => "end_turn",
        // There is no word for an answer of which nothing can be used: it is none, and the details say why.
        Stop::End | Stop::Sequence(None) | Stop::Filtered | Stop::Refused | Stop::Malformed(_) => "refusal",
    });
    let sequence = match stop {
        Some(Stop::Sequence(Some(text))) => Value::from(text.as_str()),
        _ => Value::Null,
    };
    let words = match stop {
        Some(Stop::Malformed(word)) if !refused => {
            Some(format!("The model wrote nothing that can be used ({word})."))
        }
        _ => refused.then(|| refusal.to_owned()),
    };
    out.put("stop_reason", word.map_or(Value::Null, Value::from)).put("stop_sequence", sequence);
    out.maybe(
        "stop_details",
        words.map(|words| json!({"type": "refusal", "category": null, "explanation": words})),
    );
}
