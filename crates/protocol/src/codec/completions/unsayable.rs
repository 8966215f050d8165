//! What a text completion cannot say.

use crate::hub::Unsayable;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &SYSTEM,
    &TOOLS,
    &SHAPE,
    &REASONING,
    &VERBOSITY,
    &METADATA,
    &TIER,
    &CACHE_KEY,
    &CACHE_POINT,
    &NAME,
    &OPAQUE,
    &TOP_K,
    &MIN_P,
    &USER,
];

pub(super) static SYSTEM: Unsayable = Unsayable {
    what: "system",
    why: "said at the beginning of the prompt: there are no roles, only one text",
};
pub(super) static TOOLS: Unsayable = Unsayable {
    what: "tools",
    why: "left out: a text completion calls none; where one must be called it is refused",
};
pub(super) static SHAPE: Unsayable =
    Unsayable { what: "response_format", why: "left out: the text has no shape but what the prompt says" };
pub(super) static REASONING: Unsayable =
    Unsayable { what: "reasoning", why: "left out: models that complete a text do not think" };
pub(super) static VERBOSITY: Unsayable =
    Unsayable { what: "verbosity", why: "left out: models that complete a text do not know it" };
pub(super) static METADATA: Unsayable = Unsayable { what: "metadata", why: "left out: no notes are kept" };
pub(super) static TIER: Unsayable = Unsayable { what: "service_tier", why: "left out: there is one" };
pub(super) static CACHE_KEY: Unsayable =
    Unsayable { what: "prompt_cache_key", why: "left out: common beginnings are found without it" };
pub(super) static CACHE_POINT: Unsayable =
    Unsayable { what: "cache_control", why: "left out: common beginnings are found without it" };
pub(super) static NAME: Unsayable = Unsayable { what: "name", why: "left out: there are no speakers" };
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static TOP_K: Unsayable = Unsayable {
    what: "top_k",
    why: "left out where the vendor's documents do not name it: OpenAI has no such limit, and some refuse it",
};
pub(super) static MIN_P: Unsayable = Unsayable {
    what: "min_p",
    why: "left out where the vendor's documents do not name it: OpenAI has no such limit, and some refuse it",
};
pub(super) static USER: Unsayable =
    Unsayable { what: "user", why: "left out where it has more than 64 characters, which OpenAI refuses" };
