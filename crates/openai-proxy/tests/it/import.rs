//! `import`: what it prints for older files, word for word, and what it does to a file that is there already.
//! `UPDATE_GOLDEN=1 cargo test -p openai-proxy --test it -- import` rewrites the expectations; read the difference.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use config::snapshot::{Credential, Door, Scheme};
use testkit::caller::ask;
use testkit::vendor::{Act, Seen, Vendor};

use crate::house::TestHouse;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import")
}

fn import(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_openai-proxy"))
        .arg("import")
        .args(arguments)
        .env_clear()
        .current_dir(folder())
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Compares with an expectation, or rewrites it.
pub(crate) fn agree(golden: &Path, got: &str, wrong: &mut Vec<String>) {
    #[expect(clippy::disallowed_methods, reason = "the switch of this test, not of the program")]
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(golden, got).unwrap();
    }
    let want = std::fs::read_to_string(golden).unwrap_or_default();
    if got != want {
        wrong.push(format!("--- {}: expected\n{want}\n--- got\n{got}", golden.display()));
    }
}

/// Loads a result as the gateway would, with the variables it may ask for.
fn loaded(yaml: &str) -> config::Snapshot {
    let names = ["OPENAI_API_KEY", "UPSTREAM_OPENROUTER_AI_API_KEY"];
    let environment = BTreeMap::from(names.map(|name| (name.to_owned(), "sk-from-outside".to_owned())));
    config::parse(yaml, &environment).unwrap_or_else(|problems| panic!("{problems}\n{yaml}")).snapshot
}

#[test]
fn every_older_file_becomes_what_is_expected_and_loads() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "cfg" || end == "env"));
    files.sort();
    assert!(files.len() >= 6, "{files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let kind = if name.ends_with(".cfg") { "haproxy" } else { "env" };
        let output = import(&[kind, name]);
        let (yaml, report) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{name}: {report}");
        let got = format!("{yaml}---\n{report}");
        assert!(!got.contains("canary"), "{name} tells a secret:\n{got}");
        loaded(&yaml);
        agree(&folder().join(format!("{name}.expected")), &got, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_file_of_all_keeps_its_meaning() {
    let world = loaded(&text(&import(&["haproxy", "seed.cfg"]).stdout));
    assert_eq!(world.server.listen, [Door::Tcp("127.0.0.1:2020".parse().unwrap())]);
    assert_eq!(world.providers.len(), 1);
    let openai = &world.providers[0];
    let origin = &openai.origin;
    assert_eq!((origin.scheme, origin.authority.as_str()), (Scheme::Https, "api.openai.com"));
    assert!(!origin.accept_any_certificate && !openai.forwarded);
    assert!(matches!(openai.credential, Credential::Passthrough));
    for path in ["/audio/transcriptions", "/chat/completions", "/audio/speech", "/files"] {
        assert!(world.routes.find(path).is_some(), "{path}");
    }
}

/// The file we ship is carried over without a loss.
#[test]
fn our_own_file_is_carried_over() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/haproxy/conf.d/openai-proxy.cfg");
    let output = import(&["haproxy", file.to_str().unwrap()]);
    assert_eq!(loaded(&text(&output.stdout)).providers.len(), 1);
    let report = text(&output.stderr);
    let lost: Vec<&str> = report.lines().filter(|line| line.contains("LOST")).collect();
    assert!(lost.iter().all(|line| line.contains("timeout ")), "{lost:#?}");
}

#[test]
fn a_file_that_is_there_is_never_overwritten_silently() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openai-proxy.yaml");
    let shown = file.to_str().unwrap();
    let write = |more: &[&str]| import(&[&["haproxy", "seed.cfg", "--output", shown], more].concat());
    let read = || std::fs::read_to_string(&file).unwrap();

    let first = write(&[]);
    assert_eq!((first.status.code(), text(&first.stdout).as_str()), (Some(0), ""));
    assert!(text(&first.stderr).contains("is written"));
    let made = read();
    let again = write(&[]);
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again.stderr).contains("nothing changed"));

    let mine = made.replace("credential: passthrough", "credential: none");
    std::fs::write(&file, &mine).unwrap();
    let refused = write(&[]);
    let told = text(&refused.stderr);
    assert_eq!((refused.status.code(), read()), (Some(5), mine));
    assert!(told.contains("-     credential: none\n+     credential: passthrough\n"), "{told}");
    assert_eq!((write(&["--yes"]).status.code(), read()), (Some(0), made));
}

#[test]
fn what_is_no_such_file_is_told() {
    let missing = import(&["haproxy", "nowhere.cfg"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("nowhere.cfg cannot be read"));
    let other = import(&["haproxy", "template.env"]);
    assert_eq!((other.status.code(), text(&other.stdout).as_str()), (Some(1), ""));
    assert!(text(&other.stderr).contains("No server was found"));
    assert_eq!(import(&["elsewhere"]).status.code(), Some(2));
}

/// The result does what the older file did: the same server gets the same path.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_file_sends_requests_where_the_older_one_did() {
    let (near, cloud) = (Vendor::start(fine).await, Vendor::start(fine).await);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("older.cfg");
    let older = format!(
        "frontend f\n bind 127.0.0.1:2020\n acl stt path_beg /v1/audio/transcriptions\n use_backend stt if stt\n default_backend cloud\nbackend stt\n http-request set-path /inference\n server whisper 127.0.0.1:{}\nbackend cloud\n http-request replace-path /v1/(.*) /api/v1/\\1\n server cloud 127.0.0.1:{}\n",
        near.port(),
        cloud.port()
    );
    std::fs::write(&file, older).unwrap();
    let yaml = text(&import(&["haproxy", file.to_str().unwrap()]).stdout);
    let house = TestHouse::new(&yaml.replace("127.0.0.1:2020", "127.0.0.1:0"));
    let json = [("content-type", "application/json")];
    for (path, vendor, arrives) in [
        ("/v1/audio/transcriptions", &near, "/inference"),
        ("/v1/chat/completions", &cloud, "/api/v1/chat/completions"),
        ("/v1/embeddings", &cloud, "/api/v1/embeddings"),
    ] {
        let answer = ask(house.address(), "POST", path, &json, r#"{"model":"m"}"#).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(vendor.ledger().last().unwrap().seen.path(), arrives);
    }
}

fn fine(_: &Seen) -> Act {
    Act::json(200, &serde_json::json!({"text": "fine"}))
}
