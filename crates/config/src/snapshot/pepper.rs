//! What is kept of callers' keys (docs/adr/0023): a digest each, under a pepper.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use protocol::secret::Secret;

/// What keys are kept with: nobody who reads what is kept can try keys without it.
#[derive(Clone)]
pub struct Pepper {
    key: hmac::Key,
    /// Nobody said which it is.
    pub(super) unknown: bool,
}

/// What is kept of a key.
#[derive(Clone, Copy, Eq)]
pub struct Digest([u8; 32]);

/// How a digest begins where it is written.
const SCHEME: &str = "hmac-sha256:";

impl Pepper {
    /// A pepper; without one, one that is good for nothing that is kept.
    pub fn new(secret: Option<&Secret>) -> Self {
        let bytes = secret.map_or(&b"unknown"[..], |secret| secret.expose().as_bytes());
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes), unknown: secret.is_none() }
    }

    /// What is kept of a key.
    #[inline]
    pub fn digest(&self, key: &str) -> Digest {
        let tag = hmac::sign(&self.key, key.as_bytes());
        Digest(tag.as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// A key by which something else is derived from what is kept, for this purpose alone; none: nobody said which pepper it is, and
    /// whoever has what is kept could derive as much. A purpose is shorter than a key may be, so it has no digest that is kept.
    pub(super) fn derivation(&self, purpose: &'static str) -> Option<hmac::Key> {
        let tag = (!self.unknown).then(|| hmac::sign(&self.key, purpose.as_bytes()))?;
        Some(hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl Digest {
    /// Its bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads one as it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(SCHEME).filter(|hex| hex.len() == 64)?;
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Some(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(SCHEME)?;
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// How long that takes says nothing of where two differ.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl std::hash::Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
