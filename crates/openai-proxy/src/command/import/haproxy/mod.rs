//! A haproxy.cfg, as far as it says where requests of the API go.

mod backend;
mod conditions;
mod frontend;
mod server;
mod settings;
mod words;

use super::plan::Plan;
use crate::report::Report;
use words::{Line, Section};

/// Reads a file; whatever is not carried over is named.
pub(super) fn read(text: &str, report: &mut Report) -> Plan {
    let mut plan = Plan::default();
    let mut defaults = Vec::new();
    let sections = words::sections(text);
    let mut doors: Vec<&Section> = Vec::new();
    for section in &sections {
        match section.kind.as_str() {
            _ if is_tcp(section) && section.kind != "defaults" => {
                report.lost(section.number, format!("{} {}: mode tcp", section.kind, section.name));
            }
            "defaults" | "global" => general(section, &mut defaults, &mut plan, report),
            "frontend" => doors.push(section),
            "listen" if has(section, "bind") || section.name.contains(':') => doors.push(section),
            "backend" | "listen" => {}
            "resolvers" => report.needless(section.number, format!("resolvers {}", section.name)),
            kind => report.lost(section.number, format!("{kind} {}, the whole section", section.name)),
        }
    }
    let mut used = Vec::new();
    doors.retain(|door| leads_somewhere(door, report));
    for door in doors {
        if !used.is_empty() && door.kind == "frontend" {
            let told = "one set of routes is carried over, the first";
            report.lost(door.number, format!("{} {}: {told}", door.kind, door.name));
            continue;
        }
        let frontend = frontend::read(door, report);
        let known = plan.listen.clone();
        plan.listen.extend(frontend.listen.into_iter().filter(|address| !known.contains(address)));
        let mut routes = frontend.routes;
        if door.kind == "listen" && has(door, "server") {
            routes.push(("/v1/*".to_owned(), door.name.clone()));
        }
        lead(&routes, &sections, (&defaults, &mut used), &mut plan, report);
    }
    for section in sections.iter().filter(|section| section.kind == "backend" && !is_tcp(section)) {
        if !used.contains(&section.name) {
            report.lost(section.number, format!("backend {}: no path leads to it", section.name));
        }
    }
    plan
}

/// `global` and `defaults`: clocks, and what holds for all servers.
fn general(section: &Section, servers: &mut Vec<String>, plan: &mut Plan, report: &mut Report) {
    for line in &section.lines {
        match line.word(0) {
            "timeout" => clock(line, plan, report),
            "default-server" => servers.extend_from_slice(&line.words[1..]),
            _ => settings::read(line, report),
        }
    }
}

fn has(section: &Section, word: &str) -> bool {
    section.lines.iter().any(|line| line.word(0) == word)
}

fn is_tcp(section: &Section) -> bool {
    section.lines.iter().any(|line| line.word(0) == "mode" && line.word(1) == "tcp")
}

/// A `listen` without servers or routes shows figures; ours stand on the gateway's own pages.
fn leads_somewhere(section: &Section, report: &mut Report) -> bool {
    let leads = ["server", "use_backend", "default_backend"].iter().any(|word| has(section, word));
    if !leads {
        report.lost(section.number, format!("{} {}: no server stands behind it", section.kind, section.name));
    }
    leads
}

/// Turns the backends of these routes into providers.
fn lead(
    routes: &[(String, String)],
    sections: &[Section],
    (defaults, used): (&[String], &mut Vec<String>),
    plan: &mut Plan,
    report: &mut Report,
) {
    let mut known: Vec<(&str, Vec<String>)> = Vec::new();
    for (_, name) in routes {
        if known.iter().any(|(known, _)| known == name) {
            continue;
        }
        let is_it =
            |section: &&Section| section.name == *name && matches!(&*section.kind, "backend" | "listen");
        let Some(section) = sections.iter().find(is_it) else {
            report.lost(
                0,
                format!(
                    "backend {name}: it is used and stands nowhere in this file; {}",
                    frontend::ELSEWHERE
                ),
            );
            continue;
        };
        let patterns: Vec<String> =
            routes.iter().filter(|(_, to)| to == name).map(|(pattern, _)| pattern.clone()).collect();
        known.push((name, backend::read(section, &patterns, defaults, plan, report)));
        used.push(name.clone());
    }
    for (pattern, name) in routes {
        let to = known.iter().find(|(known, _)| known == name).map(|(_, to)| to.clone()).unwrap_or_default();
        if !to.is_empty() && !plan.routes.iter().any(|(known, _)| known == pattern) {
            plan.routes.push((pattern.clone(), to));
        }
    }
}

/// Clocks that have a twin with us.
fn clock(line: &Line, plan: &mut Plan, report: &mut Report) {
    let Some(value) = duration(line.word(2)) else { return report.lost(line.number, line.from(0)) };
    let (told, clocks): (&str, &[&str]) = match line.word(1) {
        "connect" => ("`provider_defaults.timeouts.connect`", &["connect"]),
        "server" => {
            ("silence of a server, at the beginning and within an answer", &["first_byte", "between_bytes"])
        }
        "http-request" => ("`server.timeouts.headers`", &["headers"]),
        "http-keep-alive" => ("`server.timeouts.idle`", &["idle"]),
        _ => return report.lost(line.number, line.from(0)),
    };
    let ours = matches!(line.word(1), "http-request" | "http-keep-alive");
    let list = if ours { &mut plan.server_timeouts } else { &mut plan.provider_timeouts };
    for clock in clocks {
        list.retain(|(known, _)| known != clock);
        list.push((clock, value.clone()));
    }
    report.carried(line.number, format!("{}: {told}", line.from(0)));
}

/// HAProxy's `30s`, `5m`, or a bare number of milliseconds, in our words.
fn duration(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok().filter(|number| *number > 0)?;
    match &text[digits.len()..] {
        "" => Some(format!("{number}ms")),
        unit @ ("ms" | "s" | "m" | "h") => Some(format!("{number}{unit}")),
        "d" => Some(format!("{}h", number * 24)),
        _ => None,
    }
}
