//! How an answer's body is coded (RFC 9110, 8.4), and an error's in the clear: what it says has to be read, whatever its coding.
//!
//! Only gzip is read. Programs that speak other codings speak that one, too, and `compose.rs` asks for nothing else on their behalf.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::header::{self, HeaderMap};

/// An error's text of so many bytes is read whole. What is packed more tightly is no error but an attack.
const MOST: usize = 16 * 1024 * 1024;
/// So much is unpacked at once, so that no more than a thousand times as much is ever held.
pub(super) const STEP: usize = 4 * 1024;

/// How a body is coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coding {
    /// It is as it reads.
    Clear,
    Gzip,
    /// It cannot be read here.
    Other,
}

impl Coding {
    /// By the head of an answer.
    pub(super) fn of(head: &HeaderMap) -> Self {
        let lines = head.get_all(header::CONTENT_ENCODING).iter();
        let codings = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        let mut said = codings.map(<[u8]>::trim_ascii).filter(|coding| !is_any(coding, &["", "identity"]));
        match (said.next(), said.next()) {
            (None, _) => Self::Clear,
            (Some(coding), None) if is_readable(coding) => Self::Gzip,
            _ => Self::Other,
        }
    }
}

/// Whether an answer in this coding can be read here.
fn is_readable(coding: &[u8]) -> bool {
    is_any(coding, &["gzip", "x-gzip"])
}

fn is_any(coding: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| coding.eq_ignore_ascii_case(name.as_bytes()))
}

/// What of an `accept-encoding` may be asked for: the codings whose errors can be read. `None`: nothing is left.
pub(super) fn readable(accepted: &[u8]) -> Option<Vec<u8>> {
    let name =
        |coding: &[u8]| coding.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii().to_vec();
    let codings = accepted.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let left: Vec<&[u8]> =
        codings.filter(|coding| is_readable(&name(coding)) || is_any(&name(coding), &["identity"])).collect();
    (!left.is_empty()).then(|| left.join(&b", "[..]))
}

/// A whole body in the clear; `None`: it cannot be read, or is too much.
pub(super) fn in_the_clear(coding: Coding, body: &Bytes) -> Option<Bytes> {
    match coding {
        _ if body.is_empty() => Some(Bytes::new()),
        Coding::Clear => Some(body.clone()),
        Coding::Other => None,
        Coding::Gzip => {
            let mut unpacking = Unpacking::default();
            let mut clear = Vec::new();
            for packed in body.chunks(STEP) {
                clear.append(&mut unpacking.push(packed).ok()?);
                if clear.len() > MOST {
                    return None;
                }
            }
            clear.append(&mut unpacking.end().ok()?);
            (clear.len() <= MOST).then(|| clear.into())
        }
    }
}

/// A packed body, as it comes.
pub(super) struct Unpacking(MultiGzDecoder<Vec<u8>>);

impl Default for Unpacking {
    fn default() -> Self {
        Self(MultiGzDecoder::new(Vec::new()))
    }
}

impl Unpacking {
    /// What these bytes bring to light; hand in no more than [`STEP`] of them.
    ///
    /// # Errors
    /// When they are no gzip.
    pub(super) fn push(&mut self, packed: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(packed)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// What was still to come.
    ///
    /// # Errors
    /// When it is not whole.
    pub(super) fn end(&mut self) -> io::Result<Vec<u8>> {
        self.0.try_finish()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Bytes {
        let mut packing = GzEncoder::new(Vec::new(), Compression::best());
        packing.write_all(text).unwrap();
        packing.finish().unwrap().into()
    }

    #[test]
    fn a_coding_is_known_however_a_head_says_it() {
        for (said, coding) in [
            (&[][..], Coding::Clear),
            (&["identity"], Coding::Clear),
            (&["Identity, "], Coding::Clear),
            (&["gzip"], Coding::Gzip),
            (&[" X-GZIP "], Coding::Gzip),
            (&["br"], Coding::Other),
            (&["gzip, gzip"], Coding::Other),
            (&["gzip", "br"], Coding::Other),
        ] {
            let mut head = HeaderMap::new();
            for line in said {
                head.append(header::CONTENT_ENCODING, line.parse().unwrap());
            }
            assert_eq!(Coding::of(&head), coding, "{said:?}");
        }
    }

    #[test]
    fn only_what_can_be_read_is_asked_for() {
        for (accepted, left) in [
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("gzip")),
            ("br;q=1.0, gzip;q=0.5, *;q=0", Some("gzip;q=0.5")),
            ("identity;q=1, x-gzip ;q=0.3", Some("identity;q=1, x-gzip ;q=0.3")),
            ("br", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(readable(accepted.as_bytes()).as_deref(), left.map(str::as_bytes), "{accepted}");
        }
    }

    #[test]
    fn what_is_packed_is_read_whole_and_nothing_that_is_broken_or_swells() {
        let text = b"an error ".repeat(2000);
        let whole = packed(&text);
        assert_eq!(in_the_clear(Coding::Gzip, &whole).as_deref(), Some(&text[..]));
        assert_eq!(in_the_clear(Coding::Gzip, &Bytes::new()).as_deref(), Some(&b""[..]));
        for broken in [whole.slice(..whole.len() - 1), whole.slice(1..), packed(&vec![0; MOST + 1])] {
            assert!(in_the_clear(Coding::Gzip, &broken).is_none(), "{} bytes", broken.len());
        }
        assert_eq!(in_the_clear(Coding::Other, &whole), None);
    }
}
