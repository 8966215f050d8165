//! `openai-proxy db` as a person uses it: beside a running gateway, and after it.

use std::path::Path;
use std::process::{Command, Output};

use testkit::caller::ask;
use testkit::vendor::{Answer, Vendor};

use crate::house::{CHAT_ANSWER, TestHouse, chat, provider};

fn db(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
    command.arg("db").args(arguments).args(["--config", "openai-proxy.yaml"]);
    let Output { status, stdout, stderr } =
        command.env_clear().env("HOME", dir).current_dir(dir).output().unwrap();
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_beside_a_running_gateway_is_put_back_when_it_is_stopped() {
    let vendor =
        Vendor::start(|_| Answer::plain(200, CHAT_ANSWER).header("content-type", "application/json").into())
            .await;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\n{}storage: {{database: \"sqlite:{}\"}}\n",
        provider(&vendor),
        folder.join("usage.db").display()
    );
    std::fs::write(folder.join("openai-proxy.yaml"), &yaml).unwrap();
    let (code, said) = db(folder, &["health"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("is not there yet"), "{said}");

    let house = TestHouse::new(&yaml);
    let call = async |model: &str| {
        let body = chat(model, false);
        assert_eq!(ask(house.address(), "POST", "/v1/chat/completions", &[], body).await.status, 200);
    };
    call("before").await;
    house.records(|records| records.len() == 1).await;
    let (code, said) = db(folder, &["backup", "--backup-dir", "copies", "--max-backups", "2"]);
    assert_eq!(code, 0, "{said}");
    let copies: Vec<_> = std::fs::read_dir(folder.join("copies")).unwrap().flatten().collect();
    assert_eq!(copies.len(), 1, "{copies:?}");
    let copy = copies[0].path();
    let copy = copy.to_str().unwrap();
    call("after").await;
    house.records(|records| records.len() == 2).await;

    let (code, said) = db(folder, &["health", "--output", "report.json"]);
    assert!(code == 0 && said.contains("no damage found") && said.contains("2 rows"), "{said}");
    let report = std::fs::read_to_string(folder.join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["damages"], &report["tables"][0]["rows"]), (&serde_json::json!([]), &2.into()));

    let (code, said) = db(folder, &["restore", copy]);
    assert!(code == 1 && said.contains("a gateway uses it"), "{said}");
    drop(house);
    let (code, said) = db(folder, &["restore", copy]);
    assert!(code == 0 && said.contains("usage_before_restore_"), "{said}");
    let (code, said) = db(folder, &["stats"]);
    assert!(code == 0 && said.contains("usage_records  1 rows"), "{said}");

    let (code, said) = db(folder, &["prune", "--older-than-days", "1"]);
    assert!(code == 0 && said.contains("0 records deleted"), "{said}");
    let (code, said) = db(folder, &["prune", "--older-than-days", "0"]);
    assert!(code == 0 && said.contains("1 records deleted"), "{said}");
    let (code, said) = db(folder, &["vacuum"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("openai-proxy.yaml"), "providers: {mock: {}}\n").unwrap();
    std::fs::write(dir.path().join("letter"), "no database ".repeat(1_000)).unwrap();
    for what in [&["health"][..], &["backup"], &["vacuum"], &["prune", "--older-than-days", "1"]] {
        let (code, said) = db(dir.path(), &[what, &["--db-path", "letter"]].concat());
        assert!(code == 78 && said.contains("damaged or no database"), "{what:?}: {code} {said}");
    }
}
