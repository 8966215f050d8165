//! `router_settings`: how one of several places is chosen, and what happens when it fails.

use serde_json::json;

use super::at::{At, ours, reference};
use super::names::Names;
use super::settings::{Settings, shared};
use crate::command::import::keys::Keys;
use crate::report::Report;

/// `router_settings`
pub(super) fn read(
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

/// Where several gateways share what they count.
pub(super) fn redis(section: &At<'_>, out: &mut Settings, (keys, report): (&mut Keys, &mut Report)) {
    let part = |key: &str| section.get(&format!("redis_{key}")).or_else(|| section.get(key));
    let text = |key: &str| part(key).and_then(|at| at.text());
    let (url, host) = (text("url"), text("host"));
    let Some(at) = part("url").or_else(|| part("host")) else { return };
    let value = match (url, host) {
        (Some(url), _) => match reference(&url) {
            Some(url) => url,
            None if !url.contains("://") => {
                return report.lost(at.spot(), format!("{}: it is no address", at.key));
            }
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
