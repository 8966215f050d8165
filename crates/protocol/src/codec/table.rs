//! One table from a wire to its codec.

use super::{Codec, chat, cohere, completions, converse, gemini, messages, ollama, responses};
use crate::dialect::Wire;

/// Who reads and writes a wire.
pub fn of(wire: Wire) -> &'static Codec {
    match wire {
        Wire::Chat => &chat::CODEC,
        Wire::Completions => &completions::CODEC,
        Wire::Responses => &responses::CODEC,
        Wire::Messages => &messages::CODEC,
        Wire::Gemini => &gemini::CODEC,
        Wire::Converse => &converse::CODEC,
        Wire::Cohere => &cohere::CODEC,
        Wire::OllamaChat => &ollama::CHAT,
        Wire::OllamaGenerate => &ollama::GENERATE,
    }
}
