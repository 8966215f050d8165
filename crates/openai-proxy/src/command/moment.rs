//! Moments and spans of time, as commands take and show them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// The last moment that can be written: years have four digits.
const LAST: Duration = Duration::from_secs(253_402_300_799);
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds since 1970 as `2026-11-28 18:53:04`, in UTC; nothing, if it is no number.
pub(super) fn told(unix_ms: &Value) -> String {
    let Some(ms) = unix_ms.as_u64() else { return String::new() };
    // `Sat, 28 Nov 2026 18:53:04 GMT` holds all of it in another order.
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms).min(LAST));
    let words: Vec<&str> = date.split(' ').collect();
    let [_, day, month, year, time, _] = words[..] else { return date };
    let month = MONTHS.iter().position(|name| *name == month).map_or(0, |at| at + 1);
    format!("{year}-{month:02}-{day} {time}")
}

/// A span of time, like `90s`, `30m`, `12h` or `7d`.
///
/// # Errors
/// When it is none.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    config::span(text)
}

/// What was so long ago, in milliseconds since 1970.
pub(super) fn ago(span: Option<Duration>) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    span.map(|span| now.saturating_sub(span).as_millis().to_string())
}

/// Seconds as a person says them, in one unit.
pub(super) fn spoken(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_is_told_in_utc_from_the_largest_part_to_the_smallest() {
        assert_eq!(told(&json!(1_795_891_984_250_u64)), "2026-11-28 18:53:04");
        assert_eq!(told(&json!(0)), "1970-01-01 00:00:00");
        assert_eq!(told(&json!(u64::MAX)), "9999-12-31 23:59:59");
        assert_eq!(told(&Value::Null), "");
    }

    #[test]
    fn spans_have_units() {
        assert_eq!(span("30m"), Ok(Duration::from_secs(1800)));
        assert!(span("soon").is_err_and(|why| why.contains("not a duration")));
        assert_eq!(
            (spoken(90), spoken(1800), spoken(90_000)),
            ("90 s".into(), "30 min".into(), "25 h".into())
        );
    }
}
