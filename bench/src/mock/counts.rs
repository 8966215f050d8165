//! What the upstream served, by its own count.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the upstream served since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Connections taken.
    pub(crate) connections: u64,
    /// Chats asked for.
    pub(crate) asked: u64,
    /// Chats answered to the last byte, streams among them.
    pub(crate) answered: u64,
    /// Chunks of streams.
    pub(crate) chunks: u64,
    /// Chats that failed because they were told to.
    pub(crate) failed: u64,
    /// Chats whose caller left before the end.
    pub(crate) left: u64,
}

impl Counts {
    /// As JSON.
    pub(crate) fn write(&self) -> String {
        let Self { connections, asked, answered, chunks, failed, left } = self;
        json!({
            "connections": connections, "asked": asked, "answered": answered,
            "chunks": chunks, "failed": failed, "left": left,
        })
        .to_string()
    }

    /// From JSON.
    pub(crate) fn read(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(text).context("the upstream's counts are no JSON")?;
        let count =
            |name: &str| value[name].as_u64().with_context(|| format!("the upstream counts no {name}"));
        Ok(Self {
            connections: count("connections")?,
            asked: count("asked")?,
            answered: count("answered")?,
            chunks: count("chunks")?,
            failed: count("failed")?,
            left: count("left")?,
        })
    }
}
