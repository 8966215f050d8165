//! Who asks, and whether they may: one reading of the key, whichever header it comes in.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use config::Snapshot;
use config::snapshot::Role;
use gateway::office::Sender;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};

use super::objection::Objection;
use crate::{Actor, Via};

/// Who may ask for something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// Whoever reaches the door: it tells nothing that is not in our documents.
    Anyone,
    /// Who has this role, or a higher one.
    Role(Role),
}

/// Who asks, by the key they show.
///
/// # Errors
/// When two keys are shown, or one nobody has, or none where one is needed.
pub(super) fn actor(world: &Snapshot, head: &HeaderMap, sender: &Sender) -> Result<Actor, Objection> {
    let actor = |name: &str, role| Actor {
        name: name.to_owned(),
        role,
        via: via(head),
        address: sender.address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
    };
    let shown = shown(world, head)?;
    if world.admin.keys.is_empty() {
        return match (sender.here, shown) {
            // The first run: nobody has made a key yet, and nobody else can reach this door (D-3).
            (true, _) => Ok(actor("local", Role::Admin)),
            (false, _) => Err(unknown(
                "Administration needs a key, and none is set up. Write `admin.api_key` in the configuration, or ask from the same computer.",
            )),
        };
    }
    let Some(shown) = shown else {
        return Err(unknown(&format!(
            "Administration needs a key. Send it as `Authorization: Bearer` or as `{}`.",
            world.admin.header
        )));
    };
    // All are compared, each in the same time: how long it takes tells nothing.
    let shown = digest(&SHA256, shown.as_bytes());
    let mut found = None;
    for key in &world.admin.keys {
        let known = digest(&SHA256, key.secret.expose().as_bytes());
        if verify_slices_are_equal(shown.as_ref(), known.as_ref()).is_ok() {
            found = found.or(Some(key));
        }
    }
    match found {
        Some(key) => Ok(actor(&key.name, key.role)),
        None => Err(Objection::new(
            StatusCode::UNAUTHORIZED,
            WRONG_KEY,
            "This key is not one of administration. It is `admin.api_key`, or one of `admin.keys`, in the configuration.",
        )),
    }
}

/// The code of a key that nobody has.
pub(super) const WRONG_KEY: &str = "wrong_key";

fn unknown(detail: &str) -> Objection {
    Objection::new(StatusCode::UNAUTHORIZED, "key_needed", detail)
}

/// Whether somebody may.
///
/// # Errors
/// When they may not.
pub(super) fn may(actor: &Actor, right: Right) -> Result<(), Objection> {
    match right {
        Right::Role(role) if actor.role < role => {
            let detail = format!(
                "This takes the role {}; the key `{}` has the role {}. Ask with another key.",
                role.name(),
                actor.name,
                actor.role.name()
            );
            Err(Objection::new(StatusCode::FORBIDDEN, "role_too_low", detail))
        }
        Right::Role(_) | Right::Anyone => Ok(()),
    }
}

/// The one key that is shown. The same one twice is one; two different ones are refused.
fn shown<'h>(world: &Snapshot, head: &'h HeaderMap) -> Result<Option<&'h str>, Objection> {
    let two = || {
        Objection::new(
            StatusCode::BAD_REQUEST,
            "conflicting_credentials",
            "This request shows two different keys. Show one, in `Authorization` or in the header for keys.",
        )
    };
    let bearers = head.get_all(AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or_default());
    let bearers = bearers.map(|value| match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => value.trim(),
    });
    let own = head.get_all(&world.admin.header).iter();
    let own = own.map(|value| value.to_str().unwrap_or_default().trim());
    let mut all = bearers.chain(own).filter(|key| !key.is_empty());
    let Some(first) = all.next() else { return Ok(None) };
    if all.any(|other| other != first) { Err(two()) } else { Ok(Some(first)) }
}

/// Our own command line says so; it is told apart in the trail, and may nothing more for it.
fn via(head: &HeaderMap) -> Via {
    let agent = head.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if agent.starts_with("openai-proxy-command/") { Via::Command } else { Via::Api }
}
