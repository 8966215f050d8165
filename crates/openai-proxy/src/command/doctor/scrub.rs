//! Takes secrets out of text meant for strangers: those we know, and whatever looks like one. Rather too much than too little.

use config::snapshot::{Credential, Snapshot};
use protocol::vendor::encode;

use super::scene::Scene;

/// Stands for what was taken out.
const STARS: &str = "***";
/// Shorter texts are words, and would be taken out of the middle of others.
const SHORTEST: usize = 6;
/// Words in the names of variables, settings and parameters that hold secrets.
const SECRET_NAMES: &[&str] =
    &["key", "token", "secret", "pass", "credential", "auth", "cookie", "session", "signature", "sig"];
/// How keys of well-known kinds begin.
const BEGINNINGS: &[&str] = &[
    "sk-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "xai-",
    "hf_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "AIza",
    "AKIA",
    "eyJ",
    "xoxb-",
    "xoxp-",
    "ya29.",
    "r8_",
    "nvapi-",
    "pplx-",
    "tgp_",
    "fw_",
    "csk-",
    "jina_",
    "sk",
    "Bearer",
    "Basic",
];

/// What is known to be secret here.
pub(super) struct Scrubber {
    /// Longest first, so that no part of one is left over.
    known: Vec<String>,
    home: Option<String>,
}

impl Scrubber {
    /// With every secret that can be known: of the environment, of the configuration as written and as resolved.
    pub(super) fn new(scene: &Scene) -> Self {
        let mut known = Vec::new();
        for (name, value) in &scene.environment {
            if is_secret_name(name) || name.contains("__HEADERS__") {
                known.push(value.clone());
            }
            known.extend(login(value));
        }
        if let Some(Ok(outline)) = scene.text.as_deref().map(|text| config::outline(text, &scene.environment))
        {
            known.extend(outline.hidden);
            let folder =
                scene.file.as_deref().and_then(std::path::Path::parent).unwrap_or(std::path::Path::new(""));
            known.extend(
                outline.files.iter().filter_map(|file| std::fs::read_to_string(folder.join(file)).ok()),
            );
        }
        for (path, text) in &scene.companions {
            if path.ends_with(".env") {
                let values = text.lines().filter_map(|line| Some(line.split_once('=')?.1.trim()));
                known.extend(values.map(|value| value.trim_matches(['"', '\'']).to_owned()));
            } else if let Ok(outline) = config::outline(text, &scene.environment) {
                known.extend(outline.hidden);
            }
        }
        if let Ok(loaded) = &scene.loaded {
            known.extend(of(&loaded.snapshot));
        }
        let lines = |text: &String| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let mut known: Vec<String> = known.iter().flat_map(lines).collect();
        let encoded: Vec<String> = known.iter().map(|text| encode(text)).collect();
        known.extend(encoded);
        let is_name = |text: &String| protocol::vendor::find(text).is_some();
        known.retain(|text| text.len() >= SHORTEST && !is_name(text));
        known.sort_by_key(|text| std::cmp::Reverse(text.len()));
        known.dedup();
        let home = scene.environment.get("HOME").filter(|home| home.len() > 1).cloned();
        Self { known, home }
    }

    /// The text without them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), STARS);
            }
        }
        if let Some(home) = &self.home {
            text = text.replace(home.as_str(), "~");
        }
        let lines: Vec<String> = text.lines().map(|line| words(&logins(line))).collect();
        lines.join("\n")
    }
}

/// The secrets of a configuration in use.
fn of(world: &Snapshot) -> Vec<String> {
    let mut known = Vec::new();
    for provider in &world.providers {
        if let Credential::Stored(secret) = &provider.credential {
            known.push(secret.expose().to_owned());
        }
        let login = provider.origin.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
        known.extend(login.into_iter().flat_map(|login| parts(login.expose())));
        known.extend(provider.headers.values().filter_map(|value| value.to_str().ok().map(str::to_owned)));
    }
    known
}

/// A login whole, and its two halves.
fn parts(login: &str) -> Vec<String> {
    std::iter::once(login).chain(login.split(':')).map(str::to_owned).collect()
}

/// The login in a URL, if one is there.
fn login(url: &str) -> Vec<String> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map(|(login, _)| parts(login)).unwrap_or_default()
}

/// A line without logins in URLs.
fn logins(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let ends =
            after.find(|c: char| c.is_whitespace() || "/?#\"'<>`,;)}]".contains(c)).unwrap_or(after.len());
        match after[..ends].rfind('@') {
            Some(login) => {
                out.push_str(STARS);
                rest = &after[login..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// A line without words that are, or look like, secrets. A word is a run of what keys are made of.
fn words(line: &str) -> String {
    let of_key = |c: char| c.is_ascii_alphanumeric() || "-_.+/=~%*".contains(c);
    let mut out = String::with_capacity(line.len());
    // The name a value belongs to, until the value has come.
    let mut named = false;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let ends = rest.find(|c: char| of_key(c) != of_key(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(ends);
        rest = after;
        if !of_key(first) {
            // Something else begins here.
            named &= !word.contains([',', '{', '}', '[', ']', ';', '&', '?']);
            out.push_str(word);
            let quote = word.chars().next_back().filter(|quote| named && matches!(quote, '"' | '\'' | '`'));
            if let Some(ends) = quote.and_then(|quote| closing(rest, quote)) {
                let (value, after) = rest.split_at(ends);
                out.push_str(if is_harmless(value) { value } else { STARS });
                (rest, named) = (after, false);
            }
            continue;
        }
        let colon = after.trim_start_matches(['"', '\'', ' ']).starts_with(':');
        let quoted = after.starts_with(['"', '\'', '\\']);
        let (shown, is_name) = one(word, named, (colon, quoted));
        out.push_str(&shown);
        named = is_name;
    }
    out
}

/// One word as it is shown, and whether the next is its value.
fn one(word: &str, named: bool, (colon, quoted): (bool, bool)) -> (String, bool) {
    if matches!(word.to_ascii_lowercase().as_str(), "bearer" | "basic") {
        return (word.to_owned(), true);
    }
    if named {
        return (if is_harmless(word) { word.to_owned() } else { STARS.to_owned() }, false);
    }
    if let Some((name, value)) = word.split_once('=')
        && !value.is_empty()
        && is_secret_name(name)
    {
        return (format!("{name}={STARS}"), false);
    }
    // In a sentence ("no key: ...") it is no name of a value; as `"key":` or `key=` it is.
    let spoken = word == "key" && !quoted;
    if colon && !spoken && is_secret_name(word) {
        return (word.to_owned(), true);
    }
    (if looks_secret(word) { STARS.to_owned() } else { word.to_owned() }, false)
}

/// Where a quoted text ends.
fn closing(text: &str, quote: char) -> Option<usize> {
    text.match_indices(quote).map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))
}

/// References stay readable, and so do names of variables and what is hidden already.
fn is_harmless(value: &str) -> bool {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(value);
    value == STARS
        || value.len() < 3
        || value == "..."
        || inner.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    parts.any(|part| SECRET_NAMES.iter().any(|word| part == *word || part == format!("{word}s")))
        || ["apikey", "password", "authorization", "passwd"].iter().any(|word| lower.contains(word))
}

/// A known beginning, or a long run of mixed letters and digits. A request's id is none.
fn looks_secret(word: &str) -> bool {
    const LONG: usize = 20;
    if word.starts_with("req_") || word == STARS {
        return false;
    }
    let begins = |part: &str| {
        BEGINNINGS
            .iter()
            .any(|begin| part.len() >= begin.len() + 8 && begin.len() > 2 && part.starts_with(begin))
    };
    let mixed = |part: &str| {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        part.len() >= LONG
            && digits >= 3
            && digits < part.len()
            && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    word.split(['/', '=']).any(begins) || word.split(['/', '-', '_', '.', '=', '+', '~', '%']).any(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(text: &str) -> String {
        Scrubber { known: vec!["known secret".to_owned()], home: Some("/home/ann".to_owned()) }.text(text)
    }

    #[test]
    fn what_looks_like_a_secret_is_taken_out() {
        for text in [
            "Authorization: Bearer canary",
            "{\"api_key\":\"canary\",\"x\":1}",
            "api_key: canary",
            "x-api-key: \"canary\"",
            "http://canary:canary@host/v1",
            "GET /v1/x?key=canary&a=b",
            "token=canary",
            "sk-canary-canary-canary",
            "url https://h/sk-canary-0123456789/v1",
            "a canary0123456789abcdef0123 b",
            "Basic canary=",
            "api_key: \"a canary\"",
            "password: 'a \\' canary'",
        ] {
            assert!(!scrubbed(text).contains("canary"), "{text}: {}", scrubbed(text));
        }
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "model claude-3-5-sonnet-20241022 at https://api.example.org/v1",
            "{\"level\":\"INFO\",\"model\":\"gpt-4o-mini-2024-07-18\",\"status\":200}",
            "api_key: ${OPENAI_API_KEY}",
            "no server, no key: only the mock answers",
            "request req_0199c0ffee0123456789abcdef012345 took 12 ms",
            "2026-11-25T12:00:00.123456Z ready version=0.1.0 address=http://127.0.0.1:2020/v1",
        ] {
            assert_eq!(scrubbed(text), text);
        }
        assert_eq!(scrubbed("/home/ann/x and a known secret"), "~/x and a ***");
    }
}
