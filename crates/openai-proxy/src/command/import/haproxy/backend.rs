//! A `backend` (or the lower half of a `listen`): its servers, in order, and what it does to requests.

use super::server::{self, Around};
use super::words::{Line, Section};
use super::{conditions::Conditions, settings};
use crate::command::import::plan::{Plan, Provider};
use crate::report::Report;

/// Turns a backend into providers; their names, those that stand in behind the others last.
pub(super) fn read(
    section: &Section,
    patterns: &[String],
    defaults: &[String],
    plan: &mut Plan,
    report: &mut Report,
) -> Vec<String> {
    let mut around = Around { options: defaults.to_vec(), ..Around::default() };
    let mut conditions = Conditions::default();
    let mut servers = Vec::new();
    for line in &section.lines {
        match line.word(0) {
            "server" => servers.push(line),
            "default-server" => around.options.extend_from_slice(&line.words[1..]),
            "acl" => drop(conditions.learn(line)),
            "http-request" => request(line, patterns, &conditions, (&mut around, report)),
            "balance" => {
                let told = "servers stand in order of preference";
                report.changed(line.number, format!("{}: {told}", line.from(0)));
            }
            // The upper half of a `listen`.
            "bind" | "use_backend" | "default_backend" if section.kind == "listen" => {}
            _ => settings::read(line, report),
        }
    }
    let found: Vec<(Provider, bool)> =
        servers.iter().filter_map(|line| server::read(line, &around, report)).collect();
    if found.len() > 1 {
        let told =
            "several servers: the first that serves the operation is asked; taking turns is not carried over";
        report.changed(section.number, format!("{} {}: {told}", section.kind, section.name));
    }
    let (last, first): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, backup)| *backup);
    let short = section.name.trim_start_matches("backend_").trim_start_matches("backend-").to_owned();
    first.into_iter().chain(last).map(|(provider, _)| plan.provider(provider, &short)).collect()
}

/// What a backend changes in a request.
fn request(
    line: &Line,
    patterns: &[String],
    conditions: &Conditions,
    (around, report): (&mut Around, &mut Report),
) {
    let number = line.number;
    let arguments = if line.word(1) == "del-header" { 3 } else { 4 };
    let arguments = if line.word(1) == "set-path" { 3 } else { arguments };
    let condition = line.words.get(arguments..).unwrap_or_default();
    match line.word(1) {
        "set-path" | "replace-path" => match conditions.patterns(condition) {
            Ok(asked) => path(line, asked.as_deref().unwrap_or(patterns), around, report),
            Err(why) => report.lost(number, format!("{}: {why}", line.from(0))),
        },
        "set-header" | "del-header" if settings::is_forwarded(line.word(2)) => {
            settings::forwarded(line, report)
        }
        "set-header" | "add-header" if condition.is_empty() => header(line, around, report),
        "del-header" if line.word(2).eq_ignore_ascii_case("authorization") && condition.is_empty() => {
            around.keyless = true;
            report.carried(number, "del-header Authorization: `credential: none`");
        }
        _ => report.lost(number, settings::shown(line)),
    }
}

/// A path that is rewritten: one path to another, or something put before all of them.
fn path(line: &Line, patterns: &[String], around: &mut Around, report: &mut Report) {
    let (number, words) = (line.number, line.from(0));
    if line.word(1) == "set-path" {
        return endpoints(line, patterns, line.word(2), (around, report));
    }
    let from = line.word(2).trim_start_matches('^').trim_end_matches('$').replace("\\/", "/");
    let to = line.word(3);
    let (stem, kept) = match from.strip_suffix("(.*)") {
        Some(stem) => (stem, to.strip_suffix("\\1")),
        None => (from.as_str(), Some(to)),
    };
    let literal = |text: &str| !text.contains(['(', ')', '*', '[', '\\', '%', '?', '+']);
    match kept {
        Some(to) if literal(stem) && literal(to) => {
            let below = |text: &str| text.trim_end_matches('/').strip_suffix("/v1").map(str::to_owned);
            let base = if stem.is_empty() || stem == "/" {
                Some(to.trim_end_matches('/').to_owned())
            } else {
                below(stem).filter(String::is_empty).and_then(|_| below(to))
            };
            match base {
                Some(base) => {
                    report.carried(number, format!("{words}: `base_url`"));
                    around.base = base;
                }
                None if stem.starts_with("/v1/") => endpoints(line, &[stem.to_owned()], to, (around, report)),
                None => report.lost(number, words),
            }
        }
        _ => report.lost(number, format!("{words}: this pattern is not understood")),
    }
}

/// These paths are the server's `to`.
fn endpoints(line: &Line, patterns: &[String], to: &str, (around, report): (&mut Around, &mut Report)) {
    let stems: Vec<&str> = patterns.iter().map(|pattern| pattern.trim_end_matches("/*")).collect();
    if stems.is_empty() || stems.contains(&"/v1") || !to.starts_with('/') || to.contains('%') {
        report.lost(line.number, format!("{}: it is not clear for which path", line.from(0)));
        return;
    }
    report.carried(line.number, format!("{}: `endpoints`", line.from(0)));
    around.endpoints.extend(stems.into_iter().map(|stem| (stem.to_owned(), to.to_owned())));
}

/// A header set on every request. A key's letters are never repeated.
fn header(line: &Line, around: &mut Around, report: &mut Report) {
    let (number, name, value) = (line.number, line.word(2), line.word(3));
    if name.eq_ignore_ascii_case("host") && !value.contains('%') {
        around.host = Some(value.to_owned());
        report.carried(number, "set-header Host: part of `base_url`");
    } else if name.eq_ignore_ascii_case("authorization") {
        let variable = variable(value);
        match variable {
            None => report.changed(
                number,
                "Authorization: the key is not repeated here; put it into the variable `api_key` names",
            ),
            Some(_) => report.carried(number, "Authorization: `api_key`"),
        }
        around.key = Some(variable);
    } else if value.contains("%[") || value.contains("${") || !settings::is_free(name) {
        report.lost(number, settings::shown(line));
    } else {
        report.carried(number, format!("set-header {name}: `headers`"));
        around.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// The variable in `Bearer ${NAME}` or `Bearer %[env(NAME)]`.
fn variable(value: &str) -> Option<String> {
    let inside = |begin: &str, end: char| value.split_once(begin)?.1.split(end).next().map(str::to_owned);
    let name = inside("${", '}').or_else(|| inside("env(", ')'))?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(fits)).then_some(name)
}
