//! Addresses: base URLs and proxies outwards, doors and networks inwards, and which hosts are near.

mod door;

use std::net::{IpAddr, Ipv4Addr};

pub(crate) use door::{door, network};

use crate::problem::{Wrong, wrong};
use crate::snapshot::{Origin, OutboundProxy, Scheme};

/// A provider's base URL in pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BaseUrl {
    pub(crate) scheme: Scheme,
    /// Lower case, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Host`.
    pub(crate) authority: String,
    /// Without a trailing slash; empty when the URL named none.
    pub(crate) path: String,
}

/// Reads a base URL, with or without a trailing slash. What may be a secret in it is never repeated.
pub(crate) fn base_url(text: &str) -> Result<BaseUrl, Wrong> {
    let Some((scheme, rest)) = text.split_once("://") else {
        // A word that is no host may be a key, written where an address belongs.
        let host = text.contains(['.', ':']) || text == "localhost";
        if !host && !text.contains('@') {
            return wrong(
                "is no address.",
                "Write it like https://api.example.org/v1. A key belongs into `api_key`.",
            );
        }
        let shown = if text.contains('@') { "..." } else { text };
        return wrong(
            format!("is `{shown}`, which has no scheme."),
            format!("Write http://{shown} or https://{shown}."),
        );
    };
    let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (Scheme::Http, 80),
        "https" => (Scheme::Https, 443),
        "inside" => (Scheme::Inside, 0),
        other => return wrong(format!("begins with {other}://."), "Only http:// and https:// are spoken."),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return wrong(
            "carries a user name or password.",
            "Keep it out of the URL; a key goes into `api_key`.",
        );
    }
    if path.contains(['?', '#']) {
        return wrong(
            "carries a query or a fragment.",
            "Write the address without it; a version goes into `api_version`.",
        );
    }
    let (host, port) = host_and_port(authority)?;
    let proper = http::Uri::try_from(format!("http://{authority}{path}")).is_ok();
    if !proper || path.contains("//") {
        return wrong("is not a URL.", "Write it like https://api.example.org/v1.");
    }
    let port = port.unwrap_or(usual);
    let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let authority = if port == usual { shown } else { format!("{shown}:{port}") };
    Ok(BaseUrl { scheme, host, port, authority, path: path.trim_end_matches('/').to_owned() })
}

/// The server a URL names, and the URL's path without a slash at its end.
///
/// # Errors
/// One sentence on what is wrong with the URL and what to write.
pub fn origin(url: &str) -> Result<(Origin, String), String> {
    if !url.contains("://") {
        return Err("Write it like http://127.0.0.1:2020.".to_owned());
    }
    let read =
        base_url(url).map_err(|wrong| format!("It {} {}", wrong.what, wrong.fix.unwrap_or_default()))?;
    let plain = Origin::plain(&read.host, read.port);
    Ok((Origin { scheme: read.scheme, authority: read.authority, ..plain }, read.path))
}

/// An HTTP proxy's URL; the scheme may be left out.
pub(crate) fn proxy(text: &str) -> Result<OutboundProxy, Wrong> {
    const FIX: &str = "Write http://host:port; the connection to the provider is encrypted inside of it.";
    let rest = match text.split_once("://") {
        None => text,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) => {
            return wrong(format!("is a proxy of the kind {scheme}://, which is not spoken."), FIX);
        }
    };
    let authority = rest.trim_end_matches('/');
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (Some(protocol::secret::Secret::new(decoded(login))), place),
        None => (None, authority),
    };
    match host_and_port(place) {
        Ok((host, port)) if !place.contains('/') => {
            Ok(OutboundProxy { host, port: port.unwrap_or(80), login })
        }
        _ => wrong("is not the address of a proxy.", FIX),
    }
}

/// `host`, `host:port`, `[v6]:port`.
fn host_and_port(authority: &str) -> Result<(String, Option<u16>), Wrong> {
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return wrong("has a port that is none.", "Ports go from 1 to 65535."),
        },
        None => return wrong("has no proper host.", "Write host:port or [::1]:port."),
    };
    let v6 = bracketed.is_some();
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let proper = if v6 {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.chars().all(name)
    };
    if proper {
        return Ok((host.to_ascii_lowercase(), port));
    }
    wrong(
        "has no proper host.",
        "Write a host name or an address; names with other letters in their xn-- form.",
    )
}

/// `%41` becomes `A`; everything else stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A name that is usually resolved on this computer or in this network, or such an address.
pub(crate) fn is_near(host: &str) -> bool {
    const ENDS: &[&str] =
        &[".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc", ".cluster.local"];
    match host.parse::<IpAddr>() {
        Ok(address) => is_private(address),
        Err(_) => !host.contains('.') || ENDS.iter().any(|end| host.ends_with(end)),
    }
}

/// Loopback by its letters: `localhost`, `127.0.0.1`, `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Loopback, private, shared (100.64/10, as overlay networks use it) and unspecified addresses. Not link-local: a
/// cloud's metadata service lives there.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_unspecified() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unspecified(),
    }
}

fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_read_in_every_usual_spelling() {
        for (text, authority, port, path) in [
            ("https://api.example.org", "api.example.org", 443, ""),
            ("https://API.example.org/v1/", "api.example.org", 443, "/v1"),
            ("http://localhost:11434/", "localhost:11434", 11434, ""),
            ("http://[::1]:8080/v1", "[::1]:8080", 8080, "/v1"),
            ("https://h:443/a/b", "h", 443, "/a/b"),
        ] {
            let url = base_url(text);
            let got = url.as_ref().map(|url| (url.authority.as_str(), url.port, url.path.as_str()));
            assert_eq!(got, Ok((authority, port, path)), "{text}");
        }
        for text in [
            "localhost:1",
            "ftp://h",
            "http://u:p@h",
            "http://h?x=1",
            "http://",
            "http://h:0",
            "http://[::z]",
            "http://ü.de",
            "http://h/a b",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        let said = base_url("https://me:hunter2@host/").map_err(|wrong| wrong.what);
        assert!(said.is_err_and(|what| !what.contains("hunter2")));
    }

    #[test]
    fn near_hosts_are_told_from_far_ones() {
        for host in [
            "localhost",
            "gpu-box",
            "10.1.2.3",
            "fd00::1",
            "::1",
            "nas.local",
            "host.docker.internal",
            "a.b.svc",
            "100.64.0.1",
        ] {
            assert!(is_near(host), "{host}");
        }
        for host in [
            "api.example.org",
            "8.8.8.8",
            "169.254.169.254",
            "2001:db8::1",
            "172.32.0.1",
            "localhost.evil.org",
        ] {
            assert!(!is_near(host), "{host}");
        }
    }

    #[test]
    fn a_proxy_may_carry_a_login() {
        let known = proxy("http://me:p%40ss@proxy:3128/");
        let login =
            known.as_ref().ok().and_then(|proxy| proxy.login.as_ref()).map(|login| login.expose().to_owned());
        assert_eq!(login.as_deref(), Some("me:p@ss"));
        assert!(proxy("socks5://proxy:1080").is_err());
    }
}
