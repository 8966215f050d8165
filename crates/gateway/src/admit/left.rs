//! What is left of the limits of a call, and the headers that say so, as OpenAI writes them.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use http::header::{HeaderMap, HeaderName};
use protocol::dialect::headers::LIMITS;

use crate::{decimal, value};

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

    /// Writes it into the head of an answer, in place of what a provider says of its own limits: never are both mixed. `room` is
    /// where its words are written.
    pub(crate) fn write(&self, head: &mut HeaderMap, room: &mut BytesMut) {
        if self.requests.is_none() && self.tokens.is_none() {
            return;
        }
        let theirs = |name: &&HeaderName| LIMITS.iter().any(|begin| name.as_str().starts_with(begin));
        let theirs: Vec<HeaderName> = head.keys().filter(theirs).cloned().collect();
        for name in theirs {
            head.remove(name);
        }
        if let Some(left) = &self.requests {
            left.write(head, room, &OF_REQUESTS);
        }
        if let Some(left) = &self.tokens {
            left.write(head, room, &OF_TOKENS);
        }
    }
}

impl LeftOf {
    fn write(&self, head: &mut HeaderMap, room: &mut BytesMut, [limit, remaining, reset]: &[HeaderName; 3]) {
        decimal::write(room, self.limit);
        value::put(head, limit, room);
        decimal::write(room, self.remaining);
        value::put(head, remaining, room);
        spell(room, self.reset);
        value::put(head, reset, room);
    }
}

/// A duration as OpenAI writes it: `12ms`, `17.4s`, `6m0s`. Rounded up, so that whoever waits that long does not come too early.
fn spell(text: &mut BytesMut, time: Duration) {
    let millis = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    if millis < 1000 {
        decimal::write(text, millis);
        return text.extend_from_slice(b"ms");
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    if hours > 0 {
        decimal::write(text, hours);
        text.put_u8(b'h');
    }
    if hours > 0 || minutes > 0 {
        decimal::write(text, minutes);
        text.put_u8(b'm');
    }
    decimal::write_thousandths(text, millis % 60_000);
    let zeros = text.iter().rev().take_while(|digit| **digit == b'0').count();
    text.truncate(text.len() - if zeros == 3 { 4 } else { zeros });
    text.put_u8(b's');
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
            let mut spelled = BytesMut::new();
            spell(&mut spelled, Duration::from_millis(millis));
            assert_eq!(spelled, text.as_bytes());
        }
    }
}
