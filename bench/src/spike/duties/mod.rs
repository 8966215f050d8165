//! What the product does besides passing bytes on: keys, models, limits, usage, figures, a record of each call.

mod journal;
mod window;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use aws_lc_rs::hmac;
use bytes::Bytes;
use memchr::memmem::Finder;
use protocol::frame::head::Framing;
use protocol::frame::sse::{self, Splitter};
use protocol::usage::{self, Usage};
use protocol::{envelope, operation};

use super::Trouble;
use super::head::{self, line, number};
use crate::chat;
use crate::clock::SECOND;
use crate::dice::Dice;
use journal::Journal;
use window::Window;

/// What the upstream is shown.
const CREDENTIAL: &str = "sk-bench-upstream";
const SHOWN: &[u8] = b"Bearer sk-bench-upstream";
/// So many keys are known; one of them is the bench's.
const KEYS: u64 = 1_000;
/// Counted, and never reached.
const LIMIT: u64 = 1_000_000_000_000;
/// The upper bounds of a histogram's buckets, in microseconds.
const BUCKETS: [u64; 14] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    1_000_000,
    10_000_000,
    u64::MAX,
];

/// All duties, and what they remember.
pub(super) struct Duties {
    pepper: hmac::Key,
    /// Callers may come without a key.
    anyone: bool,
    /// By the whole digest, so that looking one up tells nothing of the others.
    keys: HashMap<[u8; 32], usize>,
    callers: Vec<Caller>,
    all: Limits,
    /// Models by name: what the upstream calls them.
    models: HashMap<String, String>,
    credential: Finder<'static>,
    journal: Journal,
    dice: Dice,
    /// Answers by the hundred of their status, tokens in and out, calls by how long they took.
    answers: [u64; 6],
    tokens: [u64; 2],
    took: [u64; BUCKETS.len()],
}

struct Caller {
    name: String,
    models: &'static str,
    limits: Limits,
}

/// Requests, tokens, and calls at once.
struct Limits {
    requests: Window,
    tokens: Window,
    open: u64,
}

/// A call from its admission to its end.
pub(super) struct Call {
    caller: usize,
    began: u64,
    reserved: u64,
    tap: Tap,
    record: Record,
}

/// What is kept of a call.
#[derive(Default)]
pub(super) struct Record {
    id: String,
    began: u64,
    took: u64,
    caller: String,
    model: String,
    status: u16,
    stream: bool,
    outcome: &'static str,
    usage: Option<Usage>,
    bytes_in: u64,
    bytes_out: u64,
}

/// Reads usage from an answer as it passes.
#[derive(Default)]
struct Tap {
    events: bool,
    splitter: Splitter,
    /// The beginning of an event that is not whole.
    kept: Vec<u8>,
    usage: Option<Usage>,
}

impl Duties {
    /// A house with a thousand keys, a few models, and a journal in this folder. `anyone` may come without a key.
    pub(super) fn new(folder: &Path, anyone: bool) -> Result<Self> {
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let (mut keys, mut callers) = (HashMap::new(), Vec::new());
        for number in 0..KEYS {
            let key = if number == 0 { chat::KEY.to_owned() } else { format!("sk-bench-other-{number:040}") };
            keys.insert(digest(&pepper, key.as_bytes()), callers.len());
            callers.push(Caller { name: format!("caller-{number}"), models: "gpt-", limits: Limits::new() });
        }
        let models = ["other", "gpt-4", "gpt-4o", chat::MODEL, "claude"];
        Ok(Self {
            pepper,
            anyone,
            keys,
            callers,
            all: Limits::new(),
            models: models.iter().map(|model| ((*model).to_owned(), (*model).to_owned())).collect(),
            credential: Finder::new(CREDENTIAL),
            journal: Journal::open(&folder.join("journal"))?,
            dice: Dice::new(13),
            answers: [0; 6],
            tokens: [0; 2],
            took: [0; BUCKETS.len()],
        })
    }

    /// Who asks, and is there such an operation? Known before the body is waited for.
    pub(super) fn identify(&self, head: &head::Head<'_>) -> Result<usize, Trouble> {
        let method = if head.gets { http::Method::GET } else { http::Method::POST };
        let path = head.path.split_once('?').map_or(head.path, |(path, _)| path);
        operation::find(&method, path).map_err(|_| Trouble::Refused(404, "no such path"))?;
        let shown = match head.credential {
            None if self.anyone => return Ok(0),
            shown => shown.and_then(|value| value.strip_prefix(b"Bearer ")),
        };
        let shown = shown.ok_or(Trouble::Refused(401, "no key was shown"))?;
        let caller = self.keys.get(&digest(&self.pepper, shown)).copied();
        caller.ok_or(Trouble::Refused(401, "this key is not known"))
    }

    /// Admits a call whose body is whole, writes the rest of its head, and says which body goes out: another where the model
    /// has another name there. From here on the call is known, whatever becomes of us.
    pub(super) fn admit(
        &mut self,
        caller: usize,
        now: u64,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(Box<Call>, Option<Bytes>), Trouble> {
        let mut envelope = envelope::Envelope::default();
        if body.is_empty() {
            // What only asks for something, a list of files, names no model.
            envelope.model = Some(envelope::Text { place: 0..0, says: chat::MODEL.to_owned() });
        } else {
            envelope = envelope::read(body).map_err(|_| Trouble::Refused(400, "the body is no request"))?;
        }
        let asked = envelope.model.as_ref().map(|model| model.says.as_str());
        let asked = asked.ok_or(Trouble::Refused(400, "no model is named"))?;
        let target = self.models.get(asked).ok_or(Trouble::Refused(404, "this model is not known"))?;
        let known = self.callers.get_mut(caller).ok_or(Trouble::Gone)?;
        if !asked.starts_with(known.models) || !target.starts_with(known.models) {
            return Err(Trouble::Refused(403, "this key may not ask this model"));
        }
        let edited = (target != asked)
            .then(|| envelope::edit(&Bytes::copy_from_slice(body), &envelope, Some(target), false));
        let (second, reserved) = (now / SECOND, body.len() as u64 / 4 + 1_024);
        if !self.all.fit(second, reserved) || !known.limits.fit(second, reserved) {
            return Err(Trouble::Refused(429, "a limit is reached"));
        }
        self.all.take(reserved);
        known.limits.take(reserved);
        let record = Record {
            id: id(&mut self.dice),
            began: now,
            caller: known.name.clone(),
            model: asked.to_owned(),
            stream: envelope.stream,
            bytes_in: body.len() as u64,
            outcome: "begun",
            ..Record::default()
        };
        let call = Box::new(Call { caller, began: now, reserved, tap: Tap::default(), record });
        if !self.journal.begins(&call.record) {
            self.ended(call, now, "failed");
            return Err(Trouble::Refused(503, "the call cannot be recorded"));
        }
        line(out, "authorization", SHOWN);
        line(out, "x-request-id", call.record.id.as_bytes());
        Ok((call, edited))
    }

    /// Does this give our credential away?
    pub(super) fn leaks(&self, value: &[u8]) -> bool {
        self.credential.find(value).is_some()
    }

    /// An answer's head has come: adds what callers are told of their limits.
    pub(super) fn answers(&mut self, call: &mut Call, head: &head::Head<'_>, out: &mut Vec<u8>) {
        call.tap.events = head.events;
        call.record.status = head.status;
        line(out, "x-request-id", call.record.id.as_bytes());
        let Some(caller) = self.callers.get(call.caller) else { return };
        for (what, window) in [("requests", &caller.limits.requests), ("tokens", &caller.limits.tokens)] {
            for (figure, value) in [("limit", window.limit), ("remaining", window.left()), ("reset", 1)] {
                for part in ["x-ratelimit-", figure, "-", what, ": "] {
                    out.extend_from_slice(part.as_bytes());
                }
                number(out, value);
                out.extend_from_slice(if figure == "reset" { b"s\r\n" } else { b"\r\n" });
            }
        }
    }

    /// A call is over: what was reserved is settled, and the call is counted and recorded.
    pub(super) fn ended(&mut self, mut call: Box<Call>, now: u64, outcome: &'static str) {
        let usage = call.tap.usage;
        let truth = usage.map_or(call.reserved, |usage| usage.input + usage.output);
        let second = call.began / SECOND;
        self.all.settle(second, call.reserved, truth);
        if let Some(caller) = self.callers.get_mut(call.caller) {
            caller.limits.settle(second, call.reserved, truth);
        }
        let usage = usage.unwrap_or_default();
        self.tokens[0] += usage.input;
        self.tokens[1] += usage.output;
        self.answers[usize::from(call.record.status / 100).min(5)] += 1;
        let took = now.saturating_sub(call.began) / 1_000;
        self.took[BUCKETS.partition_point(|most| *most < took)] += 1;
        (call.record.took, call.record.outcome, call.record.usage) = (took, outcome, call.tap.usage);
        self.journal.ended(call.record);
    }

    /// Nothing happens just now, or has not for a while: what has ended is written.
    pub(super) fn rest(&mut self) {
        self.journal.hand_over();
    }

    /// The figures, as a line of text.
    pub(super) fn figures(&self) -> String {
        format!("answers {:?} tokens {:?} took {:?}", self.answers, self.tokens, self.took)
    }
}

impl Call {
    /// Content of the answer passes.
    pub(super) fn passes(&mut self, content: &[u8]) {
        self.record.bytes_out += content.len() as u64;
        self.tap.push(content);
    }
}

impl Tap {
    fn push(&mut self, content: &[u8]) {
        let Self { events, splitter, kept, usage } = self;
        if !*events {
            // An answer that came in one piece, as most do, is read where it lies.
            *usage = usage::find(content).or(*usage);
            return;
        }
        let mut from = 0;
        splitter.push(content, |end| {
            let told = if kept.is_empty() {
                sse::read(&content[from..end])
            } else {
                kept.extend_from_slice(&content[from..end]);
                let told = sse::read(kept);
                kept.clear();
                told
            };
            from = end;
            *usage = told.usage.or(*usage);
        });
        kept.extend_from_slice(&content[from..]);
    }
}

impl Limits {
    fn new() -> Self {
        Self { requests: Window::new(LIMIT), tokens: Window::new(LIMIT), open: 0 }
    }

    fn fit(&mut self, second: u64, tokens: u64) -> bool {
        self.requests.fits(second, 1) && self.tokens.fits(second, tokens) && self.open < LIMIT
    }

    fn take(&mut self, tokens: u64) {
        self.requests.add(1);
        self.tokens.add(tokens);
        self.open += 1;
    }

    fn settle(&mut self, second: u64, reserved: u64, truth: u64) {
        self.tokens.amend(second, reserved, truth);
        self.open -= 1;
    }
}

impl Record {
    /// Writes a line, as JSON behind a letter.
    fn write(&self, to: &mut Vec<u8>, letter: char) -> std::io::Result<()> {
        let Self { id, began, took, caller, model, status, stream, outcome, usage, bytes_in, bytes_out } =
            self;
        let Usage { input, output, cached, reasoning } = usage.unwrap_or_default();
        writeln!(
            to,
            "{letter} {{\"id\":\"{id}\",\"began\":{began},\"took\":{took},\"caller\":\"{caller}\",\"operation\":\"chat\",\
             \"model\":{model:?},\"status\":{status},\"stream\":{stream},\"outcome\":\"{outcome}\",\"input\":{input},\
             \"output\":{output},\"cached\":{cached},\"reasoning\":{reasoning},\"in\":{bytes_in},\"out\":{bytes_out}}}"
        )
    }
}

/// How much of a body may be kept to be read whole.
pub(super) const MOST: usize = 32 * 1024 * 1024;

/// An answer up to this size is waited for.
pub(super) const SMALL: usize = 1024 * 1024;

/// Is this answer waited for, so that a cut one becomes an honest 502?
pub(super) fn is_small(head: &head::Head<'_>) -> bool {
    match head.framing {
        Framing::Length(length) => !head.events && length <= SMALL as u64,
        Framing::Chunked => !head.events,
        Framing::Close => false,
    }
}

fn digest(pepper: &hmac::Key, key: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(hmac::sign(pepper, key).as_ref());
    digest
}

fn id(dice: &mut Dice) -> String {
    format!("req_{:016x}{:016x}", dice.below(u64::MAX), dice.below(u64::MAX))
}
