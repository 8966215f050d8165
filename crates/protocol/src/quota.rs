//! What an upstream says is left of its limits for our account, to correct our own count of them.
//!
//! Sources: OpenAI, "Rate limits" (`x-ratelimit-remaining-requests`, resets as `6m0s`); Anthropic, "Rate limits"
//! (`anthropic-ratelimit-requests-remaining`, resets in RFC 3339); recorded answers of both, of Groq and of Azure.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

use crate::dialect::headers::LIMITS;
use crate::moment;

/// What is left of an account's limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Left {
    /// Requests that may still be made in the current window.
    pub requests: Option<u64>,
    /// Tokens that may still be used in the current window; of several limits on tokens the tightest.
    pub tokens: Option<u64>,
    /// How many requests a window has.
    pub requests_limit: Option<u64>,
    /// How many tokens a window has, of the limit `tokens` is about.
    pub tokens_limit: Option<u64>,
    /// When the requests are whole again, from the moment the answer was sent.
    pub requests_reset: Option<Duration>,
    /// When the tokens are whole again, from the moment the answer was sent.
    pub tokens_reset: Option<Duration>,
}

/// Reads an answer's head; `None` when it tells nothing. Points in time are compared with the answer's own `date`, so that
/// no clock but the upstream's has to be right.
pub fn read(head: &HeaderMap) -> Option<Left> {
    let sent = || head.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let mut left = Left::default();
    for row in rows(head, &sent) {
        if row.name == "requests" {
            (left.requests, left.requests_limit, left.requests_reset) = (row.left, row.limit, row.reset);
        } else if row.name.ends_with("tokens") && row.is_tighter_than(left.tokens) {
            (left.tokens, left.tokens_limit, left.tokens_reset) = (row.left, row.limit, row.reset);
        }
    }
    (left != Left::default()).then_some(left)
}

/// How long it is until every limit that is used up lets something through again; `None` when none is.
pub(crate) fn wait(head: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let used_up = rows(head, &|| Some(now)).into_iter().filter(|row| row.left == Some(0));
    used_up.filter_map(|row| row.reset).max()
}

/// One limit, as its headers tell it.
#[derive(Default)]
struct Row<'h> {
    name: &'h str,
    limit: Option<u64>,
    left: Option<u64>,
    reset: Option<Duration>,
}

impl Row<'_> {
    fn is_tighter_than(&self, left: Option<u64>) -> bool {
        left.is_none_or(|left| self.left.is_some_and(|mine| mine < left))
    }
}

/// Every limit the head speaks of: `x-ratelimit-<what>-<limit>`, or the other way round.
fn rows<'h>(head: &'h HeaderMap, now: &dyn Fn() -> Option<SystemTime>) -> Vec<Row<'h>> {
    let mut rows: Vec<Row<'h>> = Vec::new();
    for (header, value) in head {
        let Some(rest) = LIMITS.iter().find_map(|begin| header.as_str().strip_prefix(begin)) else {
            continue;
        };
        let (Some((what, name)), Ok(value)) = (parts(rest), value.to_str()) else { continue };
        let place = rows.iter().position(|row| row.name == name);
        let place = place.unwrap_or_else(|| {
            rows.push(Row { name, ..Row::default() });
            rows.len() - 1
        });
        let Some(row) = rows.get_mut(place) else { continue };
        match what {
            What::Limit => row.limit = value.trim().parse().ok(),
            What::Left => row.left = value.trim().parse().ok(),
            What::Reset => row.reset = moment::reset(value, now),
        }
    }
    rows
}

/// What one header tells of a limit.
#[derive(Clone, Copy)]
enum What {
    Limit,
    Left,
    Reset,
}

/// What a header tells, and of which limit. A limit without a name has an empty one.
fn parts(rest: &str) -> Option<(What, &str)> {
    let words = [("limit", What::Limit), ("remaining", What::Left), ("reset", What::Reset)];
    words.into_iter().find_map(|(word, what)| {
        let front = rest.strip_prefix(word).filter(|name| name.is_empty() || name.starts_with('-'));
        let front = front.map(|name| name.trim_start_matches('-'));
        let name = front.or_else(|| rest.strip_suffix(word)?.strip_suffix('-'))?;
        Some((what, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_first_vendors_headers_are_read() {
        // As recorded of Groq.
        let left = read(&head(&[
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-requests", "14397"),
            ("x-ratelimit-remaining-tokens", "29987"),
            ("x-ratelimit-reset-requests", "17.379s"),
            ("x-ratelimit-reset-tokens", "26ms"),
        ]))
        .unwrap();
        assert_eq!((left.requests, left.requests_limit), (Some(14397), Some(14400)));
        assert_eq!((left.tokens, left.tokens_limit), (Some(29987), Some(30000)));
        assert_eq!(left.requests_reset, Some(Duration::from_millis(17_379)));
        assert_eq!(left.tokens_reset, Some(Duration::from_millis(26)));
    }

    #[test]
    fn of_several_limits_on_tokens_the_tightest_counts_and_its_reset_is_by_the_answers_own_clock() {
        let left = read(&head(&[
            ("date", "Sat, 15 Mar 2025 12:54:11 GMT"),
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2025-03-15T12:54:41Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "200000"),
            ("anthropic-ratelimit-output-tokens-limit", "80000"),
            ("anthropic-ratelimit-output-tokens-remaining", "59000"),
            ("anthropic-ratelimit-output-tokens-reset", "2025-03-15T12:54:38Z"),
        ]))
        .unwrap();
        assert_eq!((left.requests, left.requests_reset), (Some(49), Some(Duration::from_secs(30))));
        assert_eq!((left.tokens, left.tokens_limit), (Some(59_000), Some(80_000)));
        assert_eq!(left.tokens_reset, Some(Duration::from_secs(27)));
    }

    #[test]
    fn what_is_no_number_is_not_known_and_a_head_without_limits_tells_nothing() {
        assert_eq!(read(&head(&[("content-type", "text/plain")])), None);
        assert_eq!(read(&head(&[("x-ratelimit-remaining-requests", "-1")])), None);
        assert_eq!(read(&head(&[("x-ratelimit-abusepenalty-active", "False")])), None);
        let left = read(&head(&[
            ("x-ratelimit-remaining-tokens", "many"),
            ("x-ratelimit-limit-tokens", "100"),
            ("anthropic-ratelimit-requests-reset", "2025-03-15T12:54:41Z"),
        ]))
        .unwrap();
        assert_eq!((left.tokens, left.tokens_limit, left.requests_reset), (None, Some(100), None));
    }
}
