//! What Gemini cannot say.

use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &CACHE_POINT,
    &OPAQUE,
    &SEALED,
    &SERVED_TOOL,
    &CUSTOM,
    &STRICT,
    &PARALLEL,
    &LATER_SYSTEM,
    &NAME,
    &REFUSAL,
    &STORED,
    &FILE_NAME,
    &DETAIL,
    &OUTCOME_MEDIA,
    &SHAPE_DESCRIPTION,
    &SCHEMA,
    &EFFORT,
    &BUDGET,
    &OFF,
    &MIN_P,
    &LOGIT_BIAS,
    &USER,
    &METADATA,
    &TIER,
    &CACHE_KEY,
    &VERBOSITY,
];

pub(super) static CACHE_POINT: Unsayable = Unsayable {
    what: "cache_control",
    why: "left out: Gemini finds common beginnings by itself, or is given a cache by its name",
};
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static SEALED: Unsayable =
    Unsayable { what: "sealed thoughts", why: "left out: only the vendor they come from can read them" };
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static CUSTOM: Unsayable = Unsayable {
    what: "custom tools",
    why: "said as a function with one text, `input`; a grammar of the text is left out",
};
pub(super) static STRICT: Unsayable =
    Unsayable { what: "strict", why: "left out: no single function can be held to its schema" };
pub(super) static PARALLEL: Unsayable = Unsayable {
    what: "parallel_tool_calls",
    why: "left out: that the model is to make one call at a time cannot be said",
};
pub(super) static LATER_SYSTEM: Unsayable = Unsayable {
    what: "system messages in the conversation",
    why: "said by the user in the same place: the system speaks only before the conversation",
};
pub(super) static NAME: Unsayable = Unsayable { what: "name", why: "left out: speakers have no names" };
pub(super) static REFUSAL: Unsayable = Unsayable { what: "refusal", why: "said as text" };
pub(super) static STORED: Unsayable =
    Unsayable { what: "file id", why: "left out: Google's store names its files by their address" };
pub(super) static FILE_NAME: Unsayable =
    Unsayable { what: "filename", why: "left out: documents have no names" };
pub(super) static DETAIL: Unsayable = Unsayable {
    what: "detail",
    why: "left out for models before Gemini 3, which take it for all pictures only; a word that has no `mediaResolution` is left out, too",
};
pub(super) static OUTCOME_MEDIA: Unsayable = Unsayable {
    what: "pictures in a tool's outcome",
    why: "moved for models before Gemini 3: they follow behind the outcomes",
};
pub(super) static SHAPE_DESCRIPTION: Unsayable =
    Unsayable { what: "response_format description", why: "left out: only the schema is told" };
pub(super) static EFFORT: Unsayable = Unsayable {
    what: "reasoning_effort",
    why: "said as the next level there is (`xhigh` and `max` as `HIGH`; `minimal` as `LOW` to Pro models); to models before Gemini 3 in \
          tokens: 1,024 minimal and low, 8,192 medium, 24,576 above it",
};
pub(super) static BUDGET: Unsayable =
    Unsayable { what: "thinking budget", why: "left out where a level is said: both at once are refused" };
pub(super) static OFF: Unsayable =
    Unsayable { what: "thinking off", why: "said as the least there is, to models that always think" };
pub(super) static MIN_P: Unsayable = Unsayable { what: "min_p", why: "left out: there is no such limit" };
pub(super) static LOGIT_BIAS: Unsayable =
    Unsayable { what: "logit_bias", why: "left out: single tokens cannot be weighed" };
pub(super) static USER: Unsayable = Unsayable { what: "user", why: "left out: there is no such field" };
pub(super) static METADATA: Unsayable =
    Unsayable { what: "metadata", why: "left out: only Vertex AI has labels" };
pub(super) static TIER: Unsayable =
    Unsayable { what: "service_tier", why: "left out: it is none of `standard`, `flex` and `priority`" };
pub(super) static CACHE_KEY: Unsayable =
    Unsayable { what: "prompt_cache_key", why: "left out: Gemini finds common beginnings by itself" };
pub(super) static VERBOSITY: Unsayable =
    Unsayable { what: "verbosity", why: "left out: there is no such field" };
