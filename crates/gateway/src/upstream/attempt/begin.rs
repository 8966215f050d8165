//! Late commit: of a stream nothing is sent on before its first content. Until then whatever goes wrong can be mended without its
//! caller seeing any of it.

use bytes::{Bytes, BytesMut};
use protocol::codec::Progress;
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
    let by_events = flowing.events && !flowing.rest.is_tapped();
    let mut events = Events::default();
    let mut fresh = flowing.ahead.clone();
    loop {
        let said = if by_events { events.say(&read, &fresh) } else { beside(flowing.rest.progress()) };
        match said {
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
            Ok(None) if flowing.says_end || flowing.rest.is_cut() => {
                let trouble = Trouble::Cut("the stream ended before it began".into());
                return Begun::Broken(FaultClass::StreamCut, trouble);
            }
            Ok(None) => break,
            Ok(Some(Err(trouble @ Trouble::Unfit(_)))) => {
                return Begun::Broken(FaultClass::AnswerUnfit, trouble);
            }
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

/// Events as they come, one by one.
#[derive(Default)]
struct Events {
    splitter: Splitter,
    /// So much of what was read has been looked at.
    looked: usize,
}

impl Events {
    /// What is said first by the events that end in `fresh`, the end of what was read.
    fn say(&mut self, read: &[u8], fresh: &[u8]) -> Option<Says> {
        let (mut said, offset) = (None, read.len() - fresh.len());
        let Self { splitter, looked } = self;
        splitter.push(fresh, |end| {
            if said.is_none() {
                said = says(&read[*looked..offset + end]);
                *looked = offset + end;
            }
        });
        said
    }
}

/// What an answer says that is read in its own language; of one that is not, nothing is waited for.
fn beside(progress: Option<Progress>) -> Option<Says> {
    match progress {
        Some(Progress::Nothing) => None,
        Some(Progress::Failed(body)) => Some(Says::Error(body.into())),
        Some(Progress::Content) | None => Some(Says::Content),
    }
}

fn says(event: &[u8]) -> Option<Says> {
    match said::weigh(event) {
        Weighed::Content => Some(Says::Content),
        Weighed::Failed(data) => Some(Says::Error(Bytes::copy_from_slice(&data))),
        // Nothing has been sent: what follows may be well (S10).
        Weighed::Nothing | Weighed::Malformed => None,
    }
}
