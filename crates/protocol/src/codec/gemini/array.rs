//! The objects of one JSON array, out of pieces cut anywhere: a stream that was asked for without `alt=sse`.

use crate::codec::LONGEST;
use crate::hub::Unreadable;

/// Objects out of pieces.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// The beginning of an object whose end has not come.
    begun: Vec<u8>,
    /// How many brackets of it are open.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// It is one object in no array: a whole answer, or an error.
    bare: bool,
    /// Its own end came.
    closed: bool,
    /// Something came behind that.
    astray: bool,
    /// What came last outside of all elements, white space aside.
    last: u8,
}

impl Elements {
    /// Takes a piece and calls `each` with every object that ends in it.
    ///
    /// # Errors
    /// The first error of `each`, or an object that is too long.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let mut from = 0;
        for (at, byte) in piece.iter().enumerate() {
            let inside = self.depth > 0;
            self.step(*byte);
            match (inside, self.depth > 0) {
                (false, true) => from = at,
                (true, false) => {
                    self.begun.extend_from_slice(&piece[from..=at]);
                    each(&std::mem::take(&mut self.begun))?;
                }
                _ => {}
            }
        }
        if self.depth > 0 {
            self.begun.extend_from_slice(&piece[from..]);
        }
        if self.begun.len() > LONGEST {
            return Err(Unreadable::new("An element of the stream is too long."));
        }
        Ok(())
    }

    /// Whether it ended, and nothing came behind.
    pub(super) fn closed(&self) -> bool {
        self.closed && !self.astray
    }

    /// What has to stand before one more element; `None`: there is no place for one.
    pub(super) fn joint(&self) -> Option<&'static str> {
        match self.last {
            _ if self.depth > 0 || self.closed => None,
            0 => Some("["),
            b'[' | b',' => Some(""),
            b'}' => Some(","),
            _ => None,
        }
    }

    fn step(&mut self, byte: u8) {
        if self.depth == 0 && !byte.is_ascii_whitespace() {
            self.astray |= self.closed;
            self.bare |= self.last == 0 && byte == b'{';
        }
        if self.depth <= 1 && !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' if self.depth > 0 => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' => self.depth += 1,
            b'[' if self.depth > 0 => self.depth += 1,
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                self.closed |= self.bare && self.depth == 0;
            }
            b']' if self.depth > 0 => self.depth -= 1,
            b']' => self.closed = true,
            _ => {}
        }
    }
}
