//! Who may call, and how much each may ask for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderName;
use protocol::secret::Secret;

use super::fallback::Fallback;
use super::pattern::glob;
use super::pepper::{Digest, Pepper};
use super::signers::{AccessKey, Signers};

/// Who may call.
#[derive(Debug)]
pub struct Callers {
    asked: bool,
    accept: Vec<HeaderName>,
    keys: Vec<Arc<CallerKey>>,
    /// By the whole digest.
    index: HashMap<Digest, usize>,
    signers: Signers,
    pepper: Pepper,
    unproven: usize,
}

/// A key of a caller, as far as it may be known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallerKey {
    /// Its name: who called, in records, limits and logs.
    pub name: Arc<str>,
    /// The end of it, for whoever looks for it; empty where nobody wrote it down.
    pub last_four: String,
    /// Which models it may ask for.
    pub models: AllowedModels,
    /// When it ends.
    pub expires: Option<SystemTime>,
    /// How much it may ask for.
    pub limit: Limit,
    /// What its calls are marked with.
    pub tags: Vec<(String, String)>,
    /// What may stand in for a model that cannot answer it, before those of a provider and of `Snapshot::routing`.
    pub fallbacks: Vec<Fallback>,
}

/// Which models somebody may ask for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum AllowedModels {
    /// All.
    #[default]
    All,
    /// Those that one of these fits; `*` in them stands for anything.
    Only(Vec<String>),
}

impl AllowedModels {
    /// Whether a name is among them.
    #[inline]
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(patterns) => patterns.iter().any(|pattern| glob(pattern, name)),
        }
    }
}

/// How much somebody may ask for; `None`: as much as they like.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Limit {
    /// Requests in a time.
    pub requests: Option<Rate>,
    /// Tokens in a time.
    pub tokens: Option<Rate>,
    /// Calls at once.
    pub concurrency: Option<u32>,
}

impl Limit {
    /// Whether nothing is limited.
    #[inline]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// So many in a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// So many; at least 1.
    pub amount: u64,
    /// The time.
    pub per: Duration,
}

/// Limits for everybody, on top of those of a key.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CallLimits {
    /// All calls together.
    pub global: Limit,
    /// Each address.
    pub per_ip: Limit,
    /// Each key.
    pub per_key: Limit,
    /// Single models, by the name callers use.
    pub per_model: HashMap<String, Limit>,
}

impl Callers {
    /// The callers of a configuration, whose keys are kept with this pepper.
    pub(crate) fn new(asked: bool, accept: Vec<HeaderName>, pepper: Pepper) -> Self {
        let signers = Signers::new(&pepper);
        Self { asked, accept, keys: Vec::new(), index: HashMap::new(), signers, pepper, unproven: 0 }
    }

    /// Adds a key; the one that is the same already, if there is one.
    pub(crate) fn add(&mut self, key: CallerKey, proof: &Proof) -> Result<(), Arc<CallerKey>> {
        let digest = match proof {
            Proof::Key(secret) => self.pepper.digest(secret.expose()),
            Proof::Digest(digest) => *digest,
        };
        if let Some(same) = self.index.get(&digest) {
            return Err(self.keys[*same].clone());
        }
        self.unproven += usize::from(self.pepper.unknown && matches!(proof, Proof::Digest(_)));
        self.index.insert(digest, self.keys.len());
        self.signers.add(digest);
        self.keys.push(Arc::new(key));
        Ok(())
    }

    /// The key somebody shows, if it is one of ours.
    #[inline]
    pub fn find(&self, shown: &Secret) -> Option<&Arc<CallerKey>> {
        if self.keys.is_empty() {
            return None;
        }
        self.index.get(&self.pepper.digest(shown.expose())).map(|place| &self.keys[*place])
    }

    /// The key in whose place this access key id signs, and what it signs with.
    pub fn signer(&self, id: &str) -> Option<(&Arc<CallerKey>, Secret)> {
        let (place, secret) = self.signers.find(id)?;
        Some((self.keys.get(place)?, secret))
    }

    /// What is signed with in the place of the key of that name; none: there is no such key, or the pepper is not known.
    pub fn access_key(&self, name: &str) -> Option<AccessKey> {
        self.signers.of(self.keys.iter().position(|key| *key.name == *name)?)
    }

    /// Whether a key is asked for.
    pub fn is_asked(&self) -> bool {
        self.asked
    }

    /// Whether a key that is not found may be one all the same: what they are kept with is not known yet.
    pub fn may_be_missed(&self) -> bool {
        self.unproven > 0
    }

    /// The same of who signs: without the pepper nobody of them is known.
    pub fn signers_may_be_missed(&self) -> bool {
        self.pepper.unknown && !self.keys.is_empty()
    }

    /// The headers a key may travel in.
    pub fn accept(&self) -> &[HeaderName] {
        &self.accept
    }

    /// All keys, in the order they were written.
    pub fn keys(&self) -> &[Arc<CallerKey>] {
        &self.keys
    }
}

/// What proves a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Proof {
    /// The key itself.
    Key(Secret),
    /// What is kept of it.
    Digest(Digest),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> CallerKey {
        let models = AllowedModels::All;
        CallerKey {
            name: name.into(),
            last_four: String::new(),
            models,
            expires: None,
            limit: Limit::default(),
            tags: Vec::new(),
            fallbacks: Vec::new(),
        }
    }

    fn callers(pepper: Option<&Secret>) -> Callers {
        Callers::new(true, Vec::new(), Pepper::new(pepper))
    }

    #[test]
    fn a_key_is_found_by_all_of_it_and_by_nothing_that_only_begins_alike() {
        let pepper = Secret::new("pepper");
        let mut callers = callers(Some(&pepper));
        let shared = "sk-op-the-same-beginning-of-two-keys-";
        let (one, two) = (Secret::new(format!("{shared}1")), Secret::new(format!("{shared}2")));
        assert!(callers.add(key("one"), &Proof::Key(one.clone())).is_ok());
        let kept = Pepper::new(Some(&pepper)).digest(two.expose());
        let written = Digest::parse(&kept.to_string());
        assert_eq!(written, Some(kept));
        assert!(callers.add(key("two"), &Proof::Digest(kept)).is_ok());
        let name = |shown: &Secret| callers.find(shown).map(|key| key.name.to_string());
        assert_eq!((name(&one).as_deref(), name(&two).as_deref()), (Some("one"), Some("two")));
        for other in [shared.to_owned(), format!("{shared}3"), format!("{shared}1 "), String::new()] {
            assert_eq!(name(&Secret::new(other.as_str())), None, "{other}");
        }
        assert!(!callers.may_be_missed());
    }

    #[test]
    fn the_same_key_twice_is_told_with_the_name_of_the_first() {
        let pepper = Secret::new("pepper");
        let mut callers = callers(Some(&pepper));
        let proof = Proof::Key(Secret::new("k"));
        assert!(callers.add(key("one"), &proof).is_ok());
        assert_eq!(
            callers.add(key("two"), &proof).map_err(|same| same.name.to_string()),
            Err("one".to_owned())
        );
    }

    #[test]
    fn without_the_pepper_a_key_that_is_kept_hashed_may_be_missed_and_one_in_the_open_is_found() {
        let mut callers = callers(None);
        let open = Secret::new("open");
        assert!(callers.add(key("open"), &Proof::Key(open.clone())).is_ok());
        assert!(!callers.may_be_missed());
        let digest = Pepper::new(Some(&Secret::new("pepper"))).digest("kept");
        assert!(callers.add(key("kept"), &Proof::Digest(digest)).is_ok());
        assert!(callers.find(&open).is_some() && callers.find(&Secret::new("kept")).is_none());
        assert!(callers.may_be_missed());
    }
}
