//! Where an entry is served: what several entries have in common.

use super::at::{At, ours, reference};
use super::identity::{self, Identity};
use super::vendors::{COMPATIBLE, Known};
use crate::report::Report;

/// The key of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// `${NAME}`.
    Reference(String),
    /// It stands in their file.
    Literal(String),
    /// None is sent.
    None,
    /// A server beside us, which needs none.
    Unsaid,
}

/// Where a model is served: what several entries have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    pub(super) kind: &'static str,
    /// What it is called when it is the only one.
    pub(super) word: &'static str,
    pub(super) base_url: Option<String>,
    pub(super) key: Key,
    pub(super) api_version: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Who we are there, instead of a key.
    pub(super) identity: Option<Identity>,
    /// How much a model is to read (`context_length`).
    pub(super) context: Option<u64>,
}

/// Where the entry is served.
pub(super) fn account<'f>(
    known: &'static Known,
    base: Option<String>,
    written: &impl Fn(&str) -> Option<String>,
    (entry, param, report): (&At<'f>, &impl Fn(&str) -> Option<At<'f>>, &mut Report),
) -> Option<Account> {
    let public = entry.get("model_name").and_then(|at| at.text()).unwrap_or_default();
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    let at_home = base.as_deref().is_none_or(|base| bare(base) == bare(known.home));
    // OpenAI's own name stands for everybody who speaks its language.
    let kind = if known.kind == "openai" && !at_home { COMPATIBLE } else { known.kind };
    if kind == "vertex" && base.is_some() {
        let why = "its `api_base`: Vertex is asked at the address of its project and location";
        report.lost(entry.spot(), format!("{public}: {why}"));
        return None;
    }
    let who = identity::identity(kind, written, (entry, param, &mut *report));
    let base_url = match (base, known.home) {
        (Some(base), _) => Some(ours(&base)),
        // The identity names them.
        (None, _) if matches!(kind, "vertex" | "bedrock") && who.is_some() => None,
        (None, "") if kind == "bedrock" => {
            let region = ours(&identity::region(written));
            Some(format!("https://bedrock-runtime.{region}.amazonaws.com"))
        }
        (None, "") if kind == "vertex" => {
            report.lost(
                entry.spot(),
                format!("{public}: a key of Vertex's own: only who we are is carried over"),
            );
            return None;
        }
        (None, "") if known.theirs.starts_with("azure") => Some("${AZURE_API_BASE}".to_owned()),
        (None, "") => {
            report.lost(entry.spot(), format!("{public}: nothing says where it is: `api_base`"));
            return None;
        }
        (None, home) => (kind == COMPATIBLE).then(|| home.to_owned()),
    };
    let base_url = base_url.filter(|_| !at_home || kind == COMPATIBLE || known.home.is_empty());
    if let Some(url) = base_url.as_deref().filter(|_| kind == COMPATIBLE)
        && without_path(url)
    {
        report.changed(entry.spot(), format!("{public}: {url} is asked below /v1"));
    }
    let near = base_url.as_deref().unwrap_or(known.home);
    let near = ["://localhost", "://127.", "://0.0.0.0", "://[::1]", "://host.docker.internal"]
        .iter()
        .any(|host| near.contains(host));
    let base_url = base_url.map(|url| url.replace("://0.0.0.0", "://127.0.0.1"));
    let key = match written("api_key") {
        Some(key) => reference(&key).map_or(Key::Literal(key), Key::Reference),
        None if who.is_some() && kind != COMPATIBLE => Key::None,
        None if near => Key::Unsaid,
        None if who.is_some() => Key::None,
        None if kind == known.kind && !known.key.is_empty() => Key::Reference(format!("${{{}}}", known.key)),
        None if matches!(kind, "ollama" | "lmstudio" | "vllm") => Key::Unsaid,
        None => {
            report.changed(
                entry.spot(),
                format!("{public}: no key is written for {}, and none is sent", shown(&base_url)),
            );
            Key::None
        }
    };
    if kind == "azure" && written("api_version").is_none() {
        report.changed(
            entry.spot(),
            format!("{public}: no `api_version`: the surface without versions is asked"),
        );
    }
    let headers = param("extra_headers").or_else(|| param("headers")).map(|at| headers(&public, &at, report));
    Some(Account {
        kind,
        word: if kind != COMPATIBLE || known.kind == "openai" { kind } else { known.theirs },
        base_url,
        key,
        api_version: written("api_version").map(|version| ours(&version)),
        organization: written("organization").map(|organization| ours(&organization)),
        headers: headers.unwrap_or_default(),
        identity: who,
        context: param("num_ctx").filter(|_| kind == "ollama").and_then(|at| at.whole()),
    })
}

fn shown(url: &Option<String>) -> &str {
    url.as_deref().unwrap_or("it")
}

fn without_path(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    !rest.trim_end_matches('/').contains('/')
}

/// Headers set on every request. Those that carry credentials are not for here.
fn headers(public: &str, at: &At<'_>, report: &mut Report) -> Vec<(String, String)> {
    const CREDENTIALS: &[&str] =
        &["authorization", "api-key", "x-api-key", "x-goog-api-key", "host", "content-length"];
    let mut out = Vec::new();
    for at in at.members() {
        let name = at.key;
        match at.text() {
            Some(value) if !CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()) => {
                out.push((name.to_owned(), value));
            }
            _ => report.lost(
                at.spot(),
                format!("{public}: header {name}: it carries the credential, or is set by the gateway"),
            ),
        }
    }
    out
}
