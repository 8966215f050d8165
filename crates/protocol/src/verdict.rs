//! What an upstream's answer means for us: success, its caller's fault, or its own.

use http::StatusCode;

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

/// A fault as the upstream told it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpstreamFault {
    /// What follows from it.
    pub class: FaultClass,
}

impl UpstreamFault {
    /// The reading by status alone, which every vendor shares.
    pub fn by_status(status: StatusCode) -> Self {
        let class = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FaultClass::Auth,
            StatusCode::TOO_MANY_REQUESTS => FaultClass::Limited,
            status if status.is_client_error() => FaultClass::Request,
            _ => FaultClass::Server,
        };
        Self { class }
    }
}
