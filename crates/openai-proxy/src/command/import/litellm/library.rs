//! `litellm_settings`: what LiteLLM's library does with every call.

use serde_json::json;

use super::at::At;
use super::names::Names;
use super::router::redis;
use super::settings::{Settings, shared};
use crate::command::import::keys::Keys;
use crate::report::Report;

/// `litellm_settings`
pub(super) fn read(
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
            ("ttl", _) => out.clock(&at, "cache.ttl", report),
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
