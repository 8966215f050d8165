//! The way out: the proxy that was written, or the one of the environment, with its exceptions.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::address::{BaseUrl, is_loopback, is_private, proxy};
use crate::document::provider::{Provider, Way};
use crate::problem::Place;
use crate::reader::Findings;
use crate::snapshot::{OutboundProxy, Scheme};

/// The proxy for one provider.
pub(super) fn resolve(
    written: &Provider,
    url: &BaseUrl,
    environment: &BTreeMap<String, String>,
    findings: &Findings,
) -> Option<OutboundProxy> {
    if let Some(way) = &written.proxy {
        return match &way.value {
            Way::Direct => None,
            Way::Through(proxy) => Some(proxy.clone()),
        };
    }
    of_environment(url, environment, findings)
}

/// The proxy the environment says for an address.
pub(super) fn of_environment(
    url: &BaseUrl,
    environment: &BTreeMap<String, String>,
    findings: &Findings,
) -> Option<OutboundProxy> {
    // `HTTP_PROXY` in capitals is a request header on some servers, so only the small spelling is believed.
    let names: &[&str] = match url.scheme {
        Scheme::Https => &["HTTPS_PROXY", "https_proxy"],
        Scheme::Http => &["http_proxy"],
        Scheme::Inside => &[],
    };
    let said = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (name, value) = names.iter().find_map(|name| Some((*name, said(name)?)))?;
    let exceptions = said("NO_PROXY").or_else(|| said("no_proxy")).unwrap_or_default();
    if stays_here(&url.host) || excepted(&url.host, exceptions) {
        return None;
    }
    match proxy(value) {
        Ok(proxy) => Some(proxy),
        Err(against) => {
            findings.problem(
                name,
                Some(&Place::outside(name)),
                format!("`{name}` {}", against.what),
                against.fix,
            );
            None
        }
    }
}

/// Loopback and private addresses are never asked for through a proxy of the environment.
fn stays_here(host: &str) -> bool {
    is_loopback(host) || host.parse::<IpAddr>().is_ok_and(is_private)
}

/// `NO_PROXY`: names and what is below them, with or without a dot before; `*` for all.
fn excepted(host: &str, exceptions: &str) -> bool {
    exceptions
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let entry = entry.trim_start_matches('*').trim_start_matches('.');
            entry.is_empty()
                || host == entry
                || host.strip_suffix(entry).is_some_and(|left| left.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_hold_for_a_name_and_what_is_below_it() {
        for (host, exceptions, want) in [
            ("api.example.org", "example.org", true),
            ("api.example.org", ".example.org", true),
            ("api.example.org", "*.example.org", true),
            ("api.example.org", "a, *", true),
            ("badexample.org", "example.org", false),
            ("api.example.org", "", false),
        ] {
            assert_eq!(excepted(host, exceptions), want, "{host} in {exceptions}");
        }
    }
}
