//! What is put into a provider's credential place: one key of ours, one of several, the caller's own, or none.

use std::collections::BTreeMap;

use protocol::secret::Secret;
use protocol::vendor::Vendor;

use crate::document::provider::{Provider, Wanted, sendable};
use crate::layer::environment::is_filled;
use crate::problem::Place;
use crate::reader::Findings;
use crate::snapshot::{Credential, ProviderKey, Quota};

type Environment = BTreeMap<String, String>;

/// The name of the key that is written as `api_key`.
const DEFAULT: &str = "default";

/// Its keys, where several are written, the one with the highest priority first; `api_key` is the first among its equals.
pub(super) fn keys(
    written: &Provider,
    vendor: &dyn Vendor,
    environment: &Environment,
    findings: &Findings,
) -> Vec<ProviderKey> {
    if written.keys.is_empty() {
        return Vec::new();
    }
    if let Some(wanted) = written.credential.as_ref().filter(|wanted| wanted.value != Wanted::Stored) {
        let what = "does not use the `keys` that are written beside it.";
        wanted.wrong(findings, what, "Keep one of the two.");
    }
    let mut keys = Vec::new();
    if let Some(key) = &written.api_key {
        keys.push(ProviderKey {
            name: DEFAULT.to_owned(),
            secret: Secret::new(&key.value),
            weight: 1,
            priority: 0,
            quota: Quota::default(),
            expires: None,
        });
    }
    for key in &written.keys {
        if keys.iter().any(|known| known.name == key.name) {
            let what = "stands beside `api_key`, which is the key called `default`.";
            key.secret.wrong(findings, what, "Keep one of the two.");
            continue;
        }
        let secret = Secret::new(&key.secret.value);
        if let Some(same) = keys.iter().find(|known| known.secret.is_same(&secret)) {
            let what = format!("`{}` is the same key as `{}`.", key.secret.path, same.name);
            findings.note(&key.secret.path, Some(&key.secret.place), what, None);
        }
        keys.push(ProviderKey {
            name: key.name.clone(),
            secret,
            weight: key.weight,
            priority: key.priority,
            quota: key.quota,
            expires: key.expires,
        });
    }
    tell_unused(written, vendor, environment, &keys, findings);
    keys.sort_by_key(|key| std::cmp::Reverse(key.priority));
    keys
}

/// The vendor's variable counts only where no key is written: it may belong to another account.
fn tell_unused(
    written: &Provider,
    vendor: &dyn Vendor,
    environment: &Environment,
    keys: &[ProviderKey],
    findings: &Findings,
) {
    let Some((name, key)) = key_of_environment(vendor, environment) else { return };
    let secret = Secret::new(key);
    if written.api_key.is_none() && !keys.iter().any(|known| known.secret.is_same(&secret)) {
        let path = format!("{}.keys", written.name.path);
        let what = format!("`{path}` stands alone: the key in {name} is none of them and is not used.");
        let fix = format!("Write `api_key: ${{{name}}}` beside them to use it, too.");
        findings.note(&path, Some(&written.name.place), what, Some(fix));
    }
}

/// A key of ours first; without one the caller's own goes upstream, unless it is a server beside us.
pub(super) fn credential(
    written: &Provider,
    vendor: &dyn Vendor,
    beside_us: bool,
    environment: &Environment,
    findings: &Findings,
) -> Option<Credential> {
    let wanted = written.credential.as_ref();
    match (wanted.map(|wanted| wanted.value), &written.api_key) {
        (None | Some(Wanted::Stored), Some(key)) => return Some(Credential::Stored(Secret::new(&key.value))),
        (Some(Wanted::Passthrough | Wanted::None), Some(key)) => {
            key.wrong(
                findings,
                "is written beside a `credential` that does not use it.",
                "Keep one of the two.",
            );
            return None;
        }
        (Some(Wanted::Passthrough), None) => return Some(Credential::Passthrough),
        (Some(Wanted::None), None) => return Some(Credential::None),
        (None | Some(Wanted::Stored), None) => {}
    }
    if let Some((name, key)) = key_of_environment(vendor, environment) {
        if let Err(against) = sendable(key) {
            findings.problem(
                name,
                Some(&Place::outside(name)),
                format!("`{name}` {}", against.what),
                against.fix,
            );
            return None;
        }
        return Some(Credential::Stored(Secret::new(key)));
    }
    if let Some(wanted) = wanted {
        let variables: Vec<&str> = vendor.key_variables().iter().map(String::as_str).collect();
        let set =
            if variables.is_empty() { String::new() } else { format!(", or set {}", variables.join(" or ")) };
        wanted.wrong(
            findings,
            "is `stored`, and no key is known.",
            format!("Write `api_key: ${{NAME}}`{set}."),
        );
        return None;
    }
    Some(if beside_us { Credential::None } else { Credential::Passthrough })
}

/// The first of the vendor's variables that holds something.
fn key_of_environment<'e>(vendor: &dyn Vendor, environment: &'e Environment) -> Option<(&'e str, &'e str)> {
    let filled =
        |name: &String| environment.get_key_value(name).map(|(name, key)| (name.as_str(), key.trim()));
    vendor.key_variables().iter().filter_map(filled).find(|(_, key)| is_filled(key))
}
