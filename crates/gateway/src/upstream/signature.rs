//! Signing a request with the keys we were given: last, on what goes out.

use std::time::SystemTime;

use config::snapshot::Identity;
use protocol::vendor::identity::sigv4::{self, Scope, Signed};
use protocol::vendor::identity::{Grant, Shown};

/// What goes out: method, path and query, the lines of its head, and its body, if all of it is known.
pub(super) type Outgoing<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, Option<&'a [u8]>);

/// A body that flows cannot be signed.
pub(super) struct Unsignable;

/// The lines that sign it; none, where a grant is shown otherwise.
pub(super) fn lines(
    identity: &Identity,
    grant: &Grant,
    (method, target, mut head, body): Outgoing<'_>,
) -> Result<Vec<(&'static str, String)>, Unsignable> {
    let Shown::Keys(keys) = &grant.shown else { return Ok(Vec::new()) };
    let body = body.ok_or(Unsignable)?;
    // What has to be signed where it is said ("Elements of an AWS API request signature").
    head.retain(|(name, _)| matches!(*name, "host" | "content-type") || name.starts_with("x-amz-"));
    let (region, service) = identity.who.scope();
    let scope = Scope { region, service, now: SystemTime::now() };
    Ok(sigv4::sign(keys, scope, Signed { method, target, head: &head, body }))
}
