//! Fourth stage: which providers may serve a call, in which order.

mod plan;

pub use plan::Reason;
pub(crate) use plan::{Plan, Target, Wish, choose, plan};
