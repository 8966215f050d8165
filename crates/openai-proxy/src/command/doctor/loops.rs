//! Loops: a provider, or a variable, that leads back to our own door.

use std::net::{IpAddr, UdpSocket};

use config::snapshot::Scheme;

use super::finding::Finding;
use super::scene::Scene;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(loaded) = &scene.loaded else { return Vec::new() };
    let ports = scene.own_ports();
    let providers = loaded.snapshot.providers.iter();
    let mut findings: Vec<Finding> = providers
        .filter(|provider| provider.origin.scheme != Scheme::Inside && provider.origin.proxy.is_none())
        .filter(|provider| ports.contains(&provider.origin.port) && is_ours(&provider.origin.host))
        .map(|provider| {
            let what = format!("{} at {} is this gateway itself", provider.name, provider.origin.authority);
            Finding::bad("loops", what)
                .about(provider.name.as_str())
                .cause("A request that goes there comes back, again and again.")
                .fix(format!("Set providers.{}.base_url to the server that is meant.", provider.name))
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::good("loops", "no provider leads back to this gateway"));
    }
    findings
}

/// Whether a host is this computer. No name is looked up for it but `localhost`.
fn is_ours(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => true,
        // Only an address of our own can be bound to.
        Ok(ip) => UdpSocket::bind((ip, 0)).is_ok(),
        Err(_) => host == "localhost",
    }
}
