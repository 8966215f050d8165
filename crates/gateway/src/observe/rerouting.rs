//! The counters of calls that took more than one attempt: asked again, elsewhere, beside, or gone on with.
//!
//! Such calls are few, so that each is found by its labels when it is counted.

use std::collections::BTreeSet;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Tried;

/// So many ways from one provider to another are told apart; the rest are one (T-50).
const WAYS: usize = 400;
/// Their name.
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failover {
    from: String,
    to: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Retry {
    provider: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Hedge {
    provider: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rescued {
    how: &'static str,
    result: &'static str,
}

/// The counters.
#[derive(Clone, Default)]
pub(super) struct Rerouting {
    failovers: Family<Failover, Counter>,
    retries: Family<Retry, Counter>,
    hedges: Family<Hedge, Counter>,
    rescues: Family<Rescued, Counter>,
}

/// Which ways were seen, so that there are not too many.
pub(super) type Ways = BTreeSet<(String, String, &'static str)>;

impl Rerouting {
    pub(super) fn register(&self, registry: &mut Registry) {
        let (failovers, retries) = (self.failovers.clone(), self.retries.clone());
        registry.register("failovers", "Times another target was asked because one failed", failovers);
        registry.register("retries", "Times the same target was asked again", retries);
        let (hedges, rescues) = (self.hedges.clone(), self.rescues.clone());
        registry.register("hedges", "Times another target was asked beside a late one", hedges);
        registry.register("rescues", "Times a stream that broke was to go on", rescues);
    }

    /// Counts the attempts of a call.
    pub(super) fn count<'r>(&self, tries: impl Iterator<Item = Tried<'r>>, ways: &mut Ways) {
        let mut before: Option<Tried<'r>> = None;
        for tried in tries {
            let Some(written) = tried.written else { return };
            match written.how.as_deref() {
                Some("hedge") => {
                    let result = if tried.tells { "won" } else { "lost" };
                    let provider = tried.provider.to_owned();
                    self.hedges.get_or_create(&Hedge { provider, result }).inc();
                    continue;
                }
                Some(how) => {
                    let how = if how == "restart" { "restart" } else { "continuation" };
                    let result = if tried.word == "answered" { "saved" } else { "failed" };
                    self.rescues.get_or_create(&Rescued { how, result }).inc();
                }
                None => self.plain(before, tried, ways),
            }
            before = Some(tried);
        }
    }

    fn plain(&self, before: Option<Tried<'_>>, tried: Tried<'_>, ways: &mut Ways) {
        let Some(before) = before else { return };
        let model = |tried: Tried<'_>| tried.written.and_then(|written| written.model.clone());
        if before.provider == tried.provider && model(before) == model(tried) {
            self.retries.get_or_create(&Retry { provider: tried.provider.to_owned() }).inc();
            return;
        }
        let way = (before.provider.to_owned(), tried.provider.to_owned(), before.word);
        let known = ways.contains(&way) || ways.len() < WAYS;
        let (from, to) = match known {
            true => (way.0.clone(), way.1.clone()),
            false => (OTHER.to_owned(), OTHER.to_owned()),
        };
        if known {
            ways.insert(way);
        }
        self.failovers.get_or_create(&Failover { from, to, reason: before.word }).inc();
    }
}
