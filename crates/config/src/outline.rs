//! A configuration as it may be shown to strangers: its structure, the settings that hold no secret, and stars for the rest.
//!
//! What is shown is listed here; whatever is not on the list is hidden, so that a key under a misspelt name stays hidden,
//! too. Comments are left out: nobody knows what stands in them.

use std::collections::BTreeMap;

use crate::problem::Problems;
use crate::tree::{self, Node, Value};

/// A configuration without its secrets.
#[derive(Clone, Debug)]
pub struct Outline {
    /// YAML again, for reading.
    pub text: String,
    /// The values that were hidden, and those of the variables named in their places: to be looked for elsewhere, too.
    pub hidden: Vec<String>,
    /// Parts of addresses that were hidden because nobody knows whether they are secret.
    pub doubtful: Vec<String>,
    /// The files values are taken from (`${file:...}`), as written.
    pub files: Vec<String>,
}

/// Stands for what is hidden.
const STARS: &str = "***";

/// Settings whose values say nothing secret.
const SHOWN: &[&str] = &[
    "version",
    "listen",
    "admin_listen",
    "workers",
    "shared_workers",
    "allowed_hosts",
    "allow_origins",
    "trusted_proxies",
    "body",
    "upload",
    "connections",
    "idle",
    "body_gap",
    "drain",
    "cert",
    "type",
    "api_version",
    "priority",
    "weight",
    "credential",
    "forwarded",
    "connect",
    "first_byte",
    "between_bytes",
    "first_token",
    "gap",
    "total",
    "strategy",
    "key_strategy",
    "retry_on",
    "retry_budget",
    "failure_rate",
    "when_exhausted",
    "fair_by",
    "allow_private",
    "ca_file",
    "dangerous_accept_any_certificate",
    "enabled",
    "timeout",
    "level",
    "format",
    "access_log",
    "path",
    "unknown_model",
    "expose_headers",
    "mode",
];

/// Those of them that are a choice of words; anything else was written there by mistake.
const CHOICES: &[&str] = &[
    "credential",
    "mode",
    "level",
    "format",
    "enabled",
    "forwarded",
    "allow_private",
    "access_log",
    "strategy",
    "key_strategy",
    "retry_on",
    "when_exhausted",
    "fair_by",
];

/// Settings below which only names of models, paths and providers stand, but for conditions.
const NAMES: &[&str] =
    &["models", "model_deployments", "supported_models", "endpoints", "routes", "capabilities", "fallbacks"];

/// Settings that hold an address.
const ADDRESSES: &[&str] = &["base_url", "endpoint", "public_url", "proxy"];

/// Words of which the paths of services are made.
const PATHS: &[&str] = &[
    "api",
    "apis",
    "chat",
    "compatible-mode",
    "completions",
    "embeddings",
    "engines",
    "inference",
    "llm",
    "models",
    "paas",
    "serving-endpoints",
];

/// The outline of a configuration's text.
///
/// # Errors
/// When it is no YAML.
pub fn outline(text: &str, environment: &BTreeMap<String, String>) -> Result<Outline, Problems> {
    let root = tree::read(text, "configuration").map_err(Problems)?;
    let mut writer = Writer {
        environment,
        text: String::new(),
        hidden: Vec::new(),
        doubtful: Vec::new(),
        files: Vec::new(),
    };
    writer.node(&root, &[], 0);
    Ok(Outline { text: writer.text, hidden: writer.hidden, doubtful: writer.doubtful, files: writer.files })
}

struct Writer<'a> {
    environment: &'a BTreeMap<String, String>,
    text: String,
    hidden: Vec<String>,
    doubtful: Vec<String>,
    files: Vec<String>,
}

impl Writer<'_> {
    fn node(&mut self, node: &Node, path: &[&str], depth: usize) {
        let margin = "  ".repeat(depth);
        match &node.value {
            Value::Scalar(scalar) => {
                let shown = self.scalar(&scalar.text, path);
                self.text += &format!("{shown}\n");
            }
            Value::List(items) => {
                for item in items {
                    self.text += &format!("{margin}- ");
                    self.below(item, path, depth);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    // Keys that are handed out stand on the left.
                    let handed_out =
                        path.last().is_some_and(|last| last.ends_with("keys") || last.ends_with("tokens"));
                    if handed_out {
                        self.hide(&entry.key);
                    }
                    let key = if handed_out { STARS } else { &entry.key };
                    self.text += &format!("{margin}{key}: ");
                    let path = [path, &[entry.key.as_str()]].concat();
                    self.below(&entry.node, &path, depth);
                }
            }
        }
    }

    fn below(&mut self, node: &Node, path: &[&str], depth: usize) {
        match &node.value {
            Value::Scalar(_) => self.node(node, path, 0),
            Value::List(_) | Value::Map(_) => {
                self.text.truncate(self.text.trim_end_matches(' ').len());
                self.text.push('\n');
                self.node(node, path, depth + 1);
            }
        }
    }

    fn scalar(&mut self, text: &str, path: &[&str]) -> String {
        let text = text.trim();
        let last = path.last().copied().unwrap_or_default();
        let address = ADDRESSES.contains(&last) || matches!(path, ["providers", _]);
        if text.is_empty() || is_switch(text) || is_number(text) && !is_secret(path) {
            return text.to_owned();
        }
        if address && text.contains("://") && !text.contains("${") {
            return self.address(text);
        }
        let shown = SHOWN.contains(&last) && (!CHOICES.contains(&last) || is_word(text));
        let name = path.iter().any(|key| NAMES.contains(key)) && !path.contains(&"when");
        if shown || name {
            return text.replace('\n', " ");
        }
        self.hide(text);
        if is_reference(text) { text.to_owned() } else { STARS.to_owned() }
    }

    /// An address without the login and the query somebody put into it.
    fn address(&mut self, text: &str) -> String {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = match authority.rsplit_once('@') {
            Some((login, host)) => {
                self.hide(login);
                login.split(':').for_each(|part| self.hide(part));
                format!("{STARS}@{host}")
            }
            None => authority.to_owned(),
        };
        let path = match path.split_once(['?', '#']) {
            Some((path, query)) => {
                let value = |pair: &str| pair.split_once('=').map_or(pair, |(_, value)| value).to_owned();
                query.split('&').for_each(|pair| self.hide(&value(pair)));
                format!("{}?{STARS}", self.path(path))
            }
            None => self.path(path),
        };
        format!("{scheme}://{host}{path}")
    }

    /// A path: some services have a key in it, so only what is known of services' addresses is shown.
    fn path(&mut self, path: &str) -> String {
        let mut shown = Vec::new();
        for part in path.split('/') {
            if is_known(part) {
                shown.push(part);
            } else {
                self.doubtful.push(part.to_owned());
                shown.push(STARS);
            }
        }
        shown.join("/")
    }

    /// Remembers a text that is hidden, and what it refers to.
    fn hide(&mut self, text: &str) {
        if !is_reference(text) {
            self.hidden.push(text.to_owned());
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("${") {
            if let Some((path, _)) = after.strip_prefix("file:").and_then(|path| path.split_once('}')) {
                self.files.push(path.to_owned());
            }
            let ends = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            self.hidden.extend(self.environment.get(&after[..ends]).cloned());
            rest = after;
        }
    }
}

/// Whether a part of a path says nothing: empty, a version, a word of APIs, or a vendor's name.
fn is_known(part: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit();
    let version = part.strip_prefix('v').filter(|rest| rest.starts_with(digits)).is_some_and(|rest| {
        ["", "alpha", "beta"].contains(&rest.trim_start_matches(digits).trim_end_matches(digits))
    });
    part.is_empty() || version || PATHS.contains(&part) || protocol::vendor::find(part).is_some()
}

/// A number with or without a unit.
fn is_number(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < text.len() && text.len() <= 10 && unit.len() <= 3 && unit.chars().all(char::is_alphabetic)
}

fn is_word(text: &str) -> bool {
    const LONGEST: usize = 14;
    text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

fn is_switch(text: &str) -> bool {
    matches!(text, "true" | "false" | "on" | "off" | "yes" | "no" | "auto" | "null" | "~")
}

/// Whether even a number may be a secret here: by the name of the setting, and in headers.
fn is_secret(path: &[&str]) -> bool {
    let words = ["key", "token", "secret", "pass", "auth", "login", "header"];
    let (last, above) = path.split_last().map_or(("", path), |(last, above)| (*last, above));
    above.contains(&"headers") || last != "headers" && words.iter().any(|word| last.contains(word))
}

/// Whether a text is one `${NAME}` or one `${file:path}` and nothing else.
fn is_reference(text: &str) -> bool {
    let Some(inner) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else { return false };
    match inner.strip_prefix("file:") {
        Some(path) => !path.contains(['$', '{', '}']),
        None => inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_is_hidden() {
        let text = "\
# canary0
server: {listen: 127.0.0.1:2020, limits: {body: 20mb}, tls: {cert: /c.pem, key: canary1}}
providers:
  a: {base_url: \"https://canary2:canary3@h/v1?key=canary4\", api_key: canary5, api_kee: canary6, headers: {x-y: canary7}}
  b: {base_url: https://h/v1, api_key: \"${B_KEY}\", keys: [canary8, canary9]}
  c: https://canary10@h/v1
  d: {api_key: \"${C:-canary11}\", priority: 3}
  f: {api_key: \"${file:key.txt}\"}
  g: {base_url: https://h/canary21/api/v1beta/canary22}
  e: {api_key: |
    canary12
    canary13}
x-old: {api_key: canary14}
models: {gpt-4o: [a, b/other]}
routing: {strategy: round_robin, fallbacks: {gpt-4o: {to: [big], when: {header: {x-who: canary23}}}}}
canary15key: canary15
y: {credential: canary20, mode: none}
z: {password: 160160160, headers: {x-account: 170170}}
keys: {canary18: {name: canary19}}
";
        // A flow mapping cannot hold a block.
        let text = text.replace(
            "  e: {api_key: |\n    canary12\n    canary13}\n",
            "  e:\n    api_key: |\n      canary12\n      canary13\n",
        );
        let environment = BTreeMap::from([("B_KEY".to_owned(), "from-outside".to_owned())]);
        let outline = outline(&text, &environment).unwrap();
        let shown = outline.text.replace("canary15key", "");
        assert!(!shown.contains("canary") && !shown.contains("60160") && !shown.contains("70170"), "{shown}");
        for kept in [
            "listen: 127.0.0.1:2020",
            "body: 20mb",
            "cert: /c.pem",
            "https://***@h/v1?***",
            "api_key: ${B_KEY}",
            "priority: 3",
            "https://h/***/api/v1beta/***",
            "- b/other",
            "strategy: round_robin",
            "- big",
        ] {
            assert!(shown.contains(kept), "{kept}:\n{shown}");
        }
        assert_eq!(outline.files, ["key.txt"]);
        for hidden in ["canary5", "canary6", "canary9", "from-outside", "canary3"] {
            assert!(outline.hidden.iter().any(|text| text == hidden), "{hidden}: {:?}", outline.hidden);
        }
    }
}
