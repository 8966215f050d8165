//! Second stage: who asks, by the key they show.
//!
//! Where no key is asked for, everybody is `open`, but for those who show a key of ours all the same. What proves somebody here
//! proves nothing elsewhere: it never goes on to a provider (D-11). The index of keys belongs to the snapshot of the call, so that
//! a key that was taken away is nobody's from the next call on.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use config::Snapshot;
use config::snapshot::{AllowedModels, CallerKey};
use protocol::fault::Kind;

use crate::error::ApiError;
use crate::intake::Knock;
use crate::tries::{Heed, Tries};

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    key: Option<Arc<CallerKey>>,
}

/// The name of everybody.
const OPEN: &str = "open";

impl Caller {
    /// Somebody of whom nothing is known.
    pub(crate) fn open() -> Self {
        Self { key: None }
    }

    /// The name used in records and limits.
    pub(crate) fn name(&self) -> &str {
        self.key.as_ref().map_or(OPEN, |key| &key.name)
    }

    /// The key that was shown, if it is one of ours.
    pub(crate) fn key(&self) -> Option<&CallerKey> {
        self.key.as_deref()
    }

    /// Which models they may ask for.
    pub(crate) fn models(&self) -> &AllowedModels {
        static ALL: AllowedModels = AllowedModels::All;
        self.key.as_ref().map_or(&ALL, |key| &key.models)
    }
}

/// Identifies the caller of a call. A credential that is ours to judge is taken out of it.
///
/// # Errors
/// 401 when no key is shown where one is asked for, or one that is nobody's or has ended; 429 when that was tried too often
/// from there; 503 when nobody can say at this moment.
pub(crate) fn caller(tries: &Tries, world: &Snapshot, knock: &mut Knock<'_>) -> Result<Caller, ApiError> {
    let callers = &world.callers;
    let found = knock.offered.as_ref().and_then(|offered| callers.find(&offered.0)).cloned();
    if found.is_none() && !callers.is_asked() {
        return Ok(Caller::open());
    }
    let offered = knock.offered.take();
    match found {
        Some(key) if key.expires.is_some_and(|ends| ends <= SystemTime::now()) => Err(expired(&key)),
        Some(key) => Ok(Caller { key: Some(key) }),
        None if offered.is_none() => Err(missing()),
        None if offered.is_some_and(|offered| offered.is_signature()) => Err(signed()),
        None if callers.may_be_missed() => Err(unavailable()),
        None => Err(unknown(tries, knock.caller_ip)),
    }
}

fn missing() -> ApiError {
    let say = "This gateway asks for a key, and none was sent. Send it as `Authorization: Bearer KEY`; whoever runs it gives them out.";
    ApiError::new(Kind::MissingKey, say)
}

/// Signature Version 4 is checked with the secret itself, and of keys the gateway keeps an HMAC (ADR 0030).
fn signed() -> ApiError {
    let say = "This request is signed with keys of AWS's, which prove nothing to this gateway. Show a key of the gateway's as a Bedrock API key: set AWS_BEARER_TOKEN_BEDROCK to it.";
    ApiError::new(Kind::InvalidKey, say)
}

fn expired(key: &CallerKey) -> ApiError {
    let say = format!("The key `{}` has ended. Ask whoever runs this gateway for another one.", key.name);
    ApiError::new(Kind::ExpiredKey, say)
}

fn unavailable() -> ApiError {
    let say =
        "Keys cannot be told apart at this moment: the database is away. Ask again; yours may be in order.";
    ApiError::new(Kind::AuthUnavailable, say).wait(Duration::from_secs(5))
}

/// A key that is nobody's. Whoever shows many gets no answer for a while; whoever shows one of ours is always heard.
fn unknown(tries: &Tries, from: Option<IpAddr>) -> ApiError {
    let who = from.map_or_else(|| "a local socket".to_owned(), |ip| ip.to_canonical().to_string());
    let now = Instant::now();
    if let Some(seconds) = tries.deaf_for(&who, now) {
        let say = "Too many keys that are nobody's came from this address within a minute. Check yours before you ask again.";
        return ApiError::new(Kind::TooManyTries, say).wait(Duration::from_secs(seconds));
    }
    if tries.refused(&who, now) == Heed::Note {
        tracing::warn!(from = who, "a key was shown that is nobody's");
    }
    let say = "This key is not one of this gateway's. It has keys of its own, not a provider's: ask whoever runs it.";
    ApiError::new(Kind::InvalidKey, say)
}
