//! `general_settings`: the proxy itself.

use serde_json::json;

use super::at::{At, reference};
use super::settings::Settings;
use crate::command::import::keys::Keys;
use crate::report::Report;

/// A key of administration has so many characters.
const SHORTEST: usize = 16;

/// `general_settings`
pub(super) fn read(section: &At<'_>, out: &mut Settings, (keys, report): (&mut Keys, &mut Report)) {
    for at in section.members() {
        let lost = |report: &mut Report, why: &str| report.lost(at.spot(), format!("{}: {why}", at.key));
        match at.key {
            "master_key" => {
                let text = at.text().unwrap_or_default();
                if reference(&text).is_none() && text.len() < SHORTEST {
                    lost(report, "too short for a key of administration; make one: openssl rand -hex 32");
                    continue;
                }
                let key = reference(&text).unwrap_or_else(|| keys.keep("LITELLM_MASTER_KEY", &text));
                out.carry(&at, "admin.api_key", json!(key), report);
                let told = "callers do not show it any more: make each a key of its own (openai-proxy keys create NAME); until then this computer alone may call";
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
            "health_check_interval" => {
                if section.get("background_health_checks").is_some_and(|at| at.is_on()) {
                    out.clock(&at, "provider_defaults.health.active", report);
                } else {
                    report.needless(at.spot(), "health_check_interval");
                }
            }
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
                lost(report, "who may call, and how much, is said with callers' keys: `keys` and `limits`");
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
