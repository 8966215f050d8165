//! `import litellm`: each configuration becomes what is expected and is accepted as it is; and what it does then is what
//! LiteLLM would have done. `UPDATE_GOLDEN=1` rewrites the expectations; read the difference.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testkit::caller::ask;
use testkit::vendor::{Act, Seen, Vendor};

use crate::house::{TestHouse, chat};
use crate::import::{agree, text};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import/litellm")
}

fn run(folder: &Path, arguments: &[&str], variables: &[(String, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_openai-proxy"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name.as_str(), *value)))
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Who somebody is at Google.
const LOGIN: &str = r#"{"type":"authorized_user","client_id":"c","client_secret":"s-long-enough","refresh_token":"r-long-enough"}"#;

/// Something for every variable a file asks for.
fn variables(yaml: &str) -> Vec<(String, &'static str)> {
    let names = yaml.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    let value = |name: &str| match name {
        name if ["BASE", "WEBHOOK", "ENDPOINT"].iter().any(|word| name.contains(word)) => {
            "https://somewhere.example"
        }
        "REDIS_URL" => "redis://somewhere:6379",
        name if name.contains("CREDENTIALS") => LOGIN,
        _ => "something-long-enough",
    };
    // What platforms say of who we are.
    let platform =
        [("AWS_ACCESS_KEY_ID", "AKIA0123456789"), ("AWS_SECRET_ACCESS_KEY", "something-long-enough")];
    let platform = platform.map(|(name, value)| (name.to_owned(), value));
    names.map(|name| (name.to_owned(), value(name))).chain(platform).collect()
}

#[test]
fn every_configuration_becomes_what_is_expected_and_is_accepted() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    assert!(files.len() >= 12, "{files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let result = dir.path().join("openai-proxy.yaml");
        let output = run(&cases(), &["import", "litellm", name, "--output", result.to_str().unwrap()], &[]);
        let report = text(&output.stderr).replace(&format!("{}/", dir.path().display()), "");
        assert!(output.status.success(), "{name}: {report}");
        let yaml = std::fs::read_to_string(&result).unwrap();
        let got = format!("{yaml}---\n{report}");
        assert!(!got.contains("canary"), "{name} tells a secret:\n{got}");
        let login = dir.path().join("google.json");
        std::fs::write(&login, LOGIN).unwrap();
        let mut variables = variables(&yaml);
        variables.push(("GOOGLE_APPLICATION_CREDENTIALS".to_owned(), login.to_str().unwrap()));
        let checked = run(dir.path(), &["check-config", "openai-proxy.yaml"], &variables);
        assert!(checked.status.success(), "{name}: {}\n{got}", text(&checked.stderr));
        agree(&file.with_extension("yaml.expected"), &got, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every literal key is found again in the private file, and nowhere else.
#[test]
fn literal_keys_are_kept_in_a_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let result = dir.path().join("openai-proxy.yaml");
    let output = run(
        &cases(),
        &["import", "litellm", "08-literal-keys.yaml", "--output", result.to_str().unwrap()],
        &[],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let kept = std::fs::read_to_string(dir.path().join(".env")).unwrap();
    for key in [
        "canary-openai-one",
        "canary-openai-two",
        "canary-corp",
        "canary-header",
        "sk-canary-master",
        "canary-redis",
    ] {
        assert_eq!(kept.matches(&format!("={key}\n")).count(), 1, "{key}: {kept}");
    }
    assert!(!kept.contains("canary-password") && !kept.contains("canary-authorization"), "{kept}");
    let checked = run(dir.path(), &["check-config", "openai-proxy.yaml"], &[]);
    assert!(checked.status.success(), "the file beside it is all it needs: {}", text(&checked.stderr));
}

#[test]
fn what_is_no_such_file_is_told_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content, says) in [
        ("list.yaml", "- model_name: x\n", "holds no settings"),
        ("broken.yaml", "model_list: [\n", "It cannot be read"),
        ("empty.yaml", "model_list: []\n", "No provider was found"),
        ("text.yaml", "just text\n", "holds no settings"),
        ("circle.yaml", "include: [circle.yaml]\n", "included by too many, or by itself"),
        ("gone.yaml", "include: [nowhere.yaml]\n", "nowhere.yaml cannot be read"),
        (
            "bomb.yaml",
            "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nmodel_list: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
            "expand to too much",
        ),
        (
            "shapes.yaml",
            "model_list: {a: 1}\nrouter_settings: 7\nlitellm_settings: [x]\ngeneral_settings: ~\nenvironment_variables: x\n",
            "No provider was found",
        ),
    ] {
        std::fs::write(dir.path().join(name), content).unwrap();
        let output = run(dir.path(), &["import", "litellm", name, "--output", "out.yaml"], &[]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {told}");
        assert!(told.contains(says), "{name}: {told}");
        assert!(!dir.path().join("out.yaml").exists(), "{name}");
    }
    assert_eq!(run(dir.path(), &["import", "litellm", "absent.yaml"], &[]).status.code(), Some(1));
}

/// The result does what the older file did: public names lead to the accounts and models they led to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_file_sends_models_where_litellm_did() {
    let (one, two) = (Vendor::start(fine).await, Vendor::start(fine).await);
    let dir = tempfile::tempdir().unwrap();
    let older = format!(
        "model_list:\n  - {{model_name: fast, litellm_params: {{model: openai/own-fast, api_base: \"{one}/v1\", api_key: sk-one}}}}\n  - {{model_name: slow, litellm_params: {{model: azure/deployment, api_base: \"{two}\", api_key: sk-two, api_version: \"2024-10-21\"}}}}\n  - {{model_name: both, litellm_params: {{model: openai/second, api_base: \"{one}/v1\", api_key: sk-one, order: 2}}}}\n  - {{model_name: both, litellm_params: {{model: azure/first, api_base: \"{two}\", api_key: sk-two, api_version: \"2024-10-21\", order: 1}}}}\n  - {{model_name: \"pat-*\", litellm_params: {{model: \"openai/pat-*\", api_base: \"{one}/v1\", api_key: sk-three}}}}\nrouter_settings:\n  model_group_alias: {{quick: fast}}\n",
        one = one.url(),
        two = two.url()
    );
    std::fs::write(dir.path().join("config.yaml"), older).unwrap();
    let output = run(dir.path(), &["import", "litellm", "config.yaml", "--output", "openai-proxy.yaml"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let given = config::Given {
        file: Some(dir.path().join("openai-proxy.yaml")),
        overrides: vec![
            ("server.listen".into(), "127.0.0.1:0".into()),
            ("storage.database".into(), "memory".into()),
        ],
        ..config::Given::default()
    };
    let house = TestHouse::of(&given);
    for (asked, vendor, key, arrives) in [
        ("fast", &one, ("authorization", "Bearer sk-one"), "own-fast"),
        ("quick", &one, ("authorization", "Bearer sk-one"), "own-fast"),
        ("slow", &two, ("api-key", "sk-two"), "deployment"),
        ("both", &two, ("api-key", "sk-two"), "first"),
        ("pat-x", &one, ("authorization", "Bearer sk-three"), "pat-x"),
    ] {
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat(asked, false)).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
        let seen = vendor.ledger().last().unwrap().seen;
        assert_eq!(seen.header(key.0), Some(key.1), "{asked}");
        assert!(
            seen.text().contains(&format!("\"{arrives}\"")) || seen.target.contains(arrives),
            "{asked}: {}",
            seen.target
        );
    }
    for unknown in ["own-fast", "deployment", "other"] {
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat(unknown, false)).await;
        assert_eq!(answer.status, 404, "{unknown}: {}", answer.text());
    }
}

fn fine(seen: &Seen) -> Act {
    match seen.path() {
        "/v1/models" => Act::json(200, &serde_json::json!({"data": []})),
        _ => Act::json(200, &serde_json::json!({"id": "x"})),
    }
}
