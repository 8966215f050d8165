//! The head of an HTTP/1.1 message, read strictly: what two readers could understand differently is refused.
//!
//! Sources: RFC 9112 sections 2 to 7, RFC 9110 sections 5 and 7. Stricter than the RFC asks where leniency has let
//! requests be smuggled: no bare LF, no repeated length, no length beside a coding, no coding but `chunked`.

use std::sync::LazyLock;

use fearless_simd::{Level, Simd, dispatch, prelude::*, u8x16};
use memchr::memmem::Finder;

use crate::fault::Kind;

/// How long the body behind a head is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunked coding.
    Chunked,
    /// An answer without either: until the connection closes.
    Close,
}

/// What a request's head says about what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHead {
    /// The body's framing.
    pub framing: Framing,
}

/// What an answer's head says about what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnswerHead {
    /// Its status.
    pub status: u16,
    /// HTTP/1.1, where a connection stays open unless somebody says otherwise.
    pub http11: bool,
    /// Framing by headers; the method and the status may still mean "no body".
    pub framing: Framing,
}

/// Why a head is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadHead {
    /// The kind of error to answer with.
    pub kind: Kind,
    /// What is wrong, for the one who sent it.
    pub what: &'static str,
}

impl From<&'static str> for BadHead {
    /// One that is malformed in some way.
    fn from(what: &'static str) -> Self {
        bad(what)
    }
}

/// The most header lines of one head.
pub const MAX_HEADERS: usize = 100;
/// The longest method: longer than any registered one.
const MAX_METHOD: usize = 32;
/// The longest request target.
pub const MAX_TARGET: usize = 8 * 1024;

pub(super) const fn bad(what: &'static str) -> BadHead {
    BadHead { kind: Kind::MalformedHttp, what }
}

/// What ends a head, and what ends it for lenient readers.
static EMPTY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
static BARE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\n\n"));

/// Where a head that begins `bytes` ends (behind its empty line), if it is complete.
pub fn end(bytes: &[u8]) -> Option<usize> {
    let behind = |finder: &Finder<'_>, bytes| Some(finder.find(bytes)? + finder.needle().len());
    let end = behind(&EMPTY, bytes);
    // A line end is CRLF; a bare LF pair also ends a head for lenient readers, so it must be noticed at once.
    behind(&BARE, &bytes[..end.unwrap_or(bytes.len())]).or(end)
}

/// Reads a complete request head, empty line included.
///
/// # Errors
/// [`BadHead`] for everything RFC 9112 forbids or leaves to guess.
pub fn request(head: &[u8]) -> Result<RequestHead, BadHead> {
    let (first, lines) = first_line(head)?;
    let (target, http11) = request_line(first)?;
    let fields = Fields::of(lines, |_, _| Ok(()))?;
    host(&fields, target, http11)?;
    let framing = fields.framing(http11)?.unwrap_or(Framing::Length(0));
    Ok(RequestHead { framing })
}

/// Reads a complete answer head, empty line included. `field` is shown the name and the value of each header line.
///
/// # Errors
/// [`BadHead`] for everything RFC 9112 forbids or leaves to guess, and what `field` says.
pub fn answer(
    head: &[u8],
    field: impl FnMut(&[u8], &[u8]) -> Result<(), BadHead>,
) -> Result<AnswerHead, BadHead> {
    let (first, lines) = first_line(head)?;
    let version = first.get(..9).unwrap_or_default();
    if version != b"HTTP/1.1 " && version != b"HTTP/1.0 " {
        return Err(bad("an answer begins with its HTTP version"));
    }
    let digits = first.get(9..12).filter(|code| code.iter().all(u8::is_ascii_digit));
    let status = digits.map(|code| code.iter().fold(0, |all, digit| all * 10 + u16::from(digit - b'0')));
    let Some(status) = status.filter(|_| matches!(first.get(12), None | Some(b' '))) else {
        return Err(bad("a status has three digits"));
    };
    let fields = Fields::of(lines, field)?;
    let http11 = version == b"HTTP/1.1 ";
    let framing = fields.framing(http11)?.unwrap_or(Framing::Close);
    Ok(AnswerHead { status, http11, framing })
}

/// The first line of a head without its CRLF, and the lines behind it, each with its own; the empty last one is left out.
fn first_line(head: &[u8]) -> Result<(&[u8], &[u8]), BadHead> {
    if !head.ends_with(b"\r\n\r\n") {
        return Err(bad("a line ends with CR LF"));
    }
    cut(&head[..head.len() - 2])
}

/// The line that `lines` begins with, without its CRLF, and what is behind it.
fn cut(lines: &[u8]) -> Result<(&[u8], &[u8]), BadHead> {
    let end = memchr::memchr3(b'\r', b'\n', 0, lines).unwrap_or(lines.len());
    let (line, behind) = lines.split_at(end);
    let rest = behind.strip_prefix(b"\r\n");
    rest.map(|rest| (line, rest)).ok_or(bad("a line ends with CR LF, and neither stands alone inside it"))
}

fn request_line(line: &[u8]) -> Result<(&[u8], bool), BadHead> {
    let mut parts = line.split(|&b| b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("a request line is a method, a target and a version, with one space between"));
    };
    if method.len() > MAX_METHOD || method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(bad("a method is a token"));
    }
    if target.len() > MAX_TARGET {
        return Err(BadHead { kind: Kind::TargetTooLong, what: "a request target has at most 8 KiB" });
    }
    if method == b"CONNECT" || method == b"TRACE" {
        return Err(BadHead { kind: Kind::MethodNotAllowed, what: "CONNECT and TRACE are not served" });
    }
    if target.is_empty() || !target.iter().copied().all(is_target) {
        return Err(bad("a target is made of the characters of an URI"));
    }
    let absolute =
        [b"http://".as_slice(), b"https://"].iter().any(|scheme| starts_with_ignoring_case(target, scheme));
    if target[0] != b'/' && !absolute && !(target == b"*" && method == b"OPTIONS") {
        return Err(bad("a target begins with a slash, or is an http URI"));
    }
    match version {
        b"HTTP/1.1" => Ok((target, true)),
        b"HTTP/1.0" => Ok((target, false)),
        _ => Err(bad("this door speaks HTTP/1.1 (and HTTP/2 by ALPN)")),
    }
}

/// The header lines that decide framing and destination.
#[derive(Default)]
struct Fields<'h> {
    count: usize,
    length: Option<&'h [u8]>,
    coding: Option<&'h [u8]>,
    host: Option<&'h [u8]>,
}

/// A header line, and what is behind it.
struct Line<'h> {
    name: &'h [u8],
    value: &'h [u8],
    behind: &'h [u8],
}

impl<'h> Fields<'h> {
    /// Of header lines, each of which has its CRLF. `field` is shown the name and the value of each.
    fn of(
        lines: &'h [u8],
        mut field: impl FnMut(&'h [u8], &'h [u8]) -> Result<(), BadHead>,
    ) -> Result<Self, BadHead> {
        let mut fields = Self::default();
        let mut rest = lines;
        while !rest.is_empty() {
            let line = fields.add(rest)?;
            field(line.name, line.value)?;
            rest = line.behind;
        }
        Ok(fields)
    }

    /// Takes in the line that `lines` begins with. A name ends where a token does, and a value at the first control character but a
    /// tab: where that is no line end, what is wrong is looked for in a second look.
    fn add(&mut self, lines: &'h [u8]) -> Result<Line<'h>, BadHead> {
        self.count += 1;
        let colon = token(lines);
        let (name, behind) = lines.split_at(colon);
        let Some(behind) = behind.strip_prefix(b":").filter(|_| colon > 0 && self.count <= MAX_HEADERS)
        else {
            return Err(self.fault(lines));
        };
        let (value, end) = behind.split_at(control(behind));
        let Some(behind) = end.strip_prefix(b"\r\n") else { return Err(self.fault(lines)) };
        let value = trim_blanks(value);
        let line = Line { name, value, behind };
        let place = match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => &mut self.host,
            14 if name.eq_ignore_ascii_case(b"content-length") => &mut self.length,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => &mut self.coding,
            _ => return Ok(line),
        };
        if place.replace(value).is_some() {
            return Err(bad("Host, Content-Length and Transfer-Encoding are given once"));
        }
        Ok(line)
    }

    /// What is wrong with the line that `lines` begins with, which could not be added.
    #[cold]
    fn fault(&self, lines: &[u8]) -> BadHead {
        let line = match cut(lines) {
            Ok((line, _)) => line,
            Err(bad) => return bad,
        };
        if self.count > MAX_HEADERS {
            return BadHead { kind: Kind::HeadTooLarge, what: "a head has at most 100 header lines" };
        }
        let name = line.split(|&b| b == b':').next().filter(|name| name.len() < line.len());
        bad(match name {
            None => "a header line has a colon",
            Some(name) if !name.is_empty() && name.iter().copied().all(is_token) => {
                "a header's value has no control characters"
            }
            Some(_) => "a header's name is a token, directly before its colon; lines are not folded",
        })
    }

    /// `None` when no header frames the body.
    fn framing(&self, http11: bool) -> Result<Option<Framing>, BadHead> {
        match (self.length, self.coding) {
            (Some(_), Some(_)) => {
                Err(bad("a message has a Content-Length or a Transfer-Encoding, never both"))
            }
            (None, Some(_)) if !http11 => Err(bad("HTTP/1.0 has no Transfer-Encoding")),
            (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
            (None, Some(_)) => Err(bad("the only transfer coding is chunked")),
            (Some(length), None) => length_of(length).map(|n| Some(Framing::Length(n))),
            (None, None) => Ok(None),
        }
    }
}

fn length_of(value: &[u8]) -> Result<u64, BadHead> {
    let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    if !digits {
        return Err(bad("a Content-Length is digits only"));
    }
    Ok(value.iter().fold(0, |all, digit| all * 10 + u64::from(digit - b'0')))
}

/// One host, made of host characters, and the same as an absolute target's.
fn host(fields: &Fields<'_>, target: &[u8], http11: bool) -> Result<(), BadHead> {
    let Some(host) = fields.host else {
        return if http11 { Err(bad("a request of HTTP/1.1 has a Host")) } else { Ok(()) };
    };
    if !is_authority(host) {
        return Err(bad("a Host is a name or an address, with a port or without"));
    }
    let scheme_end = memchr::memmem::find(target, b"://").filter(|_| target[0] != b'/');
    if let Some(at) = scheme_end {
        let authority =
            target[at + 3..].split(|&b| matches!(b, b'/' | b'?' | b'#')).next().unwrap_or_default();
        if !authority.eq_ignore_ascii_case(host) {
            return Err(bad("an absolute target names the same host as the Host header"));
        }
    }
    Ok(())
}

/// A name, an IPv4 address or a bracketed IPv6 address, and a port or none (RFC 9110, 4.2.3 without user information).
fn is_authority(host: &[u8]) -> bool {
    let (name, port) = match host.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let address = std::str::from_utf8(&rest[..end])
                .ok()
                .and_then(|text| text.parse::<std::net::Ipv6Addr>().ok());
            if address.is_none() {
                return false;
            }
            (b"v6".as_slice(), &rest[end + 1..])
        }
        None => host.split_at(memchr::memchr(b':', host).unwrap_or(host.len())),
    };
    let good_name =
        !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let good_port = match port.strip_prefix(b":") {
        None => port.is_empty(),
        Some(digits) => std::str::from_utf8(digits).is_ok_and(|text| {
            text.is_empty() || (text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok())
        }),
    };
    good_name && good_port
}

/// RFC 3986: what may stand in a path and a query, unencoded; the percent sign begins what is encoded. The backslash and
/// the others that some clients send raw are refused later, with a better word, or here.
fn is_target(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'$'..=b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'['..=b']' | b'_' | b'~')
}

fn starts_with_ignoring_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// Where the first byte stands that is in no token.
fn token(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = bytes[at..].first_chunk() {
        let marks = dispatch!(Level::baseline(), simd => unusual(simd, block));
        at += marks.trailing_zeros().min(16) as usize;
        if marks != 0 {
            break;
        }
    }
    at + bytes[at..].iter().position(|&b| !TOKEN[usize::from(b)]).unwrap_or(bytes.len() - at)
}

/// The bytes that are none of those names are nearly always made of, the first by the lowest bit.
#[inline(always)]
fn unusual<S: Simd>(simd: S, block: &[u8; 16]) -> u64 {
    let bytes = u8x16::from_slice(simd, block);
    let from = |bytes: u8x16<S>, first: u8, count: u8| (bytes - first).simd_lt(u8x16::splat(simd, count));
    let usual =
        from(bytes | 0x20, b'a', 26) | from(bytes, b'0', 10) | bytes.simd_eq(u8x16::splat(simd, b'-'));
    (!usual).to_bitmask()
}

/// Where the first control character stands that is no tab.
fn control(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<16>();
    for (n, block) in blocks.iter().enumerate() {
        // Lines are short: what every processor can do is enough.
        let marks = dispatch!(Level::baseline(), simd => controls(simd, block));
        if marks != 0 {
            return n * 16 + marks.trailing_zeros() as usize;
        }
    }
    let is_it = |b: &u8| matches!(b, 0..0x20 | 0x7f) && *b != b'\t';
    blocks.len() * 16 + rest.iter().position(is_it).unwrap_or(rest.len())
}

/// The control characters that are no tab, the first by the lowest bit.
#[inline(always)]
fn controls<S: Simd>(simd: S, block: &[u8; 16]) -> u64 {
    let bytes = u8x16::from_slice(simd, block);
    let are = |byte| bytes.simd_eq(u8x16::splat(simd, byte));
    (bytes.simd_lt(u8x16::splat(simd, 0x20)) ^ are(b'\t') | are(0x7f)).to_bitmask()
}

/// Without spaces and tabs around it (RFC 9110, 5.6.3); other white space is part of the value, and an error there.
fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The same of every byte, for the many of a head.
static TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut b = 0;
    while b < 256 {
        token[b] = is_token(b as u8);
        b += 1;
    }
    token
};

/// RFC 9110, 5.6.2.
const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::super::chunks::Chunks;
    use super::*;

    const GOOD: &[u8] = b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";

    fn refused(head: &str) -> bool {
        request(head.as_bytes()).is_err()
    }

    #[test]
    fn a_plain_head_is_read() {
        assert_eq!(request(GOOD).unwrap().framing, Framing::Length(5));
        assert_eq!(end(GOOD), Some(GOOD.len()));
        assert_eq!(end(&GOOD[..GOOD.len() - 1]), None);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Transfer-Encoding: ,chunked\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Name : x\r\n",
            ": x\r\n",
            "no colon\r\n",
            " folded\r\n",
            "a: b\nc: d\r\n",
            "a: b\rc\r\n",
            "a: \0\r\n",
            "Host: b\r\n",
        ] {
            assert!(refused(&format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n")), "{headers:?}");
        }
        assert!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
        assert!(refused("GET / HTTP/1.1\r\n\r\n"));
        assert!(refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n"));
        assert!(refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    #[test]
    fn a_chunked_body_ends_where_it_ends() {
        let body = b"5\r\nhello\r\n3;ext=1\r\nabc\r\n0\r\nTrailer: x\r\n\r\nGET /";
        for cut in 0..body.len() {
            let mut chunks = Chunks::default();
            let first = chunks.follow(&body[..cut]).unwrap();
            let rest = chunks.follow(&body[first..]).unwrap();
            assert_eq!((chunks, first + rest), (Chunks::Done, body.len() - 5));
        }
        for broken in [
            "0x5\r\n",
            "+5\r\n",
            " 5\r\n",
            "5 \r\n",
            "\r\n",
            "5\nhello",
            "5\r\nhelloX",
            "1000000000000000\r\n",
            "g\r\n",
        ] {
            assert!(Chunks::default().follow(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }
}
