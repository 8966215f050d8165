//! What the primary does about each model.

use super::answering::Answering;
use super::pace::Pace;
use super::scenario::{Case, Scenario};
use super::text::WORDS;
use crate::vendor::{Act, Answer, Ending, Seen, Step};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The faults, and what has been asked so far.
pub(super) struct Faults {
    pace: Pace,
    /// By case: how often it was asked, and when first.
    asked: Mutex<HashMap<Case, (u32, Instant)>>,
}

impl Faults {
    pub(super) fn new(pace: Pace) -> Faults {
        Faults { pace, asked: Mutex::default() }
    }

    pub(super) fn about(&self, seen: &Seen) -> Act {
        let body = seen.json();
        let Some(model) = body["model"].as_str() else { return super::models("primary") };
        let answering = Answering::to(seen, &body, self.pace);
        let Some(case) = Case::of_model(model) else { return answering.whole() };
        let (before, first) = self.noted(case);
        let once = |act: Act| if before == 0 { act } else { answering.whole() };
        match case.scenario {
            Scenario::LimitedOnce => once(limited(Some(self.pace.hint))),
            Scenario::Limited => limited(None),
            Scenario::BrokenOnce => once(error(500, "server_error", None, "The server had an error.").into()),
            Scenario::ResetOnce => once(Act::Reset),
            Scenario::Away | Scenario::Named => away(),
            Scenario::Outage if first.elapsed() < self.pace.outage => away(),
            Scenario::Outage => answering.whole(),
            Scenario::Silent => silent(self.pace.silent),
            Scenario::TooLong => {
                let say = "This model's maximum context length is 8192 tokens. However, your messages resulted in \
                           9001 tokens. Please reduce the length of the messages.";
                error(400, "invalid_request_error", Some("context_length_exceeded"), say).into()
            }
            Scenario::Forbidden => {
                let say = "Your request was rejected as a result of our safety system.";
                error(400, "invalid_request_error", Some("content_policy_violation"), say).into()
            }
            // The rest is about streams; who asks for none meets a vendor that is well.
            _ if !answering.streams() => answering.whole(),
            Scenario::Late => self.late(&answering, case.clothes).into(),
            Scenario::Cut | Scenario::CutAndNoPrefill => {
                let said = if case.clothes == "early" { 1 } else { WORDS * 2 / 3 };
                answering.paced(answering.head(), answering.words().take(said)).ending(end(case)).into()
            }
            Scenario::Stalled => self.stalled(&answering, case.clothes).into(),
            Scenario::Garbled => garbled(&answering).into(),
            Scenario::NoDone => self.unended(&answering, case).into(),
        }
    }

    /// Counts a try: how many came before it, and when the first one came.
    fn noted(&self, case: Case) -> (u32, Instant) {
        let mut asked = self.asked.lock().expect("no panic while it is held");
        let entry = asked.entry(case).or_insert_with(|| (0, Instant::now()));
        let was = *entry;
        entry.0 += 1;
        was
    }

    fn late(&self, answering: &Answering, clothes: &str) -> Answer {
        let begun = match clothes {
            "role" => answering.head().wait(self.pace.late),
            _ => {
                let mut head = answering.head();
                let mut steps = vec![Step::Wait(self.pace.late)];
                steps.append(&mut head.steps);
                Answer { steps, ..head }
            }
        };
        let words = answering.paced(begun, answering.words());
        answering.tail(words).event("[DONE]")
    }

    fn stalled(&self, answering: &Answering, clothes: &str) -> Answer {
        let said = answering.paced(answering.head(), answering.words().take(WORDS / 3));
        let said = match (clothes, answering.words().nth(WORDS / 3)) {
            ("half", Some(next)) => {
                let half = next.len() / 2;
                said.send(next.as_bytes()[..half].to_vec())
            }
            _ => said,
        };
        said.wait(self.pace.stall).ending(Ending::Fin)
    }

    fn unended(&self, answering: &Answering, case: Case) -> Answer {
        let said = answering.tail(answering.paced(answering.head(), answering.words()));
        match case.clothes {
            "" => said.wait(self.pace.stall).ending(Ending::Fin),
            _ => said.ending(end(case)),
        }
    }
}

/// How a stream breaks off: in its usual clothes the chunks end as if all were well.
fn end(case: Case) -> Ending {
    match case.clothes {
        "fin" => Ending::Fin,
        "rst" => Ending::Reset,
        _ => Ending::CleanThenFin,
    }
}

/// Nine events, one that is no JSON, and the rest.
fn garbled(answering: &Answering) -> Answer {
    // The chunk with the role is the first.
    let begun = answering.paced(answering.head(), answering.words().take(8));
    let begun =
        begun.event("{\"id\":\"chatcmpl-broken\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" lost");
    answering.tail(answering.paced(begun, answering.words().skip(8))).event("[DONE]")
}

fn silent(lasts: Duration) -> Act {
    Act::Raw(vec![Step::Wait(lasts)], Ending::Fin)
}

fn away() -> Act {
    error(503, "server_error", Some("service_unavailable"), "The engine is currently overloaded.").into()
}

fn limited(hint: Option<Duration>) -> Act {
    let answer = error(429, "requests", Some("rate_limit_exceeded"), "Rate limit reached for requests.");
    match hint {
        Some(hint) => answer.header("retry-after", &hint.as_secs().to_string()).into(),
        None => answer.into(),
    }
}

fn error(status: u16, kind: &str, code: Option<&str>, say: &str) -> Answer {
    let body = json!({"error": {"message": say, "type": kind, "param": null, "code": code}});
    Answer::plain(status, body.to_string()).header("content-type", "application/json")
}
