//! Public names: which account serves each, which patterns there are, and which names are other words for one.

use serde_json::{Map, Value as Json, json};

use super::accounts::Provider;
use super::deployment::Deployment;
use crate::report::Report;

/// The names of one configuration.
pub(super) struct Names<'d> {
    pub(super) deployments: &'d [Deployment],
    pub(super) providers: &'d [Provider],
    /// What each provider serves: public and own names. None: it is asked.
    listed: Vec<Option<Vec<(String, String)>>>,
    /// `models`
    pub(super) top: Map<String, Json>,
    /// All public names, in order.
    pub(super) known: Vec<String>,
}

impl<'d> Names<'d> {
    pub(super) fn new(deployments: &'d [Deployment], providers: &'d [Provider]) -> Self {
        let listed = providers.iter().map(|_| Some(Vec::new())).collect();
        Self { deployments, providers, listed, top: Map::new(), known: Vec::new() }
    }

    pub(super) fn provider_of(&self, deployment: usize) -> usize {
        self.providers.iter().position(|provider| provider.serves.contains(&deployment)).unwrap_or_default()
    }

    /// Reads all of them.
    pub(super) fn read(&mut self, report: &mut Report) {
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        for (index, deployment) in self.deployments.iter().enumerate() {
            match groups.iter_mut().find(|(public, _)| *public == deployment.public) {
                Some((_, group)) => group.push(index),
                None => groups.push((&deployment.public, vec![index])),
            }
        }
        let (wild, plain): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(public, group)| self.is_wild(public, group));
        // Patterns first: they decide which providers are asked for their models.
        for (public, group) in wild {
            self.pattern(public, &group, report);
        }
        for (public, group) in &plain {
            for index in group {
                let (provider, own) = (self.provider_of(*index), &self.deployments[*index].own);
                if let Some(listed) = &mut self.listed[provider]
                    && !listed.iter().any(|(known, _)| known == public)
                {
                    listed.push(((*public).to_owned(), own.clone()));
                }
            }
        }
        for (public, group) in plain {
            self.name(public, &group, report);
        }
    }

    fn is_wild(&self, public: &str, group: &[usize]) -> bool {
        public.contains('*') || group.iter().any(|index| self.deployments[*index].own.contains('*'))
    }

    fn pattern(&mut self, public: &str, group: &[usize], report: &mut Report) {
        let mut places = Vec::new();
        for index in group {
            let (deployment, provider) = (&self.deployments[*index], self.provider_of(*index));
            let name = self.providers[provider].name.clone();
            let (own, spot) = (deployment.own.as_str(), deployment.spot.clone());
            if own == public {
                self.listed[provider] = None;
                places.push(json!(name));
            } else if !own.contains('*') {
                if let Some(listed) = &mut self.listed[provider] {
                    listed.push((own.to_owned(), own.to_owned()));
                }
                places.push(json!(format!("{name}/{own}")));
            } else if own == "*" && public.ends_with("/*") {
                self.listed[provider] = None;
                let prefix = &public[..public.len() - 1];
                report.changed(
                    spot,
                    format!("{public}: callers ask for its models by their own names, without `{prefix}`"),
                );
                continue;
            } else {
                report.lost(spot, format!("{public}: what a pattern leads to is asked for as the caller wrote it, and not as `{own}`"));
                continue;
            }
            report.carried(spot, format!("{public}: {name}"));
        }
        match places.as_slice() {
            [] => {}
            [one] => drop(self.top.insert(public.to_owned(), one.clone())),
            several => drop(self.top.insert(public.to_owned(), json!(several))),
        }
        self.known.push(public.to_owned());
    }

    fn name(&mut self, public: &str, group: &[usize], report: &mut Report) {
        self.known.push(public.to_owned());
        let mut places: Vec<usize> = Vec::new();
        for index in group {
            let deployment = &self.deployments[*index];
            let same = |known: &&usize| {
                let known = &self.deployments[**known];
                known.account == deployment.account && known.own == deployment.own
            };
            if places.iter().find(same).is_some() {
                report
                    .changed(deployment.spot.clone(), format!("{public}: the same place twice counts once"));
                continue;
            }
            let name = &self.providers[self.provider_of(*index)].name;
            report.carried(deployment.spot.clone(), format!("{public}: {} at {name}", deployment.own));
            places.push(*index);
        }
        let ordered = places.iter().any(|index| self.deployments[*index].order.is_some());
        if ordered {
            // Without an order they stand behind those that have one.
            places.sort_by_key(|index| self.deployments[*index].order.unwrap_or(u64::MAX));
            let orders: Vec<_> = places.iter().map(|index| self.deployments[*index].order).collect();
            if orders.windows(2).any(|pair| pair[0] == pair[1]) {
                let spot = self.deployments[places[0]].spot.clone();
                report.changed(
                    spot,
                    format!("{public}: places of one `order` are tried one after the other, not by turns"),
                );
            }
        }
        let weights = if ordered { None } else { self.weights(public, &places, report) };
        if let ([only], None) = (places.as_slice(), &weights)
            && self.listed[self.provider_of(*only)].is_some()
        {
            return;
        }
        let place = |(at, index): (usize, &usize)| {
            let (own, provider) = (&self.deployments[*index].own, self.provider_of(*index));
            let name = &self.providers[provider].name;
            let listed = self.listed[provider].as_ref();
            let by_list =
                listed.is_some_and(|listed| listed.iter().any(|(known, its)| known == public && its == own));
            let model = (!by_list && own != public).then_some(own);
            match (weights.as_ref().map(|weights| weights[at]), model) {
                (None, None) => json!(name),
                (None, Some(own)) => json!({"provider": name, "model": own}),
                (Some(weight), None) => json!({"provider": name, "weight": weight}),
                (Some(weight), Some(own)) => json!({"provider": name, "model": own, "weight": weight}),
            }
        };
        let used: Vec<Json> = places.iter().enumerate().map(place).collect();
        let value = match (ordered, weights.is_some()) {
            (true, _) if used.len() > 1 => json!({"strategy": "failover", "use": used}),
            (_, true) => json!({"strategy": "weighted", "use": used}),
            _ => json!(used),
        };
        self.top.insert(public.to_owned(), value);
    }

    /// Shares among several places: as they are written, else as requests or tokens a minute are, which is what LiteLLM does.
    fn weights(&self, public: &str, places: &[usize], report: &mut Report) -> Option<Vec<u64>> {
        if places.len() < 2 {
            return None;
        }
        let all = |share: fn(&Deployment) -> Option<u64>| -> Option<Vec<u64>> {
            places.iter().map(|index| share(&self.deployments[*index])).collect()
        };
        if places.iter().any(|index| self.deployments[*index].weight.is_some()) {
            return Some(places.iter().map(|index| self.deployments[*index].weight.unwrap_or(1)).collect());
        }
        let (from, weights) = match all(|deployment| deployment.rpm) {
            Some(weights) => ("rpm", weights),
            None => ("tpm", all(|deployment| deployment.tpm)?),
        };
        let spot = self.deployments[places[0]].spot.clone();
        report.carried(spot, format!("{public}: shares of its places as their `{from}` are"));
        Some(weights)
    }

    /// Whether callers may ask for it.
    pub(super) fn knows(&self, name: &str) -> bool {
        let fits = |pattern: &str| match pattern.split_once('*') {
            Some((before, after)) => name.starts_with(before) && name.ends_with(after),
            None => pattern == name,
        };
        self.known.iter().any(|known| fits(known)) || self.listed.iter().any(Option::is_none)
    }

    /// Whether anything leads to a provider.
    pub(super) fn uses(&self, provider: usize) -> bool {
        self.listed[provider].as_ref().is_none_or(|listed| !listed.is_empty())
    }

    /// Whether a name has several places and nothing of its own on how one is chosen.
    pub(super) fn balances(&self) -> bool {
        self.top.values().any(|value| value.as_array().is_some_and(|places| places.len() > 1))
    }

    /// What a provider serves, as its settings say it.
    pub(super) fn listed(&self, provider: usize) -> Option<Json> {
        let listed = self.listed[provider].as_ref().filter(|listed| !listed.is_empty())?;
        if listed.iter().all(|(public, own)| public == own) {
            return Some(listed.iter().map(|(public, _)| public.as_str()).collect());
        }
        Some(Json::Object(listed.iter().map(|(public, own)| (public.clone(), json!(own))).collect()))
    }

    /// `models`, if there is anything to write there.
    pub(super) fn top(&self) -> Option<Json> {
        (!self.top.is_empty()).then(|| Json::Object(self.top.clone()))
    }
}
