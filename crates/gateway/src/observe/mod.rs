//! Seeing: metrics, the access log, health, and how calls end.

pub(crate) mod access_log;
mod counting;
mod ending;
mod metrics;
mod moment;
mod rerouting;
mod tried;
mod waits;

pub(crate) use counting::Counting;
pub use ending::Ending;
pub(crate) use metrics::{Metrics, Shown};
pub(crate) use moment::unix_ms;
pub(crate) use tried::{Tried, tries};
pub(crate) use waits::Waits;
