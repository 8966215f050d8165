//! OpenAI-like vendors as data: one table of `compatible.toml` each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{CredentialAt, Site, Vendor};
use crate::codec::Habits;
use crate::dialect::{Dialect, Wire, embedding};
use crate::frame::said::Prefill;
use crate::operation::{self, Operation};
use crate::secret::Secret;
use crate::verdict::{Code, FaultClass};

/// One vendor of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compatible {
    #[serde(skip)]
    name: String,
    /// Its base URL; absent for kinds of server that have no usual place.
    url: Option<String>,
    /// Environment variables that hold its key.
    #[serde(default)]
    keys: Vec<String>,
    /// The header its key goes into instead of `Authorization: Bearer`.
    header: Option<String>,
    /// The operations it knows, by name; absent: all of OpenAI's.
    does: Option<Vec<String>>,
    /// It runs beside us, usually without a key.
    #[serde(default)]
    local: bool,
    /// The tag a model's name has when it is written without one.
    tag: Option<String>,
    /// What a model's name may begin with and mean the same, in this order.
    #[serde(default)]
    homes: Vec<String>,
    /// It understands `stream_options.include_usage`.
    #[serde(default)]
    counts_streams: bool,
    /// How it goes on with an answer that was begun for it, where that is known.
    #[serde(default)]
    prefill: Prefill,
    /// It has a way of its own to converse as well: `ollama-chat`. Whoever asks in a third language is served by that.
    converses: Option<Wire>,
    /// It wants its thoughts back with the calls they led to (`reasoning_content`).
    #[serde(default)]
    thoughts_back: bool,
    /// It has `top_k`.
    #[serde(default)]
    top_k: bool,
    /// It has `min_p`.
    #[serde(default)]
    min_p: bool,
    /// It holds no answer to a schema.
    #[serde(default)]
    shapeless: bool,
    /// A tool that must be called is refused where its model thinks, which it may do unasked.
    #[serde(default)]
    unforced: bool,
    /// Paths it spells its own way: ours below `/v1`, theirs from the root.
    #[serde(default)]
    endpoints: BTreeMap<String, String>,
}

/// Codes of OpenAI-like vendors which OpenAI does not have.
pub(super) const CODES: &[Code] = &[
    // llama.cpp: ggml-org/llama.cpp#15780.
    ("exceed_context_size_error", FaultClass::ContextLength),
    // Moonshot, "Error codes".
    ("exceeded_current_quota_error", FaultClass::Billing),
    ("engine_overloaded_error", FaultClass::Limited),
    // Model Studio (DashScope), "Error messages".
    ("data_inspection_failed", FaultClass::ContentFilter),
    ("Arrearage", FaultClass::Billing),
    // Mistral, 400: "Invalid model: x".
    ("invalid_model", FaultClass::ModelAway),
];

// The file is part of the binary and read by a test, so it cannot be broken in a build that passed.
static TABLE: LazyLock<Vec<Compatible>> =
    LazyLock::new(|| read(include_str!("compatible.toml")).unwrap_or_default());

fn read(table: &str) -> Result<Vec<Compatible>, toml::de::Error> {
    let table: BTreeMap<String, Compatible> = toml::from_str(table)?;
    Ok(table.into_iter().map(|(name, vendor)| Compatible { name, ..vendor }).collect())
}

/// Every vendor of the table, by name.
pub(super) fn all() -> &'static [Compatible] {
    &TABLE
}

#[cfg(test)]
impl Compatible {
    /// The operations its entry names.
    pub(super) fn named_operations(&self) -> impl Iterator<Item = &str> {
        self.does.iter().flatten().map(String::as_str)
    }
}

impl Vendor for Compatible {
    fn name(&self) -> &str {
        &self.name
    }

    fn home(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn key_variables(&self) -> &[String] {
        &self.keys
    }

    fn local(&self) -> bool {
        self.local
    }

    fn stocks(&self) -> bool {
        self.converses == Some(Wire::OllamaChat)
    }

    fn answers_to(&self, announced: &str, asked: &str) -> bool {
        let Some(tag) = self.tag.as_deref() else { return announced == asked };
        self.bare(announced, tag).eq_ignore_ascii_case(self.bare(asked, tag))
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        let known = match &self.does {
            None => operation.dialect() == Dialect::OpenAi,
            Some(list) => list.iter().any(|name| name == operation.name()),
        };
        known.then(|| operation.dialect())
    }

    fn address(&self, site: &Site, ask: &super::Ask<'_>) -> String {
        if ask.row.operation == Operation::Native {
            // Its own paths stand beside `/v1`.
            let beside = Site { base_path: native_root(site).to_owned(), ..site.clone() };
            return super::plain_address(&beside, ask);
        }
        match self.endpoints.get(ask.rest) {
            Some(theirs) if !site.endpoints.iter().any(|(ours, _)| ours == ask.rest) => theirs.clone(),
            _ => super::plain_address(site, ask),
        }
    }

    fn credential_at(&self, _secret: &Secret) -> Option<CredentialAt> {
        Some(match self.header.as_deref() {
            Some("api-key") => CredentialAt::under("api-key"),
            Some("x-api-key") => CredentialAt::under("x-api-key"),
            _ => CredentialAt::BEARER,
        })
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        self.counts_streams
    }

    fn prefill(&self) -> Prefill {
        self.prefill
    }

    fn wire(&self) -> Option<Wire> {
        self.converses.or_else(|| self.speaks(Operation::Chat).map(|_| Wire::Chat))
    }

    fn conversation(&self, site: &Site, model: &str, _streams: bool) -> String {
        match self.converses {
            Some(_) => format!("{}/api/chat", native_root(site)),
            None => {
                let row = operation::chat();
                self.address(site, &super::Ask { row, rest: row.shape, query: None, model: Some(model) })
            }
        }
    }

    /// Whoever has a way of its own to converse makes vectors in that language, too.
    fn embeds(&self) -> Option<embedding::Place> {
        let place =
            if self.converses.is_some() { embedding::Place::Ollama } else { embedding::Place::OpenAi };
        self.speaks(Operation::Embeddings).map(|_| place)
    }

    fn embedding(&self, site: &Site, model: &str) -> String {
        if self.converses.is_some() {
            return format!("{}/api/embed", native_root(site));
        }
        let row = operation::embeddings();
        self.address(site, &super::Ask { row, rest: row.shape, query: None, model: Some(model) })
    }

    fn habits(&self) -> Habits {
        Habits {
            thoughts_back: self.thoughts_back,
            top_k: self.top_k,
            min_p: self.min_p,
            shapeless: self.shapeless,
            unforced: self.unforced,
            ..Habits::default()
        }
    }
}

/// Where the paths of a server's own way begin: beside `/v1`.
fn native_root(site: &Site) -> &str {
    site.base_path.strip_suffix("/v1").unwrap_or(&site.base_path)
}

impl Compatible {
    /// What is left of a name without blanks, without the places it is taken from anyway, and without the tag it has
    /// anyway, in any case of letters.
    fn bare<'n>(&self, name: &'n str, tag: &str) -> &'n str {
        let at_home = |name: &'n str, home: &String| cut(name, 0..home.len(), home).unwrap_or(name);
        let name = self.homes.iter().fold(name.trim(), at_home);
        let end = name.len();
        let untagged = cut(name, end.saturating_sub(tag.len())..end, tag);
        untagged.and_then(|name| name.strip_suffix(':')).unwrap_or(name)
    }
}

/// A name without the piece at its beginning or end, if that says `word` in any case of letters.
fn cut<'n>(name: &'n str, piece: Range<usize>, word: &str) -> Option<&'n str> {
    let says = name.get(piece.clone())?.eq_ignore_ascii_case(word);
    says.then(|| if piece.start == 0 { &name[piece.end..] } else { &name[..piece.start] })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_new_vendor_is_six_lines_of_data() {
        let lines = r#"[pretend]
url = "https://api.pretend.example/openai/v2"
keys = ["PRETEND_API_KEY"]
header = "api-key"
does = ["chat", "embeddings", "models"]
counts_streams = true"#;
        assert_eq!(lines.lines().count(), 6);
        let vendors = read(lines).unwrap();
        let [vendor] = vendors.as_slice() else { panic!("{} vendors", vendors.len()) };
        assert_eq!((vendor.name(), vendor.local()), ("pretend", false));
        assert_eq!(vendor.home(), Some("https://api.pretend.example/openai/v2"));
        assert_eq!(vendor.key_variables(), from_ref(&"PRETEND_API_KEY".to_owned()));
        let site = Site { base_path: "/openai/v2".to_owned(), ..Site::default() };
        assert_eq!(vendor.conversation(&site, "m", true), "/openai/v2/chat/completions");
        assert_eq!(vendor.embedding(&site, "m"), "/openai/v2/embeddings");
        let mut head = HeaderMap::new();
        vendor.sign(&mut head, &Secret::new("sk-pretend")).unwrap();
        assert_eq!(head["api-key"], "sk-pretend");
        // Whoever speaks another language is answered, too, and what it does not do is not asked of it.
        assert_eq!((vendor.wire(), vendor.counts_streams(&site)), (Some(Wire::Chat), true));
        assert_eq!(vendor.speaks(Operation::Chat), Some(Dialect::OpenAi));
        assert_eq!(vendor.speaks(Operation::Responses), None);
    }
}
