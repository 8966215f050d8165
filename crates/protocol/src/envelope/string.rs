//! Where a string of JSON ends, found sixty-four bytes at a time: most of a long prompt is one string.
//!
//! Program code has an escape every few bytes, so escapes are followed by their bits, all of a block at once, as arithmetic: which
//! backslashes are escaped themselves is told by the carry of a subtraction (Langdale and Lemire, "Parsing Gigabytes of JSON
//! per Second", 2019, section 3.1.1). What looks wrong is not judged there, but left to a reader of single bytes.

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x16, u8x64};

/// Names and words are over within so many blocks of sixteen bytes; for them a wider look does not pay.
const SHORT: usize = 4;
/// Every other bit, from the second on.
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// Where the string ends whose first byte stands at `from`: at its closing quote. `level` is what this processor can do.
///
/// # Errors
/// Where it is wrong: at a control character, at an escape there is none of (RFC 8259, 7), or at the end of the body.
pub(super) fn end(level: Level, body: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    for _ in 0..SHORT {
        let Some(block) = body[at..].first_chunk() else { return slowly(body, at) };
        let marks = dispatch!(Level::baseline(), simd => marks(simd, block));
        at += marks.trailing_zeros().min(16) as usize;
        if marks != 0 {
            match body[at] {
                b'\\' => break,
                b'"' => return Ok(at),
                _ => return Err(at),
            }
        }
    }
    dispatch!(level, simd => quickly(simd, body, at)).or_else(|left| slowly(body, left))
}

/// The same byte by byte, from a byte that is not escaped.
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

/// The bytes that are a quote, a backslash or a control character, the first by the lowest bit.
#[inline(always)]
fn marks<S: Simd>(simd: S, block: &[u8; 16]) -> u64 {
    let bytes = u8x16::from_slice(simd, block);
    let are = |byte| bytes.simd_eq(u8x16::splat(simd, byte));
    (are(b'"') | are(b'\\') | bytes.simd_lt(u8x16::splat(simd, 0x20))).to_bitmask()
}

/// The closing quote, from a byte that is not escaped.
///
/// # Errors
/// From where on bytes are to be read one by one: behind here something is wrong, or there is no whole block any more.
#[inline(always)]
fn quickly<S: Simd>(simd: S, body: &[u8], from: usize) -> Result<usize, usize> {
    let (mut at, mut left) = (from, from);
    // Whether the last byte before this block escapes its first one, and which of its bytes are to be digits of a `\u` before it.
    let (mut escapes, mut due) = (0, 0);
    while let Some(block) = body[at..].first_chunk::<64>() {
        let bytes = u8x64::from_slice(simd, block);
        let are = |byte| bytes.simd_eq(u8x64::splat(simd, byte));
        let below = |bytes: u8x64<S>, byte| bytes.simd_lt(u8x64::splat(simd, byte));
        let mut quotes = are(b'"').to_bitmask();
        let slashes = are(b'\\').to_bitmask();
        let mut wrong = below(bytes, 0x20).to_bitmask();
        let mut unicode = 0;
        if slashes | escapes | due != 0 {
            // In a row of backslashes each second one is escaped. Taken from the odd bits, the first of a row borrows up to its end.
            let may_escape = slashes & !escapes;
            let codes = ((may_escape << 1) | ODD).wrapping_sub(may_escape) ^ ODD;
            let escaped = codes ^ (slashes | escapes);
            escapes = (codes & slashes) >> 63;
            let rare = escaped & !((are(b'n') | are(b't')).to_bitmask() | quotes | slashes);
            quotes &= !escaped;
            if rare | due != 0 {
                unicode = rare & are(b'u').to_bitmask();
                wrong |= rare & !unicode & !(are(b'/') | are(b'b') | are(b'f') | are(b'r')).to_bitmask();
                let (digits, letters) = (bytes - b'0', (bytes | 0x20) - b'a');
                let hex = (below(digits, 10) | below(letters, 6)).to_bitmask();
                wrong |= (unicode << 1 | unicode << 2 | unicode << 3 | unicode << 4 | due) & !hex;
                due = unicode >> 63 | unicode >> 62 | unicode >> 61 | unicode >> 60;
            }
        }
        if quotes | wrong != 0 {
            let (quote, wrong) = (quotes.trailing_zeros(), wrong.trailing_zeros());
            return if quote < wrong { Ok(at + quote as usize) } else { Err(left) };
        }
        at += block.len();
        // An escape that is not over is read from its backslash on.
        left = at - if due == 0 { escapes as usize } else { 2 + unicode.leading_zeros() as usize };
    }
    Err(left)
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

    /// Whatever the processor can do, and what every one of its kind can.
    fn levels() -> [Level; 2] {
        [Level::new(), Level::baseline()]
    }

    #[test]
    fn it_does_not_matter_where_in_a_block_an_escape_lies() {
        let pieces = [
            "\\n",
            "\\\"",
            "\\\\",
            "\\\\\"",
            "\\\\\\\"",
            "\\u4e2D",
            "\\u4e2d\\u6587",
            "\\u\\u",
            "\\u12",
            "\\u12\"",
            "\\u123x",
            "\\x",
            "\\\n",
            "\n",
            "\"",
            "\u{7f}\u{80}",
        ];
        for (piece, before) in pieces.iter().flat_map(|piece| (0..200).map(move |before| (piece, before))) {
            let body = format!("{}{piece}{}\"", "x".repeat(before), "g".repeat(150)).into_bytes();
            for level in levels() {
                assert_eq!(end(level, &body, 0), slowly(&body, 0), "{piece:?} behind {before}");
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
                    2 => Just("\\u4E2d\\u6587".to_owned()),
                    2 => Just("\\/\\b\\f\\n\\r\\t".to_owned()),
                    2 => "[ -~]{60,64}".prop_map(|text| text.replace(['"', '\\'], "x")),
                    1 => Just("\\".to_owned()),
                    1 => Just("\\ux".to_owned()),
                    1 => Just("\\u12".to_owned()),
                    1 => Just("\n".to_owned()),
                    1 => Just("\u{7f}\u{80}".to_owned()),
                ],
                0..40,
            ),
            from in 0usize..20,
        ) {
            let body = parts.concat().into_bytes();
            let from = from.min(body.len());
            for level in levels() {
                prop_assert_eq!(end(level, &body, from), slowly(&body, from));
            }
        }
    }
}
