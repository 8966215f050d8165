//! A `server` line as one of our providers.

use super::words::Line;
use crate::command::import::plan::Provider;
use crate::report::Report;

/// What a backend says about all of its servers.
#[derive(Default)]
pub(super) struct Around {
    /// The words of `default-server`.
    pub(super) options: Vec<String>,
    /// `http-request set-header Host`.
    pub(super) host: Option<String>,
    /// Set before the path: `/api` of `replace-path (.*) /api\1`.
    pub(super) base: String,
    /// A key is set, and the variable it stands in, if it does.
    pub(super) key: Option<Option<String>>,
    /// The caller's own key is taken off.
    pub(super) keyless: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) endpoints: Vec<(String, String)>,
}

/// Options that say how connections are made and watched, with a value.
const WITH_VALUE: &[&str] = &[
    "addr",
    "agent-check",
    "alpn",
    "check-alpn",
    "check-sni",
    "cookie",
    "downinter",
    "error-limit",
    "fall",
    "fastinter",
    "id",
    "init-addr",
    "inter",
    "maxqueue",
    "minconn",
    "observe",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "pool-max-conn",
    "pool-purge-delay",
    "port",
    "proto",
    "resolve-opts",
    "resolve-prefer",
    "resolvers",
    "rise",
    "slowstart",
    "verifyhost",
    "ws",
];
/// Files of a system's authorities, which we know without being told.
const SYSTEM: &[&str] = &[
    "@system-ca",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The options of one line that matter to us.
#[derive(Default)]
struct Options {
    tls: bool,
    backup: bool,
    disabled: bool,
    sni: Option<String>,
    ca_file: Option<String>,
    /// What was written about verification.
    verify: Option<String>,
    weight: Option<u32>,
    /// Connections at once; none for 0, which is as many as come.
    at_once: Option<u64>,
}

/// A provider, and whether it stands behind the others.
pub(super) fn read(line: &Line, around: &Around, report: &mut Report) -> Option<(Provider, bool)> {
    let number = line.number;
    let words = line.words.get(3..).unwrap_or_default();
    let options = options(&[around.options.as_slice(), words].concat(), number, report);
    if options.disabled {
        report.lost(number, format!("server {}: it is disabled", line.word(1)));
        return None;
    }
    let (host, port) = match place(line.word(2)) {
        Ok(place) => place,
        Err(why) => {
            report.lost(number, format!("server {}: {why}", line.word(1)));
            return None;
        }
    };
    let host = named(host, options.sni.or(around.host.clone()), number, report);
    let (scheme, usual) = if options.tls { ("https", "443") } else { ("http", "80") };
    let port = if port == usual { String::new() } else { format!(":{port}") };
    let base_url = format!("{scheme}://{host}{port}{}/v1", around.base);
    report.carried(number, format!("server {}: {base_url}", line.word(1)));
    if !options.tls && around.key.is_none() && !around.keyless {
        let told = "a caller's key is no longer sent there, for it would travel in plain text; `credential: passthrough` sends it";
        report.changed(number, format!("server {}: {told}", line.word(1)));
    }
    if let Some(weight) = options.weight {
        report.carried(number, format!("server {}: weight {weight}: `weight`", line.word(1)));
    }
    if let Some(most) = options.at_once {
        report.carried(number, format!("server {}: maxconn {most}: `max_concurrency`", line.word(1)));
    }
    let key =
        around.key.clone().map(|variable| variable.unwrap_or_else(|| variable_for(&host, line.word(1))));
    let provider = Provider {
        name: line.word(1).to_owned(),
        base_url,
        ca_file: options.ca_file,
        key,
        passthrough: options.tls && !around.keyless,
        headers: around.headers.clone(),
        endpoints: around.endpoints.clone(),
        weight: options.weight,
        at_once: options.at_once,
    };
    Some((provider, options.backup))
}

/// A variable of its own for each key: OpenAI's must never go to somebody else.
fn variable_for(host: &str, name: &str) -> String {
    if host == "api.openai.com" {
        return "OPENAI_API_KEY".to_owned();
    }
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = name.chars().map(letter).collect();
    format!("UPSTREAM_{name}_API_KEY")
}

fn options(words: &[String], number: usize, report: &mut Report) -> Options {
    let mut found = Options::default();
    let mut needless = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "ssl" => found.tls = true,
            "backup" => found.backup = true,
            "disabled" => found.disabled = true,
            "check" | "check-ssl" => needless.push(word.clone()),
            "no-ssl" => found.tls = false,
            "verify" => found.verify = words.next().cloned(),
            "sni" => found.sni = words.next().and_then(|text| literal(text)),
            "ca-file" => {
                let file = words.next().cloned().unwrap_or_default();
                let system = SYSTEM.contains(&file.as_str());
                found.ca_file = (!system).then_some(file);
            }
            option @ ("weight" | "maxconn") => {
                let said = words.next().map_or("", String::as_str);
                match (option, said.parse::<u32>()) {
                    ("weight", Ok(weight)) => found.weight = Some(weight),
                    (_, Ok(most)) => found.at_once = (most > 0).then_some(most.into()),
                    (_, Err(_)) => report.lost(number, format!("server option `{option} {said}`")),
                }
            }
            option if WITH_VALUE.contains(&option) => {
                needless.push(format!("{option} {}", words.next().map_or("", String::as_str)));
            }
            other => report.lost(number, format!("server option `{other}`")),
        }
    }
    match found.verify.as_deref() {
        Some("none") if found.tls => {
            report.changed(number, "verify none: certificates are verified now, always");
        }
        Some(_) if found.tls => report.carried(number, "verify required"),
        _ => {}
    }
    if !needless.is_empty() {
        report.needless(number, format!("server options: {}", needless.join(", ")));
    }
    found
}

/// `str(name)`; what is computed for each request is not.
fn literal(text: &str) -> Option<String> {
    text.strip_prefix("str(")?.strip_suffix(')').map(str::to_owned)
}

/// Host and port; a host with colons in brackets.
fn place(text: &str) -> Result<(String, String), String> {
    let text = text.trim_start_matches("ipv4@").trim_start_matches("ipv6@");
    if text.contains('@') || text.starts_with('/') {
        return Err(format!("`{text}` is not an address with a port, which is all we connect to"));
    }
    // The last colon may stand within ${NAME-default}.
    let cut = text.rfind(':').filter(|at| !text[*at..].contains(['}', ']']));
    let Some((host, port)) = cut.map(|at| (&text[..at], &text[at + 1..])) else {
        return Err(format!("`{text}` has no port, so each request's own port would be used"));
    };
    if !port.contains("${") && port.parse::<u16>().is_err() {
        return Err(format!("`{port}` is not a port"));
    }
    let host = host.trim_matches(['[', ']']);
    let host = if host.contains(':') && !host.contains("${") { format!("[{host}]") } else { host.to_owned() };
    Ok((variables(&host), variables(port)))
}

/// `${NAME-default}` becomes `${NAME:-default}`.
fn variables(text: &str) -> String {
    match text.split_once("${").filter(|(_, rest)| rest.contains('-') && !rest.contains(":-")) {
        Some((before, rest)) => format!("{before}${{{}", rest.replacen('-', ":-", 1)),
        None => text.to_owned(),
    }
}

/// Certificates are for names: where an address stands beside a name, the name is asked for.
fn named(host: String, name: Option<String>, number: usize, report: &mut Report) -> String {
    let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    match name {
        Some(name) if is_address && name != host && name.parse::<std::net::IpAddr>().is_err() => {
            report.changed(number, format!("{host}: the name {name} is looked up instead of this address"));
            name
        }
        Some(name) if name != host => {
            report.lost(number, format!("the name {name} in Host or SNI: {host} is sent"));
            host
        }
        _ => host,
    }
}
