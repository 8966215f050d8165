//! Counts while a call runs, and hands in its record at the end.

use std::borrow::Cow;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use config::Snapshot;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use protocol::fault::Kind;
use protocol::operation::Operation;
use protocol::usage::Usage;
use store::UsageRecord;
use store::usage_record::{Outcome, Tokens};
use uuid::{NoContext, Timestamp, Uuid};

use super::{Ledger, Trail, Unaccountable};
use crate::Gateway;
use crate::admit::{Left, Permit};
use crate::intake::{Call, Peer, Upload, X_REQUEST_ID, fresh_id};
use crate::observe::access_log::Seen;
use crate::route::Target;
use crate::{decimal, value};

/// What an answer says of its call.
static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
static PROVIDER: HeaderName = HeaderName::from_static("x-openai-proxy-provider");
static MODEL: HeaderName = HeaderName::from_static("x-openai-proxy-model");
static ATTEMPTS: HeaderName = HeaderName::from_static("x-openai-proxy-attempts");

/// A call of our own, on somebody's behalf.
pub(crate) struct Errand<'a> {
    /// What is asked.
    pub(crate) operation: Operation,
    /// The provider's own name of the model.
    pub(crate) model: &'a str,
    /// A stream is asked for.
    pub(crate) stream: bool,
}

/// The running count of one call. Dropping it hands the record in.
pub(crate) struct Meter {
    record: UsageRecord,
    began: Instant,
    /// Spent waiting for an upstream's head: not ours.
    upstream: std::time::Duration,
    upload: Option<Upload>,
    ledger: Ledger,
    /// For the access log.
    seen: Option<Box<Seen>>,
    expose: bool,
    /// What is left of the caller's limits.
    left: Left,
    /// Who was asked, and what came of it.
    trail: Trail,
    /// Attempts write on that: where nothing stands on it, nobody was asked.
    courses: bool,
}

impl Meter {
    /// Starts with the first thing known of a call.
    pub(crate) fn start<B>(
        gateway: &Gateway,
        world: &Snapshot,
        peer: &Peer,
        request: &Request<B>,
    ) -> Box<Self> {
        let mut meter = Self::begin(gateway, request.method());
        meter.seen = Seen::of(&world.logging, peer.ip, request);
        meter.expose = world.routing.expose_headers;
        meter
    }

    /// In a place of its own: it goes from hand to hand until the answer is over.
    fn begin(gateway: &Gateway, method: &Method) -> Box<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = UsageRecord {
            record_id: record_id(now),
            started_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
            method: word(method),
            operation: "unknown".into(),
            // Until something is sent, a call that ends has been left by its caller.
            status: 499,
            outcome: Outcome::CallerLeft,
            ..UsageRecord::default()
        };
        let ledger = gateway.ledger.clone();
        Box::new(Self {
            record,
            began: Instant::now(),
            upstream: std::time::Duration::ZERO,
            upload: None,
            ledger,
            seen: None,
            expose: false,
            left: Left::default(),
            trail: Trail::default(),
            courses: false,
        })
    }

    /// Starts for a call of our own; `caller` is whom it is recorded for.
    pub(crate) fn of_errand(gateway: &Gateway, errand: &Errand<'_>, caller: &str) -> Box<Self> {
        let mut meter = Self::begin(gateway, &Method::POST);
        let record = &mut meter.record;
        record.id = fresh_id();
        record.operation = errand.operation.name().into();
        record.model_asked = Some(errand.model.to_owned());
        record.stream = errand.stream;
        record.caller = caller.to_owned();
        meter
    }

    /// Notes what the intake understood.
    pub(crate) fn knows(&mut self, call: &Call, caller: &str) {
        let record = &mut self.record;
        record.id.clone_from(&call.id);
        record.operation = call.row.operation.name().into();
        record.model_asked.clone_from(&call.model);
        record.stream = call.streams;
        record.caller = caller.to_owned();
        if let Some(seen) = &mut self.seen {
            seen.peer = call.caller_ip;
        }
        match &call.body {
            crate::intake::Payload::Whole(body) => record.bytes_in = body.len() as u64,
            crate::intake::Payload::Flowing(body) => self.upload = Some(body.notes()),
            crate::intake::Payload::Empty => {}
        }
    }

    /// Notes who opens a WebSocket, and for what: each message of it is a call of its own.
    pub(crate) fn opens(&mut self, operation: Operation, caller: &str) {
        self.record.operation = operation.name().into();
        self.record.caller = caller.to_owned();
    }

    /// Notes what is left of the caller's limits.
    pub(crate) fn leaves(&mut self, left: Left) {
        self.left = left;
    }

    /// Settles what was set aside for the call with what it has come to.
    pub(crate) fn settle(&self, permit: &mut Permit) {
        let counted = self.record.tokens.as_ref().map(|tokens| tokens.input.saturating_add(tokens.output));
        let answered = if self.record.status < 400 { self.record.bytes_out } else { 0 };
        permit.settle(counted, answered);
    }

    /// Whether the call is one of Responses, as far as it was understood.
    pub(crate) fn is_of_responses(&self) -> bool {
        self.record.operation == Operation::Responses.name()
    }

    /// Whether the caller's body was not read to its end: then its connection carries no further call.
    pub(crate) fn leaves_unread(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| !upload.is_whole())
    }

    /// Notes that a target is about to be asked, where a kill does not reach it.
    ///
    /// # Errors
    /// When that could not be noted: the call must not be made.
    pub(crate) async fn aims(&mut self, target: &Target) -> Result<(), Unaccountable> {
        self.record.attempts = 1;
        self.record.provider = Some(target.provider.name.clone());
        self.record.model_sent.clone_from(&target.model);
        self.ledger.begins(&self.record).await.inspect_err(|Unaccountable| {
            self.record.attempts = 0;
            self.record.provider = None;
            self.record.model_sent = None;
        })
    }

    /// Who calls.
    pub(crate) fn caller(&self) -> &str {
        &self.record.caller
    }

    /// Where the attempts write what they do.
    pub(crate) fn trail(&mut self) -> Trail {
        self.courses = true;
        self.trail.clone()
    }

    /// Takes over from the trail how often somebody was asked, and who was last or answers.
    fn follow(&mut self) {
        let Self { record, trail, courses, .. } = self;
        trail.head(|count, by| {
            let Some(by) = by else {
                if *courses {
                    (record.attempts, record.provider, record.model_sent) = (0, None, None);
                }
                return;
            };
            record.attempts = count;
            if record.provider.as_ref() != Some(&by.provider) {
                record.provider = Some(by.provider.clone());
            }
            if record.model_sent != by.model {
                record.model_sent.clone_from(&by.model);
            }
        });
    }

    /// Notes how long an upstream took to answer.
    pub(crate) fn waited(&mut self, time: std::time::Duration) {
        self.upstream += time;
    }

    /// Notes the status sent to the caller and that the answer flows.
    pub(crate) fn answers(&mut self, status: StatusCode, stream: bool) {
        self.record.status = status.as_u16();
        self.record.stream = stream;
    }

    /// Notes our own refusal.
    pub(crate) fn refuses(&mut self, kind: Kind) {
        self.refuses_with(kind, kind.meaning().status);
    }

    /// Notes our own refusal, with the status the caller's language has for it.
    pub(crate) fn refuses_with(&mut self, kind: Kind, status: StatusCode) {
        self.record.status = status.as_u16();
        self.record.error = Some(kind.label().to_owned());
        self.record.outcome = Outcome::Refused;
    }

    /// Notes our own refusal in a stream that was promised: its status has been sent.
    pub(crate) fn refuses_in_stream(&mut self, kind: Kind) {
        let status = self.record.status;
        self.refuses(kind);
        self.record.status = status;
    }

    /// Notes an error of the upstream's own in a stream that was promised, where its status shows nowhere else.
    pub(crate) fn passes_error(&mut self, status: StatusCode) {
        self.record.error = Some(status.as_str().to_owned());
    }

    /// Notes a piece of the answer handed over.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if self.record.first_byte_us.is_none() {
            self.record.first_byte_us = Some(micros(self.began.elapsed()));
        }
        self.record.bytes_out += bytes as u64;
    }

    /// Notes a heartbeat: bytes for the caller, and none of an answer.
    pub(crate) fn beats(&mut self, bytes: usize) {
        self.record.bytes_out += bytes as u64;
    }

    /// Notes bytes taken in after the request: those of a session.
    pub(crate) fn received(&mut self, bytes: u64) {
        self.record.bytes_in += bytes;
    }

    /// Notes what the upstream counted.
    pub(crate) fn counted(&mut self, usage: Usage) {
        let Usage { input, output, cached, reasoning } = usage;
        self.record.tokens = Some(Tokens { input, output, cached, reasoning });
    }

    /// Notes that the whole answer was handed over.
    pub(crate) fn completes(&mut self) {
        if self.record.outcome == Outcome::CallerLeft {
            self.record.outcome = Outcome::Answered;
        }
    }

    /// Notes that the upstream broke off.
    pub(crate) fn breaks(&mut self, kind: Kind) {
        self.record.outcome = Outcome::Interrupted;
        self.record.error = Some(kind.label().to_owned());
    }

    /// The provider that was asked last, for the log.
    pub(crate) fn provider(&self) -> &str {
        self.record.provider.as_deref().unwrap_or("-")
    }

    /// The request id, if the intake got that far.
    pub(crate) fn id(&self) -> &str {
        &self.record.id
    }

    /// Gives the call an id when the intake refused it.
    pub(crate) fn ensure_id(&mut self, head: impl FnOnce() -> String) {
        if self.record.id.is_empty() {
            self.record.id = head();
        }
    }

    /// The headers every answer carries: request id, our share of the time, and, if allowed, who answered.
    pub(crate) fn sign(&mut self, head: &mut HeaderMap) {
        self.follow();
        let mut room = value::room();
        set(head, &X_REQUEST_ID, &self.record.id, &mut room);
        self.left.write(head, &mut room);
        let ours = micros(self.began.elapsed().saturating_sub(self.upstream));
        room.extend_from_slice(b"gateway;dur=");
        decimal::write_thousandths(&mut room, ours);
        if let Some(value) = value::written(&mut room) {
            head.append(&SERVER_TIMING, value);
        }
        if !self.expose || self.record.attempts == 0 {
            return;
        }
        if let Some(provider) = &self.record.provider {
            set(head, &PROVIDER, provider, &mut room);
        }
        if let Some(model) = &self.record.model_sent {
            set(head, &MODEL, model, &mut room);
        }
        decimal::write(&mut room, self.record.attempts.into());
        value::put(head, &ATTEMPTS, &mut room);
    }
}

/// Says something in a head. Names that have other letters than a head may have are not said.
fn set(head: &mut HeaderMap, name: &HeaderName, text: &str, room: &mut BytesMut) {
    if text.is_ascii() {
        room.extend_from_slice(text.as_bytes());
        value::put(head, name, room);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.follow();
        let mut record = std::mem::take(&mut self.record);
        record.trail = self.trail.take();
        record.duration_us = micros(self.began.elapsed());
        if let Some(upload) = &self.upload {
            record.bytes_in = upload.bytes();
            record.model_asked = record.model_asked.or_else(|| upload.model());
        }
        self.ledger.hand_in(record, self.seen.take());
    }
}

/// A record's own id, of the moment at which its call began. What is random in it keeps those of one moment apart: the counter
/// that would put them in order is one for all threads.
fn record_id(since_1970: std::time::Duration) -> String {
    let (seconds, nanos) = (since_1970.as_secs(), since_1970.subsec_nanos());
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos));
    id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

/// A method's word.
fn word(method: &Method) -> Cow<'static, str> {
    match method.as_str() {
        "POST" => "POST".into(),
        "GET" => "GET".into(),
        other => other.to_owned().into(),
    }
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
