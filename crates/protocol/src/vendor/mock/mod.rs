//! The vendor inside the binary: answers without any model, for a first run, for tests and for trying out faults.
//!
//! Pure like every vendor: [`answer`] says what would be sent and when, as a [`Script`]; the gateway plays it over a
//! connection that never leaves the process. Faults are asked for by the model's name (`mock/cut?after=20`).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Site, UnusableSecret, Vendor};
use crate::dialect::Dialect;
use crate::operation::Operation;
use crate::secret::Secret;

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
        (operation.dialect() == Dialect::OpenAi).then_some(Dialect::OpenAi)
    }

    fn sign(&self, _head: &mut HeaderMap, _secret: &Secret) -> Result<(), UnusableSecret> {
        Ok(())
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

/// What the mock answers.
pub fn answer(asked: &Asked<'_>) -> Script {
    let _ = asked;
    Script {
        before: Duration::ZERO,
        status: StatusCode::NOT_FOUND,
        headers: HeaderMap::new(),
        pieces: Vec::new(),
        ending: Ending::Whole,
    }
}
