//! Doors (`server.listen`) and networks (`server.trusted_proxies`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::problem::{Wrong, wrong};
use crate::snapshot::{Door, Network};

/// Where we listen when only a host is written (D-2).
pub(crate) const USUAL_PORT: u16 = 2020;

/// `127.0.0.1:2020`, `[::1]:2020`, `localhost:2020`, `127.0.0.1:auto`, `127.0.0.1`, `3000`, `unix:/path`.
pub(crate) fn door(text: &str) -> Result<Door, Wrong> {
    if let Some(path) = text.strip_prefix("unix:") {
        if !path.starts_with('/') {
            return wrong(
                format!("is `{text}`, which is no full path."),
                "Write unix:/run/openai-proxy.sock.",
            );
        }
        return Ok(Door::Unix(PathBuf::from(path)));
    }
    if let Ok(port) = text.parse::<u16>() {
        return Ok(Door::Tcp((Ipv4Addr::LOCALHOST, port).into()));
    }
    if let Some(address) = host(text) {
        return Ok(Door::Tcp((address, USUAL_PORT).into()));
    }
    match text.rsplit_once(':').map(|(name, port)| (host(name), self::port(port))) {
        Some((Some(address), Some(port))) => Ok(Door::Tcp(SocketAddr::new(address, port))),
        Some((None, Some(port))) if text.starts_with(':') => wrong(
            format!("is `{text}`, which names no host."),
            format!("Write 127.0.0.1:{port}, or 0.0.0.0:{port} for everybody."),
        ),
        _ => wrong(
            format!("is `{text}`, which is not an address to listen on."),
            "Write host:port with an IP address, like 127.0.0.1:2020, or unix:/path.",
        ),
    }
}

fn host(text: &str) -> Option<IpAddr> {
    match text {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        "*" => Some(Ipv4Addr::UNSPECIFIED.into()),
        _ => text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse().ok(),
    }
}

fn port(text: &str) -> Option<u16> {
    if text == "auto" { Some(0) } else { text.parse().ok() }
}

/// `10.0.0.0/8`, `fd00::/8`, or one address.
pub(crate) fn network(text: &str) -> Result<Network, Wrong> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address.parse::<IpAddr>().ok(), prefix.parse::<u8>().ok()),
        None => (text.parse().ok(), None),
    };
    let Some(address) = address else {
        return wrong(
            format!("is `{text}`, which is not a network."),
            "Write it like 10.0.0.0/8 or fd00::/8.",
        );
    };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    match (text.contains('/'), prefix) {
        (false, _) => Ok(Network { address, prefix: bits }),
        (true, Some(prefix)) if prefix <= bits => Ok(Network { address, prefix }),
        _ => wrong(
            format!("is `{text}`, which has no proper length."),
            format!("Lengths go from 0 to {bits}."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_are_read_in_every_usual_spelling() {
        for (text, want) in [
            ("127.0.0.1:2020", "127.0.0.1:2020"),
            ("[::1]:2020", "[::1]:2020"),
            ("localhost:1", "127.0.0.1:1"),
            ("127.0.0.1:auto", "127.0.0.1:0"),
            ("*:80", "0.0.0.0:80"),
            ("0.0.0.0", "0.0.0.0:2020"),
            ("::1", "[::1]:2020"),
            ("3000", "127.0.0.1:3000"),
        ] {
            let want = want.parse().map(Door::Tcp).ok();
            assert_eq!(door(text).ok(), want, "{text}");
        }
        assert_eq!(door("unix:/run/x"), Ok(Door::Unix("/run/x".into())));
        for text in ["", ":2020", "example.org:80", "127.0.0.1:99999", "unix:x", "http://127.0.0.1:1"] {
            assert!(door(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_have_a_length_that_fits() {
        assert!(network("10.0.0.0/8").is_ok_and(|network| network.prefix == 8));
        assert!(network("::1").is_ok_and(|network| network.prefix == 128));
        for text in ["10.0.0.0/33", "10.0.0.0/", "lan", "10.0.0.0/-1"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
