//! The counters behind `/metrics`. They are fed from finished records, off the line; only what is under way is counted
//! on it. Label values come from closed sets: operations, configured providers, classes (T-50).
//!
//! Names: experience of the field's dashboards, prefix `openai_proxy_`, base units, OpenMetrics text.

use std::sync::atomic::AtomicU64;

use config::Snapshot;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::rerouting::Rerouting;
use super::waits::{ByProvider, Waits};

/// Labels of a finished call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CallLabels {
    pub(super) operation: String,
    pub(super) provider: String,
    pub(super) status_class: &'static str,
}

/// One label that says what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Attempted {
    pub(super) provider: String,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Class {
    pub(super) class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Who {
    pub(super) who: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kept {
    place: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOverride {
    provider: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    provider: String,
    reason: &'static str,
}

/// How a provider stands at the moment it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) provider: String,
    /// What is said of it by hand, in a word.
    pub(crate) overridden: Option<&'static str>,
    /// Whether it takes calls.
    pub(crate) up: bool,
    /// 0: its breakers are closed; 1: some of its targets are left alone; 2: all of them.
    pub(crate) breaker: i64,
    /// How often a key of it was put aside, by why.
    pub(crate) keys_disabled: [(&'static str, u64); 2],
}

/// All metrics of the house.
pub(crate) struct Metrics {
    registry: Registry,
    pub(super) requests: Family<CallLabels, Counter>,
    pub(super) durations: Histogram,
    pub(super) first_bytes: Histogram,
    in_flight: Gauge,
    pub(super) attempts: Family<Attempted, Counter>,
    pub(super) tokens: Family<Class, Counter>,
    pub(super) aborts: Family<Who, Counter>,
    pub(super) rejected: Family<Reason, Counter>,
    lost: Counter<u64, AtomicU64>,
    unverified: Family<ByProvider, Gauge>,
    kept: Family<Kept, Gauge>,
    reloads: Counter,
    reload_failures: Counter,
    revision: Gauge,
    overrides: Family<ByOverride, Gauge>,
    /// Of those who wait for a place.
    pub(crate) waits: Waits,
    up: Family<ByProvider, Gauge>,
    breakers: Family<ByProvider, Gauge>,
    keys_disabled: Family<ByReason, Counter>,
    pub(super) rerouting: Rerouting,
    pub(super) cuts: Family<ByProvider, Counter>,
}

/// Upper bounds in seconds, from a millisecond to a long generation.
const SECONDS: [f64; 14] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

impl Metrics {
    /// Registers everything.
    pub(crate) fn new(world: &Snapshot) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("openai_proxy"),
            requests: Family::default(),
            durations: Histogram::new(SECONDS),
            first_bytes: Histogram::new(SECONDS),
            in_flight: Gauge::default(),
            attempts: Family::default(),
            tokens: Family::default(),
            aborts: Family::default(),
            rejected: Family::default(),
            lost: Counter::default(),
            unverified: Family::default(),
            kept: Family::default(),
            reloads: Counter::default(),
            reload_failures: Counter::default(),
            revision: Gauge::default(),
            overrides: Family::default(),
            waits: Waits::default(),
            up: Family::default(),
            breakers: Family::default(),
            keys_disabled: Family::default(),
            rerouting: Rerouting::default(),
            cuts: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("requests", "Finished calls", metrics.requests.clone());
        let duration = metrics.durations.clone();
        registry.register_with_unit(
            "request_duration",
            "From first byte in to the end",
            Unit::Seconds,
            duration,
        );
        let first = metrics.first_bytes.clone();
        registry.register_with_unit(
            "time_to_first_token",
            "To the first byte of an answer",
            Unit::Seconds,
            first,
        );
        registry.register("in_flight", "Calls running now", metrics.in_flight.clone());
        registry.register("attempts", "Times an upstream was asked", metrics.attempts.clone());
        registry.register("tokens", "Tokens as upstreams counted them", metrics.tokens.clone());
        registry.register(
            "stream_aborts",
            "Answers that broke off, by who ended them",
            metrics.aborts.clone(),
        );
        registry.register("rejected", "Calls answered with an error of our own", metrics.rejected.clone());
        registry.register("records_lost", "Usage records that could not be kept", metrics.lost.clone());
        registry.register("records_taken", "1 while that place takes usage records", metrics.kept.clone());
        registry.register(
            "config_reloads",
            "Changes of the configuration that hold",
            metrics.reloads.clone(),
        );
        let failures = metrics.reload_failures.clone();
        registry.register(
            "config_reload_failures",
            "Changes of the configuration that were refused",
            failures,
        );
        registry.register("config_revision", "The revision that counts", metrics.revision.clone());
        let overrides = metrics.overrides.clone();
        registry.register("provider_overrides", "1 while this is said of a provider by hand", overrides);
        registry.register("provider_up", "1 while a provider takes calls", metrics.up.clone());
        registry.register(
            "breaker_state",
            "0: closed, 1: some of its targets are left alone, 2: all of them",
            metrics.breakers.clone(),
        );
        let disabled = metrics.keys_disabled.clone();
        registry.register("upstream_key_disabled", "Times a key of a provider was put aside", disabled);
        metrics.rerouting.register(registry);
        registry.register("prompts_cut", "Prompts of which a part was read only", metrics.cuts.clone());
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "The version that runs", build);
        let unverified = metrics.unverified.clone();
        registry.register("certificates_unverified", "dangerous_accept_any_certificate is on", unverified);
        metrics.waits.register(registry);
        metrics.describe(world);
        metrics
    }

    /// Shows what of a configuration has to be seen: providers whose certificates are not verified.
    pub(crate) fn describe(&self, world: &Snapshot) {
        self.unverified.clear();
        for provider in world.providers.iter().filter(|provider| provider.origin.accept_any_certificate) {
            self.unverified.get_or_create(&ByProvider { provider: provider.name.clone() }).set(1);
        }
    }

    /// Counts a change of the configuration that was proposed, and shows which revision counts now.
    pub(crate) fn reloaded(&self, holds: bool, revision: u64) {
        if holds { &self.reloads } else { &self.reload_failures }.inc();
        self.revision.set(i64::try_from(revision).unwrap_or(i64::MAX));
    }

    /// Shows whether a place takes usage records.
    pub(crate) fn records_taken(&self, place: &'static str, takes: bool) {
        self.kept.get_or_create(&Kept { place }).set(i64::from(takes));
    }

    /// Counts records that could not be kept.
    pub(crate) fn records_lost(&self, how_many: u64) {
        self.lost.inc_by(how_many);
    }

    /// The text of `/metrics`: with what runs at this moment, and how providers stand.
    pub(crate) fn text(&self, in_flight: usize, providers: impl Iterator<Item = Shown>) -> String {
        for gauges in [&self.up, &self.breakers] {
            gauges.clear();
        }
        self.overrides.clear();
        providers.for_each(|shown| self.show(shown));
        self.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing into a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    fn show(&self, shown: Shown) {
        let Shown { provider, overridden, up, breaker, keys_disabled } = shown;
        let by = ByProvider { provider: provider.clone() };
        self.up.get_or_create(&by).set(i64::from(up));
        self.breakers.get_or_create(&by).set(breaker);
        for (reason, count) in keys_disabled.into_iter().filter(|(_, count)| *count > 0) {
            let counter =
                self.keys_disabled.get_or_create_owned(&ByReason { provider: provider.clone(), reason });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        if let Some(kind) = overridden {
            self.overrides.get_or_create(&ByOverride { provider, kind }).set(1);
        }
    }
}
