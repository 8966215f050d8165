//! What an attempt takes of quotas, and what its answer's head says is left of our limits: a target or key that has nothing left rests
//! before it has to say so (429).

use std::time::{Duration, Instant};

use http::HeaderMap;
use protocol::quota::Left;

use super::course::Course;
use super::patience::{LONGEST_REST, REST};
use crate::route::Target;
use crate::standing::{Key, Pass, Picked, Want, is_rationed};

impl Course {
    /// What an attempt is made with, of what was not tried yet, and what it takes.
    pub(super) fn pick(&self, target: &Target, tried: &[usize]) -> Picked {
        let (provider, lane, queue) = (&*target.provider, &*target.lane, &self.register.queue);
        self.register.keys.pick(&Want { provider, lane, tried, tokens: self.estimate, queue })
    }

    /// The same for a single attempt, which takes it with its pass: `Some(None)` where the provider has one credential, `None` where
    /// nothing is left.
    pub(super) fn pick_one(&self, target: &Target, pass: &mut Pass) -> Option<Option<Key>> {
        let (key, taken) = match self.pick(target, &[]) {
            Picked::Own(taken) => (None, taken),
            Picked::Key(key, taken) => (Some(key), taken),
            Picked::Exhausted(_) => return None,
        };
        pass.taken = taken;
        Some(key)
    }
}

/// Takes in what is said, where the credential that was shown is ours.
pub(super) fn heed(target: &Target, key: Option<&Key>, head: &HeaderMap) {
    let Some(left) = target.provider.vendor.read_quota(head) else { return };
    if is_rationed(&target.provider) {
        match key {
            Some(key) => key.hear(&left),
            None => target.lane.told.hear(&left, Instant::now()),
        }
    }
    let Some(wait) = used_up(&left) else { return };
    let (provider, model) = (target.provider.name.as_str(), target.model.as_deref().unwrap_or("-"));
    tracing::info!(provider, model, ms = wait.as_millis(), "nothing is left of its limit: it rests");
    match key {
        Some(key) => key.rest(wait),
        None => target.lane.park(wait),
    }
}

/// How long nothing is left, if that is so now.
fn used_up(left: &Left) -> Option<Duration> {
    let said = [(left.requests, left.requests_reset), (left.tokens, left.tokens_reset)];
    let waits = said.into_iter().filter(|(left, _)| *left == Some(0));
    waits.map(|(_, reset)| reset.unwrap_or(REST).min(LONGEST_REST)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_nothing_left_rests_and_no_longer_than_is_believed() {
        let seconds = |n| Some(Duration::from_secs(n));
        let some = Left { requests: Some(1), tokens: Some(7), requests_reset: seconds(9), ..Left::default() };
        assert_eq!(used_up(&some), None);
        let none = Left { requests: Some(0), tokens: Some(0), tokens_reset: seconds(7), ..Left::default() };
        assert_eq!(used_up(&none), seconds(7));
        assert_eq!(used_up(&Left { tokens_reset: None, ..none }), Some(REST));
        assert_eq!(used_up(&Left { tokens_reset: seconds(86_400), ..none }), Some(LONGEST_REST));
    }
}
