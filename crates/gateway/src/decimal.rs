//! Numbers in decimal. Heads are full of them, and `format!` takes longer than all else that is done for a line.

use bytes::BufMut;

/// Writes a number behind a text.
pub(crate) fn write(text: &mut impl BufMut, number: u64) {
    text.put_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes a number of thousandths, with three digits behind the point.
pub(crate) fn write_thousandths(text: &mut impl BufMut, number: u64) {
    write(text, number / 1000);
    text.put_u8(b'.');
    // The one in front of the digits makes them three.
    let mut digits = itoa::Buffer::new();
    text.put_slice(&digits.format(1000 + number % 1000).as_bytes()[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_format_writes_them() {
        for number in [0, 7, 10, 999, 1000, 1001, 60_020, u64::MAX] {
            let (mut whole, mut parts) = (b"x=".to_vec(), Vec::new());
            write(&mut whole, number);
            write_thousandths(&mut parts, number);
            assert_eq!(whole, format!("x={number}").as_bytes());
            assert_eq!(parts, format!("{}.{:03}", number / 1000, number % 1000).as_bytes());
        }
    }
}
