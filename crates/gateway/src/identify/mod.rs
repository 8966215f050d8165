//! Second stage: who asks, by the key they show, or by the signature they make with what belongs to it.
//!
//! Whoever shows a key is known by it before a body is read. Whoever signs is *named* then, and *proved* when the body is there, which is
//! signed, too (`signature.rs`).
//!
//! Where no key is asked for, everybody is `open`, but for those who show a key of ours all the same. What proves somebody here
//! proves nothing elsewhere: it never goes on to a provider (D-11). The index of keys belongs to the snapshot of the call, so that
//! a key that was taken away is nobody's from the next call on.

mod signature;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use config::Snapshot;
use config::snapshot::{AllowedModels, CallerKey};
use http::Request;
use protocol::fault::Kind;

use crate::error::ApiError;
use crate::intake::{Call, Knock};
use crate::tries::{Heed, Tries};
use signature::Signature;

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

/// Who asks, as far as a head says it: by a key for certain, by a signature until that is proved.
pub(crate) struct Named {
    caller: Caller,
    signature: Option<Box<Signature>>,
}

impl Named {
    /// Somebody of whom nothing is known.
    pub(crate) fn open() -> Self {
        Caller::open().into()
    }

    /// Who asks, where no body will prove anything.
    ///
    /// # Errors
    /// When they are named by a signature: it is of one request, and no messages that follow.
    pub(crate) fn at_once(self) -> Result<Caller, ApiError> {
        if self.signature.is_some() { Err(signature::of_one_request()) } else { Ok(self.caller) }
    }
}

impl From<Caller> for Named {
    fn from(caller: Caller) -> Self {
        Self { caller, signature: None }
    }
}

/// Names the caller of a call. A credential that is ours to judge is taken out of it.
///
/// # Errors
/// 401 when no key is shown where one is asked for, or one that is nobody's or has ended; 403 for a signature that cannot hold; 429 when
/// that was tried too often from there; 503 when nobody can say at this moment.
pub(crate) fn name<B>(
    tries: &Tries,
    world: &Snapshot,
    knock: &mut Knock<'_>,
    request: &Request<B>,
) -> Result<Named, ApiError> {
    match knock.offered.as_ref().is_some_and(|offered| offered.is_signature()) {
        true => signature::name(tries, world, knock, request),
        false => by_key(tries, world, knock).map(Named::from),
    }
}

/// Proves who was named, now that the body is there.
///
/// # Errors
/// 403 when the signature is not of this request by that key; 415 when its body is not there as a whole; 429 when that was tried too often
/// from there.
pub(crate) fn prove(tries: &Tries, named: Named, call: &Call) -> Result<Caller, ApiError> {
    let Named { caller, signature } = named;
    let Some(signature) = signature else { return Ok(caller) };
    signature.prove(tries, call)?;
    // Whose it is, and that it has ended, hears nobody who only knows its id.
    caller.key.map_or(Ok(Caller::open()), |key| holder(key, SystemTime::now()))
}

fn by_key(tries: &Tries, world: &Snapshot, knock: &mut Knock<'_>) -> Result<Caller, ApiError> {
    let callers = &world.callers;
    let found = knock.offered.as_ref().and_then(|offered| callers.find(&offered.0)).cloned();
    if found.is_none() && !callers.is_asked() {
        return Ok(Caller::open());
    }
    let offered = knock.offered.take();
    match found {
        Some(key) => holder(key, SystemTime::now()),
        None if offered.is_none() => Err(missing()),
        None if callers.may_be_missed() => Err(unavailable()),
        None => Err(unknown(tries, knock.caller_ip)),
    }
}

/// Who has a key, unless it has ended.
fn holder(key: Arc<CallerKey>, now: SystemTime) -> Result<Caller, ApiError> {
    match key.expires.is_some_and(|ends| ends <= now) {
        true => Err(expired(&key)),
        false => Ok(Caller { key: Some(key) }),
    }
}

fn missing() -> ApiError {
    let say = "This gateway asks for a key, and none was sent. Send it as `Authorization: Bearer KEY`; whoever runs it gives them out.";
    ApiError::new(Kind::MissingKey, say)
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

/// A key that is nobody's.
fn unknown(tries: &Tries, from: Option<IpAddr>) -> ApiError {
    let say = "This key is not one of this gateway's. It has keys of its own, not a provider's: ask whoever runs it.";
    tried(tries, from, ApiError::new(Kind::InvalidKey, say))
}

/// Counts a try that may be a guess. Whoever makes many gets no answer for a while; whoever shows a key of ours is always heard.
fn tried(tries: &Tries, from: Option<IpAddr>, refused: ApiError) -> ApiError {
    let who = from.map_or_else(|| "a local socket".to_owned(), |ip| ip.to_canonical().to_string());
    let now = Instant::now();
    if let Some(seconds) = tries.deaf_for(&who, now) {
        let say = "Too many keys that are nobody's came from this address within a minute. Check yours before you ask again.";
        return ApiError::new(Kind::TooManyTries, say).wait(Duration::from_secs(seconds));
    }
    if tries.refused(&who, now) == Heed::Note {
        tracing::warn!(from = who, "a key was shown that is nobody's");
    }
    refused
}
