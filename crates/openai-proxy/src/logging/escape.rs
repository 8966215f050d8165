//! What may not stand in a line as it is, in any form of line (T-49).

/// The most of one value as it is written, its escapes counted, in bytes.
pub(super) const LONGEST_VALUE: usize = super::line::LONGEST_TEXT;

/// The most one character becomes, and the mark of a cut.
const LONGEST_ESCAPE: usize = 16;

/// Whether a character could end a line, steer a terminal, or show text in another order than it has: controls, the line and
/// paragraph separators, and the marks of direction.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Writes a text within its bounds. What every form writes alike stands behind a backslash; `other` writes the rest of what
/// steers or is special.
pub(super) fn escaped(text: &str, special: &[char], other: fn(char, &mut String), out: &mut String) {
    let begins = out.len();
    for c in text.chars() {
        if out.len() - begins >= LONGEST_VALUE - LONGEST_ESCAPE {
            out.push('…');
            return;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' if special.contains(&c) => out.extend(['\\', c]),
            c if steers(c) || special.contains(&c) => other(c, out),
            c => out.push(c),
        }
    }
}
