//! Where a body ends, and what of its bytes is content. Bytes are passed on as they came, so they are checked first.

use protocol::frame::chunks::Chunks;
use protocol::frame::head::{BadHead, Framing};

/// Where in a body we are.
#[derive(Debug)]
pub(super) enum Follow {
    /// So many bytes are still to come.
    Length(u64),
    /// In HTTP chunks.
    Chunks(Chunks),
    /// The connection's end is the body's.
    Close,
}

impl Follow {
    /// At the beginning of a body that is framed like this.
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunks(Chunks::default()),
            Framing::Close => Self::Close,
        }
    }

    /// Has the last byte been seen?
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunks(Chunks::Done))
    }

    /// Reads on, hands each stretch of content to `take`, and says how many bytes were the body's.
    pub(super) fn read(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<usize, BadHead> {
        let chunks = match self {
            Self::Close => {
                take(bytes);
                return Ok(bytes.len());
            }
            Self::Length(left) => {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                take(&bytes[..count]);
                *left -= count as u64;
                return Ok(count);
            }
            Self::Chunks(chunks) => chunks,
        };
        let mut at = 0;
        while at < bytes.len() && *chunks != Chunks::Done {
            let count = match *chunks {
                Chunks::Data(left) => (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX)),
                _ => 1,
            };
            let stretch = &bytes[at..at + count];
            if matches!(chunks, Chunks::Data(_)) {
                take(stretch);
            }
            chunks.follow(stretch)?;
            at += count;
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_the_same_wherever_the_bytes_are_cut() {
        let whole = b"5;x=1\r\nhello\r\n1\r\n!\r\n0\r\n\r\nPOST /";
        for cut in 0..whole.len() {
            let (mut follow, mut content) = (Follow::new(Framing::Chunked), Vec::new());
            let mut used = 0;
            for piece in [&whole[..cut], &whole[cut..]] {
                used += follow.read(piece, |part| content.extend_from_slice(part)).expect("a good body");
            }
            assert_eq!(
                (follow.is_done(), content.as_slice(), used),
                (true, b"hello!".as_slice(), whole.len() - 6),
                "{cut}"
            );
        }
    }
}
