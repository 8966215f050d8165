//! A `frontend` (or the upper half of a `listen`): where it listens and which path leads to which backend.

use super::conditions::Conditions;
use super::settings;
use super::words::{Line, Section};
use crate::report::Report;

/// What becomes of requests whose rule is lost.
pub(super) const ELSEWHERE: &str = "such requests now go where the next fitting path leads";

/// What a frontend says.
#[derive(Default)]
pub(super) struct Frontend {
    pub(super) listen: Vec<String>,
    /// A pattern, and the backend it leads to.
    pub(super) routes: Vec<(String, String)>,
}

/// Reads a frontend. The order of `use_backend` lines counts in HAProxy, the length of a path with us: a rule that is
/// never reached there is not carried over.
pub(super) fn read(section: &Section, report: &mut Report) -> Frontend {
    let mut frontend = Frontend::default();
    let mut conditions = Conditions::default();
    let mut default = None;
    for line in &section.lines {
        match line.word(0) {
            "bind" => frontend.listen.extend(bind(line, report)),
            "acl" => match conditions.learn(line) {
                Ok(()) => {}
                Err(why) => report.lost(line.number, format!("acl {}: {why}", line.word(1))),
            },
            "use_backend" => used(line, &conditions, &mut frontend.routes, report),
            "default_backend" => default = Some(line),
            // The lower half of a `listen`.
            _ if section.kind == "listen" => {}
            _ => settings::read(line, report),
        }
    }
    if let Some(line) = default {
        route("/v1/*".to_owned(), line, &mut frontend.routes, report);
    }
    frontend
}

fn used(line: &Line, conditions: &Conditions, routes: &mut Vec<(String, String)>, report: &mut Report) {
    match conditions.patterns(line.words.get(2..).unwrap_or_default()) {
        Ok(None) => route("/v1/*".to_owned(), line, routes, report),
        Ok(Some(patterns)) => {
            for pattern in patterns {
                route(pattern, line, routes, report);
            }
        }
        Err(why) => report.lost(line.number, format!("use_backend {}: {why}; {ELSEWHERE}", line.word(1))),
    }
}

fn route(pattern: String, line: &Line, routes: &mut Vec<(String, String)>, report: &mut Report) {
    let name = line.word(1);
    if name.contains('%') {
        report.lost(line.number, format!("{} {name}: a backend that is computed; {ELSEWHERE}", line.word(0)));
        return;
    }
    let stem = pattern.trim_end_matches("/*");
    let hidden = routes.iter().any(|(earlier, _)| match earlier.strip_suffix("/*") {
        Some(prefix) => {
            stem.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        None => *earlier == pattern,
    });
    if hidden {
        report.lost(line.number, format!("{pattern} to {name}: an earlier line takes it, here as there"));
        return;
    }
    report.carried(line.number, format!("{pattern} to {name}"));
    routes.push((pattern, name.to_owned()));
}

/// The addresses of a `bind` line, kept to this computer: HAProxy asked nobody for a key, and neither do we.
fn bind(line: &Line, report: &mut Report) -> Vec<String> {
    let number = line.number;
    if line.words.iter().any(|word| word == "ssl") {
        report.lost(number, "bind ... ssl: write `server.tls` with `cert` and `key`, two PEM files");
    }
    let address = |text: &str| {
        let text = text.trim_start_matches("ipv4@").trim_start_matches("ipv6@");
        if let Some(path) = text.strip_prefix("unix@").or_else(|| text.starts_with('/').then_some(text)) {
            report.carried(number, format!("bind {text}: `server.listen`"));
            return Some(format!("unix:{path}"));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        let loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if loopback {
            report.carried(number, format!("bind {text}: `server.listen`"));
            return Some(text.to_owned());
        }
        let told =
            "others could reach it and nobody is asked for a key; kept to this computer (docs/migration.md)";
        report.changed(number, format!("bind {text}: {told}"));
        Some(format!("127.0.0.1:{port}"))
    };
    let found: Vec<String> = line.word(1).split(',').filter_map(address).collect();
    if found.is_empty() {
        report.lost(number, line.from(0));
    }
    found
}
