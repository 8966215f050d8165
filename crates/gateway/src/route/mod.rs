//! Fourth stage: which providers may serve a call, in which order.

mod plan;

pub(crate) use plan::{Plan, Target, plan};
