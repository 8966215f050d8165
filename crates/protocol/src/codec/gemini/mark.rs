//! Base64 in this language: bytes and marks are bytes to Google, and programs write them in either alphabet.
//!
//! Source: Protocol Buffers, "ProtoJSON Format" (`bytes` are read in either alphabet, with padding or without); RFC 4648, sections 4 and 5.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What stands before a mark that was no base64 and was made so.
const TEXT: &str = "opxtext0";

/// The usual alphabet with its padding, which is the only one that other vendors read. What is no base64 stays as it is: whoever gets
/// it says so.
pub(super) fn usual(mut base64: String) -> String {
    let body = base64.trim_end_matches('=').len();
    let padding = body.next_multiple_of(4) - body;
    let padded = base64.len() == body || base64.len() == body + padding;
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    if padding == 3 || !padded || !base64.as_bytes()[..body].iter().all(known) {
        return base64;
    }
    if base64.contains(['-', '_']) {
        base64 = base64.replace('-', "+").replace('_', "/");
    }
    base64.truncate(body);
    base64.extend(std::iter::repeat_n('=', padding));
    base64
}

/// A mark as a caller gets it. Libraries take it for bytes and write those again, so that it has to be base64.
pub(super) fn shown(mark: &str) -> String {
    if STANDARD.decode(mark).is_ok() { mark.to_owned() } else { format!("{TEXT}{}", STANDARD.encode(mark)) }
}

/// The mark a caller gives back.
pub(super) fn read(given: String) -> String {
    let given = usual(given);
    let text = given.strip_prefix(TEXT).and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok());
    text.unwrap_or(given)
}
