//! What came of asking a provider whether it is well: so many failures in a row and it is ill, so many successes and it is well
//! again. Pure: whoever asks brings what came of it.

use config::snapshot::HealthCheck;

/// What is known of one provider.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Checkup {
    /// In a row.
    failures: u32,
    /// In a row.
    successes: u32,
    ill: bool,
}

/// What came of asking once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It has become ill.
    FallsIll,
    /// It is ill still.
    StaysIll,
    /// It is well again.
    Recovers,
    /// Nothing has changed.
    StaysWell,
}

impl Checkup {
    /// It was asked, and was well or not.
    pub(crate) fn learn(&mut self, rules: &HealthCheck, well: bool) -> Turn {
        if well {
            (self.failures, self.successes) = (0, self.successes.saturating_add(1));
        } else {
            (self.failures, self.successes) = (self.failures.saturating_add(1), 0);
        }
        let before = self.ill;
        self.ill = match before {
            true => self.successes < rules.pass_after.max(1),
            false => self.failures >= rules.fail_after.max(1),
        };
        match (before, self.ill) {
            (false, true) => Turn::FallsIll,
            (true, true) => Turn::StaysIll,
            (true, false) => Turn::Recovers,
            (false, false) => Turn::StaysWell,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_failures_in_a_row_make_it_ill_and_so_many_successes_well() {
        let rules = HealthCheck { every: Duration::from_secs(1), path: None, fail_after: 3, pass_after: 2 };
        let mut checkup = Checkup::default();
        let asked = [false, false, true, false, false, false, false, true, false, true, true, true];
        let turns: Vec<Turn> = asked.into_iter().map(|well| checkup.learn(&rules, well)).collect();
        use Turn::{FallsIll as Falls, Recovers, StaysIll as Ill, StaysWell as Well};
        assert_eq!(turns, [Well, Well, Well, Well, Well, Falls, Ill, Ill, Ill, Ill, Recovers, Well]);
    }
}
