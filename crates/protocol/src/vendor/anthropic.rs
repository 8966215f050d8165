//! Anthropic. Source: docs.anthropic.com, "API overview", "Errors", "Versioning"; the Python library 2.11.0, November 2026.

use std::sync::LazyLock;

use super::{CredentialAt, Site, Vendor};
use crate::dialect::{Dialect, Wire};
use crate::frame::said::Prefill;
use crate::operation::Operation;
use crate::secret::Secret;

/// The vendor.
pub(super) static VENDOR: Anthropic = Anthropic;

/// Messages, batches of them, and the list of models.
pub(super) struct Anthropic;

static KEYS: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["ANTHROPIC_API_KEY".to_owned(), "ANTHROPIC_AUTH_TOKEN".to_owned()]);

/// How a key begins that a person logged in for; it goes where other services have theirs.
const LOGGED_IN: &str = "sk-ant-oat";

impl Vendor for Anthropic {
    fn name(&self) -> &str {
        "anthropic"
    }

    fn home(&self) -> Option<&str> {
        Some("https://api.anthropic.com/v1")
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        let known = matches!(operation, Operation::Messages | Operation::MessageBatches | Operation::Models);
        known.then_some(Dialect::Anthropic)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Messages)
    }

    fn conversation(&self, site: &Site, _model: &str, _streams: bool) -> String {
        format!("{}/messages", site.base_path)
    }

    fn usual_headers(&self) -> &[(&'static str, &'static str)] {
        &[("anthropic-version", "2023-06-01")]
    }

    fn credential_at(&self, secret: &Secret) -> Option<CredentialAt> {
        let logged_in = secret.expose().starts_with(LOGGED_IN);
        Some(if logged_in { CredentialAt::BEARER } else { CredentialAt::under("x-api-key") })
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }

    /// "Prefill Claude's response": newer models refuse it, which is learnt.
    fn prefill(&self) -> Prefill {
        Prefill::Message
    }
}
