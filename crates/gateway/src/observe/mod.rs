//! Seeing: metrics, the access log, health.

pub(crate) mod access_log;
mod metrics;

pub(crate) use metrics::Metrics;
