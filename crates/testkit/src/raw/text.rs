//! The text of a block into its bytes: escapes and placeholders.

use std::sync::atomic::{AtomicU64, Ordering};

/// What `{key}` stands for.
pub const CALLER_KEY: &str = "sk-test-caller-key";

/// How every `{id}` begins, so that they can be found in what a vendor received.
pub(super) const ID_START: &[u8] = b"c0000000";
pub(super) const ID_LENGTH: usize = 16;

/// What the placeholders stand for in one run.
#[derive(Clone)]
pub(super) struct Words {
    pub(super) id: String,
    pub(super) host: String,
}

/// 16 characters which occur nowhere else: none is the beginning of another.
pub(super) fn fresh_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("c{:015x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Expands a block or a single value.
pub(super) fn expand(template: &str, words: &Words) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(template.len());
    let mut padding = None;
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\\' => escape(&rest[1..], &mut out)?,
            '{' => match placeholder(rest) {
                None => literal(rest, first, &mut out),
                Some(inner) => {
                    match inner.split_once(':').unwrap_or((inner, "")) {
                        ("id", _) => out.extend_from_slice(words.id.as_bytes()),
                        ("host", _) => out.extend_from_slice(words.host.as_bytes()),
                        ("key", _) => out.extend_from_slice(CALLER_KEY.as_bytes()),
                        (kind, arguments) => {
                            let (count, text) = arguments
                                .split_once(':')
                                .ok_or_else(|| format!("{{{kind}:N:text}} is incomplete"))?;
                            let count: usize = count.parse().map_err(|_| format!("no number: {count}"))?;
                            let text = expand(text, words)?;
                            if kind == "repeat" {
                                out.extend(text.repeat(count));
                            } else if padding.replace((out.len(), count, text)).is_some() {
                                return Err("only one {pad-to} in a block".to_owned());
                            }
                        }
                    }
                    &rest[inner.len() + 2..]
                }
            },
            _ => literal(rest, first, &mut out),
        };
    }
    if let Some((at, total, text)) = padding {
        let missing = total.checked_sub(out.len()).ok_or("the block is longer than its {pad-to}")?;
        let filler: Vec<u8> = text.iter().copied().cycle().take(missing).collect();
        out.splice(at..at, filler);
    }
    Ok(out)
}

fn literal<'t>(rest: &'t str, first: char, out: &mut Vec<u8>) -> &'t str {
    let (char, rest) = rest.split_at(first.len_utf8());
    out.extend_from_slice(char.as_bytes());
    rest
}

/// The inside of a placeholder at the start of `rest`; JSON has braces too, so anything unknown is none.
fn placeholder(rest: &str) -> Option<&str> {
    let inner = rest[1..].split_once('}')?.0;
    let known = matches!(inner, "id" | "host" | "key")
        || inner.starts_with("repeat:")
        || inner.starts_with("pad-to:");
    known.then_some(inner)
}

fn escape<'t>(rest: &'t str, out: &mut Vec<u8>) -> Result<&'t str, String> {
    let unknown = || format!("unknown escape: \\{:.4}", rest);
    out.push(match rest.bytes().next().ok_or_else(unknown)? {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'0' => 0,
        b'\\' => b'\\',
        b'x' => {
            let byte = rest.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            out.push(byte.ok_or_else(unknown)?);
            return Ok(&rest[3..]);
        }
        _ => return Err(unknown()),
    });
    Ok(&rest[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_placeholders() {
        let words = Words { id: "0123456789abcdef".to_owned(), host: "h:1".to_owned() };
        let expanded = |text| expand(text, &words).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(
            expanded(r#"a\r\n\x41\0{id}{host}{"k":{}}"#).unwrap(),
            "a\r\nA\u{0}0123456789abcdefh:1{\"k\":{}}"
        );
        assert_eq!(expanded(r"{repeat:3:ab\n}").unwrap(), "ab\nab\nab\n");
        assert_eq!(expanded("<{pad-to:8:xy}>").unwrap(), "<xyxyxy>");
        assert_eq!(expand(r"\xff", &words).unwrap(), [0xff]);
        for wrong in [r"\q", r"\x4", "{repeat:x:y}", "{repeat:3}", "{pad-to:1:x}long"] {
            assert!(expanded(wrong).is_err(), "{wrong}");
        }
    }
}
