//! Fourth stage: which providers may serve a call, in which order.

mod allowed;
mod open;
mod plan;

pub(crate) use allowed::{denied, has};
pub(crate) use open::{Known, choose, plan};
pub use plan::Reason;
pub(crate) use plan::{Plan, Target, Wish};
