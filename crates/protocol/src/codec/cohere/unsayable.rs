//! What Cohere's Chat cannot say.

use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &CACHE_POINT,
    &SIGNATURE,
    &OPAQUE,
    &SERVED_TOOL,
    &CUSTOM_TOOL,
    &NAMED,
    &STRICT,
    &PARALLEL,
    &SCHEMA_NAME,
    &SCHEMA,
    &EFFORT,
    &SHOWN,
    &MIN_P,
    &SEVERAL,
    &LOGIT_BIAS,
    &TOP_LOGPROBS,
    &USER,
    &METADATA,
    &TIER,
    &CACHE_KEY,
    &VERBOSITY,
    &NAME,
    &REFUSAL,
    &FAILED,
    &DOCUMENT_PLACE,
    &OUTCOME_PICTURES,
    &ASSISTANT_MEDIA,
];

pub(super) static CACHE_POINT: Unsayable =
    Unsayable { what: "cache_control", why: "left out: Cohere finds common beginnings by itself" };
pub(super) static SIGNATURE: Unsayable = Unsayable {
    what: "signatures and sealed thoughts",
    why: "left out: only the vendor they come from knows them; the text of thoughts is said",
};
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static CUSTOM_TOOL: Unsayable = Unsayable {
    what: "custom tools",
    why: "said as a function with one text, `input`; a grammar is left out",
};
pub(super) static NAMED: Unsayable = Unsayable {
    what: "tool_choice",
    why: "a choice of tools is said by offering no others: there are only `REQUIRED` and `NONE`",
};
pub(super) static STRICT: Unsayable = Unsayable {
    what: "strict",
    why: "left out where some tools are strict and some are not: here all are, or none",
};
pub(super) static PARALLEL: Unsayable = Unsayable {
    what: "parallel_tool_calls",
    why: "left out: the model may always call several tools at once",
};
pub(super) static SCHEMA_NAME: Unsayable =
    Unsayable { what: "json_schema name", why: "left out with its description: a schema is only a schema" };
pub(super) static EFFORT: Unsayable = Unsayable {
    what: "reasoning_effort",
    why: "said in tokens: minimal and low 2,048, medium 8,192, above it as many as the model likes",
};
pub(super) static SHOWN: Unsayable =
    Unsayable { what: "hidden thoughts", why: "left out: what is thought is always shown" };
pub(super) static MIN_P: Unsayable = Unsayable { what: "min_p", why: "left out: there is no such limit" };
pub(super) static SEVERAL: Unsayable = Unsayable { what: "n", why: "left out: there is always one answer" };
pub(super) static LOGIT_BIAS: Unsayable =
    Unsayable { what: "logit_bias", why: "left out: words cannot be made more or less likely" };
pub(super) static TOP_LOGPROBS: Unsayable =
    Unsayable { what: "top_logprobs", why: "left out: probabilities are those of the chosen words" };
pub(super) static USER: Unsayable = Unsayable { what: "user", why: "left out: there is no field for it" };
pub(super) static METADATA: Unsayable =
    Unsayable { what: "metadata", why: "left out: there is no field for it" };
pub(super) static TIER: Unsayable =
    Unsayable { what: "service_tier", why: "left out: `priority` is a number with another meaning" };
pub(super) static CACHE_KEY: Unsayable =
    Unsayable { what: "prompt_cache_key", why: "left out: Cohere finds common beginnings by itself" };
pub(super) static VERBOSITY: Unsayable =
    Unsayable { what: "verbosity", why: "left out: there is no field for it" };
pub(super) static NAME: Unsayable =
    Unsayable { what: "name", why: "left out: speakers of a role have no names" };
pub(super) static REFUSAL: Unsayable = Unsayable { what: "refusal", why: "said as text" };
pub(super) static FAILED: Unsayable =
    Unsayable { what: "is_error", why: "said in words: the outcome begins with `Error: `" };
pub(super) static DOCUMENT_PLACE: Unsayable = Unsayable {
    what: "place of a document",
    why: "moved: documents belong to the whole request, not to an earlier message",
};
pub(super) static OUTCOME_PICTURES: Unsayable =
    Unsayable { what: "pictures in a tool's outcome", why: "moved: they follow as a message of the user's" };
pub(super) static ASSISTANT_MEDIA: Unsayable =
    Unsayable { what: "pictures by the assistant", why: "left out: only users may show any" };
