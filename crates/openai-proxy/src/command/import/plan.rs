//! What an import has understood, and how it is written as our YAML.

use std::collections::BTreeSet;

/// One place requests go to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) ca_file: Option<String>,
    /// The variable its key stands in.
    pub(super) key: Option<String>,
    /// Without a key of ours: whether the caller's own goes there.
    pub(super) passthrough: bool,
    pub(super) headers: Vec<(String, String)>,
    /// Our path and its own.
    pub(super) endpoints: Vec<(String, String)>,
    /// Its share among equals, where it is written.
    pub(super) weight: Option<u32>,
    /// Calls at once, where they are limited.
    pub(super) at_once: Option<u64>,
}

/// A configuration in the making.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) listen: Vec<String>,
    /// `server.timeouts`
    pub(super) server_timeouts: Vec<(&'static str, String)>,
    /// `provider_defaults.timeouts`
    pub(super) provider_timeouts: Vec<(&'static str, String)>,
    pub(super) providers: Vec<Provider>,
    /// A pattern and the names of providers, in order.
    pub(super) routes: Vec<(String, Vec<String>)>,
}

impl Plan {
    /// Adds a provider, or finds the one that is the same but for its name; the name it has then.
    pub(super) fn provider(&mut self, mut provider: Provider, elsewise: &str) -> String {
        let same =
            |known: &&Provider| Provider { name: provider.name.clone(), ..(*known).clone() } == provider;
        if let Some(known) = self.providers.iter().find(same) {
            return known.name.clone();
        }
        let name = free_name(&[&provider.name, elsewise], |name| {
            self.providers.iter().any(|known| known.name == name)
        });
        provider.name.clone_from(&name);
        self.providers.push(provider);
        name
    }

    /// The variables the result will ask for.
    pub(super) fn variables(&self) -> BTreeSet<String> {
        let inside = |url: &str| {
            let name = url.split_once("${")?.1.split('}').next()?.split(":-").next()?.to_owned();
            Some(name)
        };
        let keys = self.providers.iter().filter_map(|provider| provider.key.clone());
        keys.chain(self.providers.iter().filter_map(|provider| inside(&provider.base_url))).collect()
    }

    /// The file.
    pub(super) fn yaml(&self, title: &str) -> String {
        let mut out = format!("# {title}\n");
        let server_timeouts = timeouts(&self.server_timeouts);
        if !self.listen.is_empty() || !server_timeouts.is_empty() {
            out.push_str("server:\n");
            out.push_str(&match self.listen.as_slice() {
                [] => String::new(),
                [one] => format!("  listen: {}\n", scalar(one)),
                several => format!("  listen: {}\n", list(several)),
            });
            out.push_str(&server_timeouts);
        }
        if !self.provider_timeouts.is_empty() {
            out.push_str(&format!("provider_defaults:\n{}", timeouts(&self.provider_timeouts)));
        }
        out.push_str("providers:\n");
        for provider in &self.providers {
            out.push_str(&provider.yaml());
        }
        if !self.routes.is_empty() {
            out.push_str("routes:\n");
        }
        for (pattern, names) in &self.routes {
            let to = if let [one] = names.as_slice() { scalar(one) } else { list(names) };
            out.push_str(&format!("  {}: {to}\n", scalar(pattern)));
        }
        out
    }
}

impl Provider {
    fn yaml(&self) -> String {
        let openai = self.base_url == "https://api.openai.com/v1";
        let mut out = format!("  {}:\n", scalar(&self.name));
        let mut setting = |name: &str, value: &str| out.push_str(&format!("    {name}: {value}\n"));
        // Said, so that no name is taken for more than a name.
        setting("type", if openai { "openai" } else { "openai-compatible" });
        setting("base_url", &scalar(&self.base_url));
        match &self.key {
            Some(variable) => setting("api_key", &format!("${{{variable}}}")),
            None => setting("credential", if self.passthrough { "passthrough" } else { "none" }),
        }
        if let Some(file) = &self.ca_file {
            setting("ca_file", &scalar(file));
        }
        let numbers = [("weight", self.weight.map(u64::from)), ("max_concurrency", self.at_once)];
        for (name, number) in numbers {
            if let Some(number) = number {
                setting(name, &number.to_string());
            }
        }
        for (name, pairs) in [("headers", &self.headers), ("endpoints", &self.endpoints)] {
            if !pairs.is_empty() {
                let pairs: Vec<String> =
                    pairs.iter().map(|(key, value)| format!("{}: {}", scalar(key), scalar(value))).collect();
                setting(name, &format!("{{{}}}", pairs.join(", ")));
            }
        }
        out
    }
}

fn timeouts(clocks: &[(&'static str, String)]) -> String {
    if clocks.is_empty() {
        return String::new();
    }
    let clocks: Vec<String> = clocks.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("  timeouts: {{{}}}\n", clocks.join(", "))
}

/// The first of these names that nobody has, in letters a provider may be called by; else the last one with a number.
pub(super) fn free_name(wanted: &[&str], taken: impl Fn(&str) -> bool) -> String {
    let free = |name: &String| config::is_provider_name(name) && !taken(name);
    let names = wanted.iter().map(|name| proper(name));
    let last = wanted.last().map(|name| proper(name)).unwrap_or_default();
    names.chain((2..).map(|number| format!("{last}-{number}"))).find(free).unwrap_or_default()
}

/// Letters, digits, `-`, `_`, `.`, 64 at most.
fn proper(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if fits(c) { c } else { '-' }).take(60).collect();
    if name.is_empty() { "server".to_owned() } else { name }
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| scalar(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A plain word where that is safe, else in quotes.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | ':');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word = ["on", "off", "yes", "no", "true", "false", "null", "y", "n"];
    if begins && text.chars().all(plain) && !text.ends_with(':') && !word.contains(&&*text.to_lowercase()) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
