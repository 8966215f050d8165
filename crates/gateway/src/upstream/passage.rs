//! Whether a call goes to a target in its caller's words, or is put into the target's.
//!
//! Who speaks the caller's language gets its bytes as they came (D-20), unless a tool has to stand for the schema they ask for. A
//! conversation, a question for vectors or for an order may go to anybody else, too: it is read into the hub and written in the
//! target's wire, and so is the answer, in the other direction. Everything above this, retries and rescue among it, sees the caller's
//! language only.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use config::snapshot::{Context, Credential};
use http::header::{HeaderName, HeaderValue};
use protocol::codec::{self, Exchange, Habits, Mint, Translation};
use protocol::dialect::{Wire, embedding, rerank};
use protocol::fault::Kind;
use protocol::hub::{Losses, Unreadable};
use protocol::kept;
use protocol::operation::Asked;
use protocol::verdict::Capability;

use crate::admit::Estimate;
use crate::error::ApiError;
use crate::intake::{Call, Payload, invalid_json, shown};
use crate::route::Target;
use crate::shelf::Keeping;

/// What a request lost on its way into another language.
const DROPPED: HeaderName = HeaderName::from_static("x-openai-proxy-dropped");

/// How many tokens of a prompt were read that was cut.
const CUT: HeaderName = HeaderName::from_static("x-openai-proxy-context-cut");

/// Bytes of what is said of losses: heads are not long.
const LONGEST: usize = 1024;

/// A call in the words of a target that does not speak the caller's language.
pub(super) struct Translated {
    pub(super) exchange: Exchange,
    /// The request.
    pub(super) body: Bytes,
    /// What is said of its losses.
    pub(super) dropped: Option<HeaderValue>,
}

/// The call in the target's words; `None`: they are its caller's.
///
/// # Errors
/// When it cannot be read, or cannot be asked without what the target's language cannot say.
pub(super) fn translated(
    call: &Call,
    body: &Payload,
    target: &Target,
) -> Result<Option<Box<Translated>>, ApiError> {
    let vendor = target.vendor();
    let Some(asked) = call.row.asks(&call.rest) else { return Ok(None) };
    let straight = target.provider.takes_as_is(vendor, call.row.operation);
    let mut habits = vendor.habits_at(&target.provider.site);
    habits.shapeless |= target.lane.lacks(Capability::Form);
    let Some(words) = words(asked, straight, habits, (call, body, target)) else { return Ok(None) };
    let Payload::Whole(body) = body else { return Err(unread()) };
    let theirs = target.provider.credential == Credential::Passthrough && call.offered.is_some();
    if !target.provider.serves_by(vendor, call.row.operation) && theirs {
        return Err(whose_key(&target.provider.name));
    }
    let Some(mut exchange) = exchange(words, habits, (call, body, target))? else { return Ok(None) };
    let (body, losses) = exchange.request(habits).map_err(refusal)?;
    if !losses.is_empty() && is_strict(call) {
        return Err(too_strict(&losses, &target.provider.name));
    }
    let dropped = dropped(&losses);
    // In a place of its own: most calls have none.
    Ok(Some(Box::new(Translated { exchange, body: body.into(), dropped })))
}

/// How a caller asks, and how the target is asked.
#[derive(Clone, Copy)]
enum Words {
    Conversation {
        asked: Wire,
        spoken: Wire,
        /// They are one, and a tool may have to stand for the schema that is asked for.
        shaped: bool,
    },
    Embedding(embedding::Door, embedding::Place),
    Rerank(rerank::Door, rerank::Place),
}

/// The words on both sides; `None`: they are the same, or the target has none for it.
fn words(
    asked: Asked,
    straight: bool,
    habits: Habits,
    (call, body, target): (&Call, &Payload, &Target),
) -> Option<Words> {
    let vendor = target.vendor();
    // Each request of a batch names the model again, and has to name it as its target does.
    let renamed = matches!(asked, Asked::Embedding(embedding::Door::GeminiBatch))
        && call.model.as_deref() != Some(own_name(call, target));
    let asked = match asked {
        Asked::Conversation(asked) => asked,
        _ if straight && !renamed => return None,
        Asked::Embedding(door) => return vendor.embeds().map(|place| Words::Embedding(door, place)),
        Asked::Rerank(door) => return vendor.ranks().map(|place| Words::Rerank(door, place)),
    };
    let own = straight && vendor.wire() == Some(asked);
    // What another vendor has signed is nothing to one that speaks the caller's language, either.
    let claimed = (own || straight && asked == Wire::Responses)
        && call.envelope.as_ref().map_or_else(|| mentions(body, Wire::CLAIM), |envelope| envelope.claimed);
    let shaped =
        own && !claimed && codec::may_lack(asked, own_name(call, target), habits) && mentions_schema(body);
    // A conversation that is kept here stays one wherever it goes on.
    let ours = call.keeping.as_deref().is_some_and(Keeping::is_ours);
    let spoken = match vendor.wire() {
        Some(spoken) if !straight || own && (claimed || shaped) => spoken,
        _ if straight && asked == Wire::Responses && (ours || claimed) => asked,
        _ => return None,
    };
    Some(Words::Conversation { asked, spoken, shaped })
}

/// What is asked, read; `None`: its caller's words will do.
fn exchange(
    words: Words,
    habits: Habits,
    (call, body, target): (&Call, &[u8], &Target),
) -> Result<Option<Exchange>, ApiError> {
    let model = own_name(call, target);
    let mint = Mint { now: now(), seed: seed(&call.id) };
    let read = match words {
        Words::Conversation { asked, spoken, shaped } => {
            let mut conversation = match Translation::read((asked, spoken), body, model, call.streams, mint) {
                Ok(conversation) if shaped && !conversation.needs_tool(habits) => return Ok(None),
                // Whose language it is may know what we do not.
                Err(_) if shaped => return Ok(None),
                read => read.map_err(refusal)?,
            };
            if asked == Wire::Responses {
                refuse_kept_elsewhere(body)?;
            }
            if let Some(keeping) = &call.keeping {
                conversation.names(keeping.named(body));
            }
            conversation.in_array(call.array);
            let room = match target.provider.context {
                Context::Auto => room(Estimate::with(call, body.len())),
                Context::Server => None,
                Context::Tokens(tokens) => Some(tokens),
            };
            if let Some(room) = room {
                conversation.makes_room(room);
            }
            Exchange::Conversation(Box::new(conversation))
        }
        Words::Embedding(door, place) => Exchange::Embedding(
            codec::embedding::Translation::read((door, place), body, model, mint).map_err(refusal)?,
        ),
        Words::Rerank(door, place) => Exchange::Rerank(
            codec::rerank::Translation::read((door, place), body, model, mint).map_err(refusal)?,
        ),
    };
    Ok(Some(read))
}

/// The target's own name for the model.
fn own_name<'c>(call: &'c Call, target: &'c Target) -> &'c str {
    target.model.as_deref().or(call.model.as_deref()).unwrap_or_default()
}

/// What a vendor keeps nobody else can go on with; without it the model would be asked something else.
fn refuse_kept_elsewhere(body: &[u8]) -> Result<(), ApiError> {
    let wish = kept::wish(body).map_err(invalid_json)?;
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

/// Whether a body may ask for a schema: each language has the word in the name of a field (`json_schema`, `responseSchema`).
pub(super) fn mentions_schema(body: &Payload) -> bool {
    mentions(body, b"chema")
}

fn mentions(body: &Payload, word: &[u8]) -> bool {
    matches!(body, Payload::Whole(body) if memchr::memmem::find(body, word).is_some())
}

impl Translated {
    /// Where the target is asked; `None`: in a language it has besides its own, where its caller asks.
    pub(super) fn address(&self, call: &Call, target: &Target) -> Option<String> {
        let (vendor, site) = (target.vendor(), &target.provider.site);
        let model = own_name(call, target);
        match &self.exchange {
            Exchange::Conversation(conversation) => {
                let own = vendor.wire() == Some(conversation.spoken());
                own.then(|| vendor.conversation(site, model, call.streams))
            }
            Exchange::Embedding(_) => Some(vendor.embedding(site, model)),
            Exchange::Rerank(_) => Some(vendor.ranking(site, model)),
        }
    }

    /// Tells what was lost.
    pub(super) fn tell(&self, head: &mut http::HeaderMap) {
        head.extend(self.dropped.clone().map(|dropped| (DROPPED, dropped)));
    }

    /// Tells that so many tokens of the prompt were read only.
    pub(super) fn tell_cut(read: u64, head: &mut http::HeaderMap) {
        head.insert(CUT, read.into());
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
        "`{provider}` cannot be asked for this as it stands: {}. Say it otherwise, or do not ask to be strict.",
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
