//! What Ollama's own API cannot say.

use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list of `/api/chat`.
pub(super) const CHAT: &[&Unsayable] = &[
    &AUDIO,
    &FILE,
    &IMAGE_URL,
    &TEXT_FILE,
    &DETAIL,
    &PLACE,
    &CACHE_POINT,
    &SEALED,
    &SHOWN,
    &BUDGET,
    &EFFORT,
    &OPAQUE,
    &REFUSAL,
    &NAME,
    &FAILED,
    &SERVED_TOOL,
    &CUSTOM_TOOL,
    &STRICT,
    &CHOICE,
    &PARALLEL,
    &DESCRIPTION,
    &SCHEMA,
    &SEVERAL,
    &LOGIT_BIAS,
    &USER,
    &METADATA,
    &TIER,
    &CACHE_KEY,
    &VERBOSITY,
];

/// The list of `/api/generate`.
pub(super) const GENERATE: &[&Unsayable] = &[
    &TURNS,
    &TOOLS,
    &AUDIO,
    &FILE,
    &IMAGE_URL,
    &TEXT_FILE,
    &DETAIL,
    &PLACE,
    &CACHE_POINT,
    &SHOWN,
    &BUDGET,
    &EFFORT,
    &OPAQUE,
    &REFUSAL,
    &NAME,
    &DESCRIPTION,
    &SEVERAL,
    &LOGIT_BIAS,
    &USER,
    &METADATA,
    &TIER,
    &CACHE_KEY,
    &VERBOSITY,
];

pub(super) static TURNS: Unsayable = Unsayable {
    what: "several turns",
    why: "refused: one prompt is all there is; to leave the earlier turns out would ask something else",
};
pub(super) static TOOLS: Unsayable =
    Unsayable { what: "tools", why: "refused: only conversations have them, at `/api/chat`" };
pub(super) static AUDIO: Unsayable =
    Unsayable { what: "audio", why: "refused: Ollama's models read and see, and do not hear" };
pub(super) static FILE: Unsayable =
    Unsayable { what: "file", why: "refused: Ollama takes no documents, save those of plain text" };
pub(super) static IMAGE_URL: Unsayable =
    Unsayable { what: "image url", why: "refused: Ollama fetches nothing; a picture must be in the request" };
pub(super) static TEXT_FILE: Unsayable =
    Unsayable { what: "file of plain text", why: "said as text, without its name" };
pub(super) static DETAIL: Unsayable =
    Unsayable { what: "detail", why: "left out: pictures are looked at as the model does" };
pub(super) static PLACE: Unsayable =
    Unsayable { what: "places of pictures", why: "moved: pictures stand beside the text, not within it" };
pub(super) static CACHE_POINT: Unsayable =
    Unsayable { what: "cache_control", why: "left out: Ollama finds common beginnings by itself" };
pub(super) static SEALED: Unsayable = Unsayable {
    what: "signatures of thoughts",
    why: "left out with what is sealed: only the vendor they come from knows them; the text goes along",
};
pub(super) static SHOWN: Unsayable =
    Unsayable { what: "hidden thinking", why: "left out: whoever has the model think reads its thoughts" };
pub(super) static BUDGET: Unsayable = Unsayable {
    what: "thinking budget",
    why: "said as an effort: up to 2,048 tokens low, up to 8,192 medium, above it high",
};
pub(super) static EFFORT: Unsayable =
    Unsayable { what: "reasoning_effort", why: "said as the nearest: `minimal` as low, `xhigh` as high" };
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static REFUSAL: Unsayable = Unsayable { what: "refusal", why: "said as text" };
pub(super) static NAME: Unsayable = Unsayable { what: "name", why: "left out: speakers have roles only" };
pub(super) static FAILED: Unsayable =
    Unsayable { what: "is_error", why: "said in words: the outcome begins with `Error: `" };
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static CUSTOM_TOOL: Unsayable = Unsayable {
    what: "custom tools",
    why: "said as functions of one text, `input`; their grammar is left out, and they are called as functions",
};
pub(super) static STRICT: Unsayable =
    Unsayable { what: "strict", why: "left out: nothing holds arguments to their schema" };
pub(super) static CHOICE: Unsayable = Unsayable {
    what: "tool_choice",
    why: "tools that may not be called are left out; that one must be called cannot be said",
};
pub(super) static PARALLEL: Unsayable =
    Unsayable { what: "parallel_tool_calls", why: "left out: a model may always call several tools" };
pub(super) static DESCRIPTION: Unsayable =
    Unsayable { what: "response_format description", why: "left out: a shape is its schema only" };
pub(super) static SEVERAL: Unsayable = Unsayable { what: "n", why: "left out: there is one answer" };
pub(super) static LOGIT_BIAS: Unsayable = Unsayable { what: "logit_bias", why: "left out: Ollama has none" };
pub(super) static USER: Unsayable = Unsayable { what: "user", why: "left out: Ollama asks for no name" };
pub(super) static METADATA: Unsayable =
    Unsayable { what: "metadata", why: "left out: Ollama keeps no notes" };
pub(super) static TIER: Unsayable = Unsayable { what: "service_tier", why: "left out: there is one queue" };
pub(super) static CACHE_KEY: Unsayable =
    Unsayable { what: "prompt_cache_key", why: "left out: Ollama finds common beginnings by itself" };
pub(super) static VERBOSITY: Unsayable =
    Unsayable { what: "verbosity", why: "left out: Ollama has no such wish" };
