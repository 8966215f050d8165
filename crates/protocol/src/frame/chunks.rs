//! The coding of a body that comes chunk by chunk (RFC 9112, 7.1), read as strictly as heads are.

use super::head::{BadHead, bad};

/// Follows a chunked body without changing it, and says where it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chunks {
    /// In a size line; the size so far, how many digits it has, and whether an extension has begun.
    Size(u64, u8, bool),
    /// Behind a size line's CR.
    SizeEnd(u64),
    /// In a chunk's data; bytes left.
    Data(u64),
    /// Behind the data; the CR is next.
    DataEnd,
    /// Behind that CR; the LF is next.
    DataEndLf,
    /// In the trailer section: the length of the current line, and of all.
    Trailer(u16, u16),
    /// Behind a trailer line's CR.
    TrailerLf(u16, u16),
    /// The body is over.
    Done,
}

/// The longest size line and the longest trailer section.
const MAX_EXTENSION: u8 = 200;
const MAX_TRAILER: u16 = 8 * 1024;

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(0, 0, false)
    }
}

impl Chunks {
    /// Follows `bytes`; says how many of them belong to this body. Less than all: the body ended there.
    ///
    /// # Errors
    /// [`BadHead`] when the coding is broken.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<usize, BadHead> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::Done {
            if let Self::Data(left) = *self {
                let step = left.min((bytes.len() - at) as u64);
                at += step as usize;
                *self = if step == left { Self::DataEnd } else { Self::Data(left - step) };
                continue;
            }
            *self = self.step(bytes[at])?;
            at += 1;
        }
        Ok(at)
    }

    /// The next data in `bytes`: how many bytes of coding stand before it, and how long it is; none: they are all coding.
    ///
    /// # Errors
    /// [`BadHead`] when the coding is broken.
    pub fn data(&mut self, bytes: &[u8]) -> Result<(usize, usize), BadHead> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::Done {
            if let Self::Data(left) = *self {
                let step = left.min((bytes.len() - at) as u64);
                *self = if step == left { Self::DataEnd } else { Self::Data(left - step) };
                return Ok((at, step as usize));
            }
            *self = self.step(bytes[at])?;
            at += 1;
        }
        Ok((at, 0))
    }

    fn step(self, b: u8) -> Result<Self, BadHead> {
        match (self, b) {
            (Self::Size(size, digits, false), _) if b.is_ascii_hexdigit() && digits < 15 => {
                let digit = (b as char).to_digit(16).unwrap_or(0);
                Ok(Self::Size(size << 4 | u64::from(digit), digits + 1, false))
            }
            (Self::Size(size, digits, _), b'\r') if digits > 0 => Ok(Self::SizeEnd(size)),
            (Self::Size(size, digits, false), b';') if digits > 0 => Ok(Self::Size(size, 1, true)),
            (Self::Size(size, n, true), b'\t' | 0x20..=0x7e) if n < MAX_EXTENSION => {
                Ok(Self::Size(size, n + 1, true))
            }
            (Self::SizeEnd(0), b'\n') => Ok(Self::Trailer(0, 0)),
            (Self::SizeEnd(size), b'\n') => Ok(Self::Data(size)),
            (Self::DataEnd, b'\r') => Ok(Self::DataEndLf),
            (Self::DataEndLf, b'\n') => Ok(Self::default()),
            (Self::Trailer(line, all), b'\r') => Ok(Self::TrailerLf(line, all)),
            (Self::TrailerLf(0, _), b'\n') => Ok(Self::Done),
            (Self::TrailerLf(_, all), b'\n') => Ok(Self::Trailer(0, all)),
            (Self::Trailer(line, all), b'\t' | 0x20..=0x7e | 0x80..) if all < MAX_TRAILER => {
                Ok(Self::Trailer(line + 1, all + 1))
            }
            _ => Err(bad("the chunked coding is broken")),
        }
    }
}
