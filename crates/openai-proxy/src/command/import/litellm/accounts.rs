//! Accounts: the entries of one vendor, one address and one key become one provider.

use serde_json::{Map, Value as Json, json};

use super::account::{Account, Key};
use super::at::{ours, reference};
use super::deployment::Deployment;
use super::identity::SECRET;
use super::vendors::COMPATIBLE;
use crate::command::import::keys::Keys;
use crate::command::import::plan::free_name;
use crate::report::Report;

/// One account, and the entries it serves by their places in the list.
pub(super) struct Provider {
    pub(super) name: String,
    account: Account,
    pub(super) serves: Vec<usize>,
}

/// Groups the entries, in the order of their first one.
pub(super) fn group(deployments: &[Deployment]) -> Vec<Provider> {
    let mut providers: Vec<Provider> = Vec::new();
    for (index, deployment) in deployments.iter().enumerate() {
        if let Some(known) = providers.iter_mut().find(|known| known.account == deployment.account) {
            known.serves.push(index);
            continue;
        }
        let account = deployment.account.clone();
        let taken = |name: &str| providers.iter().any(|known| known.name == name);
        let place = place(account.base_url.as_deref());
        let word = account.word;
        let name = match (&place, account.kind) {
            (Some(place), "azure") => free_name(&[place, &format!("azure-{place}")], taken),
            (Some(place), COMPATIBLE)
                if matches!(word, "openai-compatible" | "openai_like" | "custom_openai") =>
            {
                free_name(&[place], taken)
            }
            // Its address is its region's, and says nothing else.
            (_, "bedrock") => free_name(&[word], taken),
            (Some(place), _) => free_name(&[word, &format!("{word}-{place}")], taken),
            (None, _) => free_name(&[word], taken),
        };
        providers.push(Provider { name, account, serves: vec![index] });
    }
    providers
}

/// The first word of an address's host, to tell places apart by; a server beside us is called so.
fn place(url: Option<&str>) -> Option<String> {
    let host = url?.split_once("://")?.1.split(['/', ':', '$']).next()?;
    match host {
        "" => None,
        "localhost" | "127.0.0.1" | "host.docker.internal" => Some("local".to_owned()),
        host if host.parse::<std::net::IpAddr>().is_ok() => Some(format!("at-{host}")),
        host => Some(host.split('.').find(|word| !matches!(*word, "api" | "www")).unwrap_or(host).to_owned()),
    }
}

impl Provider {
    /// A variable of its own: a vendor's usual one may hold another account's key in the environment, which wins.
    fn variable(&self, what: &str) -> String {
        format!("UPSTREAM_{}_{what}", self.name)
    }

    /// Its settings, but for its models; its keys go where keys are kept.
    pub(super) fn settings(
        &self,
        deployments: &[Deployment],
        (keys, report): (&mut Keys, &mut Report),
    ) -> Map<String, Json> {
        let mut out = Map::new();
        let mut set = |key: &str, value: Json| drop(out.insert(key.to_owned(), value));
        let account = &self.account;
        set("type", json!(account.kind));
        if let Some(url) = &account.base_url {
            set("base_url", json!(url));
        }
        match &account.key {
            Key::Reference(name) => set("api_key", json!(name)),
            Key::Literal(key) => set("api_key", json!(keys.keep(&self.variable("API_KEY"), key))),
            // Who we are stands in its place.
            Key::None if account.identity.is_some() => {}
            Key::None => set("credential", json!("none")),
            Key::Unsaid => {}
        }
        for (key, value) in [("api_version", &account.api_version), ("organization", &account.organization)] {
            if let Some(value) = value {
                set(key, json!(value));
            }
        }
        if let Some(tokens) = account.context {
            set("context_length", json!(tokens));
        }
        if let Some(identity) = &account.identity {
            let member = |(key, value): &(&str, String)| {
                let value =
                    match SECRET.contains(key) && reference(value).is_none() && !value.starts_with("${") {
                        true => keys.keep(&self.variable(&key.to_ascii_uppercase()), value),
                        false => ours(value),
                    };
                ((*key).to_owned(), json!(value))
            };
            let members: Map<String, Json> = identity.members.iter().map(member).collect();
            set(identity.section, Json::Object(members));
        }
        if !account.headers.is_empty() {
            let member = |(name, value): &(String, String)| {
                let secret =
                    ["key", "token", "secret", "auth"].iter().any(|word| name.to_lowercase().contains(word));
                let value = match secret && reference(value).is_none() {
                    true => keys.keep(&self.variable(name), value),
                    false => ours(value),
                };
                (name.clone(), json!(value))
            };
            let headers: Map<String, Json> = account.headers.iter().map(member).collect();
            set("headers", Json::Object(headers));
        }
        let served = || self.serves.iter().map(|index| &deployments[*index]);
        if let [only] = self.serves.as_slice() {
            let only = &deployments[*only];
            for (key, limit) in
                [("max_rpm", only.rpm), ("max_tpm", only.tpm), ("max_concurrency", only.at_once)]
            {
                if let Some(limit) = limit {
                    set(key, json!(limit));
                }
            }
        } else {
            for deployment in served().filter(|deployment| deployment.at_once.is_some()) {
                let why = "max_parallel_requests: calls at once are counted for an account, which serves several models here";
                report.lost(deployment.spot.clone(), format!("{}: {why}", deployment.public));
            }
        }
        let mut clocks = Map::new();
        for (key, theirs, clock) in [
            ("first_byte", "stream_timeout", (|d| d.first_byte.clone()) as fn(&Deployment) -> Option<String>),
            ("total", "timeout", |d| d.total.clone()),
        ] {
            let said: Vec<String> = served().filter_map(clock).collect();
            let Some(first) = said.first() else { continue };
            if said.iter().any(|other| other != first) || said.len() < self.serves.len() {
                let told = format!(
                    "{theirs}: clocks belong to an account here; {first} holds for all of `{}`",
                    self.name
                );
                report.changed(deployments[self.serves[0]].spot.clone(), told);
            }
            clocks.insert(key.to_owned(), json!(first));
        }
        if !clocks.is_empty() {
            set("timeouts", Json::Object(clocks));
        }
        out
    }
}
