//! A reply put into time: pace, cuts and the other faults a model's name asks for.

use std::time::Duration;

use bytes::Bytes;

use super::behaviour::{Behaviour, Fault, Says};
use super::reply::Reply;
use super::{Ending, Script};
use crate::dialect::Dialect;

const GARBAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>Bad gateway</h1>\
    <p>This page is what the mock sends for mock/garbage.</p></body></html>\n";

/// How answers are played that no model's name shapes.
pub(super) const PROMPT: Behaviour =
    Behaviour { says: Says::Usual, fault: Fault::None, first: Duration::ZERO, gap: Duration::ZERO };

/// What is sent in place of an answer, whatever was asked.
pub(super) fn instead(behaviour: &Behaviour, language: Dialect) -> Option<Reply> {
    match &behaviour.fault {
        Fault::None | Fault::Cut(_) | Fault::Hang(_) => None,
        Fault::Refuse | Fault::Empty => Some(Reply::whole("application/json", Bytes::new())),
        Fault::Garbage => Some(Reply::whole("text/html; charset=utf-8", GARBAGE)),
        Fault::Error(problem) => Some(problem.as_ref().clone().reply(language)),
    }
}

/// The script of a reply. An answer that is not a stream waits only for its begin.
pub(super) fn play(behaviour: &Behaviour, reply: Reply) -> Script {
    let mut pieces = reply.pieces;
    let ending = match behaviour.fault {
        Fault::Refuse => Ending::Refuse,
        Fault::Cut(after) => {
            shorten(&mut pieces, reply.streamed, after);
            Ending::Cut
        }
        Fault::Hang(after) => {
            shorten(&mut pieces, reply.streamed, after);
            Ending::Hang
        }
        _ => Ending::Whole,
    };
    let gap = if reply.streamed { behaviour.gap } else { Duration::ZERO };
    let waits = std::iter::once(Duration::ZERO).chain(std::iter::repeat(gap));
    Script {
        before: behaviour.first,
        status: reply.status,
        headers: reply.headers,
        pieces: waits.zip(pieces.into_iter().filter(|piece| !piece.is_empty())).collect(),
        ending,
    }
}

/// Keeps the begin: so many pieces of a stream, never all; half of a body that is not one.
fn shorten(pieces: &mut Vec<Bytes>, streamed: bool, after: usize) {
    if streamed {
        pieces.truncate(after.min(pieces.len().saturating_sub(1)));
    } else if after == 0 {
        pieces.clear();
    } else {
        for piece in pieces {
            piece.truncate(piece.len() / 2);
        }
    }
}
