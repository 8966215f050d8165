//! The environment file of the older template: `PORT`, and one `BACKEND_*` for each path.
//!
//! The template knew `PORT`, `SOCKET`, `ERROR_PAGE`, `BACKEND_DEFAULT` and `BACKEND_` with a path in capitals, slashes as
//! underscores: `BACKEND_AUDIO_SPEECH`. We also take the path's words before `_BACKEND`, `_BACKEND_URL` or `_URL`. A
//! variable that names a program and no path (`WHISPER_URL`) is not guessed at.

use super::plan::{Plan, Provider};
use crate::report::Report;

/// Where the template sent what had no backend of its own.
const CLOUD: &str = "https://api.openai.com:443";

/// Reads a file; whatever is not carried over is named.
pub(super) fn read(text: &str, report: &mut Report) -> Plan {
    let mut plan = Plan::default();
    let variables = variables(text, report);
    let key = variables.iter().any(|(_, name, value)| name == "OPENAI_API_KEY" && !value.is_empty());
    let mut default = None;
    for (number, name, value) in &variables {
        match meaning(name) {
            _ if value.is_empty() => report.needless(*number, format!("{name}: it is empty")),
            Meaning::Port => port(value, *number, &mut plan, report),
            Meaning::Key => {
                let told =
                    "`api_key` for api.openai.com and nobody else; its letters stay in the environment";
                report.carried(*number, format!("{name}: {told}"));
            }
            Meaning::Everything => default = Some((*number, value.clone())),
            Meaning::Path(path) => {
                let short = path.trim_start_matches('/').replace('/', "-");
                let to = provider(&mut plan, (&short, value), false, (*number, report));
                plan.routes.extend(to.map(|to| (format!("/v1{path}/*"), vec![to])));
            }
            Meaning::Needless(why) => report.needless(*number, format!("{name}: {why}")),
            Meaning::Unknown => report.lost(*number, format!("{name}: not understood")),
        }
    }
    if default.is_none() {
        report
            .carried(0, format!("no BACKEND_DEFAULT: everything else goes to {CLOUD}, as the template did"));
    }
    let (number, url) = default.unwrap_or((0, CLOUD.to_owned()));
    if let Some(to) = provider(&mut plan, ("default", &url), key, (number, report)) {
        plan.routes.push(("/v1/*".to_owned(), vec![to]));
    }
    plan
}

/// What a variable was for.
enum Meaning {
    Port,
    Key,
    Everything,
    /// Below `/v1`.
    Path(&'static str),
    Needless(&'static str),
    Unknown,
}

fn meaning(name: &str) -> Meaning {
    match name {
        "PORT" => return Meaning::Port,
        "OPENAI_API_KEY" => return Meaning::Key,
        "SOCKET" => return Meaning::Needless("HAProxy's own socket"),
        "OPENAI_BASE_URL" => {
            return Meaning::Needless("it tells programs where the gateway is; keep it with them");
        }
        _ => {}
    }
    let words = name.strip_prefix("BACKEND_").or_else(|| {
        let ends = ["_BACKEND_URL", "_BACKEND", "_URL"];
        ends.iter().find_map(|end| name.strip_suffix(end))
    });
    let Some(words) = words.map(|words| words.strip_prefix("V1_").unwrap_or(words)) else {
        return Meaning::Unknown;
    };
    if words == "DEFAULT" {
        return Meaning::Everything;
    }
    let in_capitals = |shape: &str| shape.trim_start_matches('/').replace('/', "_").to_ascii_uppercase();
    let rows = protocol::operation::ROWS.iter().map(|row| row.shape);
    let path = rows.filter(|shape| !shape.contains(['{', '*'])).find(|shape| in_capitals(shape) == words);
    path.map_or(Meaning::Unknown, Meaning::Path)
}

/// `NAME=value` lines, with or without `export` and quotes. The last of one name counts, as in a shell.
fn variables(text: &str, report: &mut Report) -> Vec<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| name.chars().all(fits)) else {
            report.lost(number, "not a NAME=value line");
            continue;
        };
        if let Some(at) = found.iter().position(|(_, known, _)| known == name) {
            let (earlier, ..) = found.remove(at);
            report.lost(earlier, format!("{name}: line {number} sets it again"));
        }
        found.push((number, name.to_owned(), unquoted(value)));
    }
    found
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inside, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inside.to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

fn port(value: &str, number: usize, plan: &mut Plan, report: &mut Report) {
    match value.parse::<u16>() {
        Ok(port) if port > 0 => {
            report.carried(number, format!("PORT: `server.listen` is 127.0.0.1:{port}"));
            plan.listen.push(format!("127.0.0.1:{port}"));
        }
        _ => report.lost(number, "PORT: not a port"),
    }
}

/// Adds the place a URL names; the name it has then.
fn provider(
    plan: &mut Plan,
    (name, url): (&str, &str),
    with_key: bool,
    (number, report): (usize, &mut Report),
) -> Option<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let proper =
        matches!(scheme, "http" | "https") && !authority.is_empty() && !rest.contains(['@', '?', ' ', '$']);
    if !proper {
        report.lost(number, format!("{name}: what is written there is not a URL we can ask"));
        return None;
    }
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(usual).unwrap_or(authority);
    let path = path.trim_end_matches('/').trim_end_matches("/v1");
    let base_url = format!("{scheme}://{authority}{path}/v1");
    let tls = scheme == "https";
    report.carried(number, format!("{name}: {base_url}"));
    if tls {
        report.changed(number, format!("{name}: certificates are verified now, always"));
    } else {
        report.changed(number, format!("{name}: a caller's key is no longer sent there in plain text"));
    }
    let name = if authority == "api.openai.com" { "openai" } else { name };
    let key = (with_key && name == "openai").then(|| "OPENAI_API_KEY".to_owned());
    let provider = Provider {
        name: name.to_owned(),
        base_url,
        ca_file: None,
        key,
        passthrough: tls,
        headers: Vec::new(),
        endpoints: Vec::new(),
        weight: None,
        at_once: None,
    };
    Some(plan.provider(provider, name))
}
