//! Bodies as they are framed on the wire: of a known length, in HTTP chunks, or until the connection ends.

use anyhow::{Result, bail};

/// Where in a body we are.
#[derive(Clone, Debug)]
pub(crate) struct Body(State);

#[derive(Clone, Debug)]
enum State {
    Length(u64),
    UntilClose,
    /// In the line that says how long the next HTTP chunk is; behind a `;` nothing counts.
    Size {
        size: u64,
        extension: bool,
    },
    Data(u64),
    /// In the line end behind an HTTP chunk.
    Behind,
    /// In the lines behind the last HTTP chunk; how long the present one is.
    Trailer(usize),
    Done,
}

impl Body {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self(State::Done)
    }

    /// So many bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        Self(if length == 0 { State::Done } else { State::Length(length) })
    }

    /// In HTTP chunks.
    pub(crate) fn chunked() -> Self {
        Self(State::Size { size: 0, extension: false })
    }

    /// All that comes.
    pub(crate) fn until_close() -> Self {
        Self(State::UntilClose)
    }

    /// Has the last byte been read?
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Is the end of the connection the end of this body?
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(self.0, State::UntilClose)
    }

    /// Reads on, hands each stretch of content to `take`, and says how many bytes were the body's.
    pub(crate) fn read(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<usize> {
        let mut at = 0;
        while at < bytes.len() && !self.is_done() {
            let rest = &bytes[at..];
            at += match &mut self.0 {
                State::Length(left) | State::Data(left) => {
                    let count = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    take(&rest[..count]);
                    *left -= count as u64;
                    if *left == 0 {
                        self.0 = if matches!(self.0, State::Data(_)) { State::Behind } else { State::Done };
                    }
                    count
                }
                State::UntilClose => {
                    take(rest);
                    rest.len()
                }
                _ => {
                    self.framing(rest[0])?;
                    1
                }
            };
        }
        Ok(at)
    }

    /// One byte that is no content.
    fn framing(&mut self, byte: u8) -> Result<()> {
        self.0 = match (&self.0, byte) {
            (State::Size { size: 0, .. }, b'\n') => State::Trailer(0),
            (State::Size { size, .. }, b'\n') => State::Data(*size),
            (State::Size { size, .. }, b';') => State::Size { size: *size, extension: true },
            (State::Size { size, extension: true }, _) | (State::Size { size, .. }, b'\r' | b' ') => {
                State::Size { size: *size, extension: true }
            }
            (State::Size { size, .. }, _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    bail!("an HTTP chunk without a length")
                };
                State::Size {
                    size: size.saturating_mul(16).saturating_add(u64::from(digit)),
                    extension: false,
                }
            }
            (State::Behind, b'\n') => State::Size { size: 0, extension: false },
            (State::Behind, b'\r') => State::Behind,
            (State::Behind, _) => bail!("an HTTP chunk longer than it said"),
            (State::Trailer(0), b'\n') => State::Done,
            (State::Trailer(_), b'\n') => State::Trailer(0),
            (State::Trailer(length), b'\r') => State::Trailer(*length),
            (State::Trailer(length), _) => State::Trailer(length + 1),
            (other, _) => other.clone(),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Body;

    fn read(mut body: Body, pieces: &[&str]) -> (String, bool, usize) {
        let (mut content, mut used) = (String::new(), 0);
        for piece in pieces {
            used += body
                .read(piece.as_bytes(), |part| content.push_str(&String::from_utf8_lossy(part)))
                .expect("a well-formed body");
        }
        (content, body.is_done(), used)
    }

    #[test]
    fn chunks_are_joined_however_they_arrive() {
        let whole = "5;x=1\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
        let each: Vec<String> = whole.chars().map(String::from).collect();
        let each: Vec<&str> = each.iter().map(String::as_str).collect();
        assert_eq!(read(Body::chunked(), &[whole]), ("hello!".to_owned(), true, whole.len()));
        assert_eq!(read(Body::chunked(), &each), ("hello!".to_owned(), true, whole.len()));
    }

    #[test]
    fn a_body_leaves_what_is_behind_it() {
        assert_eq!(read(Body::of_length(3), &["abcdef"]), ("abc".to_owned(), true, 3));
        assert_eq!(read(Body::chunked(), &["1\r\na\r\n0\r\n\r\nHTTP/1.1"]), ("a".to_owned(), true, 11));
    }

    #[test]
    fn a_body_cut_off_is_not_done() {
        assert_eq!(read(Body::chunked(), &["5\r\nhel"]), ("hel".to_owned(), false, 6));
    }

    #[test]
    fn a_chunk_longer_than_it_said_is_told() {
        assert!(Body::chunked().read(b"1\r\nab\r\n", |_| {}).is_err());
    }
}
