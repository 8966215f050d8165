//! Heads: which request, which answer, and how the body behind it is framed.

use anyhow::{Result, bail};
use httparse::{EMPTY_HEADER, Header, Status};

use super::body::Body;

/// The most headers a head may have.
const HEADERS: usize = 64;

/// The head of a request.
pub(crate) struct Asked<'a> {
    /// Its length in bytes.
    pub(crate) length: usize,
    /// The path, with its query.
    pub(crate) path: &'a str,
    /// What follows.
    pub(crate) body: Body,
    /// The connection is to be closed behind the answer.
    pub(crate) close: bool,
    /// The body is sent only when it is asked for.
    pub(crate) waits: bool,
}

/// The head of an answer.
pub(crate) struct Answered {
    /// Its length in bytes.
    pub(crate) length: usize,
    /// Its status.
    pub(crate) status: u16,
    /// What follows.
    pub(crate) body: Body,
    /// The connection ends behind it.
    pub(crate) close: bool,
}

/// Reads the head of a request; nothing as long as it is not whole.
pub(crate) fn request(bytes: &[u8]) -> Result<Option<Asked<'_>>> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
    let Framing { body, close, waits } = framing(head.headers)?;
    let path = head.path.unwrap_or_default();
    Ok(Some(Asked { length, path, body: body.unwrap_or(Body::empty()), close, waits }))
}

/// Reads the head of an answer; nothing as long as it is not whole.
pub(crate) fn answer(bytes: &[u8]) -> Result<Option<Answered>> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
    let status = head.code.unwrap_or_default();
    let Framing { body, close, .. } = framing(head.headers)?;
    let body = match body {
        Some(body) => body,
        None if matches!(status, 100..=199 | 204 | 304) => Body::empty(),
        None => Body::until_close(),
    };
    Ok(Some(Answered { length, status, body, close }))
}

struct Framing {
    body: Option<Body>,
    close: bool,
    waits: bool,
}

fn framing(headers: &[Header<'_>]) -> Result<Framing> {
    let mut found = Framing { body: None, close: false, waits: false };
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let Some(length) = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok())
            else {
                bail!("a content-length that is no number")
            };
            found.body = Some(Body::of_length(length));
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            found.body = Some(Body::chunked());
        } else if header.name.eq_ignore_ascii_case("connection") {
            found.close = header.value.eq_ignore_ascii_case(b"close");
        } else if header.name.eq_ignore_ascii_case("expect") {
            found.waits = true;
        }
    }
    Ok(found)
}
