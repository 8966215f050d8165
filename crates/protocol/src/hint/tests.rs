//! Every form a wait is named in, and those that name none.

use super::*;

/// Saturday, 15 March 2025, 12:54:11 GMT.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_742_043_251)
}

fn told(lines: &[(&'static str, &str)], body: &str) -> Option<u64> {
    let lines = lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
    let wait = read(&lines.collect(), body.as_bytes(), now())?;
    Some(u64::try_from(wait.as_millis()).unwrap())
}

#[test]
fn every_form_of_a_header_is_read() {
    for (name, value, millis) in [
        ("retry-after-ms", "250", Some(250)),
        ("retry-after-ms", "0.5", Some(0)),
        ("retry-after", "2", Some(2000)),
        ("retry-after", " 2 ", Some(2000)),
        ("retry-after", "0", Some(0)),
        ("retry-after", "1.5", Some(1500)),
        ("retry-after", "86400", Some(86_400_000)),
        ("retry-after", "Sat, 15 Mar 2025 12:54:41 GMT", Some(30_000)),
        ("retry-after", "Saturday, 15-Mar-25 12:54:41 GMT", Some(30_000)),
        ("retry-after", "Sat Mar 15 12:54:41 2025", Some(30_000)),
        // Past: no wait at all.
        ("retry-after", "Sat, 15 Mar 2025 12:00:00 GMT", Some(0)),
        // Absurd: no hint.
        ("retry-after", "-1", None),
        ("retry-after", "86401", None),
        ("retry-after", "inf", None),
        ("retry-after", "NaN", None),
        ("retry-after", "1e3", None),
        ("retry-after", "99999999999999999999999999", None),
        ("retry-after", "soon", None),
        ("retry-after", "", None),
        ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("retry-after-ms", "-250", None),
        ("retry-after-ms", "86400001", None),
        // Of limits only what is used up counts.
        ("x-ratelimit-reset-requests", "1s", None),
        ("anthropic-ratelimit-requests-reset", "2025-03-15T12:54:41Z", None),
    ] {
        assert_eq!(told(&[(name, value)], ""), millis, "{name}: {value}");
    }
}

#[test]
fn the_most_exact_header_counts_and_an_absurd_one_leaves_room_for_the_next() {
    assert_eq!(told(&[("retry-after-ms", "1200"), ("retry-after", "2")], ""), Some(1200));
    assert_eq!(told(&[("retry-after-ms", "-1"), ("retry-after", "2")], ""), Some(2000));
    assert_eq!(told(&[("retry-after", "x")], "Please retry after 9 seconds."), Some(9000));
}

#[test]
fn of_limits_the_one_used_up_says_how_long() {
    let requests = ("x-ratelimit-remaining-requests", "0");
    for (reset, millis) in [
        ("1s", Some(1000)),
        ("6m0s", Some(360_000)),
        ("120ms", Some(120)),
        ("7", Some(7000)),
        ("1742043281", Some(30_000)),
        ("1742043281000", Some(30_000)),
        ("-1s", None),
        ("inf", None),
    ] {
        assert_eq!(told(&[requests, ("x-ratelimit-reset-requests", reset)], ""), millis, "{reset}");
    }
    let tokens_too = [
        requests,
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "3s"),
    ];
    assert_eq!(told(&tokens_too, ""), Some(3000), "both have to be over");
    let one = [requests, ("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")];
    assert_eq!(told(&one, ""), Some(1000));
    let dated = |reset| {
        let lines = [
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", reset),
        ];
        told(&lines, "")
    };
    assert_eq!(dated("2025-03-15T12:54:41Z"), Some(30_000));
    assert_eq!(dated("2025-03-15T12:00:00Z"), Some(0));
    assert_eq!(dated("9999-12-31T23:59:59Z"), None);
}

#[test]
fn a_body_may_say_it() {
    for (body, millis) in [
        (
            r#"{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"#,
            34_000,
        ),
        ("{\"error\":{\"details\":[{\"retryDelay\" : \"34.074824224s\"}]}}", 34_074),
        ("Please retry after 86400 seconds. Please go here: https://", 86_400_000),
        ("Please retry after 1 second.", 1000),
        ("Please retry after 500 milliseconds.", 500),
        ("Limit 30000, Used 29000. Please try again in 6.5s. Visit", 6500),
        ("Please try again in 7m12s. Need more tokens?", 432_000),
        ("Please try again in 20ms.", 20),
        ("Please try again in 20 seconds.", 20_000),
        ("Please try again in 2 minutes", 120_000),
    ] {
        assert_eq!(told(&[], body), Some(millis), "{body}");
    }
    for body in [
        "",
        "Please retry after a while.",
        "Please try again in a few minutes.",
        "Please retry after -5 seconds",
        "Please retry after 99999999 seconds",
        "{\"retryDelay\":\"-3s\"}",
        "{\"retryDelay\":\"\"}",
        "{\"retryDelay\":7}",
        "try again in ",
        "retry after ",
        "\u{0}\u{1}try again in é",
    ] {
        assert_eq!(told(&[], body), None, "{body}");
    }
}
