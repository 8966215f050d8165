//! What may not stand in a line as it is, in any form of line (T-49).

/// The most of one value as it is written, its escapes counted, in bytes.
pub(super) const LONGEST_VALUE: usize = super::line::LONGEST_TEXT;

/// Whether a character could end a line, steer a terminal, or show text in another order than it has: controls, the line and
/// paragraph separators, and the marks of direction.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Writes a text within its bounds, characters that steer or are special as `escape` has them.
pub(super) fn escaped(text: &str, special: &[char], escape: fn(char, &mut String), out: &mut String) {
    let begins = out.len();
    for c in text.chars() {
        if out.len() - begins >= LONGEST_VALUE - 12 {
            out.push('…');
            return;
        }
        if steers(c) || special.contains(&c) {
            escape(c, out);
        } else {
            out.push(c);
        }
    }
}
