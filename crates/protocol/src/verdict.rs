//! What an upstream's answer means for us: success, its caller's fault, or its own.

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// The kinds of fault that lead to different behaviour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultClass {
    /// Our credential was refused (401, 403).
    Auth,
    /// A rate or quota was reached (429).
    Limited,
    /// The request itself is at fault (other 4xx): no other place would answer it differently.
    Request,
    /// The upstream failed (5xx).
    Server,
}

impl FaultClass {
    /// The label used in metrics and records.
    pub fn label(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Limited => "limited",
            Self::Request => "request",
            Self::Server => "server",
        }
    }
}

/// A fault as the upstream told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpstreamFault {
    /// What follows from it.
    pub class: FaultClass,
    /// How long the upstream asked to wait, if it said so in seconds.
    pub wait: Option<Duration>,
}

impl UpstreamFault {
    /// The reading by status alone, which every vendor shares.
    pub fn by_status(status: StatusCode, head: &HeaderMap) -> Self {
        let class = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FaultClass::Auth,
            StatusCode::TOO_MANY_REQUESTS => FaultClass::Limited,
            status if status.is_client_error() => FaultClass::Request,
            _ => FaultClass::Server,
        };
        let seconds = head.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { class, wait: seconds.map(Duration::from_secs) }
    }
}
