//! A JSON Web Token signed with RSA and SHA-256 (RFC 7515; `RS256` of RFC 7518).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value as Json;

use crate::secret::Secret;

/// A token of these claims; `None`: the key is none.
pub(super) fn signed(key: &Secret, key_id: Option<&str>, claims: &Json) -> Option<Secret> {
    let pair = pair(key)?;
    let mut head = serde_json::json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = key_id {
        head["kid"] = id.into();
    }
    let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    let said = format!("{}.{}", part(&head), part(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature).ok()?;
    Some(Secret::new(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// Whether a private key is one that can sign.
pub(super) fn is_key(key: &Secret) -> bool {
    pair(key).is_some()
}

/// A private key in PEM: PKCS 8, or PKCS 1 as older tools write it.
fn pair(key: &Secret) -> Option<RsaKeyPair> {
    let (_, rest) = key.expose().split_once("-----BEGIN ")?;
    let (kind, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let packed: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(packed).ok()?;
    match kind {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).ok(),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok(),
        _ => None,
    }
}
