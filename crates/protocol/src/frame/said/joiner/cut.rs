//! The beginning of a JSON string, measured by what it says: where it ends among the escapes.

use std::ops::Range;

/// The place of the first `known` bytes of what the string at `place` (quotes included) says; `None` if they do not end with a
/// letter, or the string says less.
pub(super) fn beginning(json: &[u8], place: Range<usize>, known: usize) -> Option<Range<usize>> {
    let inside = place.start + 1..place.end.checked_sub(1)?;
    let mut rest = std::str::from_utf8(json.get(inside.clone())?).ok()?;
    let (mut said, mut written) = (0, 0);
    while said < known {
        let (letter, length) = letter(rest)?;
        rest = rest.get(length..)?;
        written += length;
        said += letter;
    }
    (said == known).then_some(inside.start..inside.start + written)
}

/// The first letter of a string's inside: how many bytes it says, and how many it is written in.
fn letter(text: &str) -> Option<(usize, usize)> {
    let first = text.chars().next()?;
    if first != '\\' {
        return Some((first.len_utf8(), first.len_utf8()));
    }
    if !text.starts_with("\\u") {
        return Some((1, 2));
    }
    let unit = |from: usize| u16::from_str_radix(text.get(from..from + 4)?, 16).ok();
    let high = unit(2)?;
    if let Some(letter) = char::from_u32(u32::from(high)) {
        return Some((letter.len_utf8(), 6));
    }
    // Half a letter: the other half follows.
    let low = unit(8).filter(|_| text.get(6..8) == Some("\\u"))?;
    let letter = char::decode_utf16([high, low]).next()?.ok()?;
    Some((letter.len_utf8(), 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_count_as_what_they_say() {
        for (written, known, rest) in [
            (r#""hello""#, 2, "llo"),
            (r#""hello""#, 0, "hello"),
            (r#""hello""#, 5, ""),
            (r#""\n\"x""#, 1, r#"\"x"#),
            (r#""\u00fcx""#, 2, "x"),
            (r#""üx""#, 2, "x"),
            (r#""\ud83d\ude00x""#, 4, "x"),
            (r#""😀x""#, 4, "x"),
        ] {
            let place = beginning(written.as_bytes(), 0..written.len(), known).unwrap();
            assert_eq!(&written[place.end..written.len() - 1], rest, "{written} {known}");
        }
        assert_eq!(beginning("\"ü\"".as_bytes(), 0..4, 1), None, "half a letter");
        assert_eq!(beginning(b"\"a\"", 0..3, 2), None);
        assert_eq!(beginning(br#""\ud83dx""#, 0..9, 4), None);
    }
}
