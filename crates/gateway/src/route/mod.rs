//! Fourth stage: which providers may serve a call, in which order.

mod affinity;
mod allowed;
mod fallback;
mod open;
mod plan;
mod strategy;

pub(crate) use allowed::{denied, has};
pub(crate) use open::{Known, choose, order, plan};
pub use plan::Reason;
pub(crate) use plan::{Plan, Target, Wish};
pub(crate) use strategy::Turns;
