//! The bound of an answer in the languages that keep it inside an object of its own.
//!
//! Sources: Gemini API reference, "GenerationConfig" (JSON of protocol buffers takes names in both spellings); Amazon Bedrock,
//! "InferenceConfiguration"; Ollama, "Modelfile", "Valid Parameters and Values".

use super::scan::Scan;
use super::{Envelope, EnvelopeProblem, number, unescape};
use crate::dialect::Dialect;

/// Where a language bounds an answer.
pub(super) struct Bounds {
    /// The object's names.
    within: &'static [&'static str],
    /// The most tokens of one answer.
    tokens: &'static [&'static str],
    /// How many answers.
    answers: &'static [&'static str],
}

/// Of that language; `None`: it bounds them among its outermost fields.
pub(super) fn of(dialect: Dialect) -> Option<&'static Bounds> {
    match dialect {
        Dialect::Gemini => Some(&Bounds {
            within: &["generationConfig", "generation_config"],
            tokens: &["maxOutputTokens", "max_output_tokens"],
            answers: &["candidateCount", "candidate_count"],
        }),
        Dialect::Bedrock => {
            Some(&Bounds { within: &["inferenceConfig"], tokens: &["maxTokens"], answers: &[] })
        }
        Dialect::Ollama => Some(&Bounds { within: &["options"], tokens: &["num_predict"], answers: &[] }),
        Dialect::OpenAi | Dialect::Anthropic | Dialect::Cohere => None,
    }
}

impl Bounds {
    /// Whether they stand in the object of this name.
    pub(super) fn are_in(&self, name: &str) -> bool {
        self.within.contains(&name)
    }

    /// Reads them out of a value of the outermost object.
    pub(super) fn read(&self, scan: &mut Scan<'_>, found: &mut Envelope) -> Result<(), EnvelopeProblem> {
        if scan.peek() != Some(b'{') {
            return scan.value(2);
        }
        scan.members(|scan, key| {
            match &*unescape(&scan.body()[key]) {
                name if self.tokens.contains(&name) => {
                    found.most_tokens = number(scan, 3)?.max(found.most_tokens);
                }
                name if self.answers.contains(&name) => found.answers = number(scan, 3)?,
                _ => scan.value(3)?,
            }
            Ok(())
        })
    }
}
