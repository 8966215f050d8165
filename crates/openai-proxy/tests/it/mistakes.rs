//! Every mistake of the corpus (`crates/config/tests/cases/bad-*`), made at the command line: its golden message on standard
//! error, word for word, and exit 78.

use std::path::Path;
use std::process::Command;

/// `NAME=value` lines.
fn pairs(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let pair =
        |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("\\n", "\n")));
    text.lines().filter_map(pair).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_mistake_is_refused_with_its_golden_message_and_exit_78() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/cases");
    let mut made = 0;
    for case in std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()) {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("bad-") {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        copy(&case, dir.path());
        let golden = std::fs::read_to_string(case.join("expect.txt")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
        command.arg("check-config").env_clear().envs(pairs(&case.join("env"))).current_dir(dir.path());
        let file = if golden.contains("openai-proxy.yaml") { "openai-proxy.yaml" } else { "config.yaml" };
        // An empty file where there is none: what this computer has in its usual places is nobody's mistake.
        if !case.join("config.yaml").is_file() {
            std::fs::write(dir.path().join("config.yaml"), "").unwrap();
        }
        std::fs::rename(dir.path().join("config.yaml"), dir.path().join(file)).unwrap();
        command.args(["--config", file]);
        for (path, value) in pairs(&case.join("flags")) {
            command.arg("--set").arg(format!("{path}={value}"));
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{name}: {said}");
        assert_eq!(said.strip_prefix("The configuration is refused:\n"), Some(golden.as_str()), "{name}");
        made += 1;
    }
    assert!(made >= 70, "only {made} mistakes were made");
}
