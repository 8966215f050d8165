//! Texts as rows hold them, and as they are told apart.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

use crate::problem::StoreProblem;

/// The longest text of a column that is looked for, in characters: an index of Postgres takes no more than 2,704 bytes, and
/// a caller may send a text of any length.
pub(crate) const LONGEST: usize = 256;

/// Makes a text one that both databases hold: without the NUL that Postgres refuses.
pub(crate) fn without_nul(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
}

/// The same, and bounded: one that may be looked for.
pub(crate) fn fit(text: &mut String) {
    without_nul(text);
    // Few have as many bytes, and only they need to be counted.
    if text.len() > LONGEST
        && let Some((end, _)) = text.char_indices().nth(LONGEST)
    {
        text.truncate(end);
    }
}

/// Whether a text comes back as it was given, where it has to.
pub(crate) fn kept_as_it_is(text: &str) -> Result<(), StoreProblem> {
    match text.contains('\0') {
        true => Err(StoreProblem::Unfit("it holds a NUL, which not every database keeps")),
        false => Ok(()),
    }
}

/// A short name for texts of any length, the same for the same ones.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex(context.finish().as_ref())
}

/// A few signs by which a secret is known again, and from which it cannot be guessed: many have the same.
pub fn fingerprint(secret: &str) -> String {
    let mut print = digest(&["fingerprint", secret]);
    print.truncate(8);
    print
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(pair).collect()).flatten()
}
