//! An error too long to be read whole before any of it is passed on: what comes is looked through, and held back as long as the beginning
//! of a credential of ours may stand at its end (T-44). Its bytes pass as they came.

use std::collections::VecDeque;

use bytes::Bytes;

use super::coding::{Coding, STEP, Unpacking};

/// So much in the clear is looked at once more with as much that came behind it, and held back: more than a credential takes, though JSON
/// may spell each byte with six, and what unpacks it keeps up to 32 KiB to itself for a while.
const OVERLAP: usize = 64 * 1024;
/// More in the clear than this has no error to say.
const MOST: u64 = 64 * 1024 * 1024;

/// Finds a credential of ours in bytes.
pub(super) type Repeats = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Why an error does not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Caught {
    /// A credential of ours stands in it.
    Secret,
    /// It cannot be read.
    Unreadable,
    /// It does not end.
    TooLong,
}

/// What looks it through.
pub(super) struct Sieve {
    repeats: Repeats,
    unpacking: Option<Unpacking>,
    /// The end of what was looked at, and behind it what was not yet.
    window: Vec<u8>,
    /// How much has come, in the clear.
    seen: u64,
    /// How much of it was looked at.
    looked: u64,
    /// What has not passed yet, each with how much was seen behind it.
    held: VecDeque<(Bytes, u64)>,
    ended: bool,
}

impl Sieve {
    /// For an error in a coding; `None`: that cannot be read.
    pub(super) fn new(coding: Coding, repeats: Repeats) -> Option<Self> {
        let unpacking = match coding {
            Coding::Clear => None,
            Coding::Gzip => Some(Unpacking::default()),
            Coding::Other => return None,
        };
        let (window, held) = Default::default();
        Some(Self { repeats, unpacking, window, seen: 0, looked: 0, held, ended: false })
    }

    /// Takes a piece as it came.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), Caught> {
        for part in piece.chunks(STEP) {
            match &mut self.unpacking {
                None => self.see(part)?,
                Some(unpacking) => {
                    let clear = unpacking.push(part).map_err(|_| Caught::Unreadable)?;
                    self.see(&clear)?;
                }
            }
        }
        if !piece.is_empty() {
            self.held.push_back((piece, self.seen));
        }
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) -> Result<(), Caught> {
        self.ended = true;
        // A body of nothing is no gzip either, and says nothing.
        if let Some(mut unpacking) = self.unpacking.take().filter(|_| !self.held.is_empty() || self.seen > 0)
        {
            let clear = unpacking.end().map_err(|_| Caught::Unreadable)?;
            self.see(&clear)?;
        }
        self.look()
    }

    /// What may pass, if anything.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let (_, seen) = self.held.front()?;
        if !self.ended && seen + OVERLAP as u64 > self.looked {
            return None;
        }
        self.held.pop_front().map(|(piece, _)| piece)
    }

    /// All of it has come and passed.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.held.is_empty()
    }

    fn see(&mut self, clear: &[u8]) -> Result<(), Caught> {
        for part in clear.chunks(OVERLAP) {
            self.seen += part.len() as u64;
            self.window.extend_from_slice(part);
            // Not at every piece: they may be of one byte each, and the whole window would be looked at for it.
            if self.window.len() >= 2 * OVERLAP {
                self.look()?;
            }
        }
        if self.seen > MOST { Err(Caught::TooLong) } else { Ok(()) }
    }

    fn look(&mut self) -> Result<(), Caught> {
        if (self.repeats)(&self.window) {
            return Err(Caught::Secret);
        }
        self.window.drain(..self.window.len().saturating_sub(OVERLAP));
        self.looked = self.seen;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use protocol::secret::Secret;

    use super::*;

    const KEY: &str = "sk-ours/0123456789abcdef";

    fn sieve(coding: Coding) -> Sieve {
        let key = Secret::new(KEY);
        Sieve::new(coding, Box::new(move |bytes| key.is_in(bytes))).unwrap()
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
        packing.write_all(text).unwrap();
        packing.finish().unwrap()
    }

    /// What passes of a body that comes in pieces of a size.
    fn passes(coding: Coding, body: &[u8], size: usize) -> (Vec<u8>, Option<Caught>) {
        let (mut sieve, mut passed) = (sieve(coding), Vec::new());
        for piece in body.chunks(size) {
            if let Err(caught) = sieve.push(Bytes::copy_from_slice(piece)) {
                return (passed, Some(caught));
            }
            passed.extend(std::iter::from_fn(|| sieve.next()).flatten());
        }
        let caught = sieve.end().err();
        if caught.is_none() {
            passed.extend(std::iter::from_fn(|| sieve.next()).flatten());
            assert!(sieve.is_over());
        }
        (passed, caught)
    }

    /// Text that does not pack well, so that much of it is on its way at once.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (state >> 27) as u8 % 26
        };
        std::iter::repeat_with(&mut next).take(bytes).collect()
    }

    #[test]
    fn an_error_without_a_credential_passes_byte_for_byte_and_while_it_comes() {
        let text = noise(300_000);
        let gzip = packed(&text);
        for size in [1000, 7777, 400_000] {
            assert_eq!(passes(Coding::Clear, &text, size), (text.clone(), None));
            assert_eq!(passes(Coding::Gzip, &gzip, size), (gzip.clone(), None));
        }
        let mut sieve = sieve(Coding::Clear);
        for piece in text.chunks(OVERLAP / 2) {
            sieve.push(Bytes::copy_from_slice(piece)).unwrap();
        }
        assert!(sieve.next().is_some() && !sieve.is_over(), "the beginning waits for no end");
        assert_eq!(passes(Coding::Gzip, b"", 1), (Vec::new(), None));
    }

    #[test]
    fn no_byte_of_a_credential_passes_wherever_it_stands_and_however_it_is_cut() {
        let spelt: String = KEY.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        for said in [KEY, &spelt] {
            for at in [0, OVERLAP - 10, OVERLAP, 150_000, 299_990] {
                let text = [&noise(300_000)[..at], said.as_bytes(), &noise(300_000 - at)].concat();
                let gzip = packed(&text);
                for size in [911, 9_973, 400_000] {
                    let (passed, caught) = passes(Coding::Clear, &text, size);
                    assert_eq!(caught, Some(Caught::Secret), "{at} {size}");
                    assert!(passed.len() <= at, "{at} {size}: {}", passed.len());
                    let (passed, caught) = passes(Coding::Gzip, &gzip, size);
                    assert_eq!(caught, Some(Caught::Secret), "{at} {size}");
                    let mut unpacking = Unpacking::default();
                    let mut clear = Vec::new();
                    for packed in passed.chunks(STEP) {
                        clear.extend(unpacking.push(packed).unwrap());
                    }
                    assert!(clear.len() <= at, "{at} {size}: {}", clear.len());
                }
            }
        }
    }

    #[test]
    fn what_is_looked_at_grows_with_an_error_and_not_with_the_number_of_its_pieces() {
        let (text, looked) = (noise(300_000), Arc::new(AtomicUsize::new(0)));
        let counts = looked.clone();
        let counting: Repeats = Box::new(move |bytes| {
            counts.fetch_add(bytes.len(), Ordering::Relaxed);
            false
        });
        let mut sieve = Sieve::new(Coding::Clear, counting).unwrap();
        text.chunks(1).for_each(|piece| sieve.push(Bytes::copy_from_slice(piece)).unwrap());
        sieve.end().unwrap();
        assert!(looked.load(Ordering::Relaxed) < 3 * text.len(), "{looked:?}");
    }

    #[test]
    fn what_cannot_be_read_or_does_not_end_does_not_pass() {
        assert!(Sieve::new(Coding::Other, Box::new(|_| false)).is_none());
        let gzip = packed(&noise(300_000));
        assert_eq!(passes(Coding::Gzip, &gzip[1..], 5000).1, Some(Caught::Unreadable));
        assert_eq!(passes(Coding::Gzip, &gzip[..gzip.len() - 1], 5000).1, Some(Caught::Unreadable));
        let swells = packed(&vec![b' '; MOST as usize + 1]);
        assert!(swells.len() < 1 << 20);
        assert_eq!(passes(Coding::Gzip, &swells, 5000).1, Some(Caught::TooLong));
    }
}
