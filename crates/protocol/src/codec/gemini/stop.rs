//! Why an answer ends.

use crate::hub::Stop;

/// Why a prompt is not answered at all counts as one of these.
const FILTERED: &[&str] = &[
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "ESCALATION",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_OTHER",
];

/// The other words with which nothing usable comes.
const MALFORMED: &[&str] = &[
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "NO_IMAGE",
    "OTHER",
];

/// What a `finishReason` means; `None`: the model has not stopped.
pub(super) fn read(word: &str, calls: bool) -> Option<Stop> {
    Some(match word {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        // There is no word for calls. A call to what was not declared is one all the same: the caller can say so.
        "STOP" | "UNEXPECTED_TOOL_CALL" if calls => Stop::Calls,
        "STOP" => Stop::End,
        "MAX_TOKENS" | "CONTINUATION" => Stop::Length,
        _ if FILTERED.contains(&word) => Stop::Filtered,
        // A word of tomorrow is no plain end.
        _ => Stop::Malformed(word.to_owned()),
    })
}

/// The word for it.
pub(super) fn word(stop: &Stop) -> &str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::Calls | Stop::Paused => "STOP",
        Stop::Length | Stop::ContextFull => "MAX_TOKENS",
        Stop::Filtered | Stop::Refused => "SAFETY",
        Stop::Malformed(word) if MALFORMED.contains(&word.as_str()) => word,
        Stop::Malformed(_) => "OTHER",
    }
}
