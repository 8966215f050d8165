//! One line per finished call, when asked for. No body and no credential ever stands in it, and of headers only what
//! Apache's formats show, where one of them is asked for.
//!
//! Whether lines are wanted, in which form and where, is the subscriber's affair (target `access`): a change of it counts at
//! once.

use std::net::IpAddr;

use config::snapshot::{AccessLog, Logging};
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{Request, Version};
use store::UsageRecord;

/// What of a request only Apache's formats show.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Where it came from; behind a trusted proxy, the address that proxy names.
    pub(crate) peer: Option<IpAddr>,
    /// The path, without its query, which may hold a key.
    path: String,
    version: Version,
    referer: Option<String>,
    agent: Option<String>,
}

/// The most that is kept of a header, in bytes.
const LONGEST: usize = 1024;

impl Seen {
    /// Keeps it, if one of these formats is wanted.
    pub(crate) fn of<B>(logging: &Logging, peer: Option<IpAddr>, request: &Request<B>) -> Option<Box<Self>> {
        if !matches!(logging.access_log, AccessLog::Combined | AccessLog::Common) {
            return None;
        }
        let text = |name: HeaderName| {
            let value = request.headers().get(name)?.as_bytes();
            Some(String::from_utf8_lossy(&value[..value.len().min(LONGEST)]).into_owned())
        };
        // A page's address may hold as much as a request's.
        let bare = |page: String| page.split(['?', '#']).next().map(str::to_owned);
        Some(Box::new(Self {
            peer,
            path: request.uri().path().to_owned(),
            version: request.version(),
            referer: text(REFERER).and_then(bare),
            agent: text(USER_AGENT),
        }))
    }
}

/// Writes the line.
pub(crate) fn write(record: &UsageRecord, seen: Option<&Seen>) {
    tracing::info!(
        target: "access",
        id = %record.id,
        caller = %record.caller,
        method = %record.method,
        operation = %record.operation,
        model = record.model_asked.as_deref().unwrap_or("-"),
        provider = record.provider.as_deref().unwrap_or("-"),
        status = record.status,
        stream = record.stream,
        outcome = record.outcome.label(),
        error = record.error.as_deref().unwrap_or("-"),
        duration_ms = record.duration_us / 1000,
        first_byte_ms = record.first_byte_us.map_or(-1, |us| i64::try_from(us / 1000).unwrap_or(i64::MAX)),
        tokens_in = record.tokens.map_or(-1, |tokens| i64::try_from(tokens.input).unwrap_or(i64::MAX)),
        tokens_out = record.tokens.map_or(-1, |tokens| i64::try_from(tokens.output).unwrap_or(i64::MAX)),
        bytes_in = record.bytes_in,
        bytes_out = record.bytes_out,
        started_us = seen.map(|_| record.started_us),
        peer = seen.and_then(|seen| seen.peer).map(tracing::field::display),
        path = seen.map(|seen| seen.path.as_str()),
        version = seen.map(|seen| tracing::field::debug(seen.version)),
        referer = seen.and_then(|seen| seen.referer.as_deref()),
        agent = seen.and_then(|seen| seen.agent.as_deref()),
        "call"
    );
}
