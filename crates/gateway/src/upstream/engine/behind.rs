//! How an answer goes on behind its head.

use protocol::frame::chunks::Chunks;

use super::sending::Sending;

/// What is still to come of an answer's body.
pub(in crate::upstream) enum Left {
    /// Nothing.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Whatever comes until the connection ends.
    Close,
}

/// What is behind a head.
pub(in crate::upstream) struct Behind {
    /// What is still to come.
    pub(in crate::upstream) left: Left,
    /// What is still to be sent: it answered before it had everything.
    pub(in crate::upstream) sending: Option<Sending>,
    /// The connection may carry another request afterwards.
    pub(in crate::upstream) keeps: bool,
}
