//! Cohere. Source: docs.cohere.com, "API reference", version 2.

use std::sync::LazyLock;

use super::{Ask, Site, Vendor, plain_address};
use crate::dialect::{Dialect, Wire, embedding, rerank};
use crate::operation::Operation;

/// The vendor.
pub(super) static VENDOR: Cohere = Cohere;

/// Conversations, vectors and orders of `/v2`.
pub(super) struct Cohere;

static KEYS: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["COHERE_API_KEY".to_owned(), "CO_API_KEY".to_owned()]);

impl Vendor for Cohere {
    fn name(&self) -> &str {
        "cohere"
    }

    fn home(&self) -> Option<&str> {
        Some("https://api.cohere.com/v2")
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        matches!(operation, Operation::ChatV2 | Operation::EmbedV2 | Operation::RerankV2)
            .then_some(Dialect::Cohere)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Cohere)
    }

    fn conversation(&self, site: &Site, _model: &str, _streams: bool) -> String {
        format!("{}/chat", site.base_path)
    }

    fn embeds(&self) -> Option<embedding::Place> {
        Some(embedding::Place::Cohere)
    }

    fn embedding(&self, site: &Site, _model: &str) -> String {
        format!("{}/embed", site.base_path)
    }

    fn ranks(&self) -> Option<rerank::Place> {
        Some(rerank::Place::Cohere)
    }

    fn ranking(&self, site: &Site, _model: &str) -> String {
        format!("{}/rerank", site.base_path)
    }

    /// A caller's path has the version in it.
    fn address(&self, site: &Site, ask: &Ask<'_>) -> String {
        let rest = ask.rest.strip_prefix("/v2").unwrap_or(ask.rest);
        plain_address(site, &Ask { rest, ..*ask })
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}
