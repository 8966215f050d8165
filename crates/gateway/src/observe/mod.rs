//! Seeing: metrics, the access log, health, and how calls end.

pub(crate) mod access_log;
mod ending;
mod metrics;
mod moment;

pub use ending::Ending;
pub(crate) use metrics::Metrics;
pub(crate) use moment::unix_ms;
