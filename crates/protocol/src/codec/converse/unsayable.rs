//! What Converse cannot say.

use super::super::claude;
use crate::hub::Unsayable;
use crate::hub::shape_tool::SCHEMA;

/// The list.
pub(super) const ALL: &[&Unsayable] = &[
    &claude::ADAPTIVE,
    &claude::BUDGET,
    &claude::EFFORT,
    &claude::FORCED,
    &claude::OFF,
    &SCHEMA,
    &ASSISTANT_FIRST,
    &ASSISTANT_MEDIA,
    &BLANK,
    &CACHE_KEY,
    &CALL_ID,
    &CHOICE_NONE,
    &CITED,
    &CUSTOM_TOOL,
    &DETAIL,
    &DOCUMENT,
    &DOCUMENT_NAME,
    &FREQUENCY_PENALTY,
    &IMAGE,
    &IMAGE_URL,
    &JSON,
    &LOGIT_BIAS,
    &LOGPROBS,
    &LOOSE_SCHEMA,
    &LOST_THOUGHTS,
    &METADATA,
    &MINIMAL,
    &MIN_P,
    &N,
    &NAME,
    &OPAQUE,
    &OPEN_SCHEMA,
    &OUTCOME_AUDIO,
    &PARALLEL,
    &PRESENCE_PENALTY,
    &REFUSAL,
    &SEED,
    &SERVED_TOOL,
    &SHOWN,
    &SIGNED_CALL,
    &STORED,
    &SYNTHESISED,
    &SYSTEM_MEDIA,
    &SYSTEM_TURN,
    &TEMPERATURE,
    &THOUGHT,
    &TIER,
    &TOP_K,
    &TOP_P,
    &USER,
    &VERBOSITY,
];

macro_rules! unsayable {
    ($($name:ident: $what:literal, $why:literal;)*) => {
        $(pub(super) static $name: Unsayable = Unsayable { what: $what, why: $why };)*
    };
}

unsayable! {
    ASSISTANT_FIRST: "assistant first",
        "a turn of the user's is put before it, which says that the assistant begins: conversations of Bedrock begin with the user";
    ASSISTANT_MEDIA: "pictures by the assistant", "left out: only users may show any";
    BLANK: "blank text", "left out: text of nothing but blanks is refused";
    CACHE_KEY: "prompt_cache_key", "left out: what is cached is marked in the request";
    CALL_ID: "tool call id",
        "said with other letters: an id has 1 to 64 of letters, digits and `_.:-`";
    CHOICE_NONE: "tool_choice none",
        "not said: tools must be named where the conversation has calls, and one may be called";
    CITED: "citations of another language", "left out: only the vendor they come from knows them";
    CUSTOM_TOOL: "custom tools", "said as a function of one text, `input`; a grammar is left out";
    DETAIL: "image detail", "left out: pictures are looked at as the model likes";
    DOCUMENT: "document type",
        "left out: documents are PDF, CSV, Word, Excel, HTML, plain text or Markdown, in the request or in S3";
    DOCUMENT_NAME: "document name",
        "said with other letters: a name has letters, digits, single blanks and `_-()[]`, and no two documents have the same";
    FREQUENCY_PENALTY: "frequency_penalty", "left out: not every model of Bedrock knows it, and none by the same name";
    IMAGE: "image type", "left out: pictures are PNG, JPEG, GIF or WebP";
    IMAGE_URL: "image url", "left out: a picture must be in the request, or in S3";
    JSON: "response_format json_object", "left out: JSON is only written to a schema";
    LOGIT_BIAS: "logit_bias", "left out: no model of Bedrock knows it";
    LOGPROBS: "logprobs", "left out: no probabilities are told";
    LOOSE_SCHEMA: "schema not strict", "said as strict: an answer is always held to its schema";
    LOST_THOUGHTS: "thinking with calls whose thoughts are lost",
        "a thinking budget is left out where calls since the user last spoke come without the signed thoughts before them: it is refused";
    METADATA: "metadata", "notes that are no text are left out";
    MINIMAL: "reasoning_effort minimal", "said as `low`, the least there is";
    MIN_P: "min_p", "left out: no model of Bedrock knows it";
    N: "n", "left out: there is one answer";
    NAME: "name", "left out: speakers have no names";
    OPAQUE: "parts of another language", "left out: only the vendor they come from knows them";
    OPEN_SCHEMA: "schema that says nothing of further properties",
        "said as one that allows none: each object of an answer's schema gets `additionalProperties: false`, without which Claude refuses it";
    OUTCOME_AUDIO: "sounds in a tool's outcome", "left out: an outcome has text, pictures and documents";
    PARALLEL: "parallel_tool_calls false", "left out: nothing forbids the model to call several at once";
    PRESENCE_PENALTY: "presence_penalty", "left out: not every model of Bedrock knows it, and none by the same name";
    REFUSAL: "refusal", "said as text";
    SEED: "seed", "left out: no model of Bedrock knows it";
    SERVED_TOOL: "tools the vendor runs", "left out: only the vendor they belong to runs them";
    SHOWN: "reasoning summary", "left out: thoughts are shown as the model likes, unless it is told how to think";
    SIGNED_CALL: "signature of a call", "left out: only the vendor it comes from knows it";
    STORED: "stored files", "left out: only the vendor that stores them has them";
    SYNTHESISED: "tools of earlier calls",
        "named without their schemas: tools must be named where the conversation has calls";
    SYSTEM_MEDIA: "pictures in the system prompt", "left out: it is text";
    SYSTEM_TURN: "system message in the conversation", "said by the user: instructions stand before the conversation";
    TEMPERATURE: "temperature",
        "left out unless it is 1 where Claude thinks, and to Claude 4.7 and later; and left out where it is 1 beside a top_p of the caller's own";
    THOUGHT: "thinking", "thoughts without the signature of their model are left out: it would not take them back";
    TIER: "service_tier", "left out: it is `default`, `priority`, `flex` or `reserved`";
    TOP_K: "top_k", "left out where Claude thinks, to Claude 4.7 and later, and to models other than Claude: it is refused";
    TOP_P: "top_p",
        "left out beside a temperature (Claude after 4.0 refuses both), below 0.95 where Claude thinks, and to Claude 4.7 and later unless it is 1";
    USER: "user", "left out: nothing says who is behind a call";
    VERBOSITY: "verbosity", "left out: no model of Bedrock knows it";
}
