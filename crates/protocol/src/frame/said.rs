//! What a stream has said so far: the text its caller already has, so that another answer can go on from there.
//!
//! [`weigh`] weighs one event without building anything. [`said`] reads what was sent, [`continued`] writes the request that asks
//! for the rest of it, and a [`Joiner`] makes one stream of what was sent and what then comes.

mod adds;
mod continued;
mod joiner;

use bytes::BytesMut;

use super::event::{self, Piece, Tongue};
use super::sse::Splitter;
use crate::dialect::Dialect;
use crate::operation::Operation;

pub use super::event::is_done;
pub use adds::{Adds, Weighed, adds, failure, weigh};
pub use continued::{Prefill, continued, continued_by, is_prefilled};
pub use joiner::{Joined, Joiner};

/// What the events sent so far say together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// The text of the first choice.
    pub text: String,
    /// There is nothing but this text: no tool call, no reasoning, no second choice, no refusal, log probabilities or sound.
    pub plain: bool,
    /// The answer has ended by itself: a finish reason, a last event, `[DONE]`.
    pub finished: bool,
    /// The answer's name for itself.
    pub id: Option<String>,
    /// When the answer was begun, in seconds since 1970.
    pub created: Option<u64>,
    /// Who answers, by the vendor's own name.
    pub model: Option<String>,
    /// The event that opens an answer has been sent.
    opened: bool,
    /// A part of the answer that is text has been opened, and is open.
    in_text: bool,
    /// The name of the message that has been opened (Responses).
    item: Option<String>,
    /// The last event's number (Responses).
    number: Option<u64>,
}

/// Reads the events already sent to a caller; what is no whole event at the end is not looked at.
pub fn said(operation: Operation, dialect: Dialect, sent: &[u8]) -> Said {
    let mut heard = Heard::new(operation, dialect);
    heard.hear(sent);
    heard.said
}

/// What a caller has had of a stream, while it flows. Bytes are kept as they are until there are many, or until there is time
/// ([`Self::condense`]), for almost no stream is ever asked what it has said; then only what they say is.
#[derive(Clone, Debug)]
pub struct Heard {
    tongue: Option<Tongue>,
    said: Said,
    /// A part that is text was ended.
    closed: bool,
    /// Whole events nobody has looked at.
    unheard: BytesMut,
}

/// So many bytes are kept as they are.
const MANY: usize = 32 * 1024;
/// A longer text is not gone on with.
const LONGEST: usize = 1 << 20;

impl Heard {
    /// Nothing yet.
    pub fn new(operation: Operation, dialect: Dialect) -> Self {
        let tongue = Tongue::of(operation, dialect);
        let said = Said { plain: tongue.is_some(), ..Said::default() };
        Self { tongue, said, closed: false, unheard: BytesMut::new() }
    }

    /// These whole events went to the caller.
    pub fn add(&mut self, events: &[u8]) {
        if !self.said.plain {
            return;
        }
        self.unheard.extend_from_slice(events);
        if self.unheard.len() > MANY {
            self.condense();
        }
    }

    /// Keeps what the events say in place of their bytes, which are many times more.
    pub fn condense(&mut self) {
        let unheard = std::mem::take(&mut self.unheard);
        self.hear(&unheard);
        self.said.plain &= self.said.text.len() <= LONGEST;
    }

    /// What it has said so far.
    pub fn said(&self) -> Said {
        let mut heard = Self { unheard: BytesMut::new(), ..self.clone() };
        heard.hear(&self.unheard);
        heard.said
    }

    fn hear(&mut self, sent: &[u8]) {
        let Self { tongue: Some(tongue), said, closed, .. } = self else { return };
        let tongue = *tongue;
        let mut from = 0;
        Splitter::default().push(sent, |end| {
            let event = &sent[from..end];
            from = end;
            if event::is_done(event) || !event::has_data(event) {
                said.finished |= event::is_done(event);
                return;
            }
            let piece = event::data(event).and_then(|at| Piece::read(tongue, &event[at..]));
            let Some(piece) = piece else {
                // Whatever it said, it is not in our text.
                said.plain = false;
                return;
            };
            said.text.push_str(piece.text.as_deref().unwrap_or_default());
            said.plain &= !piece.more;
            said.finished |= piece.finishes;
            said.opened |= piece.opens;
            said.in_text = (said.in_text || piece.opens_text) && !piece.closes_text;
            *closed |= piece.closes_text;
            said.item = said.item.take().or(piece.item);
            said.number = piece.number.or(said.number);
            said.id = said.id.take().or(piece.id);
            said.created = said.created.or(piece.created);
            said.model = said.model.take().or(piece.model);
        });
        // A part that was ended cannot be added to any more.
        said.plain &= !*closed || said.finished;
    }
}

#[cfg(test)]
mod tests;
