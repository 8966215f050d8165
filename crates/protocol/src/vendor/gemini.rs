//! Google's Gemini. Source: ai.google.dev, "API reference"; `gemini-v1beta-openapi.json`.

use std::sync::LazyLock;

use super::{Ask, CredentialAt, Site, Vendor, encode, without};
use crate::dialect::{Dialect, Wire, embedding};
use crate::operation::Operation;
use crate::secret::Secret;

/// The vendor.
pub(super) static VENDOR: Gemini = Gemini;

/// Everything under `/v1beta`.
pub(super) struct Gemini;

static KEYS: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["GEMINI_API_KEY".to_owned(), "GOOGLE_API_KEY".to_owned()]);

impl Vendor for Gemini {
    fn name(&self) -> &str {
        "gemini"
    }

    fn home(&self) -> Option<&str> {
        Some("https://generativelanguage.googleapis.com/v1beta")
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        matches!(operation, Operation::Generate | Operation::Models).then_some(Dialect::Gemini)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Gemini)
    }

    fn conversation(&self, site: &Site, model: &str, streams: bool) -> String {
        let model = encode(model.strip_prefix("models/").unwrap_or(model));
        let verb = if streams { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("{}/models/{model}:{verb}", site.base_path)
    }

    fn embeds(&self) -> Option<embedding::Place> {
        Some(embedding::Place::Gemini)
    }

    fn embedding(&self, site: &Site, model: &str) -> String {
        let model = encode(model.strip_prefix("models/").unwrap_or(model));
        format!("{}/models/{model}:batchEmbedContents", site.base_path)
    }

    /// A caller's path has the version in it; the key it may have put into its query is not the one that is shown.
    fn address(&self, site: &Site, ask: &Ask<'_>) -> String {
        let rest = ask.rest.strip_prefix("/v1beta").unwrap_or(ask.rest);
        let query = ask.query.and_then(|query| without(query, &["key"]));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{rest}{query}", site.base_path)
    }

    fn credential_at(&self, _secret: &Secret) -> Option<CredentialAt> {
        Some(CredentialAt::under("x-goog-api-key"))
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}
