//! What the house does about each answer a vendor gives.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::vendor;

fn read(status: u16, body: &str) -> UpstreamFault {
    let status = StatusCode::from_u16(status).unwrap();
    let vendor = vendor::find("openai-compatible").unwrap();
    vendor.read_fault(status, &HeaderMap::new(), body.as_bytes(), SystemTime::UNIX_EPOCH)
}

#[test]
fn without_a_word_the_status_decides() {
    for (status, class) in [
        (400, FaultClass::Request),
        (401, FaultClass::Auth),
        (402, FaultClass::Billing),
        (403, FaultClass::Auth),
        (404, FaultClass::Request),
        (408, FaultClass::Server),
        (409, FaultClass::Request),
        (413, FaultClass::Request),
        (422, FaultClass::Request),
        (429, FaultClass::Limited),
        (500, FaultClass::Server),
        (502, FaultClass::Server),
        (503, FaultClass::Server),
        (504, FaultClass::Server),
        (520, FaultClass::Server),
        (529, FaultClass::Limited),
        (302, FaultClass::Request),
    ] {
        for body in ["", "<html>Bad Gateway</html>", "{\"error\":null}", "[]", "7", "{\"error\":{}}", "\u{0}"]
        {
            let expected = UpstreamFault { class, wait: None, lacks: None };
            assert_eq!(read(status, body), expected, "{status} {body}");
        }
    }
}

#[test]
fn a_code_says_more_than_its_status() {
    for (status, body, class) in [
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            FaultClass::Billing,
        ),
        (
            429,
            r#"{"error":{"message":"Slow down","type":"tokens","code":"rate_limit_exceeded"}}"#,
            FaultClass::Limited,
        ),
        (
            413,
            r#"{"error":{"message":"Request too large for model","type":"tokens","code":"rate_limit_exceeded"}}"#,
            FaultClass::Limited,
        ),
        (
            400,
            r#"{"error":{"message":"x","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            FaultClass::ContextLength,
        ),
        (500, r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#, FaultClass::ContextLength),
        (400, r#"{"error":{"message":"x","code":"content_policy_violation"}}"#, FaultClass::ContentFilter),
        (
            400,
            r#"{"error":{"code":"400","message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            FaultClass::ContentFilter,
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
            FaultClass::ModelAway,
        ),
        (
            403,
            r#"{"error":{"message":"Project has no access to model `x`","code":"model_not_found"}}"#,
            FaultClass::ModelAway,
        ),
        (
            404,
            r#"{"error":{"type":"invalid_request_error","code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            FaultClass::ModelAway,
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            FaultClass::Limited,
        ),
        (
            500,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            FaultClass::Limited,
        ),
        (400, r#"{"type":"error","error":{"type":"billing_error","message":"x"}}"#, FaultClass::Billing),
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            FaultClass::Auth,
        ),
        (
            403,
            r#"{"error":{"code":403,"status":"PERMISSION_DENIED","details":[{"reason":"BILLING_DISABLED"}]}}"#,
            FaultClass::Billing,
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            FaultClass::Server,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"x","type":"exceed_context_size_error","n_ctx":256}}"#,
            FaultClass::ContextLength,
        ),
    ] {
        assert_eq!(read(status, body).class, class, "{status} {body}");
    }
}

#[test]
fn where_there_is_no_code_the_wording_decides() {
    for (status, message, class) in [
        (
            400,
            "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens",
            FaultClass::ContextLength,
        ),
        (400, "prompt is too long: 200251 tokens > 200000 maximum", FaultClass::ContextLength),
        (400, "Your input exceeds the context window of this model.", FaultClass::ContextLength),
        (
            400,
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            FaultClass::ContextLength,
        ),
        (500, "Context size has been exceeded.", FaultClass::ContextLength),
        (502, "Provider said: prompt is too long", FaultClass::ContextLength),
        (400, "Your credit balance is too low to access the API.", FaultClass::Billing),
        (403, "This model requires moderation and your input was flagged", FaultClass::ContentFilter),
        (404, "model 'x' not found", FaultClass::ModelAway),
        (404, "The model `x` does not exist.", FaultClass::ModelAway),
        (404, "model: claude-x", FaultClass::ModelAway),
        (404, "models/x is not found for API version v1beta", FaultClass::ModelAway),
        (404, "No such File object: file-1", FaultClass::Request),
        (400, "The model `x` does not exist.", FaultClass::Request),
        // What a status means by itself is not talked away.
        (429, "maximum context length", FaultClass::Limited),
        (401, "prompt is too long", FaultClass::Auth),
    ] {
        let bodies = [
            serde_json::json!({"error": {"message": message, "type": "invalid_request_error", "code": null}}),
            serde_json::json!({"error": message}),
            serde_json::json!({"object": "error", "message": message, "code": status}),
            serde_json::json!({"detail": message}),
            serde_json::json!({"error": {"code": status, "message": "Provider returned error", "metadata": {"raw": message}}}),
        ];
        for body in bodies {
            assert_eq!(read(status, &body.to_string()).class, class, "{status} {body}");
        }
    }
}

#[test]
fn what_a_target_lacks_is_told() {
    for (status, message, lacks) in [
        (
            400,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            Capability::Prefill,
        ),
        (
            400,
            "When using output format, pre-filling the `assistant` response is not supported.",
            Capability::Prefill,
        ),
        (
            400,
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            Capability::Prefill,
        ),
        (400, "Last message must have role `user`.", Capability::Prefill),
        (400, "registry.ollama.ai/library/gemma3:4b does not support tools", Capability::Tools),
        (404, "No endpoints found that support tool use. Try disabling \"x\".", Capability::Tools),
        (404, "No endpoints found that support image input", Capability::Images),
        (
            500,
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            Capability::Images,
        ),
    ] {
        let fault = read(status, &serde_json::json!({"error": {"message": message}}).to_string());
        assert_eq!((fault.class, fault.lacks), (FaultClass::Capability, Some(lacks)), "{message}");
    }
    let tools = r#"{"error":{"message":"x","param":"tools[0].type","code":"unsupported_value"}}"#;
    assert_eq!(read(400, tools).lacks, Some(Capability::Tools));
    let temperature = r#"{"error":{"message":"x","param":"temperature","code":"unsupported_value"}}"#;
    assert_eq!(read(400, temperature).class, FaultClass::Request, "no ability of its own");
}

#[test]
fn an_error_inside_a_success_has_the_status_it_names() {
    for (body, class) in [
        (r#"{"error":{"message":"x","code":502}}"#, FaultClass::Server),
        (r#"{"error":{"message":"x","code":429}}"#, FaultClass::Limited),
        (r#"{"error":{"message":"x","type":"invalid_request_error"}}"#, FaultClass::Request),
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#, FaultClass::Limited),
        (
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
            FaultClass::Limited,
        ),
        (r#"{"type":"error","code":"server_error","message":"x","param":null}"#, FaultClass::Server),
        (r#"{"error":{"message":"x"}}"#, FaultClass::Server),
    ] {
        assert_eq!(read(200, body).class, class, "{body}");
    }
}

#[test]
fn recorded_errors_are_read_for_what_they_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut away = 0;
    for name in ["openai", "azure-openai", "anthropic", "gemini", "groq", "deepseek", "openrouter", "cohere"]
    {
        let Some(recordings) = testkit::recordings::load(root, name) else {
            eprintln!("skipped: ../shared/recordings is not beside this checkout");
            return;
        };
        for recording in recordings.iter().filter(|recording| recording.status >= 400) {
            let body = String::from_utf8_lossy(&recording.resp_body);
            let class = read(recording.status, &body).class;
            let expected = match recording.status {
                404 => FaultClass::ModelAway,
                429 => FaultClass::Limited,
                401 => FaultClass::Auth,
                _ if body.contains("model_not_found") => FaultClass::ModelAway,
                _ if body.contains("API_KEY_INVALID") => FaultClass::Auth,
                _ => FaultClass::Request,
            };
            assert_eq!(class, expected, "{name} {}: {body}", recording.status);
            away += usize::from(class == FaultClass::ModelAway);
        }
    }
    assert!(away >= 10, "models asked for in vain: {away}");
}

#[test]
fn the_wait_comes_with_the_fault() {
    let vendor = vendor::find("azure").unwrap();
    let head: HeaderMap =
        [(http::header::RETRY_AFTER, http::HeaderValue::from_static("2"))].into_iter().collect();
    let read = |body: &[u8], head: &HeaderMap| {
        vendor.read_fault(StatusCode::TOO_MANY_REQUESTS, head, body, SystemTime::UNIX_EPOCH).wait
    };
    assert_eq!(read(b"", &head), Some(Duration::from_secs(2)));
    let said = b"{\"error\":{\"code\":\"429\",\"message\":\"... Please retry after 45 seconds.\"}}";
    assert_eq!(read(said, &HeaderMap::new()), Some(Duration::from_secs(45)));
}

#[test]
fn the_table_keeps_callers_faults_from_breakers_and_silent_targets_from_a_second_try() {
    for class in FaultClass::ALL {
        let Consequence { again, next_key, elsewhere, blames } = class.consequence();
        let callers =
            matches!(class, FaultClass::Request | FaultClass::ContextLength | FaultClass::ContentFilter);
        if callers || matches!(class, FaultClass::Capability | FaultClass::ModelAway) {
            assert_eq!((again, blames), (Again::No, Blames::Nothing), "{}", class.word());
        } else {
            // What the model wrote its caller has asked for.
            assert_eq!(blames == Blames::Nothing, class == FaultClass::AnswerUnfit, "{}", class.word());
            assert_eq!(elsewhere, Elsewhere::Yes, "{}", class.word());
        }
        if matches!(class, FaultClass::HeadersLate | FaultClass::FirstTokenLate | FaultClass::StreamStall) {
            assert_eq!((again, next_key), (Again::No, false), "{}", class.word());
        }
        if blames == Blames::Key {
            assert!(next_key && again == Again::No, "{}", class.word());
        }
    }
    let words: std::collections::HashSet<_> = FaultClass::ALL.iter().map(|class| class.word()).collect();
    assert_eq!(words.len(), FaultClass::ALL.len(), "each has a word of its own");
}

proptest! {
    #[test]
    fn no_answer_whatever_is_too_much(status in 100u16..1000, body in prop::collection::vec(any::<u8>(), 0..200), header in "[ -~]{0,40}") {
        let vendor = vendor::find("openai").unwrap();
        let names = ["retry-after", "retry-after-ms", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
        let head: HeaderMap = names
            .into_iter()
            .map(|name| (http::HeaderName::from_static(name), http::HeaderValue::from_str(&header).unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        vendor.read_fault(status, &head, &body, SystemTime::now());
        vendor.read_quota(&head);
    }
}
