//! Values with a unit, as people write them: `300ms`, `30s`, `5m`, `2h`, `32KiB`, `5MB`, `20%`, `20 USD`, `10/min`.

use std::time::Duration;

use super::table::Form;
use crate::problem::{Wrong, wrong};

/// A duration.
pub(crate) const DURATION: Form =
    Form { read: |text| duration(text).map(drop), pattern: r"^[0-9._]+ *(ms|s|m|h|d)?$" };
/// How long something is kept; may be many years.
pub(crate) const AGE: Form = Form { read: |text| age(text).map(drop), pattern: r"^[0-9._]+ *(ms|s|m|h|d)?$" };
/// A size in bytes.
pub(crate) const SIZE: Form =
    Form { read: |text| size(text).map(drop), pattern: r"^[0-9._]+ *([kKmMgG]([iI]?[bB])?|[bB])?$" };
/// A part of something.
pub(crate) const SHARE: Form = Form { read: share, pattern: r"^[0-9.]+ *%?$" };
/// An amount of money.
pub(crate) const MONEY: Form = Form { read: money, pattern: r"^[0-9._]+ *[A-Z]{3}$" };
/// So many in a time.
pub(crate) const RATE: Form = Form { read: rate, pattern: r"^[0-9._]+ *[kKM]?/(s|sec|min|h|hour|d|day)$" };
/// A day.
pub(crate) const DATE: Form = Form { read: date, pattern: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" };
/// A number that may have a point.
pub(crate) const NUMBER: Form = Form { read: number, pattern: r"^[0-9._]+$" };
/// A port.
pub(crate) const PORT: Form = Form { read: port, pattern: r"^[0-9]+$" };

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

/// A duration as settings are given one, for what is no setting.
///
/// # Errors
/// What is wrong with it, and what to write instead.
pub fn span(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|wrong| {
        let fix = wrong.fix.map(|fix| format!(" {fix}")).unwrap_or_default();
        format!("It {}{fix}", wrong.what)
    })
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

/// How long something is kept: a duration, or up to a hundred years of days.
pub(crate) fn age(text: &str) -> Result<Duration, Wrong> {
    const LONGEST: f64 = 36_525.0;
    if let (days, "d") = split(text)
        && let Some(days) = decimal(days).filter(|days| *days <= LONGEST)
    {
        return Ok(Duration::from_secs_f64(days * 86400.0));
    }
    duration(text)
}

fn share(text: &str) -> Result<(), Wrong> {
    let (digits, whole) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits.trim_end(), 100.0));
    match decimal(digits) {
        Some(part) if part <= whole => Ok(()),
        Some(_) => wrong(format!("is {text}, more than the whole."), "Write 20%, or 0.2."),
        None => wrong(format!("is `{text}`, which is not a share."), "Write 20%, or 0.2."),
    }
}

fn money(text: &str) -> Result<(), Wrong> {
    let (amount, currency) = split(text);
    let proper = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_uppercase());
    if decimal(amount).is_some() && proper {
        return Ok(());
    }
    wrong(format!("is `{text}`, which is not an amount of money."), "Write a number and a currency: 20 USD.")
}

fn rate(text: &str) -> Result<(), Wrong> {
    const FIX: &str = "Write so many in a time: 10/min, 200k/min, 5/s, 1000/day.";
    let Some((amount, time)) = text.split_once('/') else {
        return wrong(format!("is `{text}`, which is not a rate."), FIX);
    };
    let (number, unit) = split(amount);
    let times = ["s", "sec", "min", "h", "hour", "d", "day"];
    let proper = decimal(number).is_some() && matches!(unit, "" | "k" | "K" | "M");
    if proper && times.contains(&time.trim()) {
        return Ok(());
    }
    wrong(format!("is `{text}`, which is not a rate."), FIX)
}

/// A day of the calendar, with or without a time behind it.
fn date(text: &str) -> Result<(), Wrong> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let mut parts = day.split('-').map(|part| (part.len(), part.parse::<u32>().ok()));
    let (year, month, date) = (parts.next(), parts.next(), parts.next());
    let (Some((4, Some(year))), Some((2, Some(month))), Some((2, Some(date))), None) =
        (year, month, date, parts.next())
    else {
        return wrong(format!("is `{text}`, which is not a date."), "Write 2027-01-31.");
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    if (1..=days).contains(&date) {
        return Ok(());
    }
    wrong(format!("is `{text}`, a day no calendar has."), "Write 2027-01-31.")
}

fn number(text: &str) -> Result<(), Wrong> {
    match decimal(text) {
        Some(_) => Ok(()),
        None => {
            wrong(format!("is `{text}`, which is not a number."), "Write digits, with or without a point.")
        }
    }
}

fn port(text: &str) -> Result<(), Wrong> {
    match text.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => wrong(format!("is `{text}`, which is not a port."), "Write a number from 1 to 65535."),
    }
}

fn split(text: &str) -> (&str, &str) {
    let ends = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(ends);
    (number, unit.trim())
}

/// Digits with at most one point; no sign, no exponent.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '_'));
    plain.then(|| text.replace('_', "").parse().ok()).flatten()
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
    fn shares_money_rates_and_dates_are_told_from_what_looks_like_them() {
        let forms: [(&Form, &[&str], &[&str]); 6] = [
            (&SHARE, &["20%", "0.2", "100%", "1"], &["120%", "2", "-1%", "many", "%"]),
            (&MONEY, &["20 USD", "0.5EUR"], &["20", "$20", "20 usd", "USD"]),
            (&RATE, &["10/min", "200k/min", "2M/day", "5/s"], &["10", "10/fortnight", "x/min", "10%/min"]),
            (
                &DATE,
                &["2027-01-31", "2028-02-29", "2027-01-31T10:00:00Z"],
                &["2027-02-29", "31.1.2027", "soon"],
            ),
            (&AGE, &["400d", "90d", "1h"], &["forever", "99999d"]),
            (&PORT, &["1", "65535"], &["0", "65536", "http"]),
        ];
        for (form, good, bad) in forms {
            good.iter().for_each(|text| assert!((form.read)(text).is_ok(), "{text}"));
            bad.iter().for_each(|text| assert!((form.read)(text).is_err(), "{text}"));
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
