//! One reading of whatever credential a caller shows, in whichever header it shows it.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL};
use protocol::dialect::headers::key_of_subprotocol;
use protocol::fault::Kind;
use protocol::secret::Secret;

use crate::error::ApiError;

/// A credential shown by a caller: the bare secret, without `Bearer`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Offered(pub(crate) Secret);

impl Offered {
    /// It is no key but a signature over one request, at one address.
    pub(crate) fn is_signature(&self) -> bool {
        is_signed(self.0.expose())
    }
}

/// The one credential of a request, in one of the headers that are accepted (`auth.accept`). The same secret in two places is
/// one; two different ones are refused (T-16).
pub(super) fn read(
    accept: &[HeaderName],
    head: &HeaderMap,
    query: Option<&str>,
) -> Result<Option<Offered>, ApiError> {
    refuse_in_query(query)?;
    let mut found = None;
    for name in accept {
        let mut lines = head.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        if *name != AUTHORIZATION {
            lines.try_for_each(|line| note(&mut found, line.trim_ascii()))?;
        } else if let Some(line) = lines.next() {
            note(&mut found, bare(line))?;
            // Twice the same line is more than one credential.
            if lines.next().is_some() {
                return Err(conflict());
            }
        }
    }
    for list in head.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()) {
        let keys = list.split(',').filter_map(|one| key_of_subprotocol(one.trim_ascii()));
        keys.into_iter().try_for_each(|key| note(&mut found, key))?;
    }
    let Some(found) = found else { return Ok(None) };
    // A comma would be a second credential folded into the same line.
    if found.contains(',') && !is_signed(found) {
        return Err(conflict());
    }
    Ok(Some(Offered(Secret::new(found))))
}

/// Notes a credential, if it is one: there may be no other beside it.
fn note<'h>(found: &mut Option<&'h str>, text: &'h str) -> Result<(), ApiError> {
    match found {
        _ if text.is_empty() => Ok(()),
        Some(first) if *first != text => Err(conflict()),
        _ => {
            *found = Some(text);
            Ok(())
        }
    }
}

/// How a signature of AWS's begins (Signature Version 4): its parts are set apart by commas. Which keys it was made with, and whether it
/// holds, is for `identify/signature.rs`.
const SIGNED: [&str; 2] = ["AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"];

fn is_signed(text: &str) -> bool {
    SIGNED.iter().any(|begin| text.starts_with(begin))
}

fn bare(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => secret.trim_ascii(),
        _ => value.trim_ascii(),
    }
}

fn conflict() -> ApiError {
    let say = "This request shows two different credentials. Show one, in Authorization or in x-api-key.";
    ApiError::new(Kind::ConflictingCredentials, say)
}

fn refuse_in_query(query: Option<&str>) -> Result<(), ApiError> {
    let Some(query) = query else { return Ok(()) };
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair));
    let plain = |name: &str| super::decode(name).to_ascii_lowercase().replace('_', "-");
    let say = names.filter_map(|name| match plain(name).as_str() {
        "key" | "api-key" | "access-token" => Some(
            "A key in the query ends up in logs and histories, so it is not accepted. Send it in Authorization.",
        ),
        // A request that is signed beforehand (Signature Version 4).
        "x-amz-signature" | "x-amz-credential" | "x-amz-security-token" => Some(
            "A signature in the query ends up in logs and histories, so it is not accepted. Sign in Authorization.",
        ),
        _ => None,
    });
    say.map(|say| Err(ApiError::new(Kind::KeyInQuery, say))).next().unwrap_or(Ok(()))
}
