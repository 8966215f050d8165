//! The vendor inside the binary: answers without any model, for a first run, for tests and for trying out faults.
//!
//! Pure like every vendor: [`answer`] says what would be sent and when, as a [`Script`]; the gateway plays it over a
//! connection that never leaves the process. Faults are asked for by the model's name (`mock/cut?after=20`).

mod ask;
mod audio;
mod behaviour;
mod chat;
mod completions;
mod embeddings;
mod error;
mod generate;
mod image;
mod lists;
mod messages;
mod play;
mod reply;
mod responses;
mod schema;
mod voice;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use self::ask::Ask;
use self::error::Problem;
use self::reply::Reply;
use super::{CredentialAt, Site, Vendor};
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::secret::Secret;

/// What answers one kind of request.
type Endpoint = fn(&Ask) -> Result<Reply, Problem>;

/// The vendor.
pub(super) static VENDOR: Mock = Mock;

/// The mock, seen as a vendor.
pub(super) struct Mock;

impl Vendor for Mock {
    fn name(&self) -> &str {
        "mock"
    }

    fn home(&self) -> Option<&str> {
        Some("inside://mock/v1")
    }

    fn key_variables(&self) -> &[String] {
        &[]
    }

    fn local(&self) -> bool {
        true
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        match operation {
            Operation::Messages | Operation::Generate => Some(operation.dialect()),
            _ => (operation.dialect() == Dialect::OpenAi).then_some(Dialect::OpenAi),
        }
    }

    fn credential_at(&self, _secret: &Secret) -> Option<CredentialAt> {
        None
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}

/// One request as the mock sees it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a http::Method,
    /// The path, with `/v1`.
    pub path: &'a str,
    /// The query, without its question mark.
    pub query: Option<&'a str>,
    /// The `content-type`, if there is one.
    pub content_type: Option<&'a str>,
    /// The whole body.
    pub body: &'a Bytes,
    /// Seconds since 1970, for `created`.
    pub now: u64,
    /// A number that differs from call to call, for ids.
    pub turn: u64,
}

/// What the mock sends, step by step.
#[derive(Debug)]
pub struct Script {
    /// How long it waits before the head.
    pub before: Duration,
    /// The status of the answer.
    pub status: StatusCode,
    /// Its headers, without framing.
    pub headers: HeaderMap,
    /// The body: each piece and the wait before it.
    pub pieces: Vec<(Duration, Bytes)>,
    /// How the answer ends.
    pub ending: Ending,
}

/// How an answer of the mock ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Properly.
    Whole,
    /// The connection breaks after the last piece.
    Cut,
    /// Nothing more is sent and the connection stays open.
    Hang,
    /// The connection breaks before any head is sent.
    Refuse,
}

/// What the mock answers. The same question in the same turn gets the same answer.
pub fn answer(asked: &Asked<'_>) -> Script {
    let mut script = dispatch(asked)
        .unwrap_or_else(|problem| play::play(&play::PROMPT, problem.reply(language(below_v1(asked.path)))));
    if let Ok(id) = HeaderValue::from_str(&ask::id("req_", asked.turn)) {
        script.headers.insert("x-request-id", id);
    }
    script
}

/// The path without the base's `/v1` and without a slash at its end.
fn below_v1(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// The language a path is answered in, its errors too.
fn language(rest: &str) -> Dialect {
    match rest {
        "/messages" | "/messages/count_tokens" => Dialect::Anthropic,
        _ if rest.starts_with(generate::BASE) => Dialect::Gemini,
        _ => Dialect::OpenAi,
    }
}

fn dispatch(asked: &Asked<'_>) -> Result<Script, Problem> {
    let path = asked.path;
    let rest = below_v1(path);
    if let Some(reply) = responses::stored(asked, rest) {
        return Ok(play::play(&play::PROMPT, reply?));
    }
    if asked.method == Method::GET {
        let reply = match rest {
            "/models" => lists::models(),
            "/files" => lists::files(),
            _ => match rest.strip_prefix("/models/") {
                Some(name) => lists::model(name)?,
                None => return Err(Problem::no_endpoint(asked.method, path)),
            },
        };
        return Ok(play::play(&play::PROMPT, reply));
    }
    let endpoint: Endpoint = match rest {
        _ if asked.method != Method::POST => return Err(Problem::no_endpoint(asked.method, path)),
        "/chat/completions" => chat::answer,
        "/completions" => completions::answer,
        "/responses" => responses::create,
        "/embeddings" => embeddings::answer,
        "/moderations" => lists::moderations,
        "/audio/speech" => audio::speech,
        "/audio/transcriptions" => audio::transcribe,
        "/audio/translations" => audio::translate,
        "/images/generations" => image::generate,
        "/images/edits" => image::edit,
        "/messages" => messages::answer,
        "/messages/count_tokens" => messages::count,
        _ if rest.starts_with(generate::BASE) => {
            let named = generate::named(rest).ok_or_else(|| Problem::no_endpoint(asked.method, path))?;
            return run(asked, rest, generate::endpoint(&named, asked.query), Some(named.model));
        }
        _ => return Err(Problem::no_endpoint(asked.method, path)),
    };
    run(asked, rest, endpoint, None)
}

/// Reads the request, and answers it as its model's name wants. A path may name the model; then the body does not.
fn run(asked: &Asked<'_>, rest: &str, endpoint: Endpoint, model: Option<String>) -> Result<Script, Problem> {
    let ask = Ask::read(asked, model)?;
    let reply = match play::instead(&ask.behaviour, language(rest)) {
        Some(reply) => reply,
        None => endpoint(&ask)?,
    };
    Ok(play::play(&ask.behaviour, reply))
}

#[cfg(test)]
mod tests;
