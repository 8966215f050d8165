//! The line about a finished call as Apache writes it (mod_log_config, "Common" and "Combined"), for the programs that read
//! such lines: `host ident user [time] "request" status bytes "referer" "agent"`.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use super::escape::escaped;
use super::line::{LogLine, Value};

/// Writes it, without its end.
pub(super) fn write(line: &LogLine, combined: bool, out: &mut String) {
    let word = |name: &str, out: &mut String| match line.field(name) {
        Some(Value::Text(text)) if !text.is_empty() => escaped(text, &['"', '\\', ' '], bytes, out),
        _ => out.push('-'),
    };
    word("peer", out);
    out.push_str(" - ");
    word("caller", out);
    let _ = write!(out, " [{}] \"", time(line));
    word("method", out);
    out.push(' ');
    word("path", out);
    out.push(' ');
    word("version", out);
    let number = |name: &str| match line.field(name) {
        Some(Value::Count(number)) => *number,
        _ => 0,
    };
    let _ = match number("bytes_out") {
        0 => write!(out, "\" {} -", number("status")),
        bytes => write!(out, "\" {} {bytes}", number("status")),
    };
    if combined {
        for name in ["referer", "agent"] {
            out.push_str(" \"");
            match line.field(name) {
                Some(Value::Text(text)) if !text.is_empty() => escaped(text, &['"', '\\'], bytes, out),
                _ => out.push('-'),
            }
            out.push('"');
        }
    }
}

/// As Apache does: the bytes of a character as `\xhh`.
fn bytes(c: char, out: &mut String) {
    let mut bytes = [0; 4];
    for byte in c.encode_utf8(&mut bytes).bytes() {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// `28/Nov/2026:18:53:04 +0000`, when the request came; where that is not known (the format was changed while the call ran)
/// the time of the line, which is its end.
fn time(line: &LogLine) -> String {
    let Some(Value::Count(micros)) = line.field("started_us") else { return line.time.clone() };
    // The writer of dates knows those before the year 10000.
    let began = UNIX_EPOCH + Duration::from_micros(*micros).min(Duration::from_secs(253_402_300_799));
    // `Sat, 28 Nov 2026 18:53:04 GMT` holds all of it in another order.
    let date = httpdate::fmt_http_date(began);
    let mut words = date.split(' ').skip(1);
    let mut next = || words.next().unwrap_or_default();
    let (day, month, year, clock) = (next(), next(), next(), next());
    format!("{day}/{month}/{year}:{clock} +0000")
}
