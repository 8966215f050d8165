//! Third stage: leave to proceed, within all limits that hold for a call, or for none of them.
//!
//! What is counted is kept in memory (`tallies.rs`): requests and tokens over a sliding time (`../window.rs`), calls at once as they are.
//! Tokens are set aside by an estimate (`estimate.rs`) and settled when they are known. Where nothing is limited, nothing is
//! counted and no lock is touched.

mod estimate;
mod exhausted;
mod left;
mod tallies;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use config::Snapshot;

pub(crate) use left::Left;
pub(crate) use tallies::Tallies;

use crate::Gateway;
use crate::error::ApiError;
use crate::identify::Caller;
use crate::intake::Call;
use crate::life::InHouse;
pub(crate) use estimate::Estimate;
use tally::{MOST, Tally};

/// Leave to proceed. Whatever it holds is given back when it is dropped, on every ending.
#[derive(Debug)]
pub(crate) struct Permit {
    _in_house: InHouse,
    held: [Option<Arc<Tally>>; MOST],
    /// When it was given, and that moment in microseconds since the house began.
    given: (Instant, u64),
    estimate: Estimate,
    /// Tokens set aside.
    reserved: u64,
    /// Those it came to.
    spent: u64,
}

/// What was asked for, and what is left of its limits either way.
pub(crate) struct Asked {
    pub(crate) permit: Result<Permit, ApiError>,
    pub(crate) left: Left,
}

impl Permit {
    /// Notes what the call has come to: tokens its provider counted, or, where nobody counts, bytes of an answer that went out.
    pub(crate) fn settle(&mut self, counted: Option<u64>, answered: u64) {
        self.spent = match counted {
            Some(tokens) => tokens,
            None if answered > 0 => self.estimate.seen(answered).min(self.reserved),
            None => 0,
        };
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (given, given_us) = self.given;
        let mut moments = None;
        for tally in self.held.iter().flatten() {
            let moments = *moments.get_or_insert_with(|| {
                let ran = u64::try_from(given.elapsed().as_micros()).unwrap_or(u64::MAX);
                (given_us, given_us.saturating_add(ran))
            });
            tally.give_back(moments, self.reserved, self.spent);
        }
    }
}

/// Asks for leave.
pub(crate) fn ask(gateway: &Gateway, world: &Snapshot, caller: &Caller, call: &Call) -> Asked {
    let tallies = &gateway.tallies;
    let now = Instant::now();
    let now_us = tallies.us(now);
    let claims = tallies.claims(world, caller, call, now_us);
    let in_house = gateway.life().call_begins();
    let mut permit = Permit {
        _in_house: in_house,
        held: Default::default(),
        given: (now, now_us),
        estimate: Estimate::default(),
        reserved: 0,
        spent: 0,
    };
    if claims.is_empty() {
        return Asked { permit: Ok(permit), left: Left::default() };
    }
    permit.estimate = Estimate::of(call);
    // A call that may come to more than a limit takes all of it, and so is let in when nothing else is counted.
    let bounds = claims.iter().filter_map(|claim| claim.limit.tokens).map(|rate| rate.amount);
    permit.reserved = bounds.min().map_or(0, |most| permit.estimate.whole().min(most));
    let (left, counted) = tally::count(&claims, permit.reserved, now_us);
    match counted {
        Ok(()) => {
            permit.held = claims.into_tallies();
            Asked { permit: Ok(permit), left }
        }
        Err(exhausted) => Asked { permit: Err(exhausted.into()), left },
    }
}
