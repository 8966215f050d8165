//! AWS Signature Version 4. Source: docs.aws.amazon.com, "Create a signed AWS API request" and "Elements of an AWS API request
//! signature"; its published test suite is in the tests.
//!
//! All of a request is signed: method, path and query, the headers that matter, and the hash of the body. `canonical.rs` writes the one
//! form that both sides sign. Here is signed what goes out; `claim.rs` judges what came in signed.

mod canonical;
mod claim;

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::hmac;

pub use claim::{Came, Claim, Flaw};

use crate::secret::Secret;
use canonical::{Canonical, canonical, hash, hex};

/// The one way of signing.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Keys requests are signed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Their name; no secret.
    pub id: String,
    /// What is signed with.
    pub secret: Secret,
    /// What is shown beside the signature, where they hold for a while only.
    pub session: Option<Secret>,
}

/// A request, as it goes out.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, encoded as on the wire.
    pub target: &'a str,
    /// The headers that are signed, in any order; names in any case.
    pub head: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// Where and when a signature holds.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
    /// When it was made.
    pub now: SystemTime,
}

/// The headers that sign a request: when, with what, and the signature. The request's own headers must not have them.
pub fn sign(keys: &Keys, scope: Scope<'_>, request: Signed<'_>) -> Vec<(&'static str, String)> {
    let date = amz_date(scope.now);
    let mut added = vec![("x-amz-date", date.clone())];
    added.extend(keys.session.as_ref().map(|session| ("x-amz-security-token", session.expose().to_owned())));
    let own = request.head.iter().copied();
    let head: Vec<(&str, &str)> =
        own.chain(added.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    let request = Signed { head: &head, ..request };
    let Canonical { text, names } = canonical(request, &hash(request.body));
    let place = Place { day: day_of(&date), region: scope.region, service: scope.service };
    let signature = signature(&keys.secret, place, &date, &text);
    let authorization =
        format!("{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}", keys.id);
    added.push(("authorization", authorization));
    added
}

/// The credential scope: where a signature holds, and on which day.
#[derive(Clone, Copy)]
struct Place<'a> {
    day: &'a str,
    region: &'a str,
    service: &'a str,
}

/// How every scope ends.
const END: &str = "aws4_request";

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}/{}/{END}", self.day, self.region, self.service)
    }
}

/// The signature of a canonical request.
fn signature(secret: &Secret, place: Place<'_>, date: &str, canonical: &str) -> String {
    let said = format!("{ALGORITHM}\n{date}\n{place}\n{}", hash(canonical.as_bytes()));
    let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let key = mac(format!("AWS4{}", secret.expose()).as_bytes(), place.day);
    let key = [place.region, place.service, END].iter().fold(key, |key, text| mac(key.as_ref(), text));
    hex(mac(key.as_ref(), &said).as_ref())
}

/// `20150830`.
fn day_of(date: &str) -> &str {
    date.get(..8).unwrap_or_default()
}

/// `20150830T123600Z`.
fn amz_date(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    crate::moment::date(since).replace(['-', ':'], "")
}

#[cfg(test)]
mod tests;
