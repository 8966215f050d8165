//! An answer that breaks on purpose: a drill lets so many events pass, and then none.

use std::task::Poll;

use bytes::Bytes;
use protocol::frame::sse::Splitter;

use super::trouble::Trouble;
use crate::error::BoxError;

/// How an answer breaks on purpose.
pub(super) struct Breaking {
    /// Events that still pass.
    left: u32,
    /// It breaks off, or else falls silent.
    cuts: bool,
    splitter: Splitter,
}

impl Breaking {
    /// Behind so many events.
    pub(super) fn behind(left: u32, cuts: bool) -> Self {
        Self { left, cuts, splitter: Splitter::default() }
    }

    /// Whether nothing passes any more.
    pub(super) fn is_due(&self) -> bool {
        self.left == 0
    }

    /// What of a piece still passes.
    pub(super) fn passes(&mut self, piece: Bytes) -> Bytes {
        let (left, mut end) = (&mut self.left, piece.len());
        self.splitter.push(&piece, |at| {
            if *left > 0 {
                *left -= 1;
                if *left == 0 {
                    end = at;
                }
            }
        });
        piece.slice(..end)
    }

    /// What comes once nothing passes: whoever waits has a clock of its own.
    pub(super) fn breaks(&self) -> Poll<Trouble> {
        if self.cuts { Poll::Ready(Trouble::Cut(why())) } else { Poll::Pending }
    }
}

/// The cause, in the log.
pub(super) fn why() -> BoxError {
    "a drill, begun by hand".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_events_pass_however_they_come() {
        let whole = b"data: 1\n\ndata: 2\r\n\r\ndata: 3\n\n";
        for size in 1..=whole.len() {
            let mut breaking = Breaking::behind(2, true);
            let mut passed = Vec::new();
            for piece in whole.chunks(size) {
                if breaking.is_due() {
                    break;
                }
                passed.extend_from_slice(&breaking.passes(Bytes::copy_from_slice(piece)));
            }
            let text = String::from_utf8(passed).unwrap();
            assert!(
                text.starts_with("data: 1\n\ndata: 2\r\n\r") && !text.contains("data: 3"),
                "{size}: {text:?}"
            );
        }
    }
}
