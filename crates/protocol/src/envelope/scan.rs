//! A JSON reader that builds nothing: it walks over values and says where they end.
//!
//! Strict (RFC 8259): whatever it accepts, `serde_json` accepts too and the other way round, up to the depth limit; a
//! property test holds them together. Strings, which are most of a long prompt, are passed many bytes at a time (`string.rs`).

use std::ops::Range;

use fearless_simd::Level;

use super::{EnvelopeProblem, MAX_DEPTH, string};
use crate::dialect::Wire;

type Walk = Result<(), EnvelopeProblem>;

/// A position in a body that is known to be UTF-8.
pub(crate) struct Scan<'b> {
    body: &'b [u8],
    at: usize,
    /// How many bytes this processor looks at at once.
    level: Level,
    /// A string was met that begins as a mark does that we have claimed.
    claimed: bool,
}

impl<'b> Scan<'b> {
    pub(crate) fn new(body: &'b [u8]) -> Self {
        Self { body, at: 0, level: Level::new(), claimed: false }
    }

    /// The whole body.
    pub(crate) fn body(&self) -> &'b [u8] {
        self.body
    }

    /// Where we are.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether a string was met so far that begins with [`Wire::CLAIM`].
    pub(crate) fn claimed(&self) -> bool {
        self.claimed
    }

    /// The next byte, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    /// Passes white space.
    pub(crate) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Walk {
        self.space();
        if self.at == self.body.len() { Ok(()) } else { self.wrong() }
    }

    /// Walks an object, standing on its brace; `member` is called standing on each value, with the place of its key
    /// (without quotes), and must walk over that value.
    pub(crate) fn members(&mut self, mut member: impl FnMut(&mut Self, Range<usize>) -> Walk) -> Walk {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.wrong(),
            }
            self.space();
        }
    }

    /// Walks an array, standing on its bracket; `element` is called standing on each value and must walk over it.
    pub(crate) fn elements(&mut self, mut element: impl FnMut(&mut Self) -> Walk) -> Walk {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.wrong(),
            }
            self.space();
        }
    }

    /// Walks over one value of any kind; `depth` is the level it stands on, the outermost value being on 1.
    pub(crate) fn value(&mut self, depth: usize) -> Walk {
        // One bit a level tells objects (1) from arrays (0); MAX_DEPTH levels fit into a word.
        let mut kinds: u64 = 0;
        let mut open = 0;
        loop {
            match self.peek() {
                Some(brace @ (b'{' | b'[')) => {
                    if depth + open > MAX_DEPTH {
                        return Err(EnvelopeProblem::TooDeep(self.at));
                    }
                    self.at += 1;
                    self.space();
                    let object = brace == b'{';
                    if self.peek() == Some(if object { b'}' } else { b']' }) {
                        self.at += 1;
                    } else {
                        kinds = kinds << 1 | u64::from(object);
                        open += 1;
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if !self.close(&mut kinds, &mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: steps to the next one, closing what ends. False when nothing is open any more.
    fn close(&mut self, kinds: &mut u64, open: &mut usize) -> Result<bool, EnvelopeProblem> {
        while *open > 0 {
            let object = *kinds & 1 == 1;
            self.space();
            match (self.peek(), object) {
                (Some(b','), _) => {
                    self.at += 1;
                    self.space();
                    if object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    *kinds >>= 1;
                    *open -= 1;
                }
                _ => return self.wrong(),
            }
        }
        Ok(false)
    }

    /// A member's key and its colon; ends standing on the value. The place is without quotes.
    fn key(&mut self) -> Result<Range<usize>, EnvelopeProblem> {
        if self.peek() != Some(b'"') {
            return self.wrong();
        }
        let from = self.at + 1;
        self.string()?;
        let place = from..self.at - 1;
        self.space();
        if self.peek() != Some(b':') {
            return self.wrong();
        }
        self.at += 1;
        self.space();
        Ok(place)
    }

    fn scalar(&mut self) -> Walk {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Walk {
        if self.body[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            self.wrong()
        }
    }

    fn number(&mut self) -> Walk {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.wrong(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Walk {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == from { self.wrong() } else { Ok(()) }
    }

    fn string(&mut self) -> Walk {
        match string::end(self.level, self.body, self.at + 1) {
            Ok(quote) => {
                self.claimed |= self.body[self.at + 1..].starts_with(Wire::CLAIM);
                self.at = quote + 1;
                Ok(())
            }
            Err(at) => {
                self.at = at;
                self.wrong()
            }
        }
    }

    fn wrong<T>(&self) -> Result<T, EnvelopeProblem> {
        Err(EnvelopeProblem::NotJson(self.at))
    }
}
