//! Waits and points in time as vendors write them in headers, errors and answers.

use std::time::{Duration, SystemTime};

/// The longest wait that is believed: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// From here on a bare number is a point in time, in seconds since 1970: nobody names a wait of thirty years.
const EPOCH_SECONDS: f64 = 1e9;

/// The same in milliseconds.
const EPOCH_MILLIS: f64 = 1e12;

/// A wait that can be believed; `None` for what is longer than a day.
pub(crate) fn believed(wait: Duration) -> Option<Duration> {
    (wait <= LONGEST).then_some(wait)
}

/// A number of units: `2`, `0.5`. Nothing for what is negative, endless, too long or no number.
pub(crate) fn number(written: &str, unit: Duration) -> Option<Duration> {
    let number = plain(written)?;
    believed(Duration::try_from_secs_f64(number * unit.as_secs_f64()).ok()?)
}

/// A wait with its units: `34s`, `120ms`, `6m0s`, `1h30m`, `17.399999999s`.
pub(crate) fn span(written: &str) -> Option<Duration> {
    let mut rest = written.trim();
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| !c.is_ascii_lowercase() && c != 'µ').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let unit = match unit {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        whole = whole.checked_add(Duration::try_from_secs_f64(plain(amount)? * unit).ok()?)?;
        rest = behind;
    }
    if written.trim().is_empty() { None } else { believed(whole) }
}

/// How long it is until a point in time; what is past is now.
pub(crate) fn until(point: SystemTime, now: SystemTime) -> Option<Duration> {
    believed(point.duration_since(now).unwrap_or_default())
}

/// Until when a limit lasts, in whichever form: a wait with units, seconds, a point in time in RFC 3339 or in seconds or
/// milliseconds since 1970. `now` is asked for points in time only.
pub(crate) fn reset(written: &str, now: impl Fn() -> Option<SystemTime>) -> Option<Duration> {
    let written = written.trim();
    let Some(number) = plain(written) else {
        return span(written).or_else(|| until(rfc3339(written)?, now()?));
    };
    let since = match number {
        EPOCH_MILLIS.. => number / 1e3,
        EPOCH_SECONDS.. => number,
        _ => return believed(Duration::try_from_secs_f64(number).ok()?),
    };
    let point = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(since).ok()?)?;
    until(point, now()?)
}

/// A point in time by RFC 3339: `2025-03-15T12:54:41Z`, with a fraction and an offset if need be.
pub(crate) fn rfc3339(written: &str) -> Option<SystemTime> {
    let (date, time) = written.trim().split_once(['T', 't', ' '])?;
    let mut date = date.split('-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut clock = clock.split(':');
    let (hour, minute) = (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let second = digits(clock.next()?, 2)?;
    let right = date.next().is_none() && clock.next().is_none();
    let right = right && fraction.bytes().all(|b| b.is_ascii_digit());
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !right || !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let seconds = u64::try_from(local - offset(zone)?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The same in seconds since 1970.
pub(crate) fn seconds(written: &str) -> Option<u64> {
    Some(rfc3339(written)?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs())
}

/// A point in time written by RFC 3339, from seconds since 1970.
pub(crate) fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since the first of March of the year 0, of which 400 years always have as many.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months begin with March, too.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds east of Greenwich: `Z`, `+01:00`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = zone.split_at_checked(1)?;
    let sign = match sign {
        "Z" | "z" => return rest.is_empty().then_some(0),
        "+" => 1,
        _ => -1,
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60))
}

/// So many digits, as a number.
fn digits(written: &str, count: usize) -> Option<i64> {
    let right = written.len() == count && written.bytes().all(|b| b.is_ascii_digit());
    right.then(|| written.parse().ok()).flatten()
}

/// Days since 1970 in the Gregorian calendar. Years begin with March here, so that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// A number of digits and at most one point; neither a sign, nor an exponent, nor the word for infinity.
fn plain(written: &str) -> Option<f64> {
    let written = written.trim();
    let right = written.bytes().all(|b| b.is_ascii_digit() || b == b'.') && written.len() < 20;
    right.then(|| written.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn spans_are_read_with_every_unit() {
        for (written, millis) in [
            ("1s", 1000),
            ("120ms", 120),
            ("6m0s", 360_000),
            ("1h2m3s", 3_723_000),
            ("34.5s", 34_500),
            ("0s", 0),
            ("2m59.56s", 179_560),
            ("24h", 86_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(span(written), Some(Duration::from_millis(millis)), "{written}");
        }
        for wrong in ["", "s", "1", "-1s", "1x", "1s2", "1..2s", "25h", "99999999999999999999999s", "é"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn points_in_time_are_those_of_the_calendar() {
        for (written, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2025-03-15T12:54:41Z", 1_742_043_281),
            ("2025-03-15T13:54:41.123+01:00", 1_742_043_281),
            ("2025-03-15t07:54:41-05:00", 1_742_043_281),
        ] {
            assert_eq!(rfc3339(written), Some(at(seconds)), "{written}");
        }
        for wrong in
            ["", "2025-03-15", "2025-13-01T00:00:00Z", "2025-03-15T12:54:41", "x", "1969-01-01T00:00:00Z"]
        {
            assert_eq!(rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_are_written_as_they_are_read() {
        for (written, second) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2025-03-15T12:54:41Z", 1_742_043_281),
            ("2099-12-31T23:59:59Z", 4_102_444_799),
        ] {
            assert_eq!((date(second).as_str(), seconds(written)), (written, Some(second)));
        }
        for day in 0..200_000 {
            assert_eq!(seconds(&date(day * 86_400 + 7)), Some(day * 86_400 + 7));
        }
    }
}
