//! Counts finished calls for `/metrics`.
//!
//! A metric is found by its labels, which are texts to be put together, hashed and looked up under a lock. Whoever counts
//! keeps what it has found, so that a call costs a few additions.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use store::UsageRecord;
use store::usage_record::Outcome;

use super::metrics::{Attempted, CallLabels, Class, Reason, Who};
use super::rerouting::Ways;
use super::waits::ByProvider;
use super::{Ending, Metrics, tries};

/// One who counts. There is one, the ledger.
pub(crate) struct Counting {
    metrics: Arc<Metrics>,
    /// By provider; the empty one is of calls for which none was asked.
    providers: Vec<(String, OfProvider)>,
    /// In the order of [`CLASSES`]; none before the first call that has tokens.
    tokens: Option<[Counter; CLASSES.len()]>,
    /// From whom calls went to whom.
    ways: Ways,
}

/// What was found for one provider.
#[derive(Default)]
struct OfProvider {
    /// By operation, and in the order of [`STATUSES`].
    requests: Vec<(String, [Option<Counter>; STATUSES.len()])>,
    /// By outcome.
    attempts: Vec<(&'static str, Counter)>,
}

const CLASSES: [&str; 4] = ["input", "output", "cached", "reasoning"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Counting {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, providers: Vec::new(), tokens: None, ways: Ways::new() }
    }

    /// Counts a finished call, which ended so.
    pub(crate) fn count(&mut self, record: &UsageRecord, ending: Ending) {
        self.tried(record, ending);
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

    /// Counts each time somebody was asked.
    fn tried(&mut self, record: &UsageRecord, ending: Ending) {
        let metrics = &self.metrics;
        for tried in tries(record, ending) {
            let attempts = &mut kept(&mut self.providers, tried.provider).attempts;
            let at = attempts.iter().position(|(word, _)| *word == tried.word).unwrap_or_else(|| {
                let labels = Attempted { provider: tried.provider.to_owned(), outcome: tried.word };
                attempts.push((tried.word, metrics.attempts.get_or_create_owned(&labels)));
                attempts.len() - 1
            });
            // Where each is not written by itself, there is one.
            attempts[at].1.inc();
        }
        if !record.trail.is_empty() {
            metrics.rerouting.count(tries(record, ending), &mut self.ways);
            for attempt in record.trail.iter().filter(|attempt| attempt.cut) {
                metrics.cuts.get_or_create(&ByProvider { provider: attempt.provider.clone() }).inc();
            }
        }
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

    use store::usage_record::{Attempt, Tokens};

    use super::*;

    fn count(counting: &mut Counting, record: &UsageRecord) {
        counting.count(record, Ending::of(record));
    }

    const CALLS: [&str; 5] =
        ["requests_total", "attempts_total", "tokens_total", "stream_aborts_total", "rejected_total"];

    fn lines(metrics: &Metrics, about: &[&str]) -> Vec<String> {
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
        assert_eq!(lines(&metrics, &CALLS), Vec::<String>::new());
        let chat = UsageRecord {
            operation: "chat".into(),
            provider: Some("a".into()),
            status: 200,
            outcome: Outcome::Answered,
            attempts: 1,
            tokens: Some(Tokens { input: 5, output: 7, cached: 1, reasoning: 0 }),
            ..UsageRecord::default()
        };
        count(&mut counting, &chat);
        count(&mut counting, &chat);
        count(
            &mut counting,
            &UsageRecord { outcome: Outcome::CallerLeft, status: 499, tokens: None, ..chat },
        );
        let refused = UsageRecord { status: 0, error: Some("no_such_path".into()), ..UsageRecord::default() };
        count(&mut counting, &refused);
        assert_eq!(
            lines(&metrics, &CALLS),
            [
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"answered\"} 2",
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"caller_left\"} 1",
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

    #[test]
    fn every_try_counts_for_who_was_asked_and_every_turn_for_what_it_was() {
        let world = config::parse("providers: {a: {type: mock}}\n", &BTreeMap::new()).unwrap().snapshot;
        let metrics = Arc::new(Metrics::new(&world));
        let mut counting = Counting::new(metrics.clone());
        let one = |provider: &str, how: Option<&'static str>, outcome: &'static str| Attempt {
            provider: provider.to_owned(),
            how: how.map(Into::into),
            outcome: outcome.into(),
            ..Attempt::default()
        };
        let tries = vec![
            one("a", None, "server"),
            one("a", None, "limited"),
            one("b", None, "stream_cut"),
            one("c", Some("hedge"), "given_up"),
            one("c", Some("continuation"), "server"),
            one("c", Some("restart"), "answered"),
        ];
        let record = UsageRecord {
            provider: Some("c".into()),
            status: 200,
            outcome: Outcome::Answered,
            attempts: 6,
            trail: tries,
            ..UsageRecord::default()
        };
        count(&mut counting, &record);
        let about = ["attempts_total", "failovers_total", "retries_total", "hedges_total", "rescues_total"];
        assert_eq!(
            lines(&metrics, &about),
            [
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"limited\"} 1",
                "openai_proxy_attempts_total{provider=\"a\",outcome=\"server\"} 1",
                "openai_proxy_attempts_total{provider=\"b\",outcome=\"stream_cut\"} 1",
                "openai_proxy_attempts_total{provider=\"c\",outcome=\"answered\"} 1",
                "openai_proxy_attempts_total{provider=\"c\",outcome=\"given_up\"} 1",
                "openai_proxy_attempts_total{provider=\"c\",outcome=\"server\"} 1",
                "openai_proxy_failovers_total{from=\"a\",to=\"b\",reason=\"limited\"} 1",
                "openai_proxy_hedges_total{provider=\"c\",result=\"lost\"} 1",
                "openai_proxy_rescues_total{how=\"continuation\",result=\"failed\"} 1",
                "openai_proxy_rescues_total{how=\"restart\",result=\"saved\"} 1",
                "openai_proxy_retries_total{provider=\"a\"} 1",
            ]
        );
    }
}
