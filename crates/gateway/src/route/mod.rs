//! Fourth stage: which providers may serve a call, in which order.

mod affinity;
mod allowed;
mod fallback;
mod open;
mod outlook;
mod plan;
mod strategy;
mod target;
mod turns;

pub(crate) use allowed::{denied, has};
#[cfg(feature = "measured")]
pub(crate) use open::choose;
pub(crate) use open::plan;
pub(crate) use outlook::{Outlook, outlook};
pub use plan::Reason;
pub(crate) use plan::Wish;
pub(crate) use target::{Known, Plan, Target, Whose};
pub(crate) use turns::Turns;
