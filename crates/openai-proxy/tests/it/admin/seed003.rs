//! Every request of seed 003, by curl, on the real program with that seed's configuration as it stands.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::network;

#[test]
fn every_curl_of_the_older_service_works_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    // Its port is the paper's, so it needs a network where that is free.
    let told = network::run_inside("admin::seed003::inside", "", dir.path());
    if let Some(told) = told {
        assert!(told.contains("All as the paper says."), "{told}");
    }
}

#[test]
#[ignore = "runs inside a network of its own"]
fn inside() {
    if !network::is_own() {
        return;
    }
    let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/seed003");
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::create_dir(&config).unwrap();
    std::fs::copy(paper.join("base.yaml"), config.join("base.yaml")).unwrap();
    let environment = [
        ("AZURE_API_KEY_1", "key-of-instance-1"),
        ("FEISHU_WEBHOOK_URL", "https://example.com/hook"),
        ("ADMIN_API_KEY", "an-admin-key-of-the-paper"),
    ];
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
    gateway.args(["serve", "--config"]).arg(config.join("base.yaml"));
    gateway.env_clear().env("HOME", home.path()).envs(environment).current_dir(home.path());
    let mut gateway =
        gateway.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let ready = Command::new("curl")
        .args([
            "--silent",
            "--output",
            "/dev/null",
            "--retry",
            "40",
            "--retry-connrefused",
            "--retry-delay",
            "1",
        ])
        .arg("http://localhost:3010/health")
        .status()
        .unwrap();
    assert!(ready.success(), "it never became ready");
    let curls = Command::new("sh").arg(paper.join("curls.sh")).envs(environment).output().unwrap();
    let _ = gateway.kill();
    let _ = gateway.wait();
    let (told, errors) = (String::from_utf8_lossy(&curls.stdout), String::from_utf8_lossy(&curls.stderr));
    assert!(curls.status.success(), "{told}\n{errors}");
    println!("{told}");
}
