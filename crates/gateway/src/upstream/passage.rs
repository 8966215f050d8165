//! Whether a call goes to a target in its caller's words, or is put into the target's.
//!
//! Who speaks the caller's language gets its bytes as they came (D-20). A conversation may go to anybody else, too: it is read into the
//! hub and written in the target's wire, and so is the answer, in the other direction. Everything above this, retries and rescue among
//! it, sees the caller's language only.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use config::snapshot::Credential;
use http::header::{HeaderName, HeaderValue};
use protocol::codec::{Mint, Translation};
use protocol::dialect::Wire;
use protocol::fault::Kind;
use protocol::hub::{Losses, Unreadable, marks};
use protocol::kept;

use crate::admit::Estimate;
use crate::error::ApiError;
use crate::intake::{Call, Payload, shown};
use crate::route::Target;
use crate::shelf::Keeping;

/// What a request lost on its way into another language.
const DROPPED: HeaderName = HeaderName::from_static("x-openai-proxy-dropped");

/// Bytes of what is said of losses: heads are not long.
const LONGEST: usize = 1024;

/// A call in the words of a target that does not speak the caller's language.
pub(super) struct Translated {
    pub(super) translation: Translation,
    /// The request.
    pub(super) body: Bytes,
    /// What is said of its losses.
    pub(super) dropped: Option<HeaderValue>,
    /// The target speaks its language all the same: the address is the caller's.
    pub(super) at_home: bool,
}

/// The call in the target's words; `None`: they are its caller's.
///
/// # Errors
/// When it cannot be read, or cannot be asked without what the target's language cannot say.
pub(super) fn translated(
    call: &Call,
    body: &Payload,
    target: &Target,
) -> Result<Option<Translated>, ApiError> {
    let vendor = target.provider.vendor;
    let Some(asked) = call.row.wire(&call.rest) else { return Ok(None) };
    let straight = target.provider.serves(call.row.operation);
    // What another vendor has signed is nothing to one that speaks the caller's language, either.
    let claimed = |body: &Payload| matches!(body, Payload::Whole(body) if marks::are_claimed(body));
    // A conversation that is kept here stays one wherever it goes on.
    let ours = call.keeping.as_deref().is_some_and(Keeping::is_ours);
    let spoken = match vendor.wire() {
        Some(spoken) if !straight || (spoken == asked && claimed(body)) => spoken,
        _ if straight && asked == Wire::Responses && (ours || claimed(body)) => asked,
        _ => return Ok(None),
    };
    let Payload::Whole(body) = body else { return Err(unread()) };
    let theirs = target.provider.credential == Credential::Passthrough && call.offered.is_some();
    if !straight && theirs {
        return Err(whose_key(&target.provider.name));
    }
    let model = target.model.as_deref().or(call.model.as_deref()).unwrap_or_default();
    let mint = Mint { now: now(), seed: seed(&call.id) };
    let mut translation =
        Translation::read((asked, spoken), body, model, call.streams, mint).map_err(refusal)?;
    if asked == Wire::Responses {
        refuse_kept_elsewhere(body)?;
    }
    if let Some(keeping) = &call.keeping {
        translation.names(keeping.named(body));
    }
    if let Some(room) = room(Estimate::with(call, body.len())) {
        translation.makes_room(room);
    }
    let (body, losses) = translation.request(vendor.habits_at(&target.provider.site)).map_err(refusal)?;
    if !losses.is_empty() && is_strict(call) {
        return Err(too_strict(&losses, &target.provider.name));
    }
    let dropped = dropped(&losses);
    let at_home = straight && spoken == asked;
    Ok(Some(Translated { translation, body: body.into(), dropped, at_home }))
}

/// What a vendor keeps nobody else can go on with; without it the model would be asked something else.
fn refuse_kept_elsewhere(body: &[u8]) -> Result<(), ApiError> {
    let wish = kept::wish(body);
    if let Some(previous) = wish.previous {
        let say = format!(
            "Previous response with id '{}' not found: it is none that this gateway keeps, and where this model is served none are kept. Send the whole conversation.",
            shown(&previous)
        );
        return Err(ApiError::new(Kind::PreviousNotFound, say).param("previous_response_id"));
    }
    if wish.conversation {
        let say = "This model is served where no conversations are kept. Go on by `previous_response_id`, or send the whole conversation.";
        return Err(ApiError::new(Kind::Unsupported, say).param("conversation"));
    }
    Ok(())
}

impl Translated {
    /// Tells what was lost.
    pub(super) fn tell(dropped: Option<HeaderValue>, head: &mut http::HeaderMap) {
        head.extend(dropped.map(|dropped| (DROPPED, dropped)));
    }
}

fn dropped(losses: &Losses) -> Option<HeaderValue> {
    // A field of the caller's own may have any name.
    let plain = |text: String| {
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect::<String>()
    };
    if losses.is_empty() { None } else { HeaderValue::from_str(&plain(losses.line(LONGEST))).ok() }
}

/// Whether its caller would rather have it refused than said with losses.
fn is_strict(call: &Call) -> bool {
    call.head.get("x-openai-proxy-strict").is_some_and(|value| value == "true" || value == "1")
}

fn too_strict(losses: &Losses, provider: &str) -> ApiError {
    let say = format!(
        "`{provider}` cannot be asked for: {}. Leave it out, or do not ask to be strict.",
        losses.line(LONGEST)
    );
    ApiError::new(Kind::Unsupported, say)
}

/// What is wrong with a request that has to be put into other words.
fn refusal(unreadable: Unreadable) -> ApiError {
    ApiError::new(Kind::Unsupported, unreadable.to_string())
}

/// A key of one vendor's is not handed to another.
fn whose_key(provider: &str) -> ApiError {
    let say = format!(
        "`{provider}` is spoken to in another language than yours, so your key is not handed to it. Its operator has to set one for it."
    );
    ApiError::new(Kind::MissingKey, say)
}

fn unread() -> ApiError {
    let say = "This model is spoken to in another language, and a compressed body cannot be put into other words. Send it without content-encoding.";
    ApiError::new(Kind::Unreadable, say)
}

/// Room a model needs to read all of a prompt and to answer it, in tokens; `None`: as much as it has anyway. Where it has less, it reads
/// the end only, and says nothing of it. In few steps: another one costs a model on this computer a new start.
fn room(estimate: Estimate) -> Option<u64> {
    const USUAL: u64 = 4096;
    // Code and other languages than English have more tokens than their bytes let expect.
    let needed = estimate.prompt.saturating_mul(4) / 3 + estimate.answer.min(USUAL);
    (needed > USUAL).then(|| needed.next_power_of_two())
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A number nobody else has: of the call's id, which is unique unless its caller named it, and of chance.
fn seed(id: &str) -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = |salt: u8| u128::from(RandomState::new().hash_one((id, salt)));
    half(0) << 64 | half(1)
}
