//! What goes wrong on the way to an upstream, and what of it the caller hears.
//!
//! The caller learns which provider failed and how, never a host name, an address or a certificate's text: those are in
//! the log.

use std::io;

use protocol::fault::Kind;
use protocol::verdict::FaultClass;

use crate::error::{ApiError, BoxError, chain};

/// Why an upstream gave no usable answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Its name does not resolve, it refuses, or its network is away.
    Unreachable(BoxError),
    /// Its name leads to an address we do not connect to (T-51).
    Denied(std::net::IpAddr),
    /// TLS failed.
    Tls(BoxError),
    /// The way out failed: our outbound proxy.
    Proxy(String),
    /// No connection in time.
    ConnectTimeout,
    /// No head in time.
    FirstByteTimeout,
    /// Silence in the middle.
    GapTimeout,
    /// The whole call took too long.
    TotalTimeout,
    /// It broke HTTP's rules.
    Protocol(BoxError),
    /// The connection broke.
    Cut(BoxError),
    /// The model did not write what it was asked for.
    Unfit(BoxError),
}

impl Trouble {
    /// The trouble behind an error of a connection.
    pub(crate) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Protocol(error.into()),
            _ => Self::Cut(error.into()),
        }
    }

    /// The cause in one line, for the log.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause)
            | Self::Tls(cause)
            | Self::Protocol(cause)
            | Self::Cut(cause)
            | Self::Unfit(cause) => chain(cause.as_ref()),
            Self::Denied(address) => format!("address {address} is not allowed"),
            Self::Proxy(why) => why.clone(),
            Self::ConnectTimeout => "no connection in time".to_owned(),
            Self::FirstByteTimeout => "no head in time".to_owned(),
            Self::GapTimeout => "silence in the middle".to_owned(),
            Self::TotalTimeout => "the whole call took too long".to_owned(),
        }
    }

    /// The kind of error answer it becomes.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Unreachable(_) | Self::Denied(_) | Self::Proxy(_) => Kind::UpstreamUnreachable,
            Self::Tls(_) => Kind::UpstreamTls,
            Self::ConnectTimeout | Self::FirstByteTimeout | Self::GapTimeout | Self::TotalTimeout => {
                Kind::UpstreamTimeout
            }
            Self::Protocol(_) => Kind::UpstreamProtocol,
            Self::Unfit(_) => Kind::UpstreamBadResponse,
            Self::Cut(_) => Kind::UpstreamInterrupted,
        }
    }

    /// What the caller reads.
    pub(crate) fn say(&self, provider: &str) -> String {
        match self {
            Self::Unreachable(_) => {
                format!("`{provider}` cannot be reached. Is it running? The gateway's log has the cause.")
            }
            Self::Denied(_) => format!(
                "`{provider}` leads to a private address and was not connected to. Set allow_private if that is meant."
            ),
            Self::Proxy(_) => format!(
                "`{provider}` cannot be reached through the outbound proxy. The gateway's log has the cause."
            ),
            Self::Tls(_) => format!(
                "`{provider}` offers no certificate that can be trusted. The gateway's log has the cause."
            ),
            Self::ConnectTimeout => format!("`{provider}` did not accept a connection in time."),
            Self::FirstByteTimeout => format!("`{provider}` did not begin to answer in time."),
            Self::GapTimeout => format!("`{provider}` stopped in the middle of its answer."),
            Self::TotalTimeout => format!("`{provider}` took longer than a call may take."),
            Self::Unfit(_) => format!("`{provider}` gave an answer in which there is nothing usable."),
            Self::Protocol(_) => format!("`{provider}` answered with malformed HTTP."),
            Self::Cut(_) => format!("`{provider}` broke off the connection before its answer was complete."),
        }
    }

    /// The error answer for the caller, the cause kept for the log.
    pub(crate) fn into_error(self, provider: &str) -> ApiError {
        ApiError::new(self.kind(), self.say(provider)).because(self.cause())
    }
}

/// Our own credential refused is ours to mend, never the caller's 401.
pub(super) fn key_refused(provider: &str, class: FaultClass) -> ApiError {
    let (kind, why, cure) = match class {
        FaultClass::Billing => (
            Kind::UpstreamBilling,
            "says that the account of this gateway's key has nothing left",
            "fill it, or set another key",
        ),
        _ => (Kind::UpstreamAuth, "refused the key this gateway has for it", "set a working one"),
    };
    ApiError::new(kind, format!("`{provider}` {why}. Its operator has to {cure}."))
}
