//! Passive health: what the calls themselves tell of a provider. Nobody is asked for it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::observe::Ending;

/// So many failures in a row are no accident.
const MANY: u64 = 3;
/// What was seen longer ago says nothing of now.
const STALE: Duration = Duration::from_mins(15);

/// A provider's health in a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthWord {
    /// It has answered within the last 15 minutes, and neither of the reasons below holds.
    Healthy,
    /// Its last three attempts or more failed, or it refused our key the last time, or it has only ever failed.
    Degraded,
    /// Nothing was learnt of it within the last 15 minutes.
    Unknown,
}

/// What is known of a provider.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Health {
    pub(super) failures_in_a_row: u64,
    pub(super) last_success: Option<Instant>,
    pub(super) last_failure: Option<(Instant, Ending)>,
}

/// What an ending says of the provider; `None`: nothing.
fn is_failure(ending: Ending) -> Option<bool> {
    match ending {
        // It was there and knew what to say.
        Ending::Answered | Ending::ProviderRefused => Some(false),
        Ending::RateLimited | Ending::ProviderFailed | Ending::KeyRefused | Ending::Transport => Some(true),
        Ending::Refused | Ending::CallerLeft => None,
    }
}

impl Health {
    /// Learns how a call ended.
    pub(super) fn learn(&mut self, ending: Ending, now: Instant) {
        match is_failure(ending) {
            Some(true) => {
                self.failures_in_a_row += 1;
                self.last_failure = Some((now, ending));
            }
            Some(false) => {
                self.failures_in_a_row = 0;
                self.last_success = Some(now);
            }
            None => {}
        }
    }

    /// In a word.
    pub(super) fn word(&self, now: Instant) -> HealthWord {
        let last = self.last_success.max(self.last_failure.map(|(at, _)| at));
        if last.is_none_or(|last| now.saturating_duration_since(last) > STALE) {
            return HealthWord::Unknown;
        }
        let key_refused = matches!(self.last_failure, Some((_, Ending::KeyRefused)));
        match self.failures_in_a_row {
            0 => HealthWord::Healthy,
            MANY.. => HealthWord::Degraded,
            _ if key_refused || self.last_success.is_none() => HealthWord::Degraded,
            _ => HealthWord::Healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The word after these endings, a second apart, some minutes later.
    fn word(endings: &[Ending], minutes_later: u64) -> HealthWord {
        let (mut health, mut now) = (Health::default(), Instant::now());
        for ending in endings {
            now += Duration::from_secs(1);
            health.learn(*ending, now);
        }
        health.word(now + Duration::from_mins(minutes_later))
    }

    #[test]
    fn the_word_follows_the_rule() {
        use Ending::{
            Answered, CallerLeft, KeyRefused, ProviderFailed, ProviderRefused, RateLimited, Refused,
            Transport,
        };
        assert_eq!(word(&[], 0), HealthWord::Unknown);
        assert_eq!(word(&[Refused, CallerLeft], 0), HealthWord::Unknown, "they say nothing of it");
        assert_eq!(word(&[Answered], 0), HealthWord::Healthy);
        assert_eq!(word(&[ProviderRefused], 0), HealthWord::Healthy, "it was there and said no");
        assert_eq!(word(&[Transport], 0), HealthWord::Degraded, "it has never answered");
        assert_eq!(word(&[Answered, Transport, RateLimited], 0), HealthWord::Healthy);
        assert_eq!(word(&[Answered, Transport, RateLimited, ProviderFailed], 0), HealthWord::Degraded);
        assert_eq!(word(&[Answered, Transport, CallerLeft, Transport, Transport], 0), HealthWord::Degraded);
        assert_eq!(word(&[Transport, Transport, Transport, Answered], 0), HealthWord::Healthy);
        assert_eq!(word(&[Answered, KeyRefused], 0), HealthWord::Degraded);
        assert_eq!(word(&[Answered, KeyRefused, Answered, Transport], 0), HealthWord::Healthy);
        assert_eq!(word(&[Answered], 16), HealthWord::Unknown);
        assert_eq!(word(&[Transport, Transport, Transport], 16), HealthWord::Unknown);
    }
}
