//! Heads: read, held against the deny lists, and written again for the other side.

use httparse::{EMPTY_HEADER, Header, Status};
use protocol::frame::head::{self, Framing, MAX_HEADERS};

use super::Trouble;

/// The longest head.
pub(super) const LONGEST: usize = 32 * 1024;

/// What a head says that the line acts on.
pub(super) struct Head<'a> {
    /// Its length in bytes.
    pub(super) length: usize,
    /// What follows.
    pub(super) framing: Framing,
    /// The connection is to be closed behind the answer.
    pub(super) last: bool,
    /// The body is sent only when it is asked for.
    pub(super) waits: bool,
    /// A request that only asks for something.
    pub(super) gets: bool,
    /// The path of a request, with its query.
    pub(super) path: &'a str,
    /// The status of an answer.
    pub(super) status: u16,
    /// The credential of a request.
    pub(super) credential: Option<&'a [u8]>,
    /// The content of an answer is a stream of events.
    pub(super) events: bool,
}

/// Reads the head of a request and writes it again for the upstream, without its framing and its end; nothing as long as it
/// is not whole. A `strict` reader refuses what two readers could understand differently.
pub(super) fn request<'a>(
    bytes: &'a [u8],
    strict: bool,
    authority: &str,
    out: &mut Vec<u8>,
) -> Result<Option<Head<'a>>, Trouble> {
    if strict {
        let Some(end) = head::end(bytes) else { return Ok(None) };
        head::request(&bytes[..end])
            .map_err(|bad| Trouble::Refused(bad.kind.meaning().status.as_u16(), bad.what))?;
    }
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let Status::Complete(length) = parsed.parse(bytes).map_err(|_| Trouble::Refused(400, "no request"))?
    else {
        return Ok(None);
    };
    let path = parsed.path.unwrap_or_default();
    // Whatever else comes is hyper's affair in a product: HTTP/1.0, other methods, upgrades, absolute targets.
    if parsed.version != Some(1) || !matches!(parsed.method, Some("POST" | "GET")) || !path.starts_with('/') {
        return Err(Trouble::Refused(501, "not the plain case"));
    }
    let mut read = Head { path, gets: parsed.method == Some("GET"), ..Head::of(length) };
    out.clear();
    for part in [parsed.method.unwrap_or_default(), " ", path, " HTTP/1.1\r\nhost: ", authority, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for header in parsed.headers.iter() {
        read.notice(header)?;
        if header.name.eq_ignore_ascii_case("authorization") {
            read.credential = Some(header.value);
            if strict {
                continue;
            }
        } else if is_denied(header.name, NEVER_UPSTREAM) || (strict && is_denied(header.name, CREDENTIALS)) {
            continue;
        }
        line(out, header.name, header.value);
    }
    Ok(Some(read))
}

/// Reads the head of an answer and writes it again for the caller, without its framing and its end. No value passes of which
/// `leaks` says that it gives a secret away.
pub(super) fn answer<'a>(
    bytes: &'a [u8],
    strict: bool,
    leaks: impl Fn(&[u8]) -> bool,
    out: &mut Vec<u8>,
) -> Result<Option<Head<'a>>, Trouble> {
    if strict {
        let Some(end) = head::end(bytes) else { return Ok(None) };
        head::answer(&bytes[..end], |_, _| Ok(())).map_err(|bad| Trouble::Upstream(bad.what))?;
    }
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let Status::Complete(length) = parsed.parse(bytes).map_err(|_| Trouble::Upstream("no answer"))? else {
        return Ok(None);
    };
    let status = parsed.code.unwrap_or_default();
    let mut read = Head { status, framing: Framing::Close, ..Head::of(length) };
    read.last = parsed.version != Some(1);
    out.clear();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status_line(status).as_bytes());
    for header in parsed.headers.iter() {
        read.notice(header).map_err(|_| Trouble::Upstream("not the plain case"))?;
        if is_denied(header.name, NEVER_UPSTREAM)
            || (strict && (is_denied(header.name, NEVER_BACK) || leaks(header.value)))
        {
            continue;
        }
        line(out, header.name, header.value);
    }
    if matches!(status, 100..=199 | 204 | 304) {
        read.framing = Framing::Length(0);
    }
    Ok(Some(read))
}

/// Ends a head with the framing of what follows.
pub(super) fn end(out: &mut Vec<u8>, framing: Framing, last: bool) {
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            number(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::Close => {}
    }
    if last {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Adds a header line.
pub(super) fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Adds a number, without the machinery of `format!`.
pub(super) fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

impl Head<'_> {
    fn of(length: usize) -> Self {
        Self {
            length,
            framing: Framing::Length(0),
            last: false,
            waits: false,
            gets: false,
            path: "",
            status: 0,
            credential: None,
            events: false,
        }
    }

    /// Takes notice of the headers that decide what happens next.
    fn notice(&mut self, header: &Header<'_>) -> Result<(), Trouble> {
        let (name, value) = (header.name, header.value);
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => {
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                self.framing = Framing::Length(length.ok_or(Trouble::Refused(400, "a length is digits"))?);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => self.framing = Framing::Chunked,
            12 if name.eq_ignore_ascii_case("content-type") => {
                self.events = value.starts_with(b"text/event-stream");
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                self.last |= value.eq_ignore_ascii_case(b"close");
                if !self.last && !value.eq_ignore_ascii_case(b"keep-alive") {
                    return Err(Trouble::Refused(501, "not the plain case: other names in Connection"));
                }
            }
            6 if name.eq_ignore_ascii_case("expect") => self.waits = true,
            7 if name.eq_ignore_ascii_case("upgrade") => {
                return Err(Trouble::Refused(501, "not the plain case: an upgrade"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Names by their length: most names are told from all of them by it.
type Names = &'static [(usize, &'static [&'static str])];

/// Hop by hop, framing, and what we write ourselves.
const NEVER_UPSTREAM: Names = &[
    (2, &["te"]),
    (4, &["host"]),
    (6, &["expect"]),
    (7, &["trailer", "upgrade"]),
    (10, &["connection", "keep-alive"]),
    (14, &["content-length"]),
    (16, &["proxy-connection"]),
    (17, &["transfer-encoding"]),
    (18, &["proxy-authenticate"]),
];
/// Credentials in any spelling, cookies, what proxies say about callers, what would hide an answer's usage.
const CREDENTIALS: Names = &[
    (3, &["via"]),
    (6, &["cookie", "origin"]),
    (7, &["cookie2", "api-key", "referer"]),
    (9, &["x-api-key", "forwarded", "x-real-ip"]),
    (12, &["x-auth-token", "x-request-id"]),
    (14, &["x-goog-api-key"]),
    (15, &["accept-encoding", "x-forwarded-for"]),
    (16, &["x-forwarded-host", "x-forwarded-port"]),
    (17, &["x-forwarded-proto"]),
    (19, &["proxy-authorization", "openai-organization"]),
    (22, &["sec-websocket-protocol"]),
    (25, &["ocp-apim-subscription-key"]),
];
/// Cookies, and what only the upstream's own host may say.
const NEVER_BACK: Names = &[
    (3, &["via"]),
    (6, &["server"]),
    (7, &["alt-svc"]),
    (10, &["set-cookie"]),
    (11, &["set-cookie2"]),
    (12, &["x-powered-by", "x-request-id"]),
    (14, &["openai-project"]),
    (19, &["openai-organization"]),
    (25, &["strict-transport-security"]),
    (27, &["access-control-allow-origin"]),
    (29, &["access-control-expose-headers"]),
    (32, &["access-control-allow-credentials"]),
];

fn is_denied(name: &str, names: Names) -> bool {
    let hyphened;
    let name = if memchr::memchr(b'_', name.as_bytes()).is_some() {
        hyphened = name.replace('_', "-");
        &hyphened
    } else {
        name
    };
    let Some((_, names)) = names.iter().find(|(length, _)| *length == name.len()) else { return false };
    names.iter().any(|denied| name.eq_ignore_ascii_case(denied))
}

/// A status with its reason, written by us: an upstream's own words need not be well-formed.
pub(super) fn status_line(status: u16) -> String {
    let status = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    format!("{} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or("Status"))
}
