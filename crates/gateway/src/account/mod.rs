//! Fifth stage, running along the others: what a call was, what it used, and how it ended.
//!
//! Exactly one record per call, whatever happens: the meter closes it when the answer's body ends or is dropped.

mod clerk;
mod ledger;
mod meter;
pub(crate) mod statistics;
mod together;
mod trail;

pub(crate) use clerk::Unaccountable;
pub(crate) use ledger::{Ledger, Onlookers};
pub(crate) use meter::{Errand, Meter};
pub(crate) use statistics::Windows;
pub(crate) use trail::{ANSWERED, DIVERGED, Step, Trail};
