//! What becomes of one attempt.

use protocol::usage::Usage;
use protocol::verdict::{FaultClass, UpstreamFault};

use super::super::answer::Answer;
use super::super::client::Reply;
use crate::account::ANSWERED;
use crate::error::ApiError;
use crate::standing::Reservation;

/// What became of an attempt.
pub(super) enum Tried {
    /// It answers; with what the answer counts, if that is known already.
    Answered(Box<Answer>, Option<Usage>),
    /// It agreed to a WebSocket, which keeps what the attempt has taken.
    Switched(Box<Reply>, Reservation),
    /// It said no: why, and its own words, which may be passed on.
    Refused(UpstreamFault, Box<Answer>),
    /// Nothing came that may be passed on.
    Failed(FaultClass, ApiError),
    /// It is not the target's doing: nobody else is asked.
    Ours(ApiError),
}

impl Tried {
    /// Whether it is an answer.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Answered(..) | Self::Switched(..))
    }

    /// Its word on the trail.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Answered(..) | Self::Switched(..) => ANSWERED,
            Self::Refused(fault, _) => fault.class.word(),
            Self::Failed(class, _) => class.word(),
            Self::Ours(_) => "ours",
        }
    }
}
