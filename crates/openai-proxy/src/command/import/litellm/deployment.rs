//! One entry of `model_list`: a public name, and the account it is served by.

use serde_json::{Value as Json, json};

use super::at::{At, ours, reference, seconds};
use super::vendors::{COMPATIBLE, Known, Served, served};
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
    /// A directory's identity instead of a key.
    pub(super) identity: Vec<(&'static str, String)>,
}

/// One entry, understood.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) public: String,
    /// The account's own name for the model.
    pub(super) own: String,
    pub(super) account: Account,
    pub(super) weight: Option<u64>,
    pub(super) order: Option<u64>,
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) at_once: Option<u64>,
    pub(super) total: Option<String>,
    pub(super) first_byte: Option<String>,
    /// Of a million tokens, by our words.
    pub(super) prices: Vec<(&'static str, f64)>,
    pub(super) spot: crate::report::Spot,
}

/// Settings of an entry that are read below.
const READ: &[&str] = &[
    "model",
    "custom_llm_provider",
    "litellm_credential_name",
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "organization",
    "extra_headers",
    "headers",
    "weight",
    "order",
    "rpm",
    "tpm",
    "max_parallel_requests",
    "timeout",
    "stream_timeout",
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "tenant_id",
    "client_id",
    "client_secret",
];
/// Those that have no place, and why.
const LOST: &[(&str, &str)] = &[
    ("max_retries", "attempts are counted for all: `routing.retries`"),
    ("num_retries", "attempts are counted for all: `routing.retries`"),
    ("max_budget", "budgets belong to callers, and are not in use yet"),
    ("budget_duration", "budgets belong to callers, and are not in use yet"),
    ("mock_response", "the built-in mock is a provider of its own: `type: mock`"),
    ("drop_params", "what a caller sends passes as it is"),
    ("additional_drop_params", "what a caller sends passes as it is"),
    ("allowed_openai_params", "what a caller sends passes as it is"),
    ("merge_reasoning_content_in_choices", "an answer passes as it is"),
    ("tags", "places are not chosen by tags"),
    ("azure_ad_token", "a token that ends; `entra_id` asks for new ones, and is not in use yet"),
    ("cache_control_injection_points", "what a caller sends passes as it is"),
];
/// What is sent when a caller does not say it. Here a caller's body is nobody else's.
const DEFAULTS: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "logit_bias",
    "response_format",
    "reasoning_effort",
    "thinking",
    "n",
    "user",
    "extra_body",
    "metadata",
    "top_k",
    "keep_alive",
    "num_ctx",
    "dimensions",
    "tools",
    "stream",
    "verbosity",
];
/// What `model_info` tells programs that ask LiteLLM about a model.
const TOLD_ELSEWHERE: &[&str] = &[
    "id",
    "mode",
    "base_model",
    "version",
    "description",
    "max_tokens",
    "max_input_tokens",
    "max_output_tokens",
    "db_model",
];
/// Prices: our word, and theirs.
const PRICES: &[(&str, &str)] = &[
    ("input", "input_cost_per_token"),
    ("cached_input", "cache_read_input_token_cost"),
    ("output", "output_cost_per_token"),
];

/// Reads one entry; whatever is not carried over is named.
pub(super) fn read(entry: &At<'_>, credentials: &[At<'_>], report: &mut Report) -> Option<Deployment> {
    let text = |at: &At<'_>, key: &str| at.get(key).and_then(|at| at.text()).filter(|text| !text.is_empty());
    let Some(public) = text(entry, "model_name") else {
        report.lost(entry.spot(), "an entry without `model_name`");
        return None;
    };
    let lost = |report: &mut Report, why: &str| report.lost(entry.spot(), format!("{public}: {why}"));
    let Some(params) = entry.get("litellm_params") else {
        lost(report, "it has no `litellm_params`");
        return None;
    };
    let Some(model) = text(&params, "model") else {
        lost(report, "its `litellm_params` name no `model`");
        return None;
    };
    let credential = text(&params, "litellm_credential_name").map(|name| {
        let named = |at: &&At<'_>| text(at, "credential_name").as_deref() == Some(&name);
        credentials.iter().find(named).and_then(|at| at.get("credential_values")).ok_or(name)
    });
    if let Some(Err(name)) = &credential {
        lost(report, &format!("the credential `{name}` stands nowhere"));
        return None;
    }
    let credential = credential.and_then(Result::ok);
    let param = |key: &str| params.get(key).or_else(|| credential.as_ref().and_then(|at| at.get(key)));
    let written = |key: &str| param(key).and_then(|at| at.text()).filter(|text| !text.is_empty());
    let base = written("api_base").or_else(|| written("base_url"));
    if base.as_deref().is_some_and(|base| base.contains(['@', '?'])) {
        lost(report, "its address holds a login or a query, which have no place in one");
        return None;
    }
    let (known, own) = match served(&model, written("custom_llm_provider").as_deref()) {
        Served::By(known, own) => (known, own),
        Served::NotSpoken(kind) => {
            lost(report, &format!("served by `{kind}`, which is not spoken here yet"));
            return None;
        }
        Served::Unsaid(own) if base.is_some() => {
            let told = format!("{public}: no vendor is said; taken for {COMPATIBLE}");
            report.changed(entry.spot(), told);
            match served(&own, Some("openai_like")) {
                Served::By(known, own) => (known, own),
                _ => return None,
            }
        }
        Served::Unsaid(own) => {
            let any = own.contains('*');
            let why = if any {
                "which vendor is meant is known for each call only"
            } else {
                "nothing says which vendor serves it"
            };
            lost(report, &format!("`{own}`: {why}"));
            return None;
        }
    };
    if !known.remark.is_empty() {
        report.changed(entry.spot(), format!("{public}: {} is {}", known.theirs, known.remark));
    }
    unread(&public, &params, report);
    about(entry, &public, report);
    let account = account(known, base, &written, (entry, &param, report))?;
    let limit = |key: &str| {
        param(key).or_else(|| entry.get(key)).and_then(|at| at.whole()).filter(|limit| *limit > 0)
    };
    let clock = |key: &str| param(key).and_then(|at| at.number()).filter(|clock| *clock > 0.0).map(seconds);
    let info = entry.get("model_info");
    let price = |key: &str| {
        param(key).or_else(|| info.as_ref().and_then(|at| at.get(key))).and_then(|at| at.number())
    };
    Some(Deployment {
        weight: limit("weight"),
        order: limit("order"),
        rpm: limit("rpm"),
        tpm: limit("tpm"),
        at_once: limit("max_parallel_requests"),
        total: clock("timeout"),
        first_byte: clock("stream_timeout"),
        prices: PRICES.iter().filter_map(|(ours, theirs)| Some((*ours, price(theirs)? * 1e6))).collect(),
        spot: entry.spot(),
        public,
        own,
        account,
    })
}

/// What stands in `litellm_params` and is not carried over.
fn unread(public: &str, params: &At<'_>, report: &mut Report) {
    for at in params.members() {
        let key = at.key;
        if READ.contains(&key) {
            continue;
        }
        let why = match LOST.iter().find(|(lost, _)| *lost == key) {
            Some((_, why)) => why,
            None if DEFAULTS.contains(&key) => {
                "callers say it themselves; nothing is added to what they send"
            }
            None if key.starts_with("aws_") || key.starts_with("vertex_") => {
                "it belongs to a service that is not spoken here yet"
            }
            None => "not a setting we know",
        };
        report.lost(at.spot(), format!("{public}: {key}: {why}"));
    }
}

/// What stands beside it.
fn about(entry: &At<'_>, public: &str, report: &mut Report) {
    let others = ["model_name", "litellm_params", "model_info", "rpm", "tpm"];
    for at in entry.members().into_iter().filter(|at| !others.contains(&at.key)) {
        report.lost(at.spot(), format!("{public}: {}: not a setting we know", at.key));
    }
    for at in entry.get("model_info").map(|info| info.members()).unwrap_or_default() {
        let (key, spot) = (at.key, at.spot());
        if key == "access_groups" || key.starts_with("team") {
            report.lost(spot, format!("{public}: {key}: who may ask for a model is said with callers' keys, which are not in use yet"));
        } else if TOLD_ELSEWHERE.contains(&key) || key.starts_with("supports_") {
            report.needless(spot, format!("{public}: model_info.{key}"));
        } else if !PRICES.iter().any(|(_, theirs)| *theirs == key) {
            report.lost(spot, format!("{public}: model_info.{key}: nothing here asks for it"));
        }
    }
}

/// Where the entry is served.
fn account<'f>(
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
    let base_url = match (base, known.home) {
        (Some(base), _) => Some(ours(&base)),
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
    let identity: Vec<(&'static str, String)> =
        [("tenant", "tenant_id"), ("client_id", "client_id"), ("client_secret", "client_secret")]
            .into_iter()
            .filter_map(|(ours, theirs)| Some((ours, written(theirs)?)))
            .collect();
    let key = match written("api_key") {
        Some(key) => reference(&key).map_or(Key::Literal(key), Key::Reference),
        None if near => Key::Unsaid,
        None if !identity.is_empty() => Key::None,
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
        identity,
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

/// Whole numbers as such.
pub(super) fn number(value: f64) -> Json {
    // Prices of single tokens times a million leave dust behind the sixth place.
    let value = (value * 1e6).round() / 1e6;
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(format!("{value}").parse::<i64>().unwrap_or_default())
    } else {
        json!(value)
    }
}
