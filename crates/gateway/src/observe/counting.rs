//! Counts finished calls for `/metrics`.
//!
//! A metric is found by its labels, which are texts to be put together, hashed and looked up under a lock. Whoever counts
//! keeps what it has found, so that a call costs a few additions.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use store::UsageRecord;
use store::usage_record::Outcome;

use super::Metrics;
use super::metrics::{Attempted, CallLabels, Class, Reason, Who};

/// One who counts. There is one, the ledger.
pub(crate) struct Counting {
    metrics: Arc<Metrics>,
    /// By provider; the empty one is of calls for which none was asked.
    providers: Vec<(String, OfProvider)>,
    /// In the order of [`CLASSES`]; none before the first call that has tokens.
    tokens: Option<[Counter; CLASSES.len()]>,
}

/// What was found for one provider.
#[derive(Default)]
struct OfProvider {
    /// By operation, and in the order of [`STATUSES`].
    requests: Vec<(String, [Option<Counter>; STATUSES.len()])>,
    /// By outcome.
    attempts: [Option<Counter>; 4],
}

const CLASSES: [&str; 4] = ["input", "output", "cached", "reasoning"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Counting {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, providers: Vec::new(), tokens: None }
    }

    /// Counts a finished call.
    pub(crate) fn count(&mut self, record: &UsageRecord) {
        let metrics = &self.metrics;
        let name = record.provider.as_deref().unwrap_or_default();
        let of_provider = kept(&mut self.providers, name);
        let requests = kept(&mut of_provider.requests, &record.operation);
        let class = class(record.status);
        let labels = || CallLabels {
            operation: record.operation.clone().into_owned(),
            provider: record.provider.clone().unwrap_or_else(|| "none".to_owned()),
            status_class: STATUSES[class],
        };
        requests[class].get_or_insert_with(|| metrics.requests.get_or_create_owned(&labels())).inc();
        if let Some(provider) = &record.provider {
            let labels = || Attempted { provider: provider.clone(), outcome: record.outcome.label() };
            let attempts = &mut of_provider.attempts[record.outcome as usize];
            let attempts = attempts.get_or_insert_with(|| metrics.attempts.get_or_create_owned(&labels()));
            attempts.inc_by(u64::from(record.attempts));
        }
        metrics.durations.observe(seconds(record.duration_us));
        if let Some(first) = record.first_byte_us {
            metrics.first_bytes.observe(seconds(first));
        }
        if let Some(tokens) = record.tokens {
            let find = || CLASSES.map(|class| metrics.tokens.get_or_create_owned(&Class { class }));
            let counts = [tokens.input, tokens.output, tokens.cached, tokens.reasoning];
            for (counter, count) in self.tokens.get_or_insert_with(find).iter().zip(counts) {
                counter.inc_by(count);
            }
        }
        self.errors(record);
    }

    /// Counts what went wrong; that is not often.
    fn errors(&self, record: &UsageRecord) {
        let metrics = &self.metrics;
        match record.outcome {
            Outcome::Interrupted => _ = metrics.aborts.get_or_create(&Who { who: "upstream" }).inc(),
            Outcome::CallerLeft => _ = metrics.aborts.get_or_create(&Who { who: "caller" }).inc(),
            Outcome::Answered | Outcome::Refused => {}
        }
        if let (Outcome::Refused, Some(reason)) = (record.outcome, &record.error) {
            metrics.rejected.get_or_create(&Reason { reason: reason.clone() }).inc();
        }
    }
}

/// What is kept under a name. They are few.
fn kept<'m, T: Default>(all: &'m mut Vec<(String, T)>, name: &str) -> &'m mut T {
    let place = all.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        all.push((name.to_owned(), T::default()));
        all.len() - 1
    });
    &mut all[place].1
}

/// The place in [`STATUSES`]; what is no status counts as a failure.
fn class(status: u16) -> usize {
    match status / 100 {
        hundreds @ 1..=4 => usize::from(hundreds) - 1,
        _ => 4,
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use store::usage_record::Tokens;

    use super::*;

    fn lines(metrics: &Metrics) -> Vec<String> {
        let about =
            ["requests_total", "attempts_total", "tokens_total", "stream_aborts_total", "rejected_total"];
        let told = metrics.text(0, std::iter::empty());
        let ours = |line: &&str| about.iter().any(|name| line.starts_with(&format!("openai_proxy_{name}{{")));
        let mut lines: Vec<String> = told.lines().filter(ours).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn every_call_counts_under_its_own_labels_and_nothing_else_is_shown() {
        let world = config::parse("providers: {a: {type: mock}}\n", &BTreeMap::new()).unwrap().snapshot;
        let metrics = Arc::new(Metrics::new(&world));
        let mut counting = Counting::new(metrics.clone());
        assert_eq!(lines(&metrics), Vec::<String>::new());
        let chat = UsageRecord {
            operation: "chat".into(),
            provider: Some("a".into()),
            status: 200,
            outcome: Outcome::Answered,
            attempts: 2,
            tokens: Some(Tokens { input: 5, output: 7, cached: 1, reasoning: 0 }),
            ..UsageRecord::default()
        };
        counting.count(&chat);
        counting.count(&chat);
        counting.count(&UsageRecord { outcome: Outcome::CallerLeft, status: 499, tokens: None, ..chat });
        let refused = UsageRecord { status: 0, error: Some("no_such_path".into()), ..UsageRecord::default() };
        counting.count(&refused);
        assert_eq!(
            lines(&metrics),
            [
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"answered\"} 4",
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"caller_left\"} 2",
                "openai_proxy_rejected_total{reason=\"no_such_path\"} 1",
                "openai_proxy_requests_total{operation=\"\",provider=\"none\",status_class=\"5xx\"} 1",
                "openai_proxy_requests_total{operation=\"chat\",provider=\"a\",status_class=\"2xx\"} 2",
                "openai_proxy_requests_total{operation=\"chat\",provider=\"a\",status_class=\"4xx\"} 1",
                "openai_proxy_stream_aborts_total{who=\"caller\"} 1",
                "openai_proxy_tokens_total{class=\"cached\"} 2",
                "openai_proxy_tokens_total{class=\"input\"} 10",
                "openai_proxy_tokens_total{class=\"output\"} 14",
                "openai_proxy_tokens_total{class=\"reasoning\"} 0",
            ]
        );
    }
}
