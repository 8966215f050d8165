//! OpenAI itself. Source: platform.openai.com, API reference.

use std::sync::LazyLock;

use super::{Site, Vendor};
use crate::dialect::Dialect;
use crate::operation::Operation;

/// The vendor.
pub(super) static VENDOR: OpenAi = OpenAi;

/// Everything under `/v1`, a bearer key, usage on streams when asked.
pub(super) struct OpenAi;

static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["OPENAI_API_KEY".to_owned()]);

impl Vendor for OpenAi {
    fn name(&self) -> &str {
        "openai"
    }

    fn home(&self) -> Option<&str> {
        Some("https://api.openai.com/v1")
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        (operation.dialect() == Dialect::OpenAi).then_some(Dialect::OpenAi)
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}
