//! What Messages cannot say.

use super::super::claude;
use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &NO_LIMIT,
    &MIDDLE_SYSTEM,
    &NAME,
    &BLANK,
    &REFUSAL,
    &CACHE_POINT,
    &THOUGHT,
    &CALL_SIGNATURE,
    &CALL_ID,
    &DETAIL,
    &IMAGE_KIND,
    &PLACE,
    &OPAQUE,
    &SERVED_TOOL,
    &CUSTOM_TOOL,
    &ALLOWED,
    &claude::FORCED,
    &SCHEMA,
    &JSON,
    &SHAPE_NAME,
    &LOOSE_SHAPE,
    &OPEN_SHAPE,
    &EFFORT,
    &claude::ADAPTIVE,
    &claude::BUDGET,
    &BUDGET,
    &claude::OFF,
    &claude::EFFORT,
    &LOST_THOUGHTS,
    &TEMPERATURE,
    &NOT_ONE,
    &TOP_P,
    &TOP_K,
    &STOP,
    &MIN_P,
    &SEED,
    &FREQUENCY_PENALTY,
    &PRESENCE_PENALTY,
    &N,
    &LOGIT_BIAS,
    &LOGPROBS,
    &VERBOSITY,
    &METADATA,
    &TIER,
    &CACHE_KEY,
];

pub(super) static NO_LIMIT: Unsayable = Unsayable {
    what: "no max_tokens",
    why: "a limit is required: where none is named it is 8,192, and the thinking budget besides",
};
pub(super) static MIDDLE_SYSTEM: Unsayable = Unsayable {
    what: "instructions in mid-conversation",
    why: "said by the user: not every model takes them, and not in every place",
};
pub(super) static NAME: Unsayable = Unsayable { what: "name", why: "left out: speakers have no names" };
pub(super) static BLANK: Unsayable =
    Unsayable { what: "text of nothing but blanks", why: "left out: it is refused" };
pub(super) static REFUSAL: Unsayable =
    Unsayable { what: "refusal", why: "an earlier refusal is said as text: there is no word for it" };
pub(super) static CACHE_POINT: Unsayable = Unsayable {
    what: "cache_control",
    why: "left out where nothing stands before it that can be marked: thoughts cannot",
};
pub(super) static THOUGHT: Unsayable = Unsayable {
    what: "thinking",
    why: "earlier thoughts that Anthropic has not signed are left out: they are refused",
};
pub(super) static CALL_SIGNATURE: Unsayable = Unsayable {
    what: "thought signature of a call",
    why: "left out: only the vendor it comes from knows it",
};
pub(super) static CALL_ID: Unsayable = Unsayable {
    what: "id of a call",
    why: "characters other than letters, digits, `_` and `-` are refused, and said as `_`",
};
pub(super) static DETAIL: Unsayable =
    Unsayable { what: "image detail", why: "left out: pictures are looked at as they are" };
pub(super) static PLACE: Unsayable = Unsayable {
    what: "pictures and documents by the assistant or the system",
    why: "left out: only users and tools may show any",
};
pub(super) static OPAQUE: Unsayable = Unsayable {
    what: "parts of another language",
    why: "left out: only the vendor they come from knows them",
};
pub(super) static SERVED_TOOL: Unsayable =
    Unsayable { what: "tools the vendor runs", why: "left out: only the vendor they belong to runs them" };
pub(super) static CUSTOM_TOOL: Unsayable = Unsayable {
    what: "tools of free text",
    why: "said as a function with one string, `input`; a grammar for it is left out",
};
pub(super) static ALLOWED: Unsayable =
    Unsayable { what: "allowed_tools", why: "said by leaving out the other tools" };
pub(super) static JSON: Unsayable =
    Unsayable { what: "json_object", why: "left out: a shape is a schema or nothing" };
pub(super) static SHAPE_NAME: Unsayable =
    Unsayable { what: "name of the schema", why: "left out, and its description: a schema is all there is" };
pub(super) static LOOSE_SHAPE: Unsayable =
    Unsayable { what: "schema that need not be kept", why: "a schema is always kept to" };
pub(super) static OPEN_SHAPE: Unsayable = Unsayable {
    what: "schema that says nothing of further properties",
    why: "said as one that allows none: each object of an answer's schema gets `additionalProperties: false`, without which it is refused",
};
pub(super) static EFFORT: Unsayable =
    Unsayable { what: "minimal effort", why: "said as low, which is the least there is" };
pub(super) static BUDGET: Unsayable =
    Unsayable { what: "thinking budget below 1,024", why: "said as 1,024, which is the least there is" };
pub(super) static LOST_THOUGHTS: Unsayable = Unsayable {
    what: "thinking with calls whose thoughts are lost",
    why: "a thinking budget is left out where calls since the user last spoke come without the signed thoughts before them: it is refused",
};
pub(super) static TEMPERATURE: Unsayable =
    Unsayable { what: "temperature above 1", why: "said as 1, which is the most there is" };
pub(super) static NOT_ONE: Unsayable = Unsayable {
    what: "temperature",
    why: "left out unless it is 1 where the model thinks, and to Claude 4.7 and later; and left out where it is 1 beside a top_p of the caller's own",
};
pub(super) static TOP_P: Unsayable = Unsayable {
    what: "top_p",
    why: "left out beside a temperature (models after Claude 4.0 refuse both), below 0.95 where the model thinks, and to Claude 4.7 and later unless it is 1",
};
pub(super) static TOP_K: Unsayable = Unsayable {
    what: "top_k",
    why: "left out where the model thinks, and to Claude 4.7 and later: it is refused",
};
pub(super) static STOP: Unsayable =
    Unsayable { what: "stop of nothing but blanks", why: "left out: it is refused" };
pub(super) static MIN_P: Unsayable = unknown("min_p");
pub(super) static SEED: Unsayable = unknown("seed");
pub(super) static FREQUENCY_PENALTY: Unsayable = unknown("frequency_penalty");
pub(super) static PRESENCE_PENALTY: Unsayable = unknown("presence_penalty");
pub(super) static N: Unsayable = Unsayable { what: "n", why: "left out: there is one answer" };
pub(super) static LOGIT_BIAS: Unsayable = unknown("logit_bias");
pub(super) static LOGPROBS: Unsayable = unknown("logprobs");
pub(super) static VERBOSITY: Unsayable = unknown("verbosity");
pub(super) static METADATA: Unsayable =
    Unsayable { what: "metadata", why: "left out: only the user can be named" };
pub(super) static TIER: Unsayable =
    Unsayable { what: "service_tier", why: "left out: there are only `auto` and `default`" };
pub(super) static CACHE_KEY: Unsayable = unknown("prompt_cache_key");

pub(super) static IMAGE_KIND: Unsayable =
    Unsayable { what: "picture of another kind", why: "left out: only JPEG, PNG, GIF and WebP are taken" };

const fn unknown(what: &'static str) -> Unsayable {
    Unsayable { what, why: "left out: there is no such field" }
}
