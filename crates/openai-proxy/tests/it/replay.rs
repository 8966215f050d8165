//! Recorded calls once more: to the mock or to the one place that is named, and to nobody else.

use testkit::failing::{Pace, well};
use testkit::vendor::Vendor;

use crate::starting::run;

const CALLS: &str = r#"{"method":"POST","path":"/v1/chat/completions","headers":{"authorization":"Bearer sk-recorded-0123456789"},"body":{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}}

{"path":"/v1/chat/completions","req_headers":{"x-api-key":"sk-recorded-0123456789"},"req_body":"{\"model\":\"one/m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mock_answers_a_recording_without_any_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("calls.jsonl"), CALLS).unwrap();
    let (code, out, err) = run(folder.path(), &["replay", "calls.jsonl"], &[]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(out.matches("  200  ").count(), 2, "{out}");
    assert!(err.contains("2 calls: 2 answered, 0 refused, 0 broken off."), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_provider_that_is_named_is_asked_and_no_recorded_key_is_shown_to_it() {
    let (one, two) = (
        Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await,
        Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await,
    );
    let folder = tempfile::tempdir().unwrap();
    let line = |name: &str, vendor: &Vendor| {
        format!(
            "  {name}: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-own-{name}-0123456789}}\n",
            vendor.url()
        )
    };
    let yaml = format!("providers:\n{}{}models: {{gpt-4o: one/m}}\n", line("one", &one), line("two", &two));
    std::fs::write(folder.path().join("openai-proxy.yaml"), yaml).unwrap();
    std::fs::write(folder.path().join("calls.jsonl"), CALLS).unwrap();
    let (code, out, err) = run(folder.path(), &["replay", "calls.jsonl", "--provider", "two", "--json"], &[]);
    assert_eq!(code, Some(0), "{out}{err}");
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["summary"]["answered"], 2, "{told}");
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (0, 2));
    assert!(!two.ledger().contains(b"sk-recorded"));
    assert!(two.ledger().contains(b"sk-own-two"));
    let (code, _, err) = run(folder.path(), &["replay", "calls.jsonl", "--provider", "three"], &[]);
    assert!(code == Some(2) && err.contains("There are: one, two"), "{err}");
    assert_eq!((one.ledger().begun(), two.ledger().begun()), (0, 2));
}
