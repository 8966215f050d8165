//! One provider: its kind, its address, its credential.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::dialect::Dialect;
use protocol::vendor::{self, Site, Vendor};

use super::keys;
use crate::address::{self, BaseUrl, is_near};
use crate::document::provider::Provider;
use crate::layer::kinds::{self, COMPATIBLE, INSIDE, NOT_SPOKEN};
use crate::nearest::{instead, spoken};
use crate::reader::Findings;
use crate::snapshot::{self, Credential, Fallback, Origin, Scheme};

type Environment = BTreeMap<String, String>;

/// Resolves one provider; `None` when a finding tells why not.
pub(super) fn resolve(
    written: &Provider,
    environment: &Environment,
    findings: &Findings,
) -> Option<snapshot::Provider> {
    let vendor = checked_kind(written, findings)?;
    check_language(written, vendor, findings);
    let identity = super::identity::identity(written, environment, findings).ok()?;
    let home = identity.as_ref().and_then(|identity| vendor.home_of(identity));
    let url = url(written, vendor, home.as_deref(), findings)?;
    let near = is_near(&url.host);
    let local = runs_beside_us(vendor, near);
    let keys = keys::keys(written, vendor, environment, findings);
    let credential = match (keys.first(), identity) {
        (_, Some(identity)) => super::identity::with_ways(identity, written, environment, findings)
            .map(Arc::new)
            .map(Credential::Identity),
        (Some(first), None) => Some(Credential::Stored(first.secret.clone())),
        (None, None) => {
            keys::credential(written, vendor, runs_beside_us(vendor, near), environment, findings)
        }
    };
    let proxy = super::proxy::resolve(written, &url, environment, findings);
    let base_path = match url.path {
        path if !path.is_empty() => path,
        // Where the server alone was written, project and region stand behind it all the same.
        _ => home.map_or_else(|| kinds::usual_path(vendor).to_owned(), |home| kinds::path(&home).to_owned()),
    };
    Some(snapshot::Provider {
        name: written.name.value.clone(),
        vendor,
        local,
        origin: Arc::new(Origin {
            scheme: url.scheme,
            host: url.host,
            port: url.port,
            authority: url.authority,
            allow_private: written.allow_private.unwrap_or(near),
            of_the_machine: false,
            proxy,
            ca: written.ca.clone(),
            accept_any_certificate: written.accept_any_certificate,
        }),
        site: Site {
            base_path,
            api_version: written.api_version.clone(),
            endpoints: written.endpoints.clone(),
        },
        credential: credential?,
        headers: written.headers.clone(),
        forwarded: written.forwarded.unwrap_or(near),
        models: written.models.clone(),
        capabilities: written.capabilities.clone(),
        timeouts: written.timeouts,
        priority: written.priority,
        weight: written.weight,
        keys,
        key_strategy: written.key_strategy,
        quota: written.quota,
        breaker: written.breaker,
        health: written.health.clone(),
        retry_after_max: written.retry_after_max,
        price_multiplier: written.price_multiplier,
        fallbacks: fallbacks(written, findings),
        native: written.native.as_ref().is_none_or(|native| native.value),
        context: written.context.as_ref().map(|context| context.value).unwrap_or_default(),
    })
}

/// What is said of a second language is said where there is one.
fn check_language(written: &Provider, vendor: &dyn Vendor, findings: &Findings) {
    let second = vendor.wire().filter(|wire| wire.dialect() == Dialect::Ollama);
    if second.is_some() {
        return;
    }
    let what = "is for a kind of service that has a language of its own besides the usual one.";
    let fix = "Remove it.";
    if let Some(native) = &written.native {
        native.wrong(findings, what, fix);
    }
    if let Some(context) = &written.context {
        context.wrong(findings, what, fix);
    }
}

/// What stands in for a provider is another one.
fn fallbacks(written: &Provider, findings: &Findings) -> Vec<Fallback> {
    let name = &written.name;
    if written.fallbacks.iter().any(|fallback| fallback.to.contains(&name.value)) {
        name.wrong(findings, "names itself under `fallbacks`, and has failed by then.", "Name another one.");
    }
    written.fallbacks.clone()
}

/// The kind of service: `type`, or the provider's name if it is a known word, or the compatible one.
pub(super) fn kind(written: &Provider) -> Option<&'static dyn Vendor> {
    match &written.kind {
        Some(kind) => vendor::find(&kind.value),
        None => kinds::by_name(&written.name.value),
    }
}

fn checked_kind(written: &Provider, findings: &Findings) -> Option<&'static dyn Vendor> {
    let said = written.kind.as_ref().unwrap_or(&written.name);
    if NOT_SPOKEN.contains(&said.value.as_str()) {
        let what = format!("is of the kind `{}`, which is not spoken yet.", said.value);
        let fix =
            format!("Remove it, or write `type: {COMPATIBLE}` with the `base_url` of a compatible surface.");
        said.wrong(findings, what, fix);
        return None;
    }
    let found = kind(written);
    if found.is_none() {
        let known: Vec<&str> = vendor::all().map(Vendor::name).collect();
        let fix = instead(&said.value, &known)
            .unwrap_or_else(|| format!("Write `{COMPATIBLE}`, or one of {}.", spoken(&known)));
        said.wrong(findings, format!("is `{}`, and no kind of service is called that.", said.value), fix);
    }
    found
}

/// Where it is: as written, or where its vendor lives (`home`: for who we are there).
fn url(written: &Provider, vendor: &dyn Vendor, home: Option<&str>, findings: &Findings) -> Option<BaseUrl> {
    let Some(base_url) = &written.base_url else {
        if findings.told(&format!("{}.base_url", written.name.path)) {
            return None;
        }
        let Some(home) = home.or(vendor.home()) else {
            let name = &written.name;
            let what = format!("`{}` needs `base_url`.", name.path);
            let fix = match vendor.home_told_by() {
                Some(section) => format!("Write where it is: `{section}`, or `base_url: https://...`."),
                None => format!(
                    "Write where it is: `base_url: https://...`; nothing else says so for `{}`.",
                    vendor.name()
                ),
            };
            findings.problem(&name.path, Some(&name.place), what, Some(fix));
            return None;
        };
        return address::base_url(home).ok();
    };
    if (base_url.value.scheme == Scheme::Inside) != (vendor.name() == INSIDE) {
        base_url.wrong(
            findings,
            format!("does not fit the kind `{}`.", vendor.name()),
            "Write http:// or https://.",
        );
        return None;
    }
    Some(base_url.value.clone())
}

/// A kind that usually does, or a nearby server of no kind in particular.
fn runs_beside_us(vendor: &dyn Vendor, near: bool) -> bool {
    vendor.local() || (near && vendor.name() == COMPATIBLE)
}
