//! A secret that prints stars: a provider's key or a caller's credential while it is in memory.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use memchr::memmem::Finder;

/// A credential. `Debug` and `Display` never show it; [`Secret::expose`] is the one way to the text, so that every use
/// can be found by name.
#[derive(Clone)]
pub struct Secret {
    text: String,
    /// What looks for it, made when it is looked for first: the same secret is looked for in every answer.
    finder: OnceLock<Box<Finder<'static>>>,
}

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), finder: OnceLock::new() }
    }

    /// Whether it stands somewhere in `bytes`. A short text is no secret but a placeholder, as people write one for servers
    /// that want any key (`api_key: none`), and is looked for nowhere.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        const SHORTEST: usize = 16;
        // Most of what is looked at are headers, and most of them are shorter than a key.
        if self.text.len() < SHORTEST || bytes.len() < self.text.len() {
            return false;
        }
        let finder = self.finder.get_or_init(|| Box::new(Finder::new(&self.text).into_owned()));
        let find = |bytes: &[u8]| finder.find(bytes).is_some();
        find(bytes) || unescaped(bytes).is_some_and(|bytes| find(&bytes))
    }

    /// The text with stars in its place, however much of it is percent-encoded (RFC 3986, 2.1). What is shorter than a password is
    /// looked for nowhere.
    pub fn out_of(&self, text: String) -> String {
        const SHORTEST: usize = 8;
        if self.text.len() < SHORTEST {
            return text;
        }
        let mut kept = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            match self.begins(rest).and_then(|length| rest.get(length..)) {
                Some(behind) => {
                    kept.push_str("***");
                    rest = behind;
                }
                None => {
                    kept.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        kept
    }

    /// How long it is at the beginning of a text, if that begins with it.
    fn begins(&self, text: &str) -> Option<usize> {
        let text = text.as_bytes();
        self.text.bytes().try_fold(0, |at, byte| match text.get(at..)? {
            [b'%', high, low, ..] if hex(*high, *low) == Some(byte) => Some(at + 3),
            [plain, ..] if *plain == byte => Some(at + 1),
            _ => None,
        })
    }

    /// Whether both are the same; how long that takes says nothing of where they differ.
    pub fn is_same(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.text.as_bytes(), other.text.as_bytes());
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }

    /// Whether it can stand in a header's value: as `http` has it, visible ASCII, blanks and tabs.
    pub fn fits_a_header(&self) -> bool {
        self.text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'))
    }

    /// The text itself, for the one header it is meant for.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// What JSON may say with escapes though it need not: ASCII as `\u00..`, and the slash. None: there is nothing of the kind.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    let needless = |at: usize| {
        let behind = &bytes[at + 1..];
        behind.starts_with(b"/") || behind.starts_with(b"u00")
    };
    memchr::memchr_iter(b'\\', bytes).find(|at| needless(*at))?;
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let (said, length) = match rest {
            [_, b'/', ..] => (b"/".to_vec(), 2),
            [_, b'u', b'0', b'0', high, low, ..] if hex(*high, *low).is_some() => {
                (hex(*high, *low).into_iter().collect(), 6)
            }
            _ => (rest[..rest.len().min(2)].to_vec(), rest.len().min(2)),
        };
        plain.extend_from_slice(&said);
        rest = &rest[length..];
    }
    plain.extend_from_slice(rest);
    Some(plain)
}

/// The byte of two hexadecimal digits.
fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_however_much_of_it_is_percent_encoded() {
        let secret = Secret::new("client/0123+é");
        for said in ["client/0123+é", "client%2F0123%2B%C3%A9", "%63lient%2f0123+%c3%a9"] {
            assert_eq!(secret.out_of(format!("é {said}%2 {said}")), "é ***%2 ***", "{said}");
        }
        assert_eq!(secret.out_of("client%2F0123%2B%C3".to_owned()), "client%2F0123%2B%C3");
        assert_eq!(Secret::new("short").out_of("a short text".to_owned()), "a short text");
    }

    #[test]
    fn a_secret_is_found_however_json_spells_it() {
        let secret = Secret::new("sk-test/0123456789");
        for said in ["sk-test/0123456789", r"x\nsk\u002dtest\/0123456789", r"\u0073k\u002Dtest/0123456789\"] {
            assert!(secret.is_in(said.as_bytes()), "{said}");
        }
        for other in [r"sk\\u002dtest/0123456789", r"sk\u002", r"\", r"sk\u012dtest/0123456789"] {
            assert!(!secret.is_in(other.as_bytes()), "{other}");
        }
    }
}
