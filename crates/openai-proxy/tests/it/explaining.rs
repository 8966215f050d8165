//! `explain` tells the way a request would take: it names exactly the provider that then receives it.

use std::path::Path;
use std::sync::Arc;

use config::{Found, Given};
use gateway::{Explanation, Gateway, Question, Way};
use http::Method;
use store::Books;

use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY};
use crate::starting::run;

const MODELS: [&str; 4] = ["alpha", "beta", "gamma", "tts-1"];
const KINDS: [&str; 5] = ["openai", "ollama", "kokoro", "whisper.cpp", "openai-compatible"];
const PATHS: [(&str, &str); 9] = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/audio/speech"),
    ("POST", "/v1/responses"),
    ("POST", "/openai/deployments/beta/chat/completions"),
    ("POST", "/v1beta/models/gamma:generateContent"),
    ("GET", "/v1/files"),
    ("POST", "/v1/tomorrow"),
    ("POST", "/v1/threads/runs"),
];

/// Numbers that look random and are the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A vendor that announces some models and takes every call.
async fn vendor(announced: Vec<&'static str>) -> Vendor {
    Vendor::start(move |seen| {
        if seen.path().ends_with("/models") {
            let list: Vec<_> = announced.iter().map(|id| serde_json::json!({"id": id})).collect();
            return Act::json(200, &serde_json::json!({"object": "list", "data": list}));
        }
        // An answer in whichever language it is asked in.
        let message = serde_json::json!({"role": "assistant", "content": "x"});
        let choice = serde_json::json!({"index": 0, "message": message, "finish_reason": "stop"});
        let told = serde_json::json!({"id": "x", "object": "any", "choices": [choice], "message": message, "done": true, "done_reason": "stop"});
        Act::json(200, &told)
    })
    .await
}

/// Between two and four providers of some kinds, and some of everything that leads somewhere.
fn configuration(dice: &mut Dice, vendors: &[Vendor]) -> String {
    let names: Vec<String> = (0..vendors.len()).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut yaml = "providers:\n".to_owned();
    for (name, vendor) in names.iter().zip(vendors) {
        let kind = dice.one(&KINDS);
        let priority = dice.below(3);
        let limits = if dice.below(5) == 0 { ", capabilities: [chat, models]" } else { "" };
        let own = if dice.below(4) == 0 { ", models: {alpha: alpha-own}" } else { "" };
        yaml += &format!(
            "  {name}: {{type: {kind}, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, priority: {priority}{limits}{own}}}\n",
            vendor.url()
        );
    }
    if dice.below(2) == 0 {
        let name = dice.one(&["alpha", "be*", "*"]);
        yaml += &format!("models: {{\"{name}\": [{}, {}]}}\n", dice.one(&names), dice.one(&names));
    }
    if dice.below(3) == 0 {
        let path = dice.one(&["/v1/*", "/v1/audio/*", "/v1/chat/completions", "/v1/files"]);
        yaml += &format!("routes: {{\"{path}\": [{}, {}]}}\n", dice.one(&names), dice.one(&names));
    }
    match dice.below(3) {
        0 => yaml += &format!("routing: {{unknown_model: {}}}\n", dice.one(&names)),
        1 => yaml += "routing: {unknown_model: error}\n",
        _ => {}
    }
    yaml
}

/// That configuration as a file.
fn written(dice: &mut Dice, vendors: &[Vendor], dir: &Path) -> (Given, String) {
    let yaml = configuration(dice, vendors);
    let file = dir.join("openai-proxy.yaml");
    std::fs::write(&file, &yaml).unwrap();
    (Given { file: Some(file), overrides: any_port(), ..Given::default() }, yaml)
}

/// Servers of this computer and one cloud, as they are found: nobody wrote anything.
fn found(dice: &mut Dice, vendors: &[Vendor]) -> Given {
    let (cloud, near) = vendors.split_last().unwrap();
    let near = near.iter().enumerate().map(|(place, vendor)| Found {
        name: format!("p{place}"),
        kind: dice.one(&["ollama", "kokoro", "vllm"]).to_owned(),
        base_url: format!("{}/v1", vendor.url()),
    });
    let environment = [
        ("OPENAI_API_KEY".to_owned(), UPSTREAM_KEY.to_owned()),
        ("OPENAI_BASE_URL".to_owned(), format!("{}/v1", cloud.url())),
    ];
    Given {
        found: near.collect(),
        environment: environment.into(),
        overrides: any_port(),
        ..Given::default()
    }
}

fn any_port() -> Vec<(String, String)> {
    vec![
        ("server.listen".to_owned(), "127.0.0.1:0".to_owned()),
        ("server.workers".to_owned(), "1".to_owned()),
    ]
}

/// The provider, by its place, that got another call than one for its models.
fn receivers(vendors: &[Vendor]) -> Vec<String> {
    let calls = |vendor: &Vendor| {
        vendor.ledger().entries().iter().filter(|entry| !entry.seen.path().ends_with("/models")).count()
    };
    let got = vendors.iter().map(calls).enumerate();
    got.flat_map(|(place, calls)| std::iter::repeat_n(format!("p{place}"), calls)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_names_exactly_the_provider_that_then_receives_the_call() {
    let (mut sent, mut refused) = (0, 0);
    let dir = tempfile::tempdir().unwrap();
    for seed in 1..=90_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut vendors = Vec::new();
        for _ in 0..2 + dice.below(3) {
            let announced = MODELS.iter().filter(|_| dice.below(3) == 0).copied().collect();
            vendors.push(vendor(announced).await);
        }
        let (given, yaml) = if seed % 3 == 0 {
            (found(&mut dice, &vendors), "found, not written".to_owned())
        } else {
            written(&mut dice, &vendors, dir.path())
        };
        let Ok(loaded) = config::load(&given) else { continue };
        let gateway = Gateway::new(loaded.snapshot, Arc::new(Books::in_memory(1)));
        let house = TestHouse::of(&given);
        for _ in 0..4 {
            let (method, path) = PATHS[dice.below(PATHS.len())];
            let model = dice.one(&["alpha", "beta", "gamma", "tts-1", "nobody-has-it"]);
            let body = if method == "GET" {
                String::new()
            } else {
                // A request in whichever language the path has: it may have to be put into another.
                let said =
                    r#""input":"x","prompt":"x","max_tokens":9,"messages":[{"role":"user","content":"x"}]"#;
                format!(
                    r#"{{"model":"{model}",{said},"contents":[{{"role":"user","parts":[{{"text":"x"}}]}}]}}"#
                )
            };
            let before = receivers(&vendors);
            let question = Question {
                method: &Method::from_bytes(method.as_bytes()).unwrap(),
                target: path,
                model: None,
                body: (!body.is_empty()).then_some(body.as_bytes()),
            };
            let told: Explanation = gateway.explain(&question).await;
            assert_eq!(receivers(&vendors), before, "explaining sends nothing");
            let kind = [("content-type", "application/json")];
            let answer = ask(house.address(), method, path, &kind, body).await;
            let mut new = receivers(&vendors);
            for old in before {
                let at = new.iter().position(|name| *name == old).unwrap();
                new.remove(at);
            }
            let about = format!("seed {seed}: {method} {path} {model}\n{yaml}{told:#?}\n{}", answer.text());
            match &told.way {
                Ok(Way::There { provider, .. }) => {
                    sent += 1;
                    // A cloud that was found is called by its kind and is the last.
                    let last = format!("p{}", vendors.len() - 1);
                    let provider = if provider == "openai" { &last } else { provider };
                    assert_eq!(new, [provider.as_str()], "{about}");
                }
                Ok(Way::Here { .. }) => panic!("{about}"),
                Err(error) => {
                    refused += 1;
                    assert!(new.is_empty(), "{about}");
                    assert_eq!(answer.status, error.status, "{about}");
                    // Not every language has a place for our code.
                    assert!(answer.error_code().is_none_or(|code| code == error.code), "{about}");
                    assert!(answer.text().contains(&*serde_json::json!(error.say).to_string()), "{about}");
                }
            }
        }
    }
    assert!(sent > 60 && refused > 20, "both are seen often: {sent} and {refused}");
}

const FILE: &str = "providers:\n  cloud: {type: openai, base_url: \"http://127.0.0.1:1/v1\", api_key: sk-canary-0123456789, priority: 3}\n  near: {type: ollama, base_url: \"http://127.0.0.1:2/v1\", models: [llama3.2]}\n  voice: {type: kokoro, base_url: \"http://127.0.0.1:3/v1\"}\nmodels:\n  \"claude-*\": [cloud]\nroutes:\n  /v1/audio/speech: voice\nrouting: {unknown_model: error}\n";

fn explain(arguments: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), FILE).unwrap();
    std::fs::write(dir.path().join("ask.json"), "{\"model\":\"llama3.2\",\"messages\":[]}").unwrap();
    let (code, out, err) = run(dir.path(), &[&["explain"], arguments].concat(), &[]);
    assert!(!out.contains("canary") && !err.contains("canary") && !err.contains("panicked"), "{out}{err}");
    (code, out + &err)
}

#[test]
fn the_rule_that_decides_is_told_with_its_line() {
    let (code, said) = explain(&["--model", "claude-9", "--offline"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("✓ cloud") && said.contains("`claude-*` (openai-proxy.yaml:6)"), "{said}");
    let (code, said) = explain(&["--path", "/v1/audio/speech", "--model", "tts-1", "--offline"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("✓ voice") && said.contains("`/v1/audio/speech` (openai-proxy.yaml:8)"), "{said}");
}

#[test]
fn the_model_of_a_body_counts_and_a_local_one_stays_local() {
    let (code, said) = explain(&["--body", "ask.json", "--offline"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("✓ near") && said.contains("never goes to a cloud by itself"), "{said}");
}

#[test]
fn what_leads_nowhere_is_exit_4_with_the_error_of_the_caller_and_the_nearest() {
    for (arguments, code, near) in [
        (&["--model", "llama3.3"][..], "model_not_found, status 404", "Nearest: `llama3.2`"),
        (
            &["--path", "/caht/completions", "--model", "x"],
            "unknown_path, status 404",
            "Nearest: `/v1/chat/completions`",
        ),
        (&["--path", "/v1/chat/completions"], "missing_model, status 400", "/v1/models"),
        (
            &["--path", "/v1/audio/transcriptions", "--model", "whisper-1", "--method", "DELETE"],
            "method_not_allowed, status 405",
            "POST",
        ),
    ] {
        let (exit, said) = explain(&[arguments, &["--offline"]].concat());
        assert_eq!(exit, Some(4), "{said}");
        assert!(said.contains(code) && said.contains(near), "{said}");
    }
}

#[test]
fn a_path_nobody_knows_passes_and_the_nearest_is_proposed() {
    let (code, said) = explain(&["--path", "/v1/chat/completion", "--model", "claude-9", "--offline"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("✓ cloud") && said.contains("Nearest: `/v1/chat/completions`"), "{said}");
}

#[test]
fn json_tells_the_same_to_programs() {
    let (code, said) = explain(&["--model", "claude-9", "--offline", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!((&told["way"]["provider"], &told["way"]["reason"]), (&"cloud".into(), &"written".into()));
    assert_eq!(told["providers"].as_array().unwrap().len(), 3);
    assert!(told["providers"][2]["why"].as_str().unwrap().contains("cannot do chat"), "{told}");
}
