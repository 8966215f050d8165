//! Who is told when something is wrong, and what.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use protocol::secret::Secret;

use super::provider::Origin;
use super::routing::Share;

/// Telling people.
#[derive(Clone, PartialEq, Debug)]
pub struct Alerts {
    /// What is told.
    pub on: Vec<Occasion>,
    /// When errors are many.
    pub error_rate: ErrorRate,
    /// When the same is told again, as long as it is so.
    pub repeat: Duration,
    /// Who is told. Nobody: nothing is.
    pub to: Vec<Hook>,
}

/// Something people are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Occasion {
    /// A provider takes no calls, and nobody has said by hand that it shall not.
    ProviderDown,
    /// It takes calls again.
    ProviderRecovered,
    /// More calls end with an error than may.
    ErrorRate,
    /// A key of a provider was put aside: it was refused, or its account has nothing left.
    KeyParked,
}

impl Occasion {
    /// The words for them.
    pub const ALL: [(&str, Self); 4] = [
        ("provider_down", Self::ProviderDown),
        ("provider_recovered", Self::ProviderRecovered),
        ("error_rate", Self::ErrorRate),
        ("key_parked", Self::KeyParked),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// When errors are many.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ErrorRate {
    /// The share of calls that may end with an error.
    pub above: Share,
    /// Over how long.
    pub during: Duration,
}

/// A place messages are sent to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// How it is spoken to.
    pub service: Service,
    /// Where it is.
    pub origin: Arc<Origin>,
    /// Path and query; whoever knows them may use the hook.
    pub path: Secret,
    /// What messages are signed with.
    pub sign: Option<Secret>,
}

/// How a hook is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// Feishu, or Lark: a bot of a group.
    Feishu,
    /// Slack, and what takes its messages.
    Slack,
    /// A program of one's own.
    Webhook,
}

impl Hook {
    /// What shows a hook that a message is ours (HMAC-SHA256), as its service wants it; none: nobody wrote a secret. `at`: seconds
    /// since 1970, as the message says it.
    pub fn signature(&self, at: u64, body: &[u8]) -> Option<Vec<u8>> {
        let secret = self.sign.as_ref()?.expose();
        let (key, message) = match self.service {
            // Feishu signs nothing with the moment and the secret together.
            Service::Feishu => (format!("{at}\n{secret}"), Vec::new()),
            Service::Slack | Service::Webhook => {
                (secret.to_owned(), [format!("{at}.").as_bytes(), body].concat())
            }
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        Some(hmac::sign(&key, &message).as_ref().to_vec())
    }
}

impl Service {
    /// The word for it, under `alerts.to`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Feishu => "feishu",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }
}

impl Default for Alerts {
    /// All of it to nobody; every 5 minutes; a twentieth of the calls of 5 minutes.
    fn default() -> Self {
        Self {
            on: Occasion::ALL.map(|(_, occasion)| occasion).to_vec(),
            error_rate: ErrorRate { above: Share(0.05), during: Duration::from_mins(5) },
            repeat: Duration::from_mins(5),
            to: Vec::new(),
        }
    }
}
