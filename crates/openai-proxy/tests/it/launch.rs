//! `launch` and `connect` as a person meets them, with small scripts in the tools' place. The tools themselves are run by
//! conformance/launch.py.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::house::TestHouse;

/// A home, a search path with one script in it, and a folder for temporary files.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "bin", "tmp"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir }
    }

    /// With a script in a tool's place.
    fn with(program: &str, script: &str) -> Self {
        let desk = Self::new();
        let file = desk.path("bin").join(program);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        desk
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A file of the person's own.
    fn own(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path("home").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openai-proxy"));
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command.args(words).env_clear().env("PATH", path).env("HOME", self.path("home"));
        command.env("TMPDIR", self.path("tmp")).current_dir(self.path("home"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Our program with an address and a model, so that no gateway need be there.
    fn run(&self, words: &[&str]) -> Output {
        let (own, theirs) =
            words.split_at(words.iter().position(|word| *word == "--").unwrap_or(words.len()));
        let words = [own, &["--url", "http://127.0.0.1:2020", "--model", "m"], theirs].concat();
        self.command(&words).output().unwrap()
    }

    fn nothing_is_left(&self) {
        let left: Vec<_> = std::fs::read_dir(self.path("tmp")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_tool_gets_variables_a_file_and_its_arguments_and_ends_with_its_own_code() {
    let script =
        "echo \"$ANTHROPIC_BASE_URL ${ANTHROPIC_API_KEY-none}\"; cat \"$2\"; shift 2; echo \"$@\"; exit 7";
    let desk = Desk::with("claude", script);
    let words = ["launch", "claude", "--url", "http://127.0.0.1:2020/v1", "--model", "m", "--", "-p", "a b"];
    let ended = desk.command(&words).env("ANTHROPIC_API_KEY", "sk-mine").output().unwrap();
    let said = out(&ended);
    assert_eq!(ended.status.code(), Some(7), "{said}{}", err(&ended));
    assert!(said.starts_with("http://127.0.0.1:2020 none\n{"), "{said}");
    assert!(said.contains("\"ANTHROPIC_MODEL\": \"m\"") && said.ends_with("-p a b\n"), "{said}");
    desk.nothing_is_left();
    assert!(!desk.path("home/.claude").exists());
}

#[test]
fn a_tool_that_needs_no_file_takes_our_place() {
    let desk = Desk::with("copilot", "echo $$; exit 3");
    let words = ["launch", "copilot", "--url", "http://127.0.0.1:2020", "--model", "m"];
    let child = desk.command(&words).spawn().unwrap();
    let id = child.id();
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), out(&ended)), (Some(3), format!("{id}\n")));
}

#[test]
fn signals_reach_the_tool_and_its_file_is_gone_afterwards() {
    for (signal, code) in [("TERM", 9), ("INT", 9), ("HUP", 9), ("QUIT", 9)] {
        let script =
            "trap 'exit 9' TERM INT HUP QUIT; test -f \"$2\" && echo ready; while :; do sleep 0.05; done";
        let desk = Desk::with("cn", script);
        let words = ["launch", "continue", "--url", "http://127.0.0.1:2020", "--model", "m"];
        let mut child = desk.command(&words).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        desk.nothing_is_left();
    }
    let desk = Desk::with("cn", "kill -KILL $$");
    assert_eq!(desk.run(&["launch", "cn"]).status.code(), Some(137));
    desk.nothing_is_left();
}

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn what_is_in_a_tools_own_folder_stays_in_sight() {
    let script = "cat \"$LLM_USER_PATH/keys.json\" \"$LLM_USER_PATH/extra-openai-models.yaml\"; echo new > \"$LLM_USER_PATH/keys.json\"";
    let desk = Desk::with("llm", script);
    let keys = desk.own(".config/io.datasette.llm/keys.json", "mine\n");
    let models = desk.own(".config/io.datasette.llm/extra-openai-models.yaml", "- model_id: theirs\n");
    let ended = desk.run(&["launch", "llm"]);
    let said = out(&ended);
    assert!(said.starts_with("mine\n") && said.contains("model_id: m") && !said.contains("theirs"), "{said}");
    assert_eq!(std::fs::read_to_string(keys).unwrap(), "new\n");
    assert_eq!(std::fs::read_to_string(models).unwrap(), "- model_id: theirs\n");
    desk.nothing_is_left();
}

#[test]
fn settings_are_written_after_a_yes_and_come_back_byte_for_byte() {
    let desk = Desk::new();
    let before = "# mine\r\nmodel = \"gpt-5\" # big\r\n";
    let file = desk.own(".codex/config.toml", before);
    let text = || std::fs::read_to_string(&file).unwrap();
    let shown = desk.run(&["launch", "codex", "--config", "--print"]);
    assert!(out(&shown).contains("+ model_provider = \"openai-proxy\""), "{}", out(&shown));
    assert_eq!((shown.status.code(), text()), (Some(0), before.to_owned()));
    let asked = desk.run(&["launch", "codex", "--config"]);
    assert_eq!((asked.status.code(), text()), (Some(5), before.to_owned()));
    assert!(err(&asked).contains("--yes"), "{}", err(&asked));
    assert_eq!(desk.run(&["launch", "codex", "--config", "--yes"]).status.code(), Some(0));
    assert!(text().contains("# mine") && text().contains("# big"), "{}", text());
    let again = desk.run(&["launch", "codex", "--config"]);
    assert!(again.status.success() && err(&again).contains("already"), "{}", err(&again));
    assert_eq!(desk.run(&["launch", "codex", "--restore"]).status.code(), Some(0));
    assert_eq!(text(), before);
    assert!(err(&desk.run(&["launch", "codex", "--restore"])).contains("Nothing to put back"));
    // A file that was not there is gone again, and so is its folder.
    assert!(desk.run(&["launch", "qwen", "--config", "--yes"]).status.success());
    assert!(desk.path("home/.qwen/settings.json").exists());
    assert!(desk.run(&["launch", "qwen", "--restore"]).status.success());
    assert!(!desk.path("home/.qwen").exists());
}

#[test]
fn what_a_person_changed_since_is_not_destroyed_unasked() {
    let desk = Desk::new();
    let file = desk.own(".claude/settings.json", "{}\n");
    assert!(desk.run(&["launch", "claude", "--config", "--yes"]).status.success());
    std::fs::write(&file, "{\"mine\": 1}\n").unwrap();
    let refused = desk.run(&["launch", "claude", "--restore"]);
    assert_eq!(refused.status.code(), Some(5));
    assert!(
        err(&refused).contains("was changed since") && err(&refused).contains("mine"),
        "{}",
        err(&refused)
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"mine\": 1}\n");
    assert!(desk.run(&["launch", "claude", "--restore", "--yes"]).status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}\n");
}

#[test]
fn a_file_that_cannot_be_edited_safely_is_left_alone() {
    for unusual in ["models: [{name: mine}]\n", "x: &all 1\nmodels:\n  - name: a\n", "not: [yaml\n"] {
        let desk = Desk::new();
        let file = desk.own(".continue/config.yaml", unusual);
        let ended = desk.run(&["launch", "continue", "--config", "--yes"]);
        assert_eq!(ended.status.code(), Some(5), "{}", err(&ended));
        assert!(err(&ended).contains("left alone") && out(&ended).contains("apiBase"), "{}", out(&ended));
        assert_eq!(std::fs::read_to_string(file).unwrap(), unusual);
    }
}

#[test]
fn a_link_that_leads_nowhere_stays_one() {
    let desk = Desk::new();
    let (link, target) = (desk.path("home/.codex/config.toml"), desk.path("home/nowhere/x.toml"));
    std::fs::create_dir(desk.path("home/.codex")).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    for words in [&["--print"][..], &["--yes"]] {
        let ended = desk.run(&[&["launch", "codex", "--config"], words].concat());
        assert_eq!(ended.status.code(), Some(5), "{}", err(&ended));
        assert!(err(&ended).contains("left alone: it is a link to something"), "{}", err(&ended));
    }
    assert!(err(&desk.run(&["launch", "codex", "--restore"])).contains("Nothing to put back"));
    assert_eq!(std::fs::read_link(&link).unwrap(), target);

    // Nor does one become a file when it leads nowhere since.
    std::fs::create_dir(desk.path("home/nowhere")).unwrap();
    std::fs::write(&target, "model = \"mine\"\n").unwrap();
    assert!(desk.run(&["launch", "codex", "--config", "--yes"]).status.success());
    std::fs::remove_file(&target).unwrap();
    let ended = desk.run(&["launch", "codex", "--restore", "--yes"]);
    assert!(!ended.status.success() && err(&ended).contains("is a link to something"), "{}", err(&ended));
    assert_eq!(std::fs::read_link(&link).unwrap(), target);
}

#[test]
fn a_key_in_a_file_others_may_read_is_warned_of() {
    let desk = Desk::new();
    let (mine, warning) = (desk.own(".aider.conf.yml", "dark-mode: true\n"), "chmod 600");
    for (mode, key, warned) in [
        (0o644, "sk-canary", true),
        (0o640, "sk-other", true),
        (0o600, "sk-third", false),
        (0o644, "", false),
    ] {
        std::fs::set_permissions(&mine, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = desk.run(&["launch", "aider", "--config", "--yes", "--key", key]);
        assert!(ended.status.success(), "{}", err(&ended));
        assert_eq!(err(&ended).contains(warning), warned, "{mode:o} {key}: {}", err(&ended));
        assert_eq!(mine.metadata().unwrap().permissions().mode() & 0o777, mode, "who may read it is theirs");
    }
    // A new one is closed from the beginning.
    let ended = desk.run(&["launch", "codex", "--config", "--yes", "--key", "sk-canary"]);
    assert!(ended.status.success() && !err(&ended).contains(warning), "{}", err(&ended));
}

#[test]
fn what_is_missing_is_said() {
    let desk = Desk::new();
    let ended = desk.run(&["launch", "claude"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(err(&ended).contains("npm install -g @anthropic-ai/claude-code"), "{}", err(&ended));
    assert_eq!(desk.run(&["launch", "cursor"]).status.code(), Some(2));
    let unknown = desk.run(&["connect", "emacs"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("claude, codex"), "{}", err(&unknown));
    let nobody =
        desk.command(&["launch", "claude", "--print", "--url", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(69), "{}", err(&nobody));
    let socket = desk.command(&["connect", "aider", "--url", "unix:/x", "--model", "m"]).output().unwrap();
    assert!(err(&socket).contains("server.listen"), "{}", err(&socket));
    let listed = desk.command(&["launch"]).output().unwrap();
    assert!(
        out(&listed).contains("Claude Code") && out(&listed).contains("not installed"),
        "{}",
        out(&listed)
    );
}

#[test]
fn the_model_is_asked_of_the_gateway_and_told() {
    let house = TestHouse::new("providers: {inside: {type: mock}}\nmodels: {my-model: inside/mock}\n");
    let url = format!("http://{}", house.address());
    let told = Desk::new().command(&["connect", "aider", "--url", &url]).output().unwrap();
    assert!(err(&told).contains("Model: my-model"), "{}", err(&told));
    assert!(out(&told).contains("export AIDER_MODEL=openai/my-model"), "{}", out(&told));
}

/// The pages show what the program prints, and name the versions the suite runs.
#[test]
fn the_documents_cannot_drift_from_the_program() {
    let desk = Desk::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read =
        |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let listed = desk.command(&["connect", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let index = read("docs/clients/README.md");
    for tool in listed.as_array().unwrap() {
        let word = tool["tool"].as_str().unwrap();
        let page = read(&format!("docs/clients/{word}.md"));
        let words = ["connect", word, "--url", "http://127.0.0.1:2020", "--model", "mock/echo"];
        let snippet = out(&desk.command(&words).output().unwrap());
        assert!(page.contains(&format!("```text\n{snippet}```\n")), "{word}: the page is not\n{snippet}");
        assert!(page.starts_with(&format!("# {}\n", tool["name"].as_str().unwrap())), "{word}");
        let row = index.lines().find(|line| line.contains(&format!("({word}.md)")));
        let row = row.unwrap_or_else(|| panic!("{word} is not in the index"));
        assert_eq!(
            page.contains(&format!("$ openai-proxy launch {word}\n")),
            tool["launch"] == true,
            "{word}"
        );
        match page.lines().last().unwrap().strip_prefix("Tested with ") {
            Some(tested) => {
                let tested = tested.trim_end_matches('.');
                assert!(row.contains(tested), "{word}: {row}");
                let (package, version) = tested.split_once(' ').unwrap();
                assert_eq!(pinned(package.trim_matches('`'), &read).as_deref(), Some(version), "{word}");
            }
            None => assert!(row.contains("not tested") && tool["launch"] == false, "{word}: {row}"),
        }
    }
}

/// The version a lock file of the suite names.
fn pinned(package: &str, read: &impl Fn(&str) -> String) -> Option<String> {
    let lock: serde_json::Value = serde_json::from_str(&read("conformance/tools/package-lock.json")).unwrap();
    let from_npm = lock["packages"][format!("node_modules/{package}")]["version"].as_str().map(str::to_owned);
    let python = read("conformance/requirements.txt") + &read("conformance/requirements-aider.txt");
    let line = format!("{package}==");
    from_npm.or_else(|| python.lines().find_map(|other| other.strip_prefix(&line)).map(str::to_owned))
}
