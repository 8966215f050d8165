//! Late commit: of a stream nothing is sent on before its first content. Until then whatever goes wrong can be mended without its
//! caller seeing any of it.

use bytes::{Bytes, BytesMut};
use protocol::frame::said::{self, Weighed};
use protocol::frame::sse::Splitter;
use protocol::verdict::FaultClass;
use tokio::time::Instant;

use super::super::answer::Flowing;
use super::super::trouble::Trouble;

/// More than that is content, whatever it says of itself.
const MOST: usize = 256 * 1024;

/// What came before the first content.
pub(super) enum Begun {
    /// Content; all that was read stands in `Flowing::ahead`.
    Content,
    /// An error of the upstream's own, in place of an answer: its data.
    Error(Bytes),
    /// Nothing more comes.
    Broken(FaultClass, Trouble),
}

/// Reads up to the first content.
pub(super) async fn begin(flowing: &mut Flowing) -> Begun {
    let mut read = BytesMut::from(&flowing.ahead[..]);
    let mut splitter = Splitter::default();
    let mut looked = 0;
    let mut fresh = flowing.ahead.clone();
    loop {
        let mut content = None;
        let offset = read.len() - fresh.len();
        splitter.push(&fresh, |end| {
            if content.is_none() {
                content = says(&read[looked..offset + end]);
                looked = offset + end;
            }
        });
        match content {
            Some(Says::Error(data)) => {
                flowing.ahead = read.freeze();
                return Begun::Error(data);
            }
            Some(Says::Content) => break,
            None if read.len() > MOST => break,
            None => {}
        }
        let until = flowing.deadline.min(Instant::now() + flowing.timeouts.between_bytes);
        match tokio::time::timeout_at(until, flowing.rest.piece()).await {
            Err(_) if until == flowing.deadline => {
                return Begun::Broken(FaultClass::FirstTokenLate, Trouble::TotalTimeout);
            }
            Err(_) => return Begun::Broken(FaultClass::FirstTokenLate, Trouble::GapTimeout),
            // Of other streams only their framing says whether they are over.
            Ok(None) if flowing.says_end => {
                let trouble = Trouble::Cut("the stream ended before it began".into());
                return Begun::Broken(FaultClass::StreamCut, trouble);
            }
            Ok(None) => break,
            Ok(Some(Err(trouble))) => return Begun::Broken(FaultClass::StreamCut, trouble),
            Ok(Some(Ok(piece))) => {
                read.extend_from_slice(&piece);
                fresh = piece;
            }
        }
    }
    flowing.ahead = read.freeze();
    Begun::Content
}

enum Says {
    Content,
    Error(Bytes),
}

fn says(event: &[u8]) -> Option<Says> {
    match said::weigh(event) {
        Weighed::Content => Some(Says::Content),
        Weighed::Failed(data) => Some(Says::Error(Bytes::copy_from_slice(&data))),
        // Nothing has been sent: what follows may be well (S10).
        Weighed::Nothing | Weighed::Malformed => None,
    }
}
