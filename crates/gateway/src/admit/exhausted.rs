//! A limit that leaves no room, in words: which one, how much it is, and when to ask again.

use std::time::Duration;

use config::snapshot::Rate;
use protocol::fault::Kind;

use super::tally::{Exhausted, Measure, Whose};
use crate::error::ApiError;
use crate::intake::shown;

/// Callers' libraries wait no longer than that by themselves: a later moment is for whoever runs them.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

impl From<Exhausted<'_>> for ApiError {
    fn from(exhausted: Exhausted<'_>) -> Self {
        let Exhausted { whose, measure, wait } = exhausted;
        let (kind, much) = match measure {
            Measure::Requests(rate) => (Kind::RequestsExhausted, in_a_time(rate, "requests")),
            Measure::Tokens(rate) => (Kind::TokensExhausted, in_a_time(rate, "tokens")),
            Measure::Running(most) => (Kind::CallsExhausted, format!("{most} calls at once")),
        };
        let (who, setting) = match whose {
            Whose::Key(name) => (format!("The key `{name}`"), format!("keys.{name}.limits")),
            Whose::EachKey(name) => (format!("The key `{name}`"), "limits.per_key".to_owned()),
            Whose::Model(name) => {
                let name = shown(name);
                (format!("The model `{name}`"), format!("limits.per_model.{name}"))
            }
            Whose::Address => ("This address".to_owned(), "limits.per_ip".to_owned()),
            Whose::Global => ("This gateway".to_owned(), "limits.global".to_owned()),
        };
        let say =
            format!("{who} has reached its limit of {much} ({setting}). Ask again in {}.", spoken(wait));
        ApiError::new(kind, say).wait(wait).later(wait > LONGEST_WAIT)
    }
}

fn in_a_time(rate: Rate, what: &str) -> String {
    let time = match rate.per.as_secs() {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        _ => "day",
    };
    format!("{} {what} a {time}", rate.amount)
}

fn spoken(wait: Duration) -> String {
    match wait.as_millis().div_ceil(1000) {
        0 | 1 => "1 second".to_owned(),
        seconds if seconds < 600 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
