//! A secret that prints stars: a provider's key or a caller's credential while it is in memory.

use std::fmt;

/// A credential. `Debug` and `Display` never show it; [`Secret::expose`] is the one way to the text, so that every use
/// can be found by name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it stands somewhere in `bytes`. A short text is no secret but a placeholder, as people write one for servers
    /// that want any key (`api_key: none`), and is looked for nowhere.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        const SHORTEST: usize = 16;
        self.0.len() >= SHORTEST && memchr::memmem::find(bytes, self.0.as_bytes()).is_some()
    }

    /// The text itself, for the one header it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
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
