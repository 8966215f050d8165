//! Where a string of JSON ends, found sixteen bytes at a time: most of a long prompt is one string.
//!
//! Program code has an escape every few bytes, so what is found in sixteen bytes is gone through by its bits, and not looked for anew
//! behind each.

use wide::u8x16;

/// Where the string ends whose first byte stands at `from`: at its closing quote.
///
/// # Errors
/// Where it is wrong: at a control character, at an escape there is none of (RFC 8259, 7), or at the end of the body.
pub(super) fn end(body: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while let Some(block) = body.get(at..).and_then(|rest| rest.first_chunk()) {
        let mut marks = marks(*block);
        let mut next = at + block.len();
        while marks != 0 {
            let place = at + marks.trailing_zeros() as usize;
            match body[place] {
                b'\\' => {
                    let behind = escape(body, place)?;
                    if behind >= next {
                        next = behind;
                        break;
                    }
                    // A quote that is escaped is none.
                    marks &= u32::MAX << (behind - at);
                }
                b'"' => return Ok(place),
                _ => return Err(place),
            }
        }
        at = next;
    }
    while let Some(b) = body.get(at) {
        match b {
            b'\\' => at = escape(body, at)?,
            b'"' => return Ok(at),
            0..0x20 => return Err(at),
            _ => at += 1,
        }
    }
    Err(at)
}

/// The bytes that are a quote, a backslash or a control character, the first by the lowest bit.
fn marks(block: [u8; 16]) -> u32 {
    let bytes = u8x16::new(block);
    let is = |b| bytes.simd_eq(u8x16::splat(b));
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    (is(b'"') | is(b'\\') | control).to_bitmask()
}

/// How long an escape is, by the byte behind its backslash; nothing where there is none such.
static LENGTHS: [u8; 256] = {
    let mut lengths = [0; 256];
    let (letters, mut at) = (b"\"\\/bfnrt", 0);
    while at < letters.len() {
        lengths[letters[at] as usize] = 2;
        at += 1;
    }
    lengths[b'u' as usize] = 6;
    lengths
};

/// What stands behind the escape at `at`.
fn escape(body: &[u8], at: usize) -> Result<usize, usize> {
    let length = body.get(at + 1).map_or(0, |b| LENGTHS[usize::from(*b)]);
    let hex = || body.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    match length {
        2 => Ok(at + 2),
        6 if hex() => Ok(at + 6),
        _ => Err(at),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, byte by byte.
    fn slowly(body: &[u8], from: usize) -> Result<usize, usize> {
        let mut at = from;
        loop {
            match body.get(at) {
                Some(b'"') => return Ok(at),
                Some(b'\\') => at = escape(body, at)?,
                Some(0x20..) => at += 1,
                _ => return Err(at),
            }
        }
    }

    proptest! {
        #[test]
        fn a_string_ends_where_a_reader_of_single_bytes_finds_its_end(
            parts in prop::collection::vec(
                prop_oneof![
                    8 => "[ -~äß\u{1f600}]{0,20}",
                    4 => Just("\\\"".to_owned()),
                    4 => Just("\\\\".to_owned()),
                    2 => Just("\\u00e4".to_owned()),
                    1 => Just("\\".to_owned()),
                    1 => Just("\\ux".to_owned()),
                    1 => Just("\n".to_owned()),
                    1 => Just("\u{7f}\u{80}".to_owned()),
                ],
                0..12,
            ),
            from in 0usize..20,
        ) {
            let body = parts.concat().into_bytes();
            let from = from.min(body.len());
            prop_assert_eq!(end(&body, from), slowly(&body, from));
        }
    }
}
