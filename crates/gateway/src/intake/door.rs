//! Who may knock: host names against DNS rebinding, origins against foreign web pages, and whose address to believe.

use std::net::IpAddr;

use config::Snapshot;
use config::snapshot::Network;
use http::HeaderValue;
use http::header::{HOST, HeaderMap, ORIGIN};
use protocol::fault::Kind;

use super::Peer;
use super::shown;
use crate::error::ApiError;

/// Checks host and origin of a request, before anything else is done with it (T-36).
pub(crate) fn check_door(
    world: &Snapshot,
    peer: &Peer,
    uri: &http::Uri,
    head: &HeaderMap,
) -> Result<(), ApiError> {
    let allowed = &world.server.allowed_hosts;
    // On a Unix socket the host says nothing; a web page cannot reach one.
    if !allowed.is_empty() && peer.ip.is_some() {
        let named = head
            .get(HOST)
            .and_then(|value| value.to_str().ok())
            .or_else(|| uri.authority().map(|a| a.as_str()));
        let host = named.map(bare_host).unwrap_or_default();
        if named.is_some() && !allowed.iter().any(|name| name.eq_ignore_ascii_case(host)) {
            let say = format!(
                "This gateway does not answer to the host name `{}`. Use localhost, or add the name to server.allowed_hosts.",
                shown(host)
            );
            return Err(ApiError::new(Kind::WrongHost, say));
        }
    }
    if cors(world, head) == Cors::Refused {
        let origin = head.get(ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let say = format!(
            "A page at `{}` asked for access. Add it to server.cors.allow_origins if you trust it.",
            shown(origin)
        );
        return Err(ApiError::new(Kind::OriginRefused, say));
    }
    Ok(())
}

/// What an `Origin` header means for a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cors {
    /// No web page asks.
    NoPage,
    /// A page we trust asks: its origin is to be named in the answer.
    Allowed(HeaderValue),
    /// A page nobody allowed.
    Refused,
}

/// Reads the origin: pages of this computer and those configured may ask.
pub(crate) fn cors(world: &Snapshot, head: &HeaderMap) -> Cors {
    let Some(value) = head.get(ORIGIN) else { return Cors::NoPage };
    let origin = value.to_str().unwrap_or_default();
    let host = origin.split_once("://").map(|(_, rest)| bare_host(rest)).unwrap_or_default();
    let own = matches!(host, "localhost" | "127.0.0.1" | "::1");
    if own || world.server.allow_origins.iter().any(|pattern| matches_origin(pattern, origin)) {
        Cors::Allowed(value.clone())
    } else {
        Cors::Refused
    }
}

fn matches_origin(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == origin,
        Some((before, after)) => {
            origin.len() >= before.len() + after.len()
                && origin.starts_with(before)
                && origin.ends_with(after)
        }
    }
}

/// A host without its port and brackets.
fn bare_host(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// The caller's address: the peer's own, or, behind a trusted proxy, the last address in `X-Forwarded-For` that is not
/// itself a trusted proxy (T-40).
pub(crate) fn caller_address(world: &Snapshot, peer: &Peer, head: &HeaderMap) -> Option<IpAddr> {
    let own = peer.ip?;
    let trusted = |ip: &IpAddr| world.server.trusted_proxies.iter().any(|network| contains(network, *ip));
    if !trusted(&own) {
        return Some(own);
    }
    let named = head.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> =
        named.flat_map(|list| list.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    hops.iter().rev().find(|hop| !trusted(hop)).copied().or(Some(own))
}

fn contains(network: &Network, ip: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    };
    let ((size, net), (other, ip)) = (bits(network.address), bits(ip));
    let shift = size - u32::from(network.prefix).min(size);
    size == other && (shift == 128 || net >> shift == ip >> shift)
}
