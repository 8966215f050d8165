//! How a provider's targets stand, as it is told: what each breaker says, what runs there, how soon it answers, what it lacks.

use std::time::Duration;

use protocol::verdict::Capability;
use serde::Serialize;

use super::breaker::BreakerWord;
use super::lane::Lane;
use super::lanes::OTHERS;

/// What stands for models beyond those that are told apart.
const MANY: &str = "(others)";
/// Everything a target may be found to lack.
const LACKS: [Capability; 5] =
    [Capability::Prefill, Capability::Tools, Capability::Images, Capability::Audio, Capability::Form];

/// How one target stands: one model of a provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TargetStanding {
    /// The provider's own name of the model; null: calls that name none.
    pub model: Option<String>,
    /// What its breaker says.
    pub breaker: BreakerWord,
    /// For how many seconds more nobody is let through.
    pub seconds_left: Option<u64>,
    /// Calls that are under way there.
    pub in_flight: u32,
    /// How soon it began to answer lately: a mean that believes a slow answer at once; milliseconds. Null: nothing is known.
    pub first_answer_ms: Option<u64>,
    /// What it has said it cannot do.
    pub lacks: Vec<&'static str>,
}

impl TargetStanding {
    pub(crate) fn of(model: &str, lane: &Lane) -> Self {
        let (breaker, left) = lane.word();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            model: match model {
                "" => None,
                OTHERS => Some(MANY.to_owned()),
                model => Some(model.to_owned()),
            },
            breaker,
            // Rounded up: whoever waits that long finds it over.
            seconds_left: left.map(|left| millis(left).div_ceil(1000)),
            in_flight: lane.running(),
            first_answer_ms: lane.pace.mean().map(millis),
            lacks: LACKS.into_iter().filter(|what| lane.lacks(*what)).map(Capability::word).collect(),
        }
    }

    /// Whether its breaker lets calls through.
    pub fn takes_calls(&self) -> bool {
        matches!(self.breaker, BreakerWord::Closed | BreakerWord::HalfOpen)
    }

    /// In which order they are told: what is not as usual first.
    pub(super) fn is_usual(&self) -> bool {
        self.breaker == BreakerWord::Closed && self.lacks.is_empty()
    }
}

impl BreakerWord {
    /// Its word, as it stands in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Resting => "resting",
        }
    }
}
