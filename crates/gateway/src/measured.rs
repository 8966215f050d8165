//! Steps of the line one at a time, for `bench/benches`. Compiled with the feature `measured` alone: no part of the product.

use bytes::Bytes;
use http::StatusCode;
use protocol::operation::Operation;
use protocol::usage::Usage;

use crate::account::{Errand, Meter};
use crate::intake::{self, Imagined};
use crate::relay::{Events, Pass};
use crate::route::{Wish, choose};
use crate::{Gateway, Question};

/// A stream of events in passing.
pub struct Tap(Events);

impl Tap {
    /// A stream begins, from which a usage chunk the caller did not ask for is taken out or not.
    #[must_use]
    pub fn new(hide_usage: bool) -> Self {
        Self(Events::new(hide_usage))
    }

    /// Takes the next piece in; says how many bytes may go on to the caller.
    pub fn push(&mut self, piece: Bytes) -> usize {
        match self.0.push(piece) {
            Pass::Bytes(bytes) => bytes.len(),
            Pass::Nothing | Pass::TooLong | Pass::Fails { .. } => 0,
        }
    }
}

/// A request whose place is chosen.
pub struct Choice(Imagined);

impl Choice {
    /// Understands a request; nothing if it would be refused.
    #[must_use]
    pub fn new(question: &Question<'_>) -> Option<Self> {
        intake::imagine(question.method, question.target, question.model, question.body).ok().map(Self)
    }

    /// Chooses. Is there a place for it?
    #[must_use]
    pub fn choose(&self, gateway: &Gateway) -> bool {
        choose(&gateway.world(), gateway.known(), &Wish::from(&self.0)).is_ok()
    }
}

/// Begins the record of a chat, fills it in as an answer does, and hands it in.
pub fn record(gateway: &Gateway) {
    let errand = Errand { operation: Operation::Chat, model: "gpt-bench", stream: false };
    let mut meter = Meter::of_errand(gateway, &errand, "bench");
    meter.answers(StatusCode::OK, false);
    meter.counted(Usage { input: 320, output: 120, ..Usage::default() });
    meter.sent(1024);
    meter.completes();
}
