//! Ways to ask for the order of documents: at doors, where callers ask, and at places, where vendors answer.

use std::fmt;

use super::Dialect;

/// How a caller asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Jina's and, in its first version, Cohere's: `POST /v1/rerank`.
    Jina,
    /// Cohere, `POST /v2/rerank`.
    Cohere,
}

/// How a vendor is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// As Jina is, and servers of one's own: `POST /v1/rerank`.
    Jina,
    /// Cohere, `POST /v2/rerank`.
    Cohere,
}

impl Door {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Jina, Self::Cohere];

    /// The word for it in documents and the names of golden files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jina => "jina",
            Self::Cohere => "cohere",
        }
    }

    /// The family it belongs to: the older way stands below `/v1`, and is refused as everything there.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Jina => Dialect::OpenAi,
            Self::Cohere => Dialect::Cohere,
        }
    }
}

impl Place {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Jina, Self::Cohere];

    /// The word for it in documents and the names of golden files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jina => "jina",
            Self::Cohere => "cohere",
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
