//! `router_settings`, `litellm_settings`, `general_settings`: what holds for all models.

use serde_json::{Map, Value as Json, json};

use super::at::{At, ours, reference, seconds};
use super::names::Names;
use crate::command::import::keys::Keys;
use crate::report::Report;

/// A configuration in the making, by the words of its paths.
#[derive(Default)]
pub(super) struct Settings {
    root: Map<String, Json>,
}

impl Settings {
    /// What was set below one top-level word.
    pub(super) fn take(&mut self, word: &str) -> Option<Json> {
        self.root.shift_remove(word)
    }

    /// LiteLLM chooses at random where nothing is said.
    pub(super) fn by_turns(&mut self, report: &mut Report) {
        if self.root.get("routing").and_then(|routing| routing.get("strategy")).is_none() {
            report.carried(0, "several places of one name: `routing.strategy: weighted`, in equal shares");
            self.set("routing.strategy", json!("weighted"));
        }
    }

    fn set(&mut self, path: &str, value: Json) {
        let mut here = &mut self.root;
        let mut words = path.split('.').peekable();
        while let Some(word) = words.next() {
            if words.peek().is_none() {
                here.insert(word.to_owned(), value);
                return;
            }
            let below = here.entry(word).or_insert_with(|| json!({}));
            match below.as_object_mut() {
                Some(members) => here = members,
                None => return,
            }
        }
    }

    /// Sets it unless a stronger section did.
    fn carry(&mut self, at: &At<'_>, path: &str, value: Json, report: &mut Report) {
        let pointer = format!("/{}", path.replace('.', "/"));
        let root = Json::Object(std::mem::take(&mut self.root));
        let set = root.pointer(&pointer).cloned();
        if let Json::Object(root) = root {
            self.root = root;
        }
        match set {
            Some(set) if set != value => {
                report.needless(at.spot(), format!("{}: it is said elsewhere, and that counts", at.key));
            }
            Some(_) => report.carried(at.spot(), format!("{}: `{path}`", at.key)),
            None => {
                report.carried(at.spot(), format!("{}: `{path}`", at.key));
                self.set(path, value);
            }
        }
    }
}

/// What each setting of the three sections is here, where it is the same in all of them.
fn shared(at: &At<'_>, names: &Names<'_>, out: &mut Settings, report: &mut Report) -> bool {
    match at.key {
        "num_retries" => match at.whole() {
            Some(retries) => out.carry(at, "routing.retries", json!(retries), report),
            None => return false,
        },
        "timeout" | "request_timeout" => match at.number().filter(|clock| *clock > 0.0) {
            Some(clock) => out.carry(at, "provider_defaults.timeouts.total", json!(seconds(clock)), report),
            None => return false,
        },
        "stream_timeout" => match at.number().filter(|clock| *clock > 0.0) {
            Some(clock) => {
                out.carry(at, "provider_defaults.timeouts.first_byte", json!(seconds(clock)), report)
            }
            None => return false,
        },
        "cooldown_time" => match at.number().filter(|clock| *clock > 0.0) {
            Some(clock) => out.carry(at, "provider_defaults.breaker.open_for", json!(seconds(clock)), report),
            None => return false,
        },
        "fallbacks" => fallbacks(at, names, out, report),
        "default_fallbacks" => fallback(at, "*", &at.texts(), (names, out, report)),
        _ => return false,
    }
    true
}

/// A list of maps: a model, and those that may stand in for it.
fn fallbacks(at: &At<'_>, names: &Names<'_>, out: &mut Settings, report: &mut Report) {
    for item in at.items().iter().flat_map(At::members) {
        fallback(&item, item.key, &item.texts(), (names, out, report));
    }
}

fn fallback(
    at: &At<'_>,
    of: &str,
    to: &[String],
    (names, out, report): (&Names<'_>, &mut Settings, &mut Report),
) {
    if of != "*" && !names.knows(of) {
        return report.lost(at.spot(), format!("fallbacks of {of}: no model is called so"));
    }
    let (known, unknown): (Vec<&String>, Vec<&String>) = to.iter().partition(|name| names.knows(name));
    for name in unknown {
        report.lost(at.spot(), format!("fallback of {of} to {name}: no model is called so"));
    }
    if known.is_empty() {
        return;
    }
    report.carried(at.spot(), format!("fallbacks of {of}: `routing.fallbacks`"));
    let mut all =
        out.root.get("routing").and_then(|routing| routing.get("fallbacks")).cloned().unwrap_or(json!({}));
    if let Some(members) = all.as_object_mut() {
        members.insert(of.to_owned(), json!(known));
    }
    out.set("routing.fallbacks", all);
}

/// `router_settings`
pub(super) fn router(
    section: &At<'_>,
    names: &mut Names<'_>,
    out: &mut Settings,
    (keys, report): (&mut Keys, &mut Report),
) {
    // Fallbacks may name an alias.
    for alias in section.get("model_group_alias").map(|at| at.members()).unwrap_or_default() {
        names.alias(&alias, report);
    }
    for at in section.members() {
        if at.key == "model_group_alias" || shared(&at, names, out, report) {
            continue;
        }
        let lost = |report: &mut Report, why: &str| report.lost(at.spot(), format!("{}: {why}", at.key));
        match at.key {
            "routing_strategy" => match at.text().unwrap_or_default().as_str() {
                "simple-shuffle" => out.carry(&at, "routing.strategy", json!("weighted"), report),
                "least-busy" => out.carry(&at, "routing.strategy", json!("least_busy"), report),
                "latency-based-routing" => {
                    out.carry(&at, "routing.strategy", json!("lowest_latency"), report)
                }
                "cost-based-routing" => out.carry(&at, "routing.strategy", json!("lowest_cost"), report),
                other => lost(report, &format!("`{other}` has no twin here; see `routing.strategy`")),
            },
            "redis_host" | "redis_port" | "redis_password" | "redis_url" => {}
            "allowed_fails" | "allowed_fails_policy" => {
                lost(report, "a breaker opens by the share of failures: `breaker.failure_rate`");
            }
            "retry_policy" | "model_group_retry_policy" | "retry_after" => {
                lost(report, "what is tried again is said in one list: `routing.retry_on`")
            }
            "context_window_fallbacks" | "content_policy_fallbacks" => lost(report, BY_KIND),
            "enable_pre_call_checks" => lost(report, "how long a prompt may be is left to the provider"),
            "routing_strategy_args"
            | "cache_responses"
            | "cache_kwargs"
            | "client_ttl"
            | "debug_level"
            | "set_verbose"
            | "polling_interval"
            | "disable_cooldowns"
            | "enable_tag_filtering"
            | "optional_pre_call_checks" => {
                lost(report, "it has no place here");
            }
            _ => lost(report, "not a setting we know"),
        }
    }
    redis(section, out, (keys, report));
}

const BY_KIND: &str =
    "fallbacks by the kind of failure have no place; `routing.fallbacks` holds for all kinds";

/// Where several gateways share what they count.
fn redis(section: &At<'_>, out: &mut Settings, (keys, report): (&mut Keys, &mut Report)) {
    let part = |key: &str| section.get(&format!("redis_{key}")).or_else(|| section.get(key));
    let text = |key: &str| part(key).and_then(|at| at.text());
    let (url, host) = (text("url"), text("host"));
    let Some(at) = part("url").or_else(|| part("host")) else { return };
    let value = match (url, host) {
        (Some(url), _) => match reference(&url) {
            Some(url) => url,
            None if url.contains('@') => keys.keep("REDIS_URL", &url),
            None => ours(&url),
        },
        (None, Some(host)) => {
            let login = text("password").map(|password| match reference(&password) {
                Some(password) => format!(":{password}@"),
                None => format!(":{}@", keys.keep("REDIS_PASSWORD", &password)),
            });
            let port = text("port").map_or("6379".to_owned(), |port| ours(&port));
            format!("redis://{}{}:{port}", login.unwrap_or_default(), ours(&host))
        }
        _ => return,
    };
    out.carry(&at, "storage.redis", json!(value), report);
}

/// `litellm_settings`
pub(super) fn litellm(
    section: &At<'_>,
    names: &Names<'_>,
    out: &mut Settings,
    (keys, report): (&mut Keys, &mut Report),
) {
    for at in section.members() {
        if shared(&at, names, out, report) {
            continue;
        }
        let lost = |report: &mut Report, why: &str| report.lost(at.spot(), format!("{}: {why}", at.key));
        match at.key {
            "drop_params" | "modify_params" | "add_function_to_prompt" => {
                lost(report, "what a caller sends passes as it is")
            }
            "cache" if at.is_on() => out.carry(&at, "cache.responses", json!("exact"), report),
            "cache" | "telemetry" => report.needless(at.spot(), at.key.to_owned()),
            "cache_params" => cache(&at, out, (keys, report)),
            "callbacks" | "success_callback" | "failure_callback" | "service_callbacks" => {
                callbacks(&at, out, report)
            }
            "set_verbose" if at.is_on() => out.carry(&at, "logging.level", json!("debug"), report),
            "json_logs" if at.is_on() => out.carry(&at, "logging.format", json!("json"), report),
            "set_verbose" | "json_logs" => report.needless(at.spot(), at.key.to_owned()),
            "turn_off_message_logging" | "redact_user_api_key_info" | "redact_messages_in_exceptions" => {
                report.carried(at.spot(), format!("{}: prompts, answers and keys are never logged", at.key));
            }
            "context_window_fallbacks" | "content_policy_fallbacks" => lost(report, BY_KIND),
            "allowed_fails" => {
                lost(report, "a breaker opens by the share of failures: `breaker.failure_rate`")
            }
            "api_key" | "api_base" | "openai_key" => {
                lost(report, "a key and an address belong to a provider")
            }
            "ssl_verify" => lost(
                report,
                "certificates are always verified; a private authority is a provider's `ca_file`",
            ),
            "max_budget"
            | "budget_duration"
            | "default_team_settings"
            | "default_internal_user_params"
            | "upperbound_key_generate_params"
            | "max_internal_user_budget"
            | "internal_user_budget_duration" => {
                lost(report, "budgets belong to callers, and are not in use yet");
            }
            _ => lost(report, "it has no place here"),
        }
    }
}

fn cache(section: &At<'_>, out: &mut Settings, (keys, report): (&mut Keys, &mut Report)) {
    for at in section.members() {
        match (at.key, at.text().unwrap_or_default().as_str()) {
            ("type", "local" | "redis") => report.carried(at.spot(), "cache_params.type"),
            ("type", other) => {
                report.lost(at.spot(), format!("cache_params.type: {other}: answers are kept in memory"))
            }
            ("ttl", _) if at.number().is_some_and(|clock| clock > 0.0) => {
                out.carry(&at, "cache.ttl", json!(seconds(at.number().unwrap_or_default())), report);
            }
            ("host" | "port" | "password" | "url" | "redis_url", _) => {}
            (key, _) => report.lost(at.spot(), format!("cache_params.{key}: it has no place here")),
        }
    }
    if section.get("type").and_then(|at| at.text()).as_deref() == Some("redis") {
        redis(section, out, (keys, report));
    }
}

fn callbacks(section: &At<'_>, out: &mut Settings, report: &mut Report) {
    for at in section.items() {
        match at.text().unwrap_or_default().as_str() {
            "prometheus" => report.carried(at.spot(), format!("{}: prometheus: served at /metrics", at.key)),
            "otel" => {
                out.carry(&at, "telemetry.traces.otlp", json!("${OTEL_EXPORTER_OTLP_ENDPOINT}"), report)
            }
            "sentry" => out.carry(&at, "telemetry.sentry", json!("${SENTRY_DSN:-}"), report),
            other => report.lost(at.spot(), format!("{}: {other}: nothing here speaks to it", at.key)),
        }
    }
}

/// `general_settings`
pub(super) fn general(section: &At<'_>, out: &mut Settings, (keys, report): (&mut Keys, &mut Report)) {
    for at in section.members() {
        let lost = |report: &mut Report, why: &str| report.lost(at.spot(), format!("{}: {why}", at.key));
        match at.key {
            "master_key" => {
                let text = at.text().unwrap_or_default();
                let key = reference(&text).unwrap_or_else(|| keys.keep("LITELLM_MASTER_KEY", &text));
                out.carry(&at, "admin.api_key", json!(key), report);
                let told = "callers are not asked for it: their keys are not in use yet, and so this computer alone may call";
                report.changed(at.spot(), format!("master_key: {told}"));
            }
            "database_url" => {
                lost(report, "its tables are not read; give us a database of our own: `storage.database`")
            }
            "alerting" => {
                for item in at.items() {
                    match item.text().unwrap_or_default().as_str() {
                        "slack" => out.carry(&item, "alerts.to.slack", json!("${SLACK_WEBHOOK_URL}"), report),
                        other => {
                            report.lost(item.spot(), format!("alerting: {other}: nothing here speaks to it"))
                        }
                    }
                }
            }
            "global_max_parallel_requests" => match at.whole().filter(|limit| *limit > 0) {
                Some(limit) => out.carry(&at, "limits.global.concurrency", json!(limit), report),
                None => lost(report, "not a number"),
            },
            "background_health_checks" => {}
            "health_check_interval" => match at.number().filter(|clock| *clock > 0.0) {
                Some(clock) if section.get("background_health_checks").is_some_and(|at| at.is_on()) => {
                    out.carry(&at, "provider_defaults.health.active", json!(seconds(clock)), report);
                }
                _ => report.needless(at.spot(), "health_check_interval"),
            },
            "max_request_size_mb" => match at.number().filter(|size| *size >= 1.0) {
                Some(size) => {
                    out.carry(&at, "server.limits.body", json!(format!("{}MiB", size.floor())), report)
                }
                None => lost(report, "not a size"),
            },
            "max_parallel_requests"
            | "user_api_key_cache_ttl"
            | "custom_auth"
            | "enable_jwt_auth"
            | "litellm_jwtauth"
            | "allowed_ips"
            | "user_header_name"
            | "custom_key_generate"
            | "default_team_disabled" => {
                lost(
                    report,
                    "who may call, and how much, is said with callers' keys, which are not in use yet",
                );
            }
            "pass_through_endpoints" => lost(report, "paths lead to providers: `routes`"),
            "key_management_system" | "key_management_settings" => {
                lost(report, "secrets come from variables and files: `${file:/path}`")
            }
            "store_model_in_db"
            | "store_prompts_in_spend_logs"
            | "disable_spend_logs"
            | "proxy_batch_write_at"
            | "database_connection_pool_limit"
            | "database_connection_timeout"
            | "disable_error_logs" => {
                report.needless(at.spot(), format!("{}: how LiteLLM keeps its own records", at.key));
            }
            _ => lost(report, "it has no place here"),
        }
    }
}
