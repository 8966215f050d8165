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
    let bearers = accept.contains(&AUTHORIZATION);
    if bearers && head.get_all(AUTHORIZATION).iter().count() > 1 {
        return Err(conflict());
    }
    let bearer = head.get(AUTHORIZATION).filter(|_| bearers);
    let bearer = bearer.and_then(|value| value.to_str().ok()).map(bare);
    let others = accept.iter().filter(|name| **name != AUTHORIZATION);
    let headers = others.flat_map(|name| head.get_all(name)).filter_map(|value| value.to_str().ok());
    let protocols = head.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let subprotocols =
        protocols.flat_map(|list| list.split(',')).filter_map(|one| key_of_subprotocol(one.trim()));
    let mut all =
        bearer.into_iter().chain(headers.map(str::trim)).chain(subprotocols).filter(|text| !text.is_empty());
    let Some(first) = all.next() else { return Ok(None) };
    // A comma would be a second credential folded into the same line.
    if first.contains(',') && !is_signed(first) || all.any(|other| other != first) {
        return Err(conflict());
    }
    Ok(Some(Offered(Secret::new(first))))
}

/// How a signature of AWS's begins (Signature Version 4): its parts are set apart by commas. Which keys it was made with, and whether it
/// holds, is for `identify/signature.rs`.
const SIGNED: [&str; 2] = ["AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"];

fn is_signed(text: &str) -> bool {
    SIGNED.iter().any(|begin| text.starts_with(begin))
}

fn bare(value: &str) -> &str {
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => secret.trim(),
        _ => value.trim(),
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
