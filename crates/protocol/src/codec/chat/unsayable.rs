//! What Chat Completions cannot say.

use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &CACHE_POINT,
    &THOUGHT,
    &OPAQUE,
    &SERVED_TOOL,
    &SCHEMA,
    &TOP_K,
    &MIN_P,
    &USER,
    &BUDGET,
    &URL_FILE,
    &FAILED,
    &OUTCOME_DOCUMENT,
    &OUTCOME_MEDIA,
    &ASSISTANT_MEDIA,
];

pub(super) static CACHE_POINT: Unsayable =
    Unsayable { what: "cache_control", why: "left out: OpenAI finds common beginnings by itself" };
pub(super) static THOUGHT: Unsayable = Unsayable {
    what: "thinking",
    why: "earlier thoughts are left out: the model thinks anew; vendors that want them back get them",
};
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static TOP_K: Unsayable = Unsayable {
    what: "top_k",
    why: "left out where the vendor's documents do not name it: OpenAI has no such limit, and some refuse it",
};
pub(super) static MIN_P: Unsayable = Unsayable {
    what: "min_p",
    why: "left out where the vendor's documents do not name it: OpenAI has no such limit, and some refuse it",
};
pub(super) static BUDGET: Unsayable = Unsayable {
    what: "thinking budget",
    why: "said as an effort: up to 2,048 tokens low, up to 8,192 and without a number medium, above it high",
};
pub(super) static URL_FILE: Unsayable = Unsayable {
    what: "file url",
    why: "left out: a document must be in the request, or in the vendor's store",
};
pub(super) static FAILED: Unsayable =
    Unsayable { what: "is_error", why: "said in words: the outcome begins with `Error: `" };
pub(super) static OUTCOME_DOCUMENT: Unsayable =
    Unsayable { what: "names of documents in a tool's outcome", why: "left out: their text is said" };
pub(super) static OUTCOME_MEDIA: Unsayable =
    Unsayable { what: "pictures in a tool's outcome", why: "moved: they follow as a message of the user's" };
pub(super) static ASSISTANT_MEDIA: Unsayable =
    Unsayable { what: "pictures by the assistant", why: "left out: only users may show any" };
pub(super) static USER: Unsayable =
    Unsayable { what: "user", why: "left out where it has more than 64 characters, which OpenAI refuses" };
