//! What is left of the limits of a call, and the headers that say so, as OpenAI writes them.

use std::fmt::Write as _;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use protocol::dialect::headers::LIMITS;

/// Their names: what fits, what is free, when all of it is.
static OF_REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
static OF_TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// What is left; none: it is not limited.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Left {
    pub(super) requests: Option<LeftOf>,
    pub(super) tokens: Option<LeftOf>,
}

/// What is left of one limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LeftOf {
    /// So much fits into its time.
    pub(super) limit: u64,
    /// So much of it is free.
    pub(super) remaining: u64,
    /// Until all of it is, if nothing else comes.
    pub(super) reset: Duration,
}

impl Left {
    /// Of each measure the limit with less room.
    pub(super) fn tighter(self, other: Self) -> Self {
        let less = |a: Option<LeftOf>, b: Option<LeftOf>| {
            [a, b].into_iter().flatten().min_by_key(|left| left.remaining)
        };
        Self { requests: less(self.requests, other.requests), tokens: less(self.tokens, other.tokens) }
    }

    /// Writes it into the head of an answer, in place of what a provider says of its own limits: never are both mixed.
    pub(crate) fn write(&self, head: &mut HeaderMap) {
        if self.requests.is_none() && self.tokens.is_none() {
            return;
        }
        let theirs = |name: &&HeaderName| LIMITS.iter().any(|begin| name.as_str().starts_with(begin));
        let theirs: Vec<HeaderName> = head.keys().filter(theirs).cloned().collect();
        for name in theirs {
            head.remove(name);
        }
        if let Some(left) = &self.requests {
            left.write(head, &OF_REQUESTS);
        }
        if let Some(left) = &self.tokens {
            left.write(head, &OF_TOKENS);
        }
    }
}

impl LeftOf {
    fn write(&self, head: &mut HeaderMap, [limit, remaining, reset]: &[HeaderName; 3]) {
        head.insert(limit, HeaderValue::from(self.limit));
        head.insert(remaining, HeaderValue::from(self.remaining));
        if let Ok(text) = HeaderValue::try_from(spelled(self.reset)) {
            head.insert(reset, text);
        }
    }
}

/// A duration as OpenAI writes it: `12ms`, `17.4s`, `6m0s`. Rounded up, so that whoever waits that long does not come too early.
fn spelled(time: Duration) -> String {
    let millis = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    let mut text = String::with_capacity(12);
    if millis < 1000 {
        let _ = write!(text, "{millis}ms");
        return text;
    }
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}");
    if millis > 0 {
        let fraction = format!(".{millis:03}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_written_as_openai_writes_it() {
        for (millis, text) in [
            (0, "0ms"),
            (12, "12ms"),
            (17_400, "17.4s"),
            (360_000, "6m0s"),
            (3_600_001, "1h0m0.001s"),
            (1000, "1s"),
        ] {
            assert_eq!(spelled(Duration::from_millis(millis)), text);
        }
    }
}
