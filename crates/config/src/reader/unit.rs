//! Durations and sizes as people write them: `300ms`, `30s`, `5m`, `2h`, `32KiB`, `5MB`.

use std::time::Duration;

use crate::problem::{Wrong, wrong};

/// A duration. A bare number is seconds, as in older files.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    const FIX: &str = "Write a number and a unit: 300ms, 30s, 5m, 2h.";
    let (number, unit) = split(text);
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return wrong(format!("is `{text}`, which is not a duration."), FIX),
    };
    let Some(number) = decimal(number) else {
        return wrong(format!("is `{text}`, which is not a duration."), FIX);
    };
    let seconds = number * seconds;
    if seconds > 366.0 * 86400.0 {
        return wrong(format!("is {text}, longer than a year."), FIX);
    }
    // Whole milliseconds: 0.3 * 0.001 must not become 299 microseconds.
    Duration::try_from_secs_f64((seconds * 1000.0).round() / 1000.0)
        .or_else(|_| wrong("is out of range.", FIX))
}

/// A size in bytes. A bare number is bytes; `KiB` counts in 1024, `KB` in 1000.
pub(crate) fn size(text: &str) -> Result<u64, Wrong> {
    const FIX: &str = "Write a number and a unit: 32KiB, 64MiB, 1GiB, 5MB.";
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return wrong(format!("is `{text}`, which is not a size."), FIX),
    };
    match decimal(number) {
        #[expect(clippy::cast_precision_loss, reason = "factors are at most 2^30")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 to 2^50")]
        Some(number) if number * (factor as f64) <= (1u64 << 50) as f64 => {
            Ok((number * factor as f64) as u64)
        }
        _ => wrong(format!("is `{text}`, which is not a size."), FIX),
    }
}

fn split(text: &str) -> (&str, &str) {
    let ends = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(ends);
    (number, unit.trim())
}

/// Digits with at most one point; no sign, no exponent.
fn decimal(text: &str) -> Option<f64> {
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit_and_bare_numbers_are_seconds() {
        for (text, millis) in
            [("300ms", 300), ("30s", 30_000), ("1.5m", 90_000), ("2 h", 7_200_000), ("60", 60_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "5 parsecs", "1e3", "9999999d", "1.2.3s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_know_both_families() {
        for (text, bytes) in
            [("32KiB", 32_768), ("5MB", 5_000_000), ("1GiB", 1 << 30), ("5242880", 5_242_880)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1 litre", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
