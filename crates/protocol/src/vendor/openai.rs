//! OpenAI itself. Source: platform.openai.com, API reference.

use std::sync::LazyLock;

use super::{Site, Vendor};
use crate::codec::Habits;
use crate::dialect::Dialect;
use crate::frame::said::Prefill;
use crate::operation::Operation;
use crate::verdict::{Code, FaultClass};

/// The vendor.
pub(super) static VENDOR: OpenAi = OpenAi;

/// Everything under `/v1`, a bearer key, usage on streams when asked.
pub(super) struct OpenAi;

/// Its codes. Sources: OpenAI API reference, "Error codes"; the official description 2.3.0 (`ResponseErrorCode`, image errors).
pub(super) const CODES: &[Code] = &[
    ("context_length_exceeded", FaultClass::ContextLength),
    ("content_policy_violation", FaultClass::ContentFilter),
    ("moderation_blocked", FaultClass::ContentFilter),
    ("insufficient_quota", FaultClass::Billing),
    ("billing_hard_limit_reached", FaultClass::Billing),
    ("billing_not_active", FaultClass::Billing),
    ("account_deactivated", FaultClass::Auth),
    ("invalid_api_key", FaultClass::Auth),
    ("rate_limit_exceeded", FaultClass::Limited),
    // Also 400 and, where a project may not use the model, 403.
    ("model_not_found", FaultClass::ModelAway),
];

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

    fn habits(&self) -> Habits {
        Habits { own: true, ..Habits::default() }
    }

    /// A last message of the assistant's is one it has said, and it says another.
    fn prefill(&self) -> Prefill {
        Prefill::Never
    }
}
