//! What a model is for, as far as its name tells: habits of naming across vendors, and never a rule.

/// What a model is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To talk with; also whatever a name says nothing of.
    Chat,
    /// To make vectors of texts.
    Embeddings,
    /// Something else: speech, images, ranking, moderation.
    Other,
}

/// Words in the names of models for something else. They come first: a reranker may be called after its embeddings.
const OTHER: &[&str] = &[
    "rerank",
    "whisper",
    "transcribe",
    "tts",
    "speech",
    "kokoro",
    "dall-e",
    "image",
    "sora",
    "moderation",
    "realtime",
    "audio",
    "clip",
    "babbage",
    "davinci-002",
    "guard",
];

/// Words in the names of models that make vectors.
const EMBEDDINGS: &[&str] = &["embed", "bge-"];

impl Purpose {
    /// What a model of this name is for.
    pub fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match (says(OTHER), says(EMBEDDINGS)) {
            (true, _) => Self::Other,
            (false, true) => Self::Embeddings,
            (false, false) => Self::Chat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_model_is_for() {
        for (name, purpose) in [
            ("gpt-4o", Purpose::Chat),
            ("a-deployment-of-ours", Purpose::Chat),
            ("text-embedding-3-small", Purpose::Embeddings),
            ("nomic-embed-text:latest", Purpose::Embeddings),
            ("BAAI/bge-m3", Purpose::Embeddings),
            ("bge-reranker-v2", Purpose::Other),
            ("whisper-1", Purpose::Other),
            ("gpt-image-1", Purpose::Other),
        ] {
            assert_eq!(Purpose::of(name), purpose, "{name}");
        }
    }
}
