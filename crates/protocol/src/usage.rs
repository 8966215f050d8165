//! What an answer counted: tokens in, tokens out, and the parts of both.
//!
//! Normal form: input includes what came from a cache, output includes reasoning. Sources: OpenAI API reference (chat
//! `usage`, Responses `usage`, embeddings), the vendors' recorded answers (`x_groq.usage`, cache hit counts).

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;

/// Counted tokens of one answer, as the upstream reported them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// Prompt tokens that came from a cache.
    pub cached: u64,
    /// Generated tokens that were reasoning.
    pub reasoning: u64,
}

/// The wire forms that occur, all fields optional.
#[derive(Deserialize)]
struct Wire {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(alias = "output_tokens_details")]
    completion_tokens_details: Option<OutputDetails>,
    prompt_cache_hit_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));

/// The longest `usage` object looked at.
const LONGEST: usize = 16 * 1024;

/// The last usage object in a piece of an answer: a whole JSON body or one event of a stream. `"usage"` with its quotes
/// cannot stand inside a JSON string, so no text of a model is mistaken for a count.
pub fn find(bytes: &[u8]) -> Option<Usage> {
    KEY.find_iter(bytes).filter_map(|at| read(&bytes[at + KEY.needle().len()..])).last()
}

/// Reads the object that follows the key.
fn read(after_key: &[u8]) -> Option<Usage> {
    let value = after_key.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    if value.first() != Some(&b'{') {
        return None;
    }
    let mut stream =
        serde_json::Deserializer::from_slice(&value[..value.len().min(LONGEST)]).into_iter::<Wire>();
    stream.next()?.ok()?.normal()
}

impl Wire {
    fn normal(self) -> Option<Usage> {
        let input = self.prompt_tokens.or(self.input_tokens);
        let output = self.completion_tokens.or(self.output_tokens);
        if input.is_none() && output.is_none() && self.total_tokens.is_none() {
            return None;
        }
        // Anthropic counts cached prompt tokens beside `input_tokens`, everyone else inside.
        let beside =
            self.cache_read_input_tokens.unwrap_or(0) + self.cache_creation_input_tokens.unwrap_or(0);
        let inside =
            self.prompt_tokens_details.and_then(|d| d.cached_tokens).or(self.prompt_cache_hit_tokens);
        Some(Usage {
            input: input.or(self.total_tokens).unwrap_or(0) + beside,
            output: output.unwrap_or(0),
            cached: inside.or(self.cache_read_input_tokens).unwrap_or(0),
            reasoning: self.completion_tokens_details.and_then(|d| d.reasoning_tokens).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_that_occurs() {
        let chat = br#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
        assert_eq!(find(chat), Some(Usage { input: 9, output: 12, cached: 4, reasoning: 3 }));
        let responses = br#"{"response":{"usage":{"input_tokens":5,"output_tokens":7,
            "output_tokens_details":{"reasoning_tokens":2}}}}"#;
        assert_eq!(find(responses), Some(Usage { input: 5, output: 7, cached: 0, reasoning: 2 }));
        let embeddings = br#"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        assert_eq!(find(embeddings), Some(Usage { input: 8, output: 0, cached: 0, reasoning: 0 }));
        let hits = br#"{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":6}}"#;
        assert_eq!(find(hits).map(|usage| usage.cached), Some(6));
    }

    #[test]
    fn the_last_count_wins_and_null_is_no_count() {
        assert_eq!(find(br#"{"usage":null}"#), None);
        let twice = br#"{"x":{"usage":{"prompt_tokens":1}},"usage":{"prompt_tokens":2}}"#;
        assert_eq!(find(twice).map(|usage| usage.input), Some(2));
    }

    #[test]
    fn a_models_own_words_are_never_a_count() {
        let said = br#"{"content":"{\"usage\":{\"prompt_tokens\":999}}"}"#;
        assert_eq!(find(said), None);
    }
}
