//! What is shown of quotas and of those who wait for room: fed where it happens, for a wait is longer than a count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds in seconds: from hardly at all to as long as anybody may wait.
const SECONDS: [f64; 10] = [0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// A provider as a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByProvider {
    pub(super) provider: String,
}

/// The metrics of waiting. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    /// Calls that wait now.
    pub(crate) depth: Gauge,
    /// How long calls have waited, seconds.
    pub(crate) waited: Histogram,
    passed_over: Family<ByProvider, Counter>,
}

impl Default for Waits {
    fn default() -> Self {
        Self { depth: Gauge::default(), waited: Histogram::new(SECONDS), passed_over: Family::default() }
    }
}

impl Waits {
    /// A provider was passed over, because by our own count its quota is taken.
    pub(crate) fn passed_over(&self, provider: &str) {
        self.passed_over.get_or_create(&ByProvider { provider: provider.to_owned() }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("queue_depth", "Calls that wait for a place now", self.depth.clone());
        let waited = self.waited.clone();
        registry.register_with_unit("queue_wait", "How long calls waited for a place", Unit::Seconds, waited);
        registry.register(
            "quota_passed_over",
            "Times a provider was passed over because its quota is taken",
            self.passed_over.clone(),
        );
    }
}
