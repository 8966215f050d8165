//! How a line looks: human or JSON. Whatever is in it, it stays one line, and no terminal obeys it (T-49).

use std::fmt::Write;

use tracing::Level;

use super::apache;
use super::escape::{LONGEST_VALUE, escaped, steers};
use super::line::{LogLine, Value};

/// The longest line, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;
/// What stands behind the fields of a JSON line.
const RESERVE: usize = 256;

/// How lines look in one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Human { colour: bool },
    Json,
}

/// How lines about finished calls look, whatever the others are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AccessForm {
    Json,
    Apache { combined: bool },
}

/// Writes a line, its end included.
pub(super) fn write(line: &LogLine, form: Form, access: AccessForm, out: &mut String) {
    match (line.is_access(), access, form) {
        (true, AccessForm::Apache { combined }, _) => apache::write(line, combined, out),
        (true, AccessForm::Json, _) | (false, _, Form::Json) => json(line, out),
        (false, _, Form::Human { colour }) => human(line, colour, out),
    }
    out.push('\n');
}

/// As JSON does. All that steer stand in the first plane, where one unit is enough.
fn unit(c: char, out: &mut String) {
    let _ = write!(out, "\\u{:04x}", u32::from(c));
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    escaped(text, &['"', '\\'], unit, out);
    out.push('"');
}

fn value(value: &Value, out: &mut String) {
    let _ = match value {
        Value::Text(text) => {
            quoted(text, out);
            Ok(())
        }
        Value::Whole(number) => write!(out, "{number}"),
        Value::Count(number) => write!(out, "{number}"),
        Value::Flag(flag) => write!(out, "{flag}"),
        // JSON has no word for what is no number.
        Value::Number(number) if !number.is_finite() => write!(out, "\"{number}\""),
        Value::Number(number) => write!(out, "{number}"),
    };
}

fn json(line: &LogLine, out: &mut String) {
    let begins = out.len();
    let _ = write!(out, "{{\"timestamp\":\"{}\",\"level\":\"{}\",\"message\":", line.time, line.level);
    quoted(&line.message, out);
    for (name, fact) in &line.fields {
        let before = out.len();
        let _ = write!(out, ",\"{name}\":");
        value(fact, out);
        if out.len() - begins > LONGEST - RESERVE {
            out.truncate(before);
            out.push_str(",\"cut\":true");
            break;
        }
    }
    out.push_str(",\"target\":\"");
    escaped(line.target, &['"', '\\'], unit, out);
    out.push_str("\"}");
}

/// A message of several lines goes on indented, so that what begins at the margin is a line of its own.
fn human(line: &LogLine, colour: bool, out: &mut String) {
    const DIM: &str = "\x1b[2m";
    const END: &str = "\x1b[0m";
    let begins = out.len();
    let (dim, level, end) = if colour { (DIM, hue(line.level), END) } else { ("", "", "") };
    let _ = write!(out, "{dim}{}{end} {level}{:>5}{end} ", line.time, line.level.as_str());
    for (index, part) in line.message.split('\n').enumerate() {
        if index > 0 {
            out.push_str("\n    ");
        }
        if out.len() - begins > LONGEST / 2 {
            out.push('…');
            break;
        }
        escaped(part, &[], unit, out);
    }
    for (name, fact) in &line.fields {
        let before = out.len();
        let _ = write!(out, " {dim}{name}={end}");
        match fact {
            Value::Text(text) if is_plain(text) => out.push_str(text),
            fact => value(fact, out),
        }
        if out.len() - begins > LONGEST - RESERVE {
            out.truncate(before);
            out.push_str(" …");
            break;
        }
    }
}

/// A word that can stand without quotes.
fn is_plain(text: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !steers(c) && !matches!(c, '"' | '\\' | '=');
    (1..=LONGEST_VALUE).contains(&text.len()) && text.chars().all(fits)
}

fn hue(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &LogLine, form: Form) -> String {
        let mut out = String::new();
        write(line, form, AccessForm::Json, &mut out);
        out
    }

    fn with(text: &str) -> LogLine {
        LogLine::own("it happened", vec![("model", Value::Text(text.to_owned())), ("n", Value::Count(3))])
    }

    /// What people have tried to write into logs.
    const INJECTIONS: [&str; 14] = [
        "a\nb",
        "a\r\n{\"level\":\"ERROR\"}",
        "\x1b[2J\x1b[31mred",
        "\u{9b}31m",
        "\x07\x08\x7f",
        "\u{202e}txt.exe",
        "\u{2066}x\u{2069}",
        "\u{200e}\u{200f}\u{61c}",
        "\u{2028}next\u{2029}",
        "\",\"level\":\"ERROR",
        "\\\" quoted \\",
        "a\0b\tc",
        "\u{feff}bom",
        "key=value other=\"x\"",
    ];

    #[test]
    fn nothing_in_a_field_ends_its_line_or_steers_a_terminal() {
        for text in INJECTIONS {
            for form in [Form::Json, Form::Human { colour: false }] {
                let line = shown(&with(text), form);
                assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "{text:?}: {line:?}");
                let body = line.trim_end_matches('\n');
                assert!(!body.chars().any(steers), "{text:?}: {body:?}");
            }
            let read: serde_json::Value = serde_json::from_str(&shown(&with(text), Form::Json)).unwrap();
            assert_eq!(read["model"], text, "and a program reads what was written");
            assert_eq!((&read["level"], &read["n"]), (&"WARN".into(), &3.into()));
        }
    }

    #[test]
    fn the_further_lines_of_a_message_cannot_pass_for_lines_of_their_own() {
        let line = LogLine::own("refused:\n2026-01-01T00:00:00Z ERROR no\r\nx", vec![]);
        let human = shown(&line, Form::Human { colour: false });
        assert!(human.lines().skip(1).all(|line| line.starts_with("    ")), "{human}");
        assert!(human.contains("no\\r"), "{human}");
        assert_eq!(shown(&line, Form::Json).lines().count(), 1);
    }

    #[test]
    fn a_field_and_a_line_are_no_longer_than_they_may_be() {
        for text in ["x".repeat(100_000), "\u{202e}".repeat(10_000), "\"".repeat(50_000)] {
            let fields = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, Value::Text(text.clone())));
            let line = LogLine::own(&text, fields.to_vec());
            for form in [Form::Json, Form::Human { colour: false }] {
                let out = shown(&line, form);
                assert!(out.len() <= LONGEST, "{} bytes", out.len());
            }
            let read: serde_json::Value = serde_json::from_str(&shown(&line, Form::Json)).unwrap();
            assert_eq!(read["cut"], true);
            assert!(read["a"].as_str().unwrap().len() <= LONGEST_VALUE);
        }
    }
}
