//! How a call ended, in one word: what statistics count under it, and what it says of the provider that was asked.

use protocol::fault::Kind;
use serde::Serialize;
use store::UsageRecord;
use store::usage_record::Outcome;

/// How a call ended. Every call ends in exactly one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The whole answer was handed over, and it was none of an error.
    Answered,
    /// This gateway answered with an error that was not its provider's doing.
    Refused,
    /// The provider answered with a status of 4xx other than 429: mostly the request's own fault.
    ProviderRefused,
    /// The provider answered with 429: too much was asked of it.
    RateLimited,
    /// The provider answered with a status of 5xx.
    ProviderFailed,
    /// The provider refused the key this gateway has for it.
    KeyRefused,
    /// No usable answer came: not reached, not trusted, too slow, malformed, or broken off.
    Transport,
    /// The caller left before the end.
    CallerLeft,
}

/// Codes of errors that say what came, or did not come, from a provider.
const FROM_UPSTREAM: &str = "upstream_";

impl Ending {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Answered,
        Self::Refused,
        Self::ProviderRefused,
        Self::RateLimited,
        Self::ProviderFailed,
        Self::KeyRefused,
        Self::Transport,
        Self::CallerLeft,
    ];

    /// The ending of a finished call.
    pub(crate) fn of(record: &UsageRecord) -> Self {
        let error = record.error.as_deref();
        match record.outcome {
            Outcome::CallerLeft => Self::CallerLeft,
            Outcome::Interrupted => Self::Transport,
            Outcome::Refused if error == Some(Kind::UpstreamAuth.label()) => Self::KeyRefused,
            Outcome::Refused if error == Some(Kind::UpstreamBilling.label()) => Self::KeyRefused,
            // Nobody was asked.
            Outcome::Refused if error == Some(Kind::UpstreamLimits.label()) => Self::Refused,
            Outcome::Refused if error.is_some_and(|code| code.starts_with(FROM_UPSTREAM)) => Self::Transport,
            Outcome::Refused => Self::Refused,
            // In a stream that had been promised, the provider's own status stands in the error.
            Outcome::Answered => {
                Self::of_status(error.and_then(|status| status.parse().ok()).unwrap_or(record.status))
            }
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            429 => Self::RateLimited,
            400..=499 => Self::ProviderRefused,
            500.. => Self::ProviderFailed,
            _ => Self::Answered,
        }
    }

    /// Its word, as it stands in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::ProviderRefused => "provider_refused",
            Self::RateLimited => "rate_limited",
            Self::ProviderFailed => "provider_failed",
            Self::KeyRefused => "key_refused",
            Self::Transport => "transport",
            Self::CallerLeft => "caller_left",
        }
    }

    /// Whether it counts as an error. Leaving is the caller's right.
    pub(crate) fn is_error(self) -> bool {
        !matches!(self, Self::Answered | Self::CallerLeft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Outcome, status: u16, error: Option<&str>) -> Ending {
        Ending::of(&UsageRecord {
            outcome,
            status,
            error: error.map(str::to_owned),
            ..UsageRecord::default()
        })
    }

    #[test]
    fn every_way_to_end_has_its_word() {
        use Outcome::{Answered, CallerLeft, Interrupted, Refused};
        let ways = [
            (Answered, 200, None, Ending::Answered),
            (Answered, 101, None, Ending::Answered),
            (Answered, 404, None, Ending::ProviderRefused),
            (Answered, 429, None, Ending::RateLimited),
            (Answered, 503, None, Ending::ProviderFailed),
            (Answered, 200, Some("429"), Ending::RateLimited),
            (Refused, 404, Some("model_not_found"), Ending::Refused),
            (Refused, 502, Some("upstream_unreachable"), Ending::Transport),
            (Refused, 502, Some("upstream_auth_failed"), Ending::KeyRefused),
            (Interrupted, 200, Some("upstream_stream_interrupted"), Ending::Transport),
            (CallerLeft, 499, None, Ending::CallerLeft),
        ];
        for (outcome, status, error, ending) in ways {
            assert_eq!(ended(outcome, status, error), ending, "{outcome:?} {status} {error:?}");
        }
    }

    #[test]
    fn what_a_provider_did_is_told_from_what_we_did_by_the_code() {
        let theirs = [
            Kind::UpstreamUnreachable,
            Kind::UpstreamTls,
            Kind::UpstreamProtocol,
            Kind::UpstreamInterrupted,
            Kind::UpstreamBadResponse,
            Kind::UpstreamTimeout,
        ];
        for kind in theirs {
            assert_eq!(ended(Outcome::Refused, 502, Some(kind.label())), Ending::Transport, "{kind:?}");
        }
        for kind in [Kind::CallerTooSlow, Kind::AccountingUnavailable, Kind::Internal] {
            assert_eq!(ended(Outcome::Refused, 503, Some(kind.label())), Ending::Refused, "{kind:?}");
        }
    }
}
