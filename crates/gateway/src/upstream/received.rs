//! An answer's head has come: what of it passes, and whether its body is read whole or flows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::Credential;
use futures_util::FutureExt as _;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use protocol::codec::{self, Exchange, Tap, Unusable};
use protocol::dialect::{Dialect, headers};
use protocol::fault::Kind;
use protocol::operation::{Asked, Operation};
use protocol::usage::{self, Usage};
use protocol::vendor::identity::Grant;
use protocol::verdict::FaultClass;
use tokio::time::Instant;

use super::answer::Flowing;
use super::client::Reply;
use super::coding::{self, Coding};
use super::passing::take_out;
use super::rest::Rest;
use super::sieve::{Caught, Repeats, Sieve};
use super::trouble::Trouble;
use super::{Answer, AnswerBody};
use crate::error::ApiError;
use crate::intake::{Call, Gathered};
use crate::route::{Target, Whose};

/// Answers up to this size are read whole before their head is sent on, so that a cut one becomes an honest 502.
pub(super) const WHOLE: usize = 1024 * 1024;

/// And up to this size where they are put into other words: pictures travel in them.
const TRANSLATED: usize = 64 * 1024 * 1024;

/// An error that was not whole by then flows, unless it is JSON: it has said what it is by its status.
const SOON: Duration = Duration::from_secs(2);

/// An answer's head has come.
pub(super) struct Received<'t> {
    pub(super) reply: Box<Reply>,
    /// When the whole call must be over.
    pub(super) deadline: Instant,
    /// The usage chunk is ours and kept from the caller.
    pub(super) hide_usage: bool,
    /// How long a stream may be silent before its caller hears a heartbeat.
    pub(super) heartbeat: Option<Duration>,
    /// It is put into its caller's words.
    pub(super) exchange: Option<&'t Exchange>,
}

/// An answer that is not passed on.
pub(super) struct Withheld {
    pub(super) class: FaultClass,
    /// What its caller is told instead.
    pub(super) error: ApiError,
}

impl From<ApiError> for Withheld {
    fn from(error: ApiError) -> Self {
        let class = match error.kind {
            Kind::UpstreamTimeout => FaultClass::StreamStall,
            Kind::UpstreamInterrupted => FaultClass::StreamCut,
            _ => FaultClass::StreamMalformed,
        };
        Self { class, error }
    }
}

impl Received<'_> {
    /// The answer as it goes on, and what it counts if that is known already.
    pub(super) async fn into_answer(
        self,
        call: &Call,
        target: &Target,
    ) -> Result<(Answer, Option<Usage>), Withheld> {
        let Reply { status, mut head, written, mut rest } = *self.reply;
        let coding = Coding::of(&head);
        let compressed = coding != Coding::Clear;
        take_secrets_out(&mut head, &written, target.whose());
        // What it is it is, also where it says so to us alone.
        let kind = head.get(header::CONTENT_TYPE).cloned();
        let kind = kind.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A success tells its translation something first.
        let foreign = self.exchange.is_some_and(|exchange| !exchange.is_at_home());
        take_out(&mut head, foreign && !status.is_success());
        if call.method == Method::HEAD {
            // There is no body; the length it would have is part of what was asked, and stands in the head.
            rest.finish();
            let body = AnswerBody::Whole(Bytes::new());
            return Ok((Answer { status, head, body, permit: None }, None));
        }
        let (timeouts, name) = (target.provider.timeouts, &target.provider.name);
        let exchange = self.exchange.filter(|_| status.is_success());
        if compressed && exchange.is_some() {
            return Err(unfit(name, "it is compressed, unasked").into());
        }
        let asked = call.row.asks(&call.rest);
        // What is compressed cannot be read, nor can words of ours be put behind it.
        let mut events = !compressed && begins(kind, "text/event-stream");
        // One value to its reader, and a stream all the same: to wait for all of it would be to wait for the whole answer.
        let mut array = call.array && status.is_success() && !compressed && !events && is_json(kind);
        if exchange.is_none() && status.is_success() && !compressed && call.streams {
            rest.tap(asked.and_then(Asked::wire).and_then(Tap::of));
        }
        if exchange.is_some() || rest.is_tapped() {
            rest.withholds(repeats(target));
        }
        let mut ahead = Bytes::new();
        let flows = events || (array && exchange.is_none());
        let small = !flows && is_small(kind, &rest, exchange.is_some());
        // Whatever an error is and however it is coded, it is looked at before it passes (T-44).
        let fails = !status.is_success();
        if small || fails {
            let most = if exchange.is_some() { TRANSLATED } else { WHOLE };
            let soon = (!small).then(|| Instant::now() + SOON);
            match read_ahead(&mut rest, most, (timeouts.between_bytes, soon), self.deadline)
                .await
                .map_err(|trouble| trouble.into_error(name))?
            {
                Ahead::Whole(body) => {
                    let said = if fails { coding::in_the_clear(coding, &body) } else { Some(body.clone()) };
                    withhold_secrets(&said.ok_or_else(|| unread(name))?, target.whose())?;
                    // One compressed unasked cannot be read here; it passes, and its count stays unknown.
                    if is_nonsense(call, status, kind, &body) && !head.contains_key(header::CONTENT_ENCODING)
                    {
                        return Err(nonsense(name).into());
                    }
                    let Some(exchange) = exchange else {
                        rest.finish();
                        let found = || usage::find(&body).or_else(|| codec::counted(asked?, &body));
                        let counted = if call.row.usage { found() } else { None };
                        return Ok((Answer::ours(status, head, body), counted));
                    };
                    let told = exchange.response(&head, &body);
                    let (told, counted) = told.map_err(|why| unusable(name, why))?;
                    says(&mut head, exchange);
                    array = call.array;
                    if !exchange.sends_events() && !array {
                        rest.finish();
                        return Ok((Answer::ours(status, head, told.into()), counted));
                    }
                    // A stream was asked for, and all of it has come.
                    (ahead, events) = (told.into(), !array);
                }
                Ahead::Part(part) if fails => {
                    let sieve = Sieve::new(coding, repeats(target)).ok_or_else(|| unread(name))?;
                    ahead = rest.sifts(sieve, part).map_err(|caught| match caught {
                        Caught::Secret => repeated(name),
                        Caught::Unreadable | Caught::TooLong => unread(name),
                    })?;
                }
                Ahead::Part(part) if exchange.is_none() => ahead = part,
                Ahead::Part(_) => {
                    return Err(unfit(name, "it is too long to be put into other words").into());
                }
            }
        } else if let Some(exchange) = exchange {
            let Some(passing) = exchange.stream() else {
                return Err(unfit(name, "it streams, unasked").into());
            };
            says(&mut head, exchange);
            rest.translate(passing);
            (events, array) = (exchange.sends_events(), call.array);
        }
        let flowing = Flowing {
            ahead,
            rest,
            events,
            array,
            says_end: says_end(call.row.operation, call.dialect) && status.is_success(),
            counts: call.row.usage && !compressed,
            hide_usage: self.hide_usage,
            timeouts,
            deadline: self.deadline,
            heartbeat: self.heartbeat,
            provider: name.clone(),
            dialect: call.dialect,
            fails: false,
            pass: None,
            rescue: None,
            scribe: None,
        };
        let body = AnswerBody::Flowing(Box::new(flowing));
        Ok((Answer { status, head, body, permit: None }, None))
    }
}

/// Says what its caller gets in place of what came, and nothing of what only the vendor's language has.
fn says(head: &mut HeaderMap, exchange: &Exchange) {
    let foreign = |name: &&HeaderName| !exchange.is_at_home() && headers::is_of_a_language(name.as_str());
    let foreign: Vec<HeaderName> = head.keys().filter(foreign).cloned().collect();
    for name in foreign {
        head.remove(name);
    }
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(exchange.content_type()));
}

/// An answer that is of no use to its caller. What it asked for may be told to it, and to no log.
fn unusable(provider: &str, why: Unusable) -> Withheld {
    let error = match why {
        Unusable::Unreadable(why) => return unfit(provider, &why.to_string()).into(),
        Unusable::Malformed(why) => unfit(provider, &why.to_string()),
        Unusable::OffSchema(why) => {
            let say = format!(
                "`{provider}` gave an answer that does not keep to the schema that was asked for: {why}."
            );
            ApiError::new(Kind::UpstreamBadResponse, say)
        }
    };
    Withheld { class: FaultClass::AnswerUnfit, error }
}

/// An error in a coding that cannot be read here, and that nobody asked for.
fn unread(provider: &str) -> ApiError {
    let say = format!("`{provider}` gave an error in a coding that cannot be read here, which was withheld.");
    ApiError::new(Kind::UpstreamBadResponse, say)
}

/// An answer that cannot be put into its caller's words.
fn unfit(provider: &str, why: &str) -> ApiError {
    let say = format!("`{provider}` gave an answer that cannot be put into the language of this request.");
    ApiError::new(Kind::UpstreamBadResponse, say).because(why)
}

/// Operations whose streams always end with an event that says they are complete; of others, only framing can tell.
fn says_end(operation: Operation, dialect: Dialect) -> bool {
    use Operation::{
        Assistants, Chat, Completions, Images, Responses, Speech, StoredResponses, Transcriptions,
    };
    let known = matches!(
        operation,
        Chat | Completions | Responses | StoredResponses | Images | Speech | Transcriptions | Assistants
    );
    known || dialect == Dialect::Anthropic
}

/// What was read before the head is sent on.
pub(super) enum Ahead {
    /// All there is.
    Whole(Bytes),
    /// The beginning of something long.
    Part(Bytes),
}

/// Reads a body to its end, or until it is long, or it is not there `soon`.
pub(super) async fn read_ahead(
    rest: &mut Rest,
    most: usize,
    (gap, soon): (Duration, Option<Instant>),
    deadline: Instant,
) -> Result<Ahead, Trouble> {
    if rest.length().is_some_and(|length| length > most as u64) {
        return Ok(Ahead::Part(Bytes::new()));
    }
    let mut gathered = Gathered::default();
    loop {
        // What is there needs no clock.
        let mut piece = rest.piece().now_or_never();
        if piece.is_none() {
            let late = deadline.min(Instant::now() + gap);
            let until = soon.map_or(late, |soon| soon.min(late));
            piece = match tokio::time::timeout_at(until, rest.piece()).await {
                Err(_) if until < late => return Ok(Ahead::Part(gathered.into_bytes())),
                Err(_) if until == deadline => return Err(Trouble::TotalTimeout),
                Err(_) => return Err(Trouble::GapTimeout),
                Ok(piece) => Some(piece),
            };
        }
        let Some(piece) = piece.flatten() else { return Ok(Ahead::Whole(gathered.into_bytes())) };
        gathered.push(piece?);
        if gathered.len() > most {
            return Ok(Ahead::Part(gathered.into_bytes()));
        }
    }
}

/// Finds our credentials for a place.
fn repeats(target: &Target) -> Repeats {
    let (provider, purse) = (target.provider.clone(), target.purse.clone());
    Box::new(move |told| has_secrets(told, (&provider, purse.as_ref())))
}

/// Whether one of our credentials stands in these bytes.
fn has_secrets(bytes: &[u8], (provider, purse): Whose<'_>) -> bool {
    let own = match &provider.credential {
        Credential::Stored(secret) => secret.is_in(bytes),
        Credential::Identity(identity) => {
            let grants = purse.map(|purse| purse.grants()).unwrap_or_default();
            let held = |grant: &Arc<Grant>| grant.secrets().any(|secret| secret.is_in(bytes));
            grants.iter().any(held) || identity.who.secrets().into_iter().any(|secret| secret.is_in(bytes))
        }
        Credential::Passthrough | Credential::None => false,
    };
    own || provider.keys.iter().any(|key| key.secret.is_in(bytes))
}

/// An answer that repeats our credential is withheld (T-44).
pub(super) fn withhold_secrets(body: &[u8], whose: Whose<'_>) -> Result<(), ApiError> {
    if !has_secrets(body, whose) {
        return Ok(());
    }
    Err(repeated(&whose.0.name))
}

fn repeated(provider: &str) -> ApiError {
    let say =
        format!("`{provider}` repeated a credential of this gateway in its answer, which was withheld.");
    ApiError::new(Kind::UpstreamBadResponse, say)
}

/// A success that cannot be one: a web page or nothing at all, where the operation answers in JSON (F-11).
fn is_nonsense(call: &Call, status: StatusCode, kind: &str, body: &[u8]) -> bool {
    let json_operation =
        call.row.usage && call.method == Method::POST && call.row.operation != Operation::Other;
    if !json_operation || !status.is_success() || status == StatusCode::NO_CONTENT {
        return false;
    }
    // Transcripts may be asked for as text, and one server calls plain text a web page.
    let text = matches!(call.row.operation, Operation::Transcriptions | Operation::Translations);
    let json = kind.as_bytes().windows(4).any(|part| part.eq_ignore_ascii_case(b"json"));
    let told_as_text = text && !kind.is_empty() && !json;
    let web_page = begins(kind, "text/html") && (!text || is_page(body));
    let nothing = body.is_empty() && !told_as_text;
    let broken = json && !text && !is_bracketed(body, call.row.operation);
    web_page || nothing || broken
}

fn nonsense(provider: &str) -> ApiError {
    let say = format!("`{provider}` answered with something that is not an answer to this request.");
    ApiError::new(Kind::UpstreamBadResponse, say)
}

/// Whether a body begins and ends as a JSON object does; a stream in Gemini's language that is none of events is an array.
fn is_bracketed(body: &[u8], operation: Operation) -> bool {
    let (body, array) = (body.trim_ascii(), operation == Operation::Generate);
    matches!(body, [b'{', .., b'}']) || (array && matches!(body, [b'[', .., b']']))
}

/// Whether a text begins as a web page does.
fn is_page(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|begin| text.get(..begin.len()).is_some_and(|text| text.eq_ignore_ascii_case(begin)))
}

fn is_json(kind: &str) -> bool {
    begins(kind, "application/json")
}

/// Whether a media type is JSON in all but name (RFC 6839, 3.1).
fn ends_in_json(kind: &str) -> bool {
    let suffix = kind.split(';').next().and_then(|kind| kind.trim_end().rsplit_once('+'));
    begins(kind, "application/") && suffix.is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

/// Whether a media type begins so, in letters of either case (RFC 9110, 8.3.1).
fn begins(kind: &str, with: &str) -> bool {
    kind.get(..with.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(with))
}

/// One JSON value, or a text of known, small length: worth waiting for. Whatever may come bit by bit flows; JSON of a name of its own
/// may, unless it is `reworded`.
fn is_small(kind: &str, rest: &Rest, reworded: bool) -> bool {
    let json = kind.is_empty() || is_json(kind) || begins(kind, "text/html");
    json || (reworded && ends_in_json(kind))
        || (begins(kind, "text/") && rest.length().is_some_and(|length| length <= WHOLE as u64))
}

/// Takes out every value that contains our credential for this provider (T-44). `written` is the head as it came.
fn take_secrets_out(head: &mut HeaderMap, written: &[u8], whose: Whose<'_>) {
    // Looked for in all of it at once: almost no head has it anywhere.
    if !has_secrets(written, whose) {
        return;
    }
    let leaks = |value: &HeaderValue| has_secrets(value.as_bytes(), whose);
    let leaking = |(name, value): (&HeaderName, &HeaderValue)| leaks(value).then(|| name.clone());
    for name in head.iter().filter_map(leaking).collect::<Vec<HeaderName>>() {
        // Of several values the others stay.
        let kept: Vec<HeaderValue> =
            head.get_all(&name).iter().filter(|value| !leaks(value)).cloned().collect();
        head.remove(&name);
        head.extend(kept.into_iter().map(|value| (name.clone(), value)));
    }
}
