//! Public model names: which provider each of their places means.

use crate::document::provider::Provider;
use crate::document::route::{Name, Place};
use crate::nearest::{nearest, spoken};
use crate::reader::{Findings, Written};
use crate::snapshot::{Chosen, Models, Served};

/// The providers by name, in order of preference.
pub(super) struct Places<'a> {
    providers: &'a [Provider],
    findings: &'a Findings,
}

impl<'a> Places<'a> {
    pub(super) fn new(providers: &'a [Provider], findings: &'a Findings) -> Self {
        Self { providers, findings }
    }

    /// The place of a provider that was named alone.
    pub(super) fn provider(&self, written: &Written<String>) -> Option<usize> {
        let index = self.index(&written.value);
        if index.is_none() {
            self.unknown(written, &written.value, &written.value);
        }
        index
    }

    /// The names written under `models`, then those the providers announce. A written name stands alone: nothing is
    /// added to it behind its writer's back.
    pub(super) fn models(&self, names: &[Name]) -> Models {
        let mut models = Models::default();
        for name in names {
            let places: Vec<Chosen> =
                name.places.iter().filter_map(|place| self.chosen(&name.name, place)).collect();
            let served = Served { places, strategy: name.strategy, same_vectors: name.same_vectors };
            models.add(&name.name, served, name.hidden);
        }
        for (index, provider) in self.providers.iter().enumerate() {
            for (public, own) in &provider.models {
                if !names.iter().any(|name| name.name == *public) {
                    let model = (own != public).then(|| own.clone());
                    let place = Chosen { provider: index, model, weight: provider.weight };
                    models.add(public, Served { places: vec![place], ..Served::default() }, false);
                }
            }
        }
        models
    }

    fn chosen(&self, public: &str, place: &Written<Place>) -> Option<Chosen> {
        let (provider, model, weight) = match &place.value {
            Place::Long { provider, model, weight } => {
                let index = self.index(provider);
                if index.is_none() {
                    self.unknown(place, provider, provider);
                }
                (index?, model.clone(), *weight)
            }
            Place::Text(text) => {
                let (index, model) = self.split(text, place)?;
                (index, model, None)
            }
        };
        // A name the provider announces for itself leads to what it calls that model.
        let asked = model.as_deref().unwrap_or(public);
        let own = self.providers[provider]
            .models
            .iter()
            .find(|(known, _)| known == asked)
            .map(|(_, own)| own.as_str());
        let own = own.unwrap_or(asked);
        let weight = weight.unwrap_or(self.providers[provider].weight);
        Some(Chosen { provider, model: (own != public).then(|| own.to_owned()), weight })
    }

    /// `provider/model` when the left part is a provider (a model's own name may hold slashes and colons), or a
    /// provider alone.
    fn split(&self, text: &str, place: &Written<Place>) -> Option<(usize, Option<String>)> {
        if let Some((left, model)) = text.split_once('/')
            && let Some(index) = self.index(left)
        {
            if model.is_empty() {
                place.wrong(
                    self.findings,
                    format!("is `{text}`, with no model behind the slash."),
                    "Write its name.",
                );
                return None;
            }
            return Some((index, Some(model.to_owned())));
        }
        let index = self.index(text);
        if index.is_none() {
            self.unknown(place, text, text.split('/').next().unwrap_or(text));
        }
        index.map(|index| (index, None))
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.providers.iter().position(|provider| provider.name.value == name)
    }

    fn unknown<T>(&self, written: &Written<T>, text: &str, name: &str) {
        let known: Vec<&str> = self.providers.iter().map(|provider| provider.name.value.as_str()).collect();
        let fix = match nearest(name, known.iter().copied()) {
            Some(near) => format!("Did you mean `{near}`?"),
            None if known.is_empty() => "There are no providers.".to_owned(),
            None => format!("The providers are {}.", spoken(&known)),
        };
        written.wrong(self.findings, format!("names `{text}`, and no provider is called that."), fix);
    }
}
