//! Refused tries, counted by who makes them: nobody guesses keys for long, neither callers' nor those of administration, and a
//! flood of tries is no flood of entries in a log (T-37).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many within a minute.
const MOST: u32 = 20;
const MINUTE: Duration = Duration::from_mins(1);
/// So many who try are remembered; more are one.
const REMEMBERED: usize = 1024;

/// The tries of the last minutes.
#[derive(Default)]
pub struct Tries(Mutex<HashMap<String, Count>>);

#[derive(Clone, Copy)]
struct Count {
    since: Instant,
    tries: u32,
}

/// What is to be done about a refused try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heed {
    /// It is told: the first of a minute, and the one after which no more are heard.
    Note,
    /// It is one of many that are told already.
    Pass,
}

impl Tries {
    /// How many seconds nothing is heard from somebody; none: they are heard.
    pub fn deaf_for(&self, who: &str, now: Instant) -> Option<u64> {
        let tries = self.lock();
        let count = tries.get(place(&tries, who)).filter(|count| count.tries >= MOST)?;
        let rest = MINUTE.checked_sub(now.saturating_duration_since(count.since))?;
        Some(rest.as_secs() + 1)
    }

    /// Counts one that is no guess, so that it makes nobody deaf.
    pub fn told(&self, what: &str, now: Instant) -> Heed {
        // Under a name no address has.
        self.refused(&format!("told {what}"), now)
    }

    /// Counts one.
    pub fn refused(&self, who: &str, now: Instant) -> Heed {
        let mut tries = self.lock();
        if tries.len() >= REMEMBERED {
            tries.retain(|_, count| now.saturating_duration_since(count.since) < MINUTE);
        }
        let place = place(&tries, who).to_owned();
        let count = tries.entry(place).or_insert(Count { since: now, tries: 0 });
        if now.saturating_duration_since(count.since) >= MINUTE {
            *count = Count { since: now, tries: 0 };
        }
        count.tries = count.tries.saturating_add(1);
        if count.tries == 1 || count.tries == MOST { Heed::Note } else { Heed::Pass }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where somebody's tries are counted: by name while there is room.
fn place<'w>(tries: &HashMap<String, Count>, who: &'w str) -> &'w str {
    if tries.contains_key(who) || tries.len() < REMEMBERED { who } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_twenty_tries_nobody_listens_for_a_minute_and_two_are_noted() {
        let (tries, begin) = (Tries::default(), Instant::now());
        let noted: Vec<u32> = (1..=30).filter(|_| tries.refused("a", begin) == Heed::Note).collect();
        assert_eq!(noted, [1, 20]);
        assert_eq!(tries.deaf_for("a", begin + Duration::from_secs(10)), Some(51));
        assert_eq!(tries.deaf_for("b", begin), None, "others are heard");
        assert_eq!(tries.deaf_for("a", begin + Duration::from_secs(61)), None);
        assert_eq!(tries.refused("a", begin + Duration::from_secs(61)), Heed::Note, "a new minute");
    }

    #[test]
    fn who_comes_under_ever_new_names_fills_no_memory_and_no_trail() {
        let (tries, begin) = (Tries::default(), Instant::now());
        let noted = (0..20_000).filter(|n| tries.refused(&n.to_string(), begin) == Heed::Note).count();
        assert!(noted <= REMEMBERED + 2, "{noted}");
        assert!(tries.lock().len() <= REMEMBERED + 1);
        assert!(tries.deaf_for("another", begin).is_some());
    }
}
