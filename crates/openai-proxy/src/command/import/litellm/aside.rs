//! What stands in an entry of `model_list` and is not carried over, with the reason.

use super::at::At;
use crate::report::Report;

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
    "vertex_project",
    "vertex_ai_project",
    "vertex_location",
    "vertex_ai_location",
    "vertex_credentials",
    "vertex_ai_credentials",
    "aws_region_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_profile_name",
    "aws_role_name",
    "aws_session_name",
    "aws_external_id",
    "aws_sts_endpoint",
    "aws_web_identity_token",
    "aws_bedrock_runtime_endpoint",
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
    ("azure_ad_token", "a token that ends; `entra_id` asks for new ones"),
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
pub(super) const PRICES: &[(&str, &str)] = &[
    ("input", "input_cost_per_token"),
    ("cached_input", "cache_read_input_token_cost"),
    ("output", "output_cost_per_token"),
];

/// What stands in `litellm_params` and is not carried over; of an Ollama how much a model reads is.
pub(super) fn unread(public: &str, (params, ollama): (&At<'_>, bool), report: &mut Report) {
    for at in params.members() {
        let key = at.key;
        let reads_more = key == "num_ctx" && ollama;
        if READ.contains(&key) || reads_more {
            let odd = match key {
                "rpm" | "tpm" | "weight" | "order" | "max_parallel_requests" | "num_ctx" => {
                    at.whole().is_none()
                }
                "timeout" | "stream_timeout" => at.clock().is_none(),
                key => PRICES.iter().any(|(_, theirs)| *theirs == key) && at.price().is_none(),
            };
            if odd {
                report.lost(at.spot(), format!("{public}: {key}: no number that can be meant"));
            }
            continue;
        }
        let why = match LOST.iter().find(|(lost, _)| *lost == key) {
            Some((_, why)) => why,
            None if DEFAULTS.contains(&key) => {
                "callers say it themselves; nothing is added to what they send"
            }
            None => "not a setting we know",
        };
        report.lost(at.spot(), format!("{public}: {key}: {why}"));
    }
}

/// What stands beside it.
pub(super) fn about(entry: &At<'_>, public: &str, report: &mut Report) {
    let others = ["model_name", "litellm_params", "model_info", "rpm", "tpm"];
    for at in entry.members().into_iter().filter(|at| !others.contains(&at.key)) {
        report.lost(at.spot(), format!("{public}: {}: not a setting we know", at.key));
    }
    for at in entry.get("model_info").map(|info| info.members()).unwrap_or_default() {
        let (key, spot) = (at.key, at.spot());
        if key == "access_groups" || key.starts_with("team") {
            report.lost(
                spot,
                format!(
                    "{public}: {key}: who may ask for a model is said with callers' keys: `keys.NAME.models`"
                ),
            );
        } else if TOLD_ELSEWHERE.contains(&key) || key.starts_with("supports_") {
            report.needless(spot, format!("{public}: model_info.{key}"));
        } else if !PRICES.iter().any(|(_, theirs)| *theirs == key) {
            report.lost(spot, format!("{public}: model_info.{key}: nothing here asks for it"));
        }
    }
}
