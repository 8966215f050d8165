//! The objects of one JSON array, out of pieces cut anywhere: a stream that was asked for without `alt=sse`.

use crate::hub::Unreadable;

/// The longest object that is waited for, bytes: a picture in base64 has room.
const LONGEST: usize = 64 * 1024 * 1024;

/// Objects out of pieces.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// The beginning of an object whose end has not come.
    begun: Vec<u8>,
    /// How many brackets of it are open.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The array's own end came.
    closed: bool,
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

    /// Whether the array ended.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    fn step(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' if self.depth > 0 => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' => self.depth += 1,
            b'[' if self.depth > 0 => self.depth += 1,
            b'}' => self.depth = self.depth.saturating_sub(1),
            b']' if self.depth > 0 => self.depth -= 1,
            b']' => self.closed = true,
            _ => {}
        }
    }
}
