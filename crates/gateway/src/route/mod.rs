//! Fourth stage: which providers may serve a call, in which order.

mod explain;
mod plan;

pub use explain::{Explanation, Place, Way};
pub use plan::Reason;
pub(crate) use plan::{Plan, Target, plan};
