//! Look-ups of the hot path: from a path to its rule, from a model's public name to its places.

use std::collections::HashMap;

use super::pattern::{covers, glob};
use super::routing::Strategy;

/// The path rules of the configuration, longest prefix first.
#[derive(Debug, Default)]
pub struct Routes {
    /// Prefix (with `/v1`, without `*`) and what it leads to.
    rules: Vec<(String, PathRule)>,
}

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathRule {
    /// The model in the body decides.
    Models,
    /// These providers, in order, by their place in `Snapshot::providers`.
    Providers(Vec<usize>),
}

impl Routes {
    /// Sorts the rules by length, longest first. An exact path is written without `*`, a prefix with `/*` at its end.
    pub fn new(mut rules: Vec<(String, PathRule)>) -> Self {
        rules.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
        Self { rules }
    }

    /// The rule for a path below `/v1`. Longest match wins; a prefix matches whole segments only.
    #[inline]
    pub fn find(&self, rest: &str) -> Option<&PathRule> {
        self.rule(rest).map(|(_, rule)| rule)
    }

    /// All rules with their patterns as they were written, longest first.
    pub fn all(&self) -> &[(String, PathRule)] {
        &self.rules
    }

    /// The rule for a path below `/v1`, with the pattern as it was written.
    #[inline]
    pub fn rule(&self, rest: &str) -> Option<(&str, &PathRule)> {
        self.rules
            .iter()
            .find(|(pattern, _)| covers(pattern, rest))
            .map(|(pattern, rule)| (pattern.as_str(), rule))
    }
}

/// One place a model may be served: a provider and its own name for the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// By its place in `Snapshot::providers`.
    pub provider: usize,
    /// The provider's name for the model; `None`: as the caller wrote it.
    pub model: Option<String>,
    /// Its share among equals; 0: only when no other can.
    pub weight: u32,
}

/// Where a public name leads, and how one of several places is chosen.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Served {
    /// The places, in the order written.
    pub places: Vec<Chosen>,
    /// How one of them is chosen; `None`: as `Routing::strategy` says.
    pub strategy: Option<Strategy>,
    /// All places give the same vectors for the same text, so that one may stand in for another in embeddings.
    pub same_vectors: bool,
}

/// Public model names: exact ones, then patterns in the order written.
#[derive(Debug, Default)]
pub struct Models {
    exact: HashMap<String, Served>,
    patterns: Vec<(String, Served)>,
    hidden: Vec<String>,
    listed: Vec<String>,
}

impl Models {
    /// Adds a name or a pattern (with `*`). The first writer of an exact name wins; later places are appended.
    pub fn add(&mut self, name: &str, served: Served, hidden: bool) {
        if name.contains('*') {
            self.patterns.push((name.to_owned(), served));
            return;
        }
        let Served { places, strategy, same_vectors } = served;
        let known = self.exact.entry(name.to_owned()).or_insert_with(|| Served {
            places: Vec::new(),
            strategy,
            same_vectors,
        });
        for place in places {
            let same = |other: &Chosen| (other.provider, &other.model) == (place.provider, &place.model);
            if !known.places.iter().any(same) {
                known.places.push(place);
            }
        }
        let list = if hidden { &mut self.hidden } else { &mut self.listed };
        if !list.iter().any(|known| known == name) {
            list.push(name.to_owned());
        }
    }

    /// Where a name leads: exact first, then the first pattern that fits.
    #[inline]
    pub fn find(&self, name: &str) -> Option<&Served> {
        self.rule(name).map(|(_, served)| served)
    }

    /// The same, with the name or pattern as it was written.
    #[inline]
    pub fn rule(&self, name: &str) -> Option<(&str, &Served)> {
        let by_pattern = || {
            self.patterns
                .iter()
                .find(|(pattern, _)| glob(pattern, name))
                .map(|(pattern, served)| (pattern, served))
        };
        let (name, served) = self.exact.get_key_value(name).or_else(by_pattern)?;
        Some((name, served))
    }

    /// Whether no name or pattern was written at all.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    /// The names shown in `/v1/models`, in the order written.
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// Whether the name works without being shown.
    pub fn is_hidden(&self, name: &str) -> bool {
        self.hidden.iter().any(|known| known == name)
    }

    /// The known name most like `name`, among ours and `others`.
    pub fn nearest<'a>(&'a self, name: &str, others: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let known = self.listed.iter().map(String::as_str).chain(others);
        known
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .filter(|(score, _)| *score > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_wins_and_a_prefix_matches_whole_segments_only() {
        let first = |n| PathRule::Providers(vec![n]);
        let routes = Routes::new(vec![
            ("/v1/*".into(), first(0)),
            ("/v1/audio/*".into(), first(1)),
            ("/v1/audio/speech".into(), first(2)),
        ]);
        assert_eq!(routes.find("/audio/speech"), Some(&first(2)));
        assert_eq!(routes.find("/audio/transcriptions"), Some(&first(1)));
        assert_eq!(routes.find("/audiobook"), Some(&first(0)));
    }
}
