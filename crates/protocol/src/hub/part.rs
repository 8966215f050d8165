//! What messages are made of.

use serde_json::Value;

use crate::dialect::Wire;

/// One part of a message, of a system prompt, of an answer or of a tool's result.
#[derive(Clone, PartialEq, Debug)]
pub enum Part {
    /// Text.
    Text(String),
    /// What the model says in place of an answer.
    Refusal(String),
    /// A picture.
    Image(Media),
    /// A sound.
    Audio(Media),
    /// A document.
    File(File),
    /// What the model thought.
    Thought(Thought),
    /// A tool the model wants called.
    Call(Call),
    /// What came of a call.
    Outcome(Outcome),
    /// What stands before it is worth a cache, for so long (`5m`, `1h`; `None`: as the vendor likes).
    CachePoint(Option<String>),
    /// A source of the text before it (a citation, an annotation), as its language writes it.
    Cited(Wire, Value),
    /// What only its own language knows, as it was written: a server tool, a search result, executable code.
    Opaque(Wire, Value),
}

impl Part {
    /// The text of it: of a text, and of a document of plain text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::File(File { source: Source::Text(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// Itself, if it is a text and nothing else.
    pub fn into_text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Where bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// In the request, as base64 (RFC 4648, section 4).
    Data {
        /// The media type, such as `image/png`.
        kind: String,
        /// The bytes.
        base64: String,
    },
    /// At an address, which may be anything the vendor can read (`https:`, `gs:`, `s3:`).
    Url {
        /// The address.
        url: String,
        /// The media type, where the language names one.
        kind: Option<String>,
    },
    /// In the vendor's own store, by this id.
    Stored(String),
    /// Text, where a language has documents of plain text.
    Text(String),
}

impl Source {
    /// The source a URL names; a `data:` URL (RFC 2397) with base64 is taken apart.
    pub fn of_url(url: &str) -> Self {
        let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
        match data.and_then(|(head, base64)| Some((head.strip_suffix(";base64")?, base64))) {
            Some((kind, base64)) => Self::Data {
                kind: kind.split(';').next().unwrap_or_default().to_owned(),
                base64: base64.to_owned(),
            },
            None => Self::Url { url: url.to_owned(), kind: None },
        }
    }

    /// The URL of it, if it has one: an address, or a `data:` URL.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Data { kind, base64 } => Some(format!("data:{kind};base64,{base64}")),
            Self::Url { url, .. } => Some(url.clone()),
            Self::Stored(_) | Self::Text(_) => None,
        }
    }
}

/// A picture or a sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// Where it is.
    pub source: Source,
    /// How closely it is to be looked at (`low`, `high`, `auto`), as OpenAI says it.
    pub detail: Option<String>,
}

impl Media {
    /// Media without further wishes.
    pub fn new(source: Source) -> Self {
        Self { source, detail: None }
    }
}

/// A document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Where it is.
    pub source: Source,
    /// What it is called.
    pub name: Option<String>,
}

/// What the model thought: its text, and what lets the vendor know its own thoughts again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Thought {
    /// The text, or a summary of it; empty where the vendor shows none.
    pub text: String,
    /// The vendor's mark on it (Anthropic's and Bedrock's `signature`, Gemini's `thoughtSignature`).
    pub signature: Option<String>,
    /// Thoughts that are only for the vendor itself (Anthropic's `redacted_thinking`, OpenAI's `encrypted_content`).
    pub sealed: Option<String>,
    /// The id of the item, where the language gives one (Responses).
    pub id: Option<String>,
}

/// A tool the model wants called.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// The id its outcome will name.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments as JSON text, byte for byte as the model wrote them, and `{}` where it wrote none; for a tool of free text, that text.
    pub arguments: String,
    /// It is a tool of free text: `arguments` is no JSON.
    pub custom: bool,
    /// The vendor's mark on it (Gemini's `thoughtSignature`).
    pub signature: Option<String>,
}

impl Call {
    /// The arguments as an object, for languages that write them so; `None`: they are none.
    pub fn object(&self) -> Option<Value> {
        serde_json::from_str(&self.arguments).ok().filter(Value::is_object)
    }
}

/// What came of a call.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// The id of the call.
    pub call: String,
    /// The tool, where the language says it.
    pub name: Option<String>,
    /// What it gave.
    pub parts: Vec<Part>,
    /// It failed.
    pub failed: bool,
    /// It is the outcome of a tool of free text.
    pub custom: bool,
}

/// The text of parts, one after the other; documents of plain text are among it, each on lines of its own. What is no text is passed
/// over.
pub fn text_of(parts: &[Part]) -> String {
    let (mut all, mut document) = (String::new(), false);
    for part in parts {
        let Some(text) = part.text() else { continue };
        let before = std::mem::replace(&mut document, matches!(part, Part::File(_)));
        if (before || document) && !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        all.push_str(text);
    }
    all
}
