//! What vendors call their faults, by code: those of the languages that other vendors' servers speak as well.
//!
//! Only codes that say more than their status does stand here. Codes of one vendor alone are in its own file.

use crate::verdict::{Code, Codes, FaultClass};

use super::{azure, compatible, openai, wordings};

/// Every code we know: gateways and servers of one's own pass on the words of whoever stands behind them.
pub(super) const ALL: Codes = Codes {
    words: &[openai::CODES, azure::CODES, compatible::CODES, ANTHROPIC, GEMINI],
    wordings: wordings::ALL,
};

/// Anthropic-shaped errors: `error.type`. Source: Anthropic API reference, "Errors"; `billing_error` from its libraries.
pub(super) const ANTHROPIC: &[Code] = &[
    ("authentication_error", FaultClass::Auth),
    ("permission_error", FaultClass::Auth),
    ("billing_error", FaultClass::Billing),
    ("rate_limit_error", FaultClass::Limited),
    ("overloaded_error", FaultClass::Limited),
    ("request_too_large", FaultClass::Request),
    ("timeout_error", FaultClass::Server),
];

/// Gemini-shaped errors: `error.status` and the `reason` of its details. Sources: `google/rpc/code.proto` and
/// `google/api/error_reason.proto` of googleapis; Gemini API, "Troubleshooting guide".
pub(super) const GEMINI: &[Code] = &[
    ("API_KEY_INVALID", FaultClass::Auth),
    ("API_KEY_SERVICE_BLOCKED", FaultClass::Auth),
    ("SERVICE_DISABLED", FaultClass::Auth),
    ("BILLING_DISABLED", FaultClass::Billing),
    ("UNAUTHENTICATED", FaultClass::Auth),
    ("PERMISSION_DENIED", FaultClass::Auth),
    ("RESOURCE_EXHAUSTED", FaultClass::Limited),
    ("UNAVAILABLE", FaultClass::Server),
    ("DEADLINE_EXCEEDED", FaultClass::Server),
];
