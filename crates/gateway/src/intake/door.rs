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
    check_host(world, peer, uri, head)?;
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

/// Checks that we are addressed by a name of ours.
pub(crate) fn check_host(
    world: &Snapshot,
    peer: &Peer,
    uri: &http::Uri,
    head: &HeaderMap,
) -> Result<(), ApiError> {
    let allowed = &world.server.allowed_hosts;
    // A door that only this computer reaches has this computer's names, whatever name the others answer to.
    let inner =
        peer.admin && world.server.admin_listen.is_some_and(|door| door.ip().to_canonical().is_loopback());
    // On a Unix socket the host says nothing; a web page cannot reach one.
    if peer.ip.is_none() || (allowed.is_empty() && !inner) {
        return Ok(());
    }
    let named =
        head.get(HOST).and_then(|value| value.to_str().ok()).or_else(|| uri.authority().map(|a| a.as_str()));
    let host = named.map(bare_host).unwrap_or_default();
    let ours = allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
        || (inner && THIS_COMPUTER.iter().any(|name| name.eq_ignore_ascii_case(host)));
    if named.is_none() || ours {
        return Ok(());
    }
    let say = format!(
        "This gateway does not answer to the host name `{}`. Use localhost, or add the name to server.allowed_hosts.",
        shown(host)
    );
    Err(ApiError::new(Kind::WrongHost, say))
}

/// What this computer calls itself.
const THIS_COMPUTER: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What the guard checks of HTTP/1.1 and HTTP/2 brings in another way: sizes, methods, and one name for the host.
pub(crate) fn check_http2(
    uri: &http::Uri,
    version: http::Version,
    method: &http::Method,
    head: &HeaderMap,
) -> Result<(), ApiError> {
    if version != http::Version::HTTP_2 {
        return Ok(());
    }
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let refuse = |kind, say: &'static str| Err(ApiError::new(kind, say));
    if target > protocol::frame::head::MAX_TARGET {
        return refuse(Kind::TargetTooLong, "A request target has at most 8 KiB.");
    }
    if head.len() > protocol::frame::head::MAX_HEADERS {
        return refuse(Kind::HeadTooLarge, "A head has at most 100 header lines.");
    }
    if matches!(*method, http::Method::TRACE | http::Method::CONNECT) {
        return refuse(Kind::MethodNotAllowed, "CONNECT and TRACE are not served.");
    }
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let mut hosts = head.get_all(HOST).iter();
    let agrees = hosts.next().is_none_or(|host| {
        authority.is_none_or(|authority| host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()))
    });
    if !agrees || hosts.next().is_some() {
        return refuse(Kind::MalformedHttp, "A request names one host, in :authority.");
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
    let web = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = web.map(bare_host).unwrap_or_default();
    let own = THIS_COMPUTER.contains(&host);
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
    if let Some((address, behind)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // Something else than a port behind the bracket makes it another name.
        return if behind.is_empty() || behind.starts_with(':') { address } else { authority };
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
    let named: Vec<&str> =
        head.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let hops = named.iter().flat_map(|list| list.split(',')).map(str::trim);
    for hop in hops.collect::<Vec<_>>().into_iter().rev() {
        // A hop that is no address was written by nobody we trust: believe nothing before it.
        let Some(ip) = address(hop) else { return Some(own) };
        if !trusted(&ip) {
            return Some(ip);
        }
    }
    Some(own)
}

/// An address, with a port or without.
fn address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    hop.parse().ok().or_else(with_port)
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
