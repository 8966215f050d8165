//! How long an upstream asks us to wait before it is asked again.
//!
//! Sources: RFC 9110, 10.2.3 (`retry-after`); `retry-after-ms` (Azure, and read by OpenAI's and Anthropic's own libraries); the
//! headers of limits (`quota.rs`); `google/rpc/error_details.proto` (`RetryInfo`, "34s"); the sentences of Azure ("Please retry after 45
//! seconds", icereed/paperless-gpt#814), OpenAI and Groq ("Please try again in 7m12.5s").

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName};
use memchr::memmem;

use crate::{moment, quota};

/// Milliseconds, where somebody wants to be exact.
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// The wait it names, from the most exact place that names one. What is absurd (negative, endless, longer than a day) names
/// none; a point in time that is past names no wait at all, which is zero.
pub fn read(head: &HeaderMap, body: &[u8], now: SystemTime) -> Option<Duration> {
    let text = |name: &HeaderName| head.get(name)?.to_str().ok();
    let millis = || moment::number(text(&RETRY_AFTER_MS)?, Duration::from_millis(1));
    let seconds = || after(text(&RETRY_AFTER)?, now);
    millis().or_else(seconds).or_else(|| quota::wait(head, now)).or_else(|| in_body(body))
}

/// `retry-after`: seconds, or a date.
fn after(written: &str, now: SystemTime) -> Option<Duration> {
    let seconds = moment::number(written, Duration::from_secs(1));
    seconds.or_else(|| moment::until(httpdate::parse_http_date(written.trim()).ok()?, now))
}

/// What the body says.
fn in_body(body: &[u8]) -> Option<Duration> {
    delay(body).or_else(|| sentence(body))
}

/// `"retryDelay": "34s"`.
fn delay(body: &[u8]) -> Option<Duration> {
    let value = behind(body, b"\"retryDelay\"")?.trim_ascii_start().strip_prefix(b":")?;
    let value = value.trim_ascii_start().strip_prefix(b"\"")?;
    moment::span(word(value, |b| b != b'"'))
}

/// "retry after 45 seconds", "try again in 7m12.5s".
fn sentence(body: &[u8]) -> Option<Duration> {
    let written = |b: u8| b.is_ascii_digit() || b == b'.';
    if let Some(rest) = behind(body, b"retry after ") {
        let number = word(rest, written).trim_end_matches('.');
        let unit = rest.get(number.len()..)?.trim_ascii_start();
        let unit = if unit.starts_with(b"milli") { Duration::from_millis(1) } else { Duration::from_secs(1) };
        return moment::number(number, unit);
    }
    let rest = behind(body, b"try again in ")?;
    let span = word(rest, |b| written(b) || b.is_ascii_lowercase()).trim_end_matches('.');
    let spoken = || moment::number(span, spoken_unit(rest.get(span.len()..)?)?);
    moment::span(span).or_else(spoken)
}

/// The unit of a number that stands before it as a word of its own.
fn spoken_unit(rest: &[u8]) -> Option<Duration> {
    let units: [(&[u8], u64); 4] =
        [(b"milli", 1), (b"second", 1000), (b"minute", 60_000), (b"hour", 3_600_000)];
    let unit = units.iter().find(|(word, _)| rest.trim_ascii_start().starts_with(word));
    unit.map(|(_, millis)| Duration::from_millis(*millis))
}

/// What follows the first of these words.
fn behind<'b>(body: &'b [u8], words: &[u8]) -> Option<&'b [u8]> {
    let at = memmem::find(body, words)?;
    body.get(at + words.len()..)
}

/// The bytes of that kind which a text begins with, at most 40.
fn word(text: &[u8], kind: impl Fn(u8) -> bool) -> &str {
    let length = text.iter().take(40).take_while(|&&b| kind(b)).count();
    text.get(..length).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
