//! What Responses cannot say.

use crate::hub::Unsayable;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &CACHE_POINT,
    &THOUGHT,
    &OPAQUE,
    &CITED,
    &SERVED_TOOL,
    &BUDGET,
    &FAILED,
    &NAME,
    &ASSISTANT_MEDIA,
    &TOP_K,
    &MIN_P,
    &SEED,
    &FREQUENCY,
    &PRESENCE,
    &STOP,
    &N,
    &LOGIT_BIAS,
    &CALL_MARK,
    &USER,
    &FEWEST,
];

pub(super) static CACHE_POINT: Unsayable =
    Unsayable { what: "cache_control", why: "left out: OpenAI finds common beginnings by itself" };
pub(super) static THOUGHT: Unsayable = Unsayable {
    what: "thinking",
    why: "left out: only thoughts that the same vendor sealed, or knows by their id, can be given back to it",
};
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static CITED: Unsayable = Unsayable {
    what: "citations",
    why: "those of another language are left out, the text they are about stays",
};
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static BUDGET: Unsayable = Unsayable {
    what: "thinking budget",
    why: "said as an effort: up to 2,048 tokens low, up to 8,192 and without a number medium, above it high",
};
pub(super) static FAILED: Unsayable =
    Unsayable { what: "is_error", why: "said in words: the outcome begins with `Error: `" };
pub(super) static NAME: Unsayable =
    Unsayable { what: "name", why: "left out: speakers have no names, only roles" };
pub(super) static ASSISTANT_MEDIA: Unsayable =
    Unsayable { what: "pictures by the assistant", why: "left out: only users may show any" };
pub(super) static TOP_K: Unsayable = Unsayable { what: "top_k", why: "left out: OpenAI has no such limit" };
pub(super) static MIN_P: Unsayable = Unsayable { what: "min_p", why: "left out: OpenAI has no such limit" };
pub(super) static SEED: Unsayable = Unsayable { what: "seed", why: "left out: only Chat Completions has it" };
pub(super) static FREQUENCY: Unsayable =
    Unsayable { what: "frequency_penalty", why: "left out: only Chat Completions has it" };
pub(super) static PRESENCE: Unsayable =
    Unsayable { what: "presence_penalty", why: "left out: only Chat Completions has it" };
pub(super) static STOP: Unsayable =
    Unsayable { what: "stop", why: "left out: no text can end the answer here" };
pub(super) static N: Unsayable = Unsayable { what: "n", why: "left out: there is one answer" };
pub(super) static LOGIT_BIAS: Unsayable =
    Unsayable { what: "logit_bias", why: "left out: only Chat Completions has it" };
pub(super) static CALL_MARK: Unsayable = Unsayable {
    what: "thought signature of a call",
    why: "left out: only the vendor it comes from knows it",
};
pub(super) static USER: Unsayable =
    Unsayable { what: "user", why: "left out where it has more than 64 characters, which OpenAI refuses" };
pub(super) static FEWEST: Unsayable =
    Unsayable { what: "max_tokens below 16", why: "said as 16: fewer are refused" };
