//! Takes secrets out of text meant for strangers: those we know, and whatever looks like one. Rather too much than too little.

mod base64;
mod forms;

use config::snapshot::{Credential, Snapshot};
use protocol::vendor::encode;

use super::scene::Scene;
use forms::{escaped, is_secret_name, line, logins, without_pem};

/// Stands for what was taken out.
const STARS: &str = "***";
/// Shorter texts are words, and would be taken out of the middle of others.
const SHORTEST: usize = 6;
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
            known.extend(outline.doubtful);
            let folder =
                scene.file.as_deref().and_then(std::path::Path::parent).unwrap_or(std::path::Path::new(""));
            known.extend(outline.files.iter().filter_map(|file| config::read_text(&folder.join(file)).ok()));
        }
        for (path, text) in &scene.companions {
            if path.ends_with(".env") {
                let values = text.lines().filter_map(|line| Some(line.split_once('=')?.1.trim()));
                known.extend(values.map(|value| value.trim_matches(['"', '\'']).to_owned()));
            } else if let Ok(outline) = config::outline(text, &scene.environment) {
                known.extend(outline.hidden);
                known.extend(outline.doubtful);
            }
        }
        if let Ok(loaded) = &scene.loaded {
            known.extend(of(&loaded.snapshot));
        }
        let lines = |text: &String| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        let mut known: Vec<String> = known.iter().flat_map(lines).collect();
        let written: Vec<String> = known.iter().flat_map(|text| written(text)).collect();
        known.extend(written);
        let is_name = |text: &String| protocol::vendor::find(text).is_some();
        known.retain(|text| text.len() >= SHORTEST && !is_name(text));
        known.sort_by_key(|text| std::cmp::Reverse(text.len()));
        known.dedup();
        let home = scene.environment.get("HOME").filter(|home| home.len() > 1).cloned();
        Self { known, home }
    }

    /// The text without them.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = without_pem(text);
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), STARS);
            }
        }
        text = base64::without(&text, &self.known);
        if let Some(home) = &self.home {
            text = text.replace(home.as_str(), "~");
        }
        let lines: Vec<String> = text.lines().map(|text| escaped(&line(&logins(text)))).collect();
        lines.join("\n")
    }
}

/// The secrets of a configuration in use.
fn of(world: &Snapshot) -> Vec<String> {
    let mut known = Vec::new();
    for provider in &world.providers {
        match &provider.credential {
            Credential::Stored(secret) => known.push(secret.expose().to_owned()),
            Credential::Identity(identity) => {
                known.extend(identity.who.secrets().into_iter().map(|secret| secret.expose().to_owned()));
            }
            Credential::Passthrough | Credential::None => {}
        }
        known.extend(provider.keys.iter().map(|key| key.secret.expose().to_owned()));
        let login = provider.origin.proxy.as_ref().and_then(|proxy| proxy.login.as_ref());
        known.extend(login.into_iter().flat_map(|login| parts(login.expose())));
        known.extend(provider.headers.values().filter_map(|value| value.to_str().ok().map(str::to_owned)));
    }
    known
}

/// The other ways a secret is written: in an address, in JSON, and in JSON within JSON.
fn written(text: &str) -> Vec<String> {
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned()
    };
    let (once, twice) = (json(text), json(&json(text)));
    vec![encode(text), once, twice]
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
            "secret_key = canary",
            "api_key canary",
            "--api-key canary",
            "api_key= canary",
            "password is canary",
            "the token is canary",
            "[\"authorization\",\"canary\"]",
            "{\"headers\":[[\"x-api-key\", \"a canary\"]]}",
            "{\"authorization\":[\"canary\"]}",
            "sess-canary0123456789",
            "cookie: a=canary; b=canary, c=canary",
            "{\"cookie\":\"a=canary; b=canary\",\"x\":1}",
            "authorization: Digest username=\"canary\", response=\"canary\"",
            "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
            "a -----BEGIN PRIVATE KEY-----\ncanary",
            "MIIEvQIBADANBgkqhkiGcanarycanarycanaryaaaaaaaaaaaaaaaaaaaaaaaaaa",
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
            "OPENAI_API_KEY is set, and the key was refused",
            "the api_key of the provider is missing",
            "/home/bob/keys.env holds keys and stays",
            "the session ended, the token limit is 4096",
            "-----BEGIN CERTIFICATE----- is missing\nand the next line stays",
            "request req_0199c0ffee0123456789abcdef012345 took 12 ms",
            "2026-11-25T12:00:00.123456Z ready version=0.1.0 address=http://127.0.0.1:2020/v1",
        ] {
            assert_eq!(scrubbed(text), text);
        }
        assert_eq!(scrubbed("/home/ann/x and a known secret"), "~/x and a ***");
    }

    #[test]
    fn a_known_secret_is_found_however_it_is_written() {
        let known = written("p@ss:w/+\"q").into_iter().chain(["hunter2".to_owned()]).collect();
        let scrubber = Scrubber { known, home: None };
        // printf 'user:hunter2' | base64, and the same behind one and two more letters, and in the other alphabet.
        for text in ["dXNlcjpodW50ZXIy", "eHVzZXI6aHVudGVyMg==", "eHh1c2VyOmh1bnRlcjI=", "Pj8-aHVudGVyMg"] {
            assert_eq!(scrubber.text(&format!("a {text} b")), "a *** b", "{text}");
        }
        assert_eq!(scrubber.text("a {\"x\": \"p@ss:w/+\\\"q\"}"), "a {\"x\": \"***\"}");
        assert_eq!(scrubber.text("aHVudGVyMQ== stays"), "aHVudGVyMQ== stays");
    }

    #[test]
    fn control_characters_are_seen_and_do_nothing() {
        assert_eq!(scrubbed("a\u{1b}[31mb\r\u{0}\tc\nd"), "a\\u{1b}[31mb\\r\\u{0}\tc\nd");
    }
}
