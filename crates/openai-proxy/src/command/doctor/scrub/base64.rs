//! Known secrets within base64, as `Authorization: Basic` and tokens have them.

use super::STARS;

/// Shorter runs of letters are words.
const SHORTEST: usize = 8;

/// The text without runs of base64 that hold one of these.
pub(super) fn without(text: &str, known: &[String]) -> String {
    let of_run = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let ends = rest.find(|c: char| of_run(c) != of_run(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(ends);
        if of_run(first) && run.len() >= SHORTEST && holds(run, known) {
            out.push_str(STARS);
            rest = after.trim_start_matches('=');
        } else {
            out.push_str(run);
            rest = after;
        }
    }
    out
}

/// Whether one of these comes out of a run, wherever in it the base64 begins.
fn holds(run: &str, known: &[String]) -> bool {
    (0..4).filter_map(|begins| run.get(begins..)).any(|run| {
        let bytes = decoded(run);
        let within = |secret: &String| {
            !secret.is_empty() && bytes.windows(secret.len()).any(|part| part == secret.as_bytes())
        };
        known.iter().any(within)
    })
}

/// The bytes of base64 in either alphabet (RFC 4648, 4 and 5), without padding. What does not fill a byte is left out.
fn decoded(run: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len());
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in run.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            _ => 63,
        };
        held = (held << 6 | u32::from(value)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    bytes
}
