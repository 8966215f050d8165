//! Values with a unit, as people write them: `300ms`, `30s`, `5m`, `2h`, `32KiB`, `5MB`, `20%`, `20 USD`, `10/min`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::table::Form;
use crate::problem::{Wrong, wrong};
use crate::snapshot::{Rate, Share};

/// A duration.
pub(crate) const DURATION: Form =
    Form { read: |text| duration(text).map(drop), pattern: r"^[0-9._]+ *(ms|s|m|h|d)?$" };
/// How long something is kept; may be many years.
pub(crate) const AGE: Form = Form { read: |text| age(text).map(drop), pattern: r"^[0-9._]+ *(ms|s|m|h|d)?$" };
/// A size in bytes.
pub(crate) const SIZE: Form =
    Form { read: |text| size(text).map(drop), pattern: r"^[0-9._]+ *([kKmMgG]([iI]?[bB])?|[bB])?$" };
/// A part of something.
pub(crate) const SHARE: Form = Form { read: |text| share(text).map(drop), pattern: r"^[0-9.]+ *%?$" };
/// An amount of money.
pub(crate) const MONEY: Form = Form { read: money, pattern: r"^[0-9._]+ *[A-Z]{3}$" };
/// So many in a time.
pub(crate) const RATE: Form =
    Form { read: |text| rate(text).map(drop), pattern: r"^[0-9._]+ *[kKM]?/(s|sec|min|h|hour|d|day)$" };
/// A day, or a moment of one.
pub(crate) const DATE: Form =
    Form { read: |text| moment(text).map(drop), pattern: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" };
/// A number that may have a point.
pub(crate) const NUMBER: Form = Form { read: |text| number(text).map(drop), pattern: r"^[0-9._]+$" };
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

/// A part of something, from 0 to 1.
pub(crate) fn share(text: &str) -> Result<Share, Wrong> {
    let (digits, whole) = text.strip_suffix('%').map_or((text, 1.0), |digits| (digits.trim_end(), 100.0));
    match decimal(digits) {
        Some(part) if part <= whole => Ok(Share(part / whole)),
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

/// So many in a time.
pub(crate) fn rate(text: &str) -> Result<Rate, Wrong> {
    const FIX: &str = "Write so many in a time: 10/min, 200k/min, 5/s, 1000/day.";
    const MOST: f64 = 1e15;
    let not_one = || wrong(format!("is `{text}`, which is not a rate."), FIX);
    let Some((amount, time)) = text.split_once('/') else { return not_one() };
    let seconds = match time.trim() {
        "s" | "sec" => 1,
        "min" => 60,
        "h" | "hour" => 3600,
        "d" | "day" => 86400,
        _ => return not_one(),
    };
    let (number, unit) = split(amount);
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        _ => return not_one(),
    };
    let Some(amount) = decimal(number).map(|number| (number * factor).round()) else { return not_one() };
    if !(1.0..=MOST).contains(&amount) {
        return wrong(format!("is `{text}`; the least is 1 in that time."), FIX);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 1 to 10^15")]
    let amount = amount as u64;
    Ok(Rate { amount, per: Duration::from_secs(seconds) })
}

/// A day of the calendar, which ends with its last second (UTC), or a moment of one: `2027-01-31T10:00:00Z`.
pub(crate) fn moment(text: &str) -> Result<SystemTime, Wrong> {
    const DAY: i64 = 86400;
    const FIX: &str = "Write 2027-01-31, or 2027-01-31T10:00:00Z.";
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let midnight = days_to(day, text)? * DAY;
    let seconds = match time.map(seconds_of) {
        None => DAY,
        Some(Some(seconds)) => seconds,
        Some(None) => return wrong(format!("is `{text}`, which is not a moment."), FIX),
    };
    // Before 1970 everything has ended.
    let since = u64::try_from(midnight + seconds).unwrap_or(0);
    Ok(UNIX_EPOCH + Duration::from_secs(since))
}

/// The days from 1970 to a day of the calendar.
fn days_to(day: &str, text: &str) -> Result<i64, Wrong> {
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
    if !(1..=days).contains(&date) {
        return wrong(format!("is `{text}`, a day no calendar has."), "Write 2027-01-31.");
    }
    // Years that begin in March have their leap day at the end (Howard Hinnant, "days_from_civil").
    let year = i64::from(year) - i64::from(month < 3);
    let month = (i64::from(month) + 9) % 12;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + i64::from(date) - 1;
    Ok(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The seconds of a time of day, brought to UTC; without a zone it is UTC already.
fn seconds_of(time: &str) -> Option<i64> {
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let whole = clock.split('.').next().unwrap_or(clock);
    let mut parts = whole.split(':').map(|part| part.parse::<i64>().ok().filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let proper = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let ahead = match zone.split_at_checked(1) {
        None | Some(("Z", "")) => 0,
        Some((sign, behind)) => {
            let (hours, minutes) = behind.split_once(':')?;
            let ahead = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            if sign == "-" { -ahead } else { ahead }
        }
    };
    (proper && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second - ahead)
}

/// A number that may have a point.
pub(crate) fn number(text: &str) -> Result<f64, Wrong> {
    match decimal(text) {
        Some(number) => Ok(number),
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
            (
                &RATE,
                &["10/min", "200k/min", "2M/day", "5/s"],
                &["10", "10/fortnight", "x/min", "10%/min", "0/min"],
            ),
            (
                &DATE,
                &["2027-01-31", "2028-02-29", "2027-01-31T10:00:00Z"],
                &["2027-02-29", "31.1.2027", "soon", "2027-01-31T25:00", "2027-01-31T10", "2027-01-31Tnoon"],
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
    fn a_rate_says_how_many_and_in_which_time() {
        for (text, amount, seconds) in
            [("60/min", 60, 60), ("200k/min", 200_000, 60), ("1.5k/h", 1_500, 3600), ("10/s", 10, 1)]
        {
            assert_eq!(rate(text), Ok(Rate { amount, per: Duration::from_secs(seconds) }), "{text}");
        }
        assert_eq!(rate("2M/day").map(|rate| (rate.amount, rate.per.as_secs())), Ok((2_000_000, 86400)));
    }

    #[test]
    fn a_day_holds_to_its_end_and_a_moment_to_itself_whatever_its_zone() {
        for (text, seconds) in [
            ("1970-01-01", 86_400),
            ("2027-01-31", 1_801_440_000),
            ("2028-02-29T00:00:00Z", 1_835_395_200),
            ("2027-01-31T10:00", 1_801_389_600),
            ("2027-01-31 12:00:00+02:00", 1_801_389_600),
            ("2027-01-31T05:30:00.5-04:30", 1_801_389_600),
        ] {
            let since = moment(text).map(|moment| moment.duration_since(UNIX_EPOCH).unwrap_or_default());
            assert_eq!(since, Ok(Duration::from_secs(seconds)), "{text}");
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
