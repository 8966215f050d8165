//! Eight bytes at a time: where the first of some byte stands, without vector instructions and without a branch per byte.
//!
//! The arithmetic is that of S. E. Anderson's "Bit Twiddling Hacks" (public domain), "Determine if a word has a byte equal to n"
//! and "less than n": what it finds first is exact, what lies behind that may not be.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// The bytes that are `b`, each by its highest bit.
pub(crate) const fn equal(word: u64, b: u8) -> u64 {
    let rest = word ^ (ONES * b as u64);
    rest.wrapping_sub(ONES) & !rest & HIGH
}

/// The bytes below `b`, which is 128 at most, each by its highest bit.
pub(crate) const fn below(word: u64, b: u8) -> u64 {
    word.wrapping_sub(ONES * b as u64) & !word & HIGH
}

/// Where the first byte stands that `marked` marks in its word, or that `is_it` says of where fewer than eight are left.
pub(crate) fn first(bytes: &[u8], marked: impl Fn(u64) -> u64, is_it: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        let marks = marked(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    let at = rest.iter().position(|&b| is_it(b))?;
    Some(bytes.len() - rest.len() + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_is_the_one_a_reader_of_single_bytes_finds(bytes in prop::collection::vec(any::<u8>(), 0..40), b in 0u8..=255) {
            let slowly = bytes.iter().position(|&have| have == b || have < 0x20);
            prop_assert_eq!(first(&bytes, |word| equal(word, b) | below(word, 0x20), |have| have == b || have < 0x20), slowly);
        }
    }
}
