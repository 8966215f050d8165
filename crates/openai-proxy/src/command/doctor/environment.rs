//! The environment: keys that look wrong, proxies, and programs that look for us elsewhere.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use config::snapshot::{Credential, Provider, Scheme};
use protocol::secret::Secret;

use super::finding::Finding;
use super::scene::Scene;
use crate::command::tool::{self, Aim};

/// A port of this computer answers at once or not at all.
const PATIENCE: Duration = Duration::from_millis(200);

/// Keys in variables and in the configuration, by their look alone. Values are never repeated.
pub(super) fn keys(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut looked = 0;
    let names = protocol::vendor::all().flat_map(|vendor| vendor.key_variables().iter());
    let mut names: Vec<&String> = names.filter(|name| scene.environment.contains_key(*name)).collect();
    names.sort();
    names.dedup();
    for name in names {
        looked += 1;
        let value = scene.environment.get(name).map(String::as_str).unwrap_or_default();
        if let Some(wrong) = odd(value) {
            findings.push(
                Finding::warning("keys", format!("{name} {wrong}"))
                    .about(name.as_str())
                    .fix(format!("Set it anew: export {name}=... (nothing around the key, no spaces).")),
            );
        }
    }
    let providers = scene.loaded.iter().flat_map(|loaded| &loaded.snapshot.providers);
    for provider in
        providers.filter(|provider| provider.origin.scheme != Scheme::Inside && !provider.vendor.local())
    {
        for (setting, secret) in shown(provider) {
            looked += 1;
            if let Some(wrong) = odd(secret.expose()) {
                let name = provider.name.as_str();
                findings.push(
                    Finding::warning("keys", format!("the key of {name} {wrong}"))
                        .about(name)
                        .fix(format!("Set providers.{name}.{setting}, or the variable it comes from, anew.")),
                );
            }
        }
    }
    if findings.is_empty() && looked > 0 {
        let what = if looked == 1 {
            "1 key looks like a key".to_owned()
        } else {
            format!("{looked} keys look like keys")
        };
        findings.push(Finding::good("keys", what));
    }
    findings
}

/// The keys a provider is shown, each with where it is set.
fn shown(provider: &Provider) -> Vec<(String, &Secret)> {
    let setting = |name: &str| match name {
        "default" => "api_key".to_owned(),
        name => format!("keys.{name}.key"),
    };
    match (&provider.credential, provider.keys.as_slice()) {
        (Credential::Stored(secret), []) => vec![(setting("default"), secret)],
        (_, several) => several.iter().map(|key| (setting(&key.name), &key.secret)).collect(),
    }
}

/// What is odd about a key; a sentence's end.
fn odd(value: &str) -> Option<&'static str> {
    const FILLERS: &[&str] =
        &["your", "changeme", "change-me", "xxx", "todo", "placeholder", "replace", "example", "insert"];
    let lower = value.to_ascii_lowercase();
    let inner = value.trim();
    if inner.is_empty() {
        Some("is set and empty")
    } else if inner.starts_with(['"', '\'', '`', '“', '‘']) || inner.ends_with(['"', '\'', '`', '”', '’'])
    {
        Some("has quotes around it, which became part of the key")
    } else if lower.starts_with("bearer ") {
        Some("begins with `Bearer`, which is added when it is sent")
    } else if inner.contains(char::is_whitespace) {
        Some("has a space or a line break inside: two things, or a key that was broken by copying")
    } else if inner.len() < value.len() {
        Some("has spaces or a line break around it")
    } else if !inner.is_ascii() {
        Some("has characters that no key has (copied from a formatted text?)")
    } else if inner.starts_with(['<', '[', '$', '{'])
        || inner.contains("...")
        || FILLERS.iter().any(|word| lower.contains(word))
    {
        Some("looks like a placeholder, not like a key")
    } else {
        None
    }
}

/// Proxies of the environment: what we take from them, and what they do to programs that call us.
pub(super) fn proxies(scene: &Scene) -> Vec<Finding> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let set: Vec<&str> = names.into_iter().filter(|name| scene.variable(name).is_some()).collect();
    if set.is_empty() {
        return vec![Finding::good("proxy", "no proxy in the environment")];
    }
    let mut findings = Vec::new();
    let exceptions = scene.variable("NO_PROXY").or_else(|| scene.variable("no_proxy")).unwrap_or_default();
    let excepted =
        |host: &str| exceptions.split(',').map(str::trim).any(|entry| entry == host || entry == "*");
    if !excepted("127.0.0.1") || !excepted("localhost") {
        findings.push(
            Finding::warning(
                "proxy",
                format!("{} is set, and NO_PROXY does not name 127.0.0.1 and localhost", set.join(", ")),
            )
            .cause("Programs on this computer may look for this gateway behind the proxy, where it is not.")
            .fix(format!(
                "export NO_PROXY={}localhost,127.0.0.1,::1",
                if exceptions.is_empty() { String::new() } else { format!("{exceptions},") }
            )),
        );
    } else {
        findings.push(Finding::good("proxy", format!("{}, and not for this computer", set.join(", "))));
    }
    let ours = ["HTTPS_PROXY", "https_proxy", "http_proxy"].iter().any(|name| scene.variable(name).is_some());
    if !ours {
        findings.push(
            Finding::warning("proxy.unused", format!("{} alone is not used by this gateway", set.join(", ")))
                .cause("It takes HTTPS_PROXY for https and http_proxy, in small letters, for http.")
                .fix("Set those, or write `proxy` for the provider."),
        );
    }
    findings
}

/// Variables that name a base URL besides those of the tools we know.
const VARIABLES: &[&str] = &["OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "OPENAI_PROXY_URL"];

/// Whether programs of this computer that look for a gateway here look at the right port: by variables, and by the files of the
/// tools that `launch` knows.
pub(super) fn programs(scene: &Scene) -> Vec<Finding> {
    let ports = scene.own_ports();
    let aim = Aim { root: "http://here".to_owned(), key: None, model: String::new(), speaks: None };
    let theirs = tool::all().flat_map(|tool| (tool.variables)(&aim));
    let theirs = theirs.filter(|(_, value)| value.contains(&aim.root)).map(|(name, _)| name);
    let mut names: Vec<&str> = VARIABLES.iter().copied().chain(theirs).collect();
    names.sort_unstable();
    names.dedup();
    let mut findings = Vec::new();
    for name in names {
        for port in scene.variable(name).map(|text| loopback_ports(text, "")).unwrap_or_default() {
            findings.extend(pointing(scene, &ports, (name, port)));
        }
    }
    for (tool, file) in tool::all().flat_map(|tool| tool.files.iter().map(move |file| (tool, file))) {
        let text = file.place(&scene.environment).and_then(|place| config::read_text(&place).ok());
        // Other servers stand in such files, too; ours is meant where the tool's own way of writing it is met.
        let at_root = (tool.variables)(&aim).iter().any(|(_, value)| *value == aim.root);
        let path = if at_root { "" } else { "/v1" };
        let mut found = text.as_deref().map(|text| loopback_ports(text, path)).unwrap_or_default();
        found.dedup();
        for port in found {
            findings.extend(pointing(scene, &ports, (&format!("{} ({})", tool.name, file.usual()), port)));
        }
    }
    findings
}

fn pointing(scene: &Scene, ports: &[u16], (who, port): (&str, u16)) -> Option<Finding> {
    if ports.contains(&port) {
        return Some(Finding::good("programs", format!("{who} points at this gateway")).about(who));
    }
    let silent = || TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).is_err();
    (!scene.offline && silent()).then(|| {
        let own = ports.first().map_or("its port".to_owned(), |port| format!("http://127.0.0.1:{port}/v1"));
        Finding::warning(
            "programs",
            format!("{who} points at port {port} of this computer, where nobody listens"),
        )
        .about(who)
        .fix(format!("If this gateway is meant, it is {own}."))
    })
}

/// The ports of this computer that a text names in URLs, with this path behind them.
fn loopback_ports(text: &str, path: &str) -> Vec<u16> {
    let hosts = ["://127.0.0.1:", "://localhost:", "://[::1]:"];
    let mut ports: Vec<u16> = Vec::new();
    for host in hosts {
        for (at, _) in text.match_indices(host) {
            let rest = &text[at + host.len()..];
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            ports.extend(rest[..digits].parse::<u16>().ok().filter(|_| rest[digits..].starts_with(path)));
        }
    }
    ports.sort_unstable();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_copied_badly_is_told_from_a_good_one() {
        for bad in [
            "",
            " ",
            "\"sk-abc\"",
            "'sk-abc'",
            "sk-abc\n",
            "sk-abc def",
            "sk-...",
            "<your key>",
            "YOUR_API_KEY",
            "sk-xxxxxxxx",
            "${OPENAI_API_KEY}",
            "Bearer sk-abc",
            "“sk-abc”",
            "sk–abc",
        ] {
            assert!(odd(bad).is_some(), "{bad:?}");
        }
        for good in ["sk-proj-Ab12_cd-34", "gsk_9f8e7d", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(odd(good), None, "{good}");
        }
    }

    #[test]
    fn ports_of_this_computer_are_found_in_any_file() {
        let text =
            "base = \"http://127.0.0.1:2020/v1\"\nother: http://localhost:99 https://api.example.org:443/";
        assert_eq!(loopback_ports(text, ""), [99, 2020]);
        assert_eq!(loopback_ports(text, "/v1"), [2020]);
    }
}
