//! `migrate from-state-file`: what an older proxy's workers shared is what a gateway then starts with.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::path::Path;

use sqlx::{Connection, SqliteConnection};

use crate::starting::{Program, run};

/// Two instances, one of them switched off, and a key.
const STATE: &str = r#"{"timestamp": 1718452800.5, "worker_id": "w-1", "instances": [
  {"name": "east", "provider_type": "azure", "api_base": "https://east.openai.azure.com", "api_version": "2024-06-01",
   "api_key": "canary-0123456789-wxyz", "priority": 80, "weight": 50, "model_deployments": {"gpt-4o": "gpt4o"}, "error_count": 2},
  {"name": "west", "provider_type": "azure", "api_base": "https://west.openai.azure.com", "api_key": "canary-west", "enabled": false}
]}"#;

const MIGRATE: [&str; 6] =
    ["migrate", "from-state-file", "--state-file", "state.json", "--db-path", "own.db"];

/// A folder with that state and a file that leads to the database it goes to.
fn folder(state: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("state.json"), state).unwrap();
    let yaml = "server: {listen: \"127.0.0.1:0\", workers: 1}\nstorage: {database: \"sqlite:own.db\"}\n";
    std::fs::write(dir.path().join("openai-proxy.yaml"), yaml).unwrap();
    dir
}

fn told(dir: &Path, arguments: &[&str]) -> (i32, String) {
    let (code, out, err) = run(dir, arguments, &[]);
    (code.unwrap(), out + &err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_starts_with_what_the_state_file_said() {
    let dir = folder(STATE);
    let (code, said) = told(dir.path(), &MIGRATE);
    assert!(code == 0 && said.contains("were read back") && !said.contains("canary"), "{said}");
    assert!(said.contains("west") && said.contains("switched off"), "{said}");
    assert_eq!(std::fs::read_to_string(dir.path().join("state.json")).unwrap(), STATE);
    let database = std::fs::read(dir.path().join("own.db")).unwrap();
    assert!(!database.windows(6).any(|bytes| bytes == b"canary"), "a key stands there in the open");

    // A second time would be laid over what was done since.
    let (code, said) = told(dir.path(), &MIGRATE);
    assert!(code == 5 && said.contains("has revisions of its own"), "{said}");

    let mut program = Program::start(dir, &["serve"], &[]);
    program.address();
    let folder = program.folder();
    let (code, keys) = told(folder, &["providers", "keys", "east", "list"]);
    assert!(code == 0 && keys.contains("***wxyz"), "{keys}");
    let (_, list) = told(folder, &["providers", "list"]);
    assert!(list.contains("https://east.openai.azure.com") && !list.contains("west"), "{list}");
    let (_, sources) = told(folder, &["config", "sources", "providers.east.priority"]);
    assert!(sources.contains("80   (imported state, state.json"), "{sources}");
    let (_, versions) = told(folder, &["config", "versions"]);
    assert!(versions.contains("import"), "{versions}");

    let (code, said) = told(folder, &MIGRATE);
    assert!(code == 1 && said.contains("a gateway uses it"), "{said}");
}

#[test]
fn what_cannot_be_taken_over_leaves_no_database_behind() {
    for (state, want, word) in [
        ("{\"instances\": [", 1, "it is no JSON"),
        ("{\"instances\": []}", 1, "nothing to take over"),
        ("{\"instances\": {\"far\": {\"priority\": 5}}}", 78, "providers.far"),
    ] {
        let dir = folder(state);
        let (code, said) = told(dir.path(), &MIGRATE);
        assert!(code == want && said.contains(word), "{state}: {code} {said}");
        assert!(!dir.path().join("own.db").exists(), "{state}");
    }
    let (code, said) =
        told(folder(STATE).path(), &["migrate", "from-state-file", "--state-file", "no", "--db-path", "x"]);
    assert!(code == 1 && said.contains("no cannot be taken over"), "{said}");
}

#[tokio::test]
async fn another_programs_database_is_not_written_to() {
    let dir = folder(STATE);
    let theirs = dir.path().join("own.db");
    let mut other =
        SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", theirs.display())).await.unwrap();
    sqlx::raw_sql("CREATE TABLE theirs (name TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&theirs).unwrap();
    let (code, said) = told(dir.path(), &MIGRATE);
    assert_eq!(code, 78, "{said}");
    assert_eq!(std::fs::read(&theirs).unwrap(), before);
}
