//! The frames of `application/vnd.amazon.eventstream`: read out of pieces cut anywhere, and written.
//!
//! Source: AWS, "Event stream encoding" (Smithy, Amazon Event Stream): four bytes of length, four of the headers' length, the CRC32
//! of both, headers, payload, the CRC32 of all before. The limit of headers is that of AWS' own Python library.

use std::fmt;

/// The most bytes the headers of a frame may have.
const MOST_HEADERS: usize = 128 * 1024;
/// The most bytes the payload of a frame may have: AWS' library takes 24 MiB, and no frame of a conversation comes near that.
const MOST_PAYLOAD: usize = 8 * 1024 * 1024;
/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum of a frame.
const CHECKSUM: usize = 4;
/// The kind of a header whose value is a text.
const TEXT: u8 = 7;

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// The headers whose value is a text; others say nothing we act on.
    headers: Vec<(String, String)>,
    /// The body.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why bytes are no frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A checksum is not that of its bytes.
    Checksum,
    /// A length is beyond its limit, or is too small for what it counts.
    Length,
    /// The headers cannot be taken apart.
    Headers,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Checksum => "A frame of the stream is damaged: its checksum is another.",
            Self::Length => "A frame of the stream has a length that cannot be.",
            Self::Headers => "The headers of a frame of the stream cannot be read.",
        })
    }
}

/// Frames out of pieces.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// How many of them were given out.
    taken: usize,
}

impl Frames {
    /// Takes a piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// Whether a frame has begun that has not come whole, or has not been taken.
    pub fn is_within(&self) -> bool {
        self.taken < self.bytes.len()
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// When what comes next is no frame. The stream cannot be gone on with.
    pub fn take(&mut self) -> Result<Option<Frame>, Malformed> {
        let bytes = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((total, headers)) = lengths(bytes)? else { return Ok(None) };
        let Some(frame) = bytes.get(..total) else { return Ok(None) };
        let (said, checksum) = frame.split_at(total - CHECKSUM);
        if crc32fast::hash(said) != number(checksum) {
            return Err(Malformed::Checksum);
        }
        let (headers, payload) =
            said.get(PRELUDE..).unwrap_or_default().split_at_checked(headers).ok_or(Malformed::Length)?;
        let frame = Frame { headers: taken_apart(headers)?, payload: payload.to_vec() };
        self.taken += total;
        Ok(Some(frame))
    }
}

/// The length of a frame and of its headers, once they have come: before anything is waited for, they are believed only with their
/// checksum and within the limits.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
    let (both, checksum) = prelude.split_at(PRELUDE - CHECKSUM);
    if crc32fast::hash(both) != number(checksum) {
        return Err(Malformed::Checksum);
    }
    let (total, headers) = both.split_at(4);
    let (total, headers) = (number(total) as usize, number(headers) as usize);
    let payload = total.checked_sub(PRELUDE + CHECKSUM).and_then(|rest| rest.checked_sub(headers));
    match payload {
        Some(payload) if headers <= MOST_HEADERS && payload <= MOST_PAYLOAD => Ok(Some((total, headers))),
        _ => Err(Malformed::Length),
    }
}

/// Four bytes or fewer, the first of them the highest.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn taken_apart(bytes: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let (mut rest, mut headers) = (bytes, Vec::new());
    while !rest.is_empty() {
        let ([length, ..], mut cursor) = (rest, rest.get(1..).unwrap_or_default()) else { break };
        let name = cut(&mut cursor, usize::from(*length))?;
        let kind = cut(&mut cursor, 1)?.first().copied().unwrap_or_default();
        let length = match kind {
            // True and false.
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            // A long number, and a time.
            5 | 8 => 8,
            // Bytes, and a text.
            6 | TEXT => number(cut(&mut cursor, 2)?) as usize,
            // A UUID.
            9 => 16,
            _ => return Err(Malformed::Headers),
        };
        let value = cut(&mut cursor, length)?;
        if kind == TEXT {
            headers.push((text(name)?, text(value)?));
        }
        rest = cursor;
    }
    Ok(headers)
}

fn cut<'b>(bytes: &mut &'b [u8], length: usize) -> Result<&'b [u8], Malformed> {
    let (first, rest) = bytes.split_at_checked(length).ok_or(Malformed::Headers)?;
    *bytes = rest;
    Ok(first)
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed::Headers)
}

/// Writes a frame whose headers are texts, names of at most 255 bytes and values of at most 65,535: longer ones are cut there.
pub fn write(out: &mut Vec<u8>, headers: &[(&str, &str)], payload: &[u8]) {
    let mut head = Vec::new();
    for (name, value) in headers {
        let (length, name) = counted(name, u8::MAX);
        head.push(length);
        head.extend_from_slice(name);
        head.push(TEXT);
        let (length, value) = counted(value, u16::MAX);
        head.extend_from_slice(&length.to_be_bytes());
        head.extend_from_slice(value);
    }
    let from = out.len();
    let total = PRELUDE + head.len() + payload.len() + CHECKSUM;
    for length in [total, head.len()] {
        out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
    checksum(out, from);
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    checksum(out, from);
}

/// Appends the checksum of what was written since `from`.
fn checksum(out: &mut Vec<u8>, from: usize) {
    let sum = crc32fast::hash(out.get(from..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}

/// The bytes of a text, at most so many, and their number.
fn counted<N: TryFrom<usize> + Into<usize> + Copy>(text: &str, most: N) -> (N, &[u8]) {
    let bytes = text.as_bytes();
    match N::try_from(bytes.len()) {
        Ok(length) => (length, bytes),
        Err(_) => (most, bytes.get(..most.into()).unwrap_or(bytes)),
    }
}

#[cfg(test)]
#[path = "aws_event/tests.rs"]
mod tests;
