//! Administration from the command line, with the real program on both sides.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use testkit::caller::ask;
use testkit::until::until;
use testkit::vendor::{Answer, Vendor};

use crate::house::chat;
use crate::starting::{Program, command, run};

/// A gateway with a key of administration; its doors are open when this returns.
const LOCKED: &str = "
server: {listen: \"127.0.0.1:0\", workers: 1}
providers:
  mock: {}
  one: {type: openai, base_url: \"http://127.0.0.1:9/v1\", api_key: sk-first-key-abcd, models: [m-1], weight: 2}
models: {public: one/m-1}
admin: {api_key: admin-key-0123456789}
";

/// It, and where it listens.
struct Gateway {
    program: Program,
    address: SocketAddr,
}

impl Gateway {
    fn new(yaml: &str) -> Self {
        let mut program = Program::configured(yaml);
        let address = program.address();
        Self { program, address }
    }

    fn folder(&self) -> &Path {
        self.program.folder()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it and starts it again in the same folder.
    async fn restart(&mut self) {
        self.program.signal("TERM");
        self.program.ends_within(Duration::from_secs(10)).await;
        self.program.start_again(&["serve"]);
        self.address = self.program.address();
    }

    /// What becomes of a chat with this model.
    async fn status_of(&self, model: &str) -> u16 {
        ask(self.address, "POST", "/v1/chat/completions", &[], chat(model, false)).await.status
    }
}

/// A command beside it: exit code and both voices.
fn op(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let (code, out, err) = run(folder, arguments, &[]);
    (code.unwrap(), out + &err)
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, said) = op(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {said}");
    said
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let (code, out, err) = run(folder, &[arguments, &["--json"]].concat(), &[]);
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

/// A command that is given this on standard input.
fn piped(folder: &Path, arguments: &[&str], text: &str) -> (i32, String) {
    let mut child = command(folder, arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_counts_at_once_and_is_taken_back_by_its_revision() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    assert_eq!(program.status_of("fast").await, 404);
    let said = done(&folder, &["config", "set", "models.fast", "mock/echo", "--reason", "it is cheaper"]);
    assert!(said.contains("+ models.fast: mock/echo") && said.contains("Revision 2 counts now"), "{said}");
    assert_eq!(program.status_of("fast").await, 200);

    let versions = json(&folder, &["config", "versions"]);
    let newest = &versions["data"][0];
    assert_eq!(
        (&newest["number"], &newest["actor"], &newest["via"], &newest["reason"]),
        (&2.into(), &"admin".into(), &"command".into(), &"it is cheaper".into())
    );
    assert!(done(&folder, &["config", "diff", "1"]).contains("+ models.fast: mock/echo"));
    let said = done(&folder, &["config", "rollback", "1", "--dry-run"]);
    assert!(said.contains("Nothing was changed"), "{said}");
    assert_eq!(program.status_of("fast").await, 200);
    done(&folder, &["config", "rollback", "1"]);
    assert_eq!(program.status_of("fast").await, 404);
    assert!(done(&folder, &["config", "diff", "1"]).contains("say the same"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_files_say_is_taken_away_and_comes_back() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    done(&folder, &["config", "set", "models.public", "mock/echo"]);
    assert_eq!(program.status_of("public").await, 200);
    let said = done(&folder, &["config", "plan", "models.public=one/m-1", "models.new=mock/echo"]);
    assert!(
        said.contains("~ models.public: mock/echo -> one/m-1") && said.contains("+ models.new"),
        "{said}"
    );
    done(&folder, &["config", "unset", "models.public"]);
    assert_eq!(program.status_of("public").await, 404);
    let said = done(&folder, &["config", "reset", "models.public"]);
    assert!(said.contains("+ models.public: one/m-1"), "{said}");

    std::fs::write(folder.join("patch.yaml"), "models: {public: null, added: mock/echo}\n").unwrap();
    done(&folder, &["config", "apply", "patch.yaml"]);
    assert_eq!(program.status_of("added").await, 200);
    assert_eq!(program.status_of("public").await, 404);
}

#[test]
fn every_refusal_has_its_exit_code_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (code, said) = op(dir.path(), &["config", "versions", "--url", "http://127.0.0.1:9"]);
    assert!(code == 69 && said.contains("openai-proxy start"), "{said}");

    let program = Gateway::new(LOCKED);
    let folder = program.folder();
    for (arguments, want, word) in [
        (&["config", "set", "models.fast", "mock/echo", "--if-revision", "7"][..], 5, "made for revision 7"),
        (&["config", "set", "routing.retrys", "2"], 78, "Did you mean `retries`?"),
        (&["config", "set", "config.source", "database"], 1, "counts in files only"),
        (&["config", "set", "providers.one.api_key", "sk-on-the-line"], 2, "would show a secret"),
        (
            &["config", "set", "providers.one", "{type: openai, api_key: sk-on-the-line}"],
            2,
            "would show a secret",
        ),
        (&["config", "set", "models.fast", "null"], 2, "config unset models.fast"),
        (&["config", "set", "providers.one.api_key", "-"], 2, "Standard input is empty"),
        (&["config", "rollback", "99"], 1, "no revision 99"),
        (&["config", "adopt", "models"], 1, "Nothing at `models`"),
        (&["providers", "add", "one", "--type", "openai"], 5, "There is `one` already"),
        (&["providers", "remove", "nobody"], 1, "no provider `nobody`"),
        (&["providers", "add", "two", "--key-from-env", "NOWHERE"], 2, "NOWHERE is not set"),
        (&["providers", "keys", "one", "rotate"], 2, "The key is missing"),
        (&["config", "plan", "nowhere.yaml"], 78, "nowhere.yaml cannot be read"),
    ] {
        let (code, said) = op(folder, arguments);
        assert!(code == want && said.contains(word), "{arguments:?}: {code} {said}");
        assert!(!said.contains("sk-on-the-line") && !said.contains("/admin/v1"), "{said}");
    }
    let versions = json(folder, &["config", "versions"]);
    assert_eq!(versions["data"].as_array().map(Vec::len), Some(1), "{versions}");
}

#[test]
fn who_shows_no_key_or_a_wrong_one_may_nothing() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder();
    std::fs::write(folder.join("right"), "admin-key-0123456789\n").unwrap();
    std::fs::write(folder.join("wrong"), "another-key-0123456789").unwrap();
    std::fs::write(folder.join("two words"), "two words").unwrap();
    let versions = ["config", "versions"];
    let with = |file| op(folder, &["config", "versions", "--admin-key-file", file]);
    let (code, said) = with("wrong");
    assert!(code == 77 && said.contains("--admin-key-file"), "{said}");
    assert!(!said.contains("another-key"), "{said}");
    assert_eq!(with("right").0, 0);
    assert_eq!(with("two words").0, 2);
    assert_eq!(with("nowhere").0, 1);
    let (code, ..) = run(folder, &versions, &[("ADMIN_API_KEY", "another-key-0123456789")]);
    assert_eq!(code, Some(77));
    // The first of the two counts.
    let both = [("ADMIN_API_KEY", "x"), ("OPENAI_PROXY_ADMIN_KEY", "admin-key-0123456789")];
    assert_eq!(run(folder, &versions, &both).0, Some(0));
    // One that is changed at run time is found like the one of the file.
    let (code, said) = piped(folder, &["config", "set", "admin.api_key", "-"], "next-key-0123456789");
    assert!(code == 0 && !said.contains("next-key"), "{said}");
    assert_eq!(with("right").0, 77);
    assert_eq!(op(folder, &versions).0, 0);
    // Somebody else's commands, who only know the address.
    let stranger = tempfile::tempdir().unwrap();
    let url = program.url();
    let (code, said) = op(stranger.path(), &["config", "versions", "--url", &url]);
    assert!(code == 77 && said.contains("OPENAI_PROXY_ADMIN_KEY"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_not_shown_where_no_administration_is() {
    let vendor = Vendor::start(|_| Answer::plain(200, "{\"hello\": 1}").into()).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "admin-key-0123456789").unwrap();
    let url = vendor.url();
    let (folder, key) = (dir.path().to_owned(), ["--admin-key-file", "key"]);
    let said = tokio::task::spawn_blocking(move || {
        op(&folder, &[&["config", "set", "models.a", "b/c", "--url", &url][..], &key].concat())
    });
    let (code, said) = said.await.unwrap();
    assert!(code == 69 && said.contains("No administration is served"), "{said}");
    let seen = vendor.ledger().requests();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.header("authorization").is_none()));
}

#[test]
fn a_door_apart_is_found_by_the_note_of_its_gateway() {
    let apart = LOCKED.replace("workers: 1", "workers: 1, admin_listen: \"127.0.0.1:0\"");
    let program = Gateway::new(&apart);
    let folder = program.folder();
    done(folder, &["config", "set", "models.fast", "mock/echo"]);
    // Also where its other door is named.
    let url = program.url();
    done(folder, &["config", "versions", "--url", &url]);
    // Whoever does not know the note asks at the door of calls.
    let stranger = tempfile::tempdir().unwrap();
    let (code, said) = op(stranger.path(), &["config", "versions", "--url", &url]);
    assert!(code == 69 && said.contains("server.admin_listen"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_share_a_database_see_each_others_changes() {
    // Whoever shares a database shares what its secrets are sealed with.
    const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let shared = tempfile::tempdir().unwrap();
    let yaml = format!(
        "{LOCKED}storage: {{database: \"sqlite:{}\", encryption_key: \"{KEY}\"}}\n",
        shared.path().join("one.db").display()
    );
    let (first, second) = (Gateway::new(&yaml), Gateway::new(&yaml));
    done(first.folder(), &["config", "set", "models.fast", "mock/echo"]);
    let heard = async || second.status_of("fast").await == 200;
    assert!(until(Duration::from_secs(20), heard).await, "the other gateway has not heard of it");
    // And a change that was made for what counted before is refused on either.
    let (code, said) =
        op(second.folder(), &["config", "set", "models.other", "mock/echo", "--if-revision", "1"]);
    assert_eq!(code, 5, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_adopted_stands_in_a_file_and_survives_a_restart() {
    let mut program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    done(&folder, &["config", "set", "models.fast", "mock/echo"]);
    let said = done(&folder, &["config", "adopt", "models.fast"]);
    assert!(
        said.contains("models:\n  fast: mock/echo\n") && said.contains("config reset models.fast"),
        "{said}"
    );
    let file = folder.join("conf.d/90-adopted.yaml");
    assert!(!file.exists());
    done(&folder, &["config", "adopt", "models.fast", "--write"]);
    // What is adopted later joins it.
    done(&folder, &["config", "set", "providers.one.weight", "7"]);
    done(&folder, &["config", "set", "models.\"gpt-4.1\"", "mock/echo"]);
    done(&folder, &["config", "adopt", "providers.one", "--write"]);
    done(&folder, &["config", "adopt", "models", "--write"]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("fast: mock/echo") && text.contains("gpt-4.1: mock/echo") && text.contains("weight: 7"),
        "{text}"
    );

    program.restart().await;
    for model in ["fast", "gpt-4.1"] {
        assert_eq!(program.status_of(model).await, 200, "{model}");
    }
    let sources = done(&folder, &["config", "sources", "models.fast"]);
    assert!(sources.contains("conf.d/90-adopted.yaml"), "{sources}");
    let (code, said) = op(&folder, &["config", "adopt", "models"]);
    assert!(code == 1 && said.contains("Nothing at `models`"), "{said}");
}

#[test]
fn a_file_that_would_not_say_the_same_is_not_left_behind() {
    let stronger = "models: {fast: one/m-1}\n";
    for (yaml, beside, word) in [
        (LOCKED.to_owned(), Some(stronger), "conf.d/95-mine.yaml:1 says"),
        (format!("{LOCKED}include: []\n"), None, "does not read conf.d/90-adopted.yaml"),
    ] {
        let program = Gateway::new(&yaml);
        let folder = program.folder();
        std::fs::create_dir(folder.join("conf.d")).unwrap();
        std::fs::write(folder.join("conf.d/90-adopted.yaml"), "models: {old: mock/echo}\n").unwrap();
        if let Some(text) = beside {
            std::fs::write(folder.join("conf.d/95-mine.yaml"), text).unwrap();
        }
        done(folder, &["config", "set", "models.fast", "mock/echo"]);
        let (code, said) = op(folder, &["config", "adopt", "models.fast", "--write"]);
        assert!(code == 5 && said.contains(word) && said.contains("is as it was"), "{code} {said}");
        let text = std::fs::read_to_string(folder.join("conf.d/90-adopted.yaml")).unwrap();
        assert_eq!(text, "models: {old: mock/echo}\n");
        assert!(done(folder, &["config", "adopt", "models.fast"]).contains("fast: mock/echo"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_piped_in_kept_sealed_and_adopted_as_a_variable() {
    const SECRET: &str = "sk-piped-in-0123456789-wxyz";
    let mut program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    let (code, said) =
        piped(&folder, &["config", "set", "providers.one.api_key", "-"], &format!("{SECRET}\n"));
    assert!(code == 0 && !said.contains(SECRET), "{said}");
    assert!(done(&folder, &["providers", "keys", "one", "list"]).contains("***wxyz"));
    // A secret set at run time is in no way of changes after a restart.
    program.restart().await;
    done(&folder, &["config", "set", "models.fast", "mock/echo"]);

    let adopt = ["config", "adopt", "providers.one", "--write"];
    let (code, said) = op(&folder, &adopt);
    assert!(code == 78 && said.contains("ONE_API_KEY") && said.contains("is as it was"), "{said}");
    assert!(!folder.join("conf.d/90-adopted.yaml").exists());
    assert!(done(&folder, &["providers", "keys", "one", "list"]).contains("***wxyz"));

    std::fs::write(folder.join(".env"), format!("ONE_API_KEY={SECRET}\n")).unwrap();
    done(&folder, &adopt);
    let text = std::fs::read_to_string(folder.join("conf.d/90-adopted.yaml")).unwrap();
    assert!(text.contains("${ONE_API_KEY}") && !text.contains("sealed"), "{text}");
    program.restart().await;
    assert!(done(program.folder(), &["providers", "keys", "one", "list"]).contains("***wxyz"));
    for told in ["config versions --json", "config diff 1", "audit list --json", "config adopt models"] {
        let said = done(program.folder(), &told.split(' ').collect::<Vec<_>>());
        assert!(!said.contains(SECRET), "{told}: {said}");
    }
}

#[test]
fn a_file_is_compared_with_what_counts_before_it_takes_its_place() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder();
    done(folder, &["config", "set", "models.public", "mock/echo"]);
    let candidate =
        LOCKED.replace("weight: 2", "weight: 9").replace("public: one/m-1", "public: one/m-2, more: one/m-1");
    std::fs::write(folder.join("candidate.yaml"), candidate).unwrap();
    let plan = json(folder, &["config", "plan", "candidate.yaml"]);
    let paths = |name: &str| -> Vec<String> {
        let list = plan[name].as_array().unwrap().iter();
        list.map(|one| format!("{} {}", one["path"].as_str().unwrap(), one["is"])).collect()
    };
    assert_eq!(paths("differences"), ["providers.one.weight \"9\"", "models.more \"one/m-1\""]);
    assert_eq!(paths("without_effect"), ["models.public null"]);
    let same = done(folder, &["config", "plan", "openai-proxy.yaml"]);
    assert!(same.contains("It would change nothing"), "{same}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_are_added_paused_tried_out_and_taken_away() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    let new = [
        "providers",
        "add",
        "two",
        "--type",
        "openai",
        "--base-url",
        "http://127.0.0.1:9/v1",
        "--set",
        "models=[x]",
        "--key-stdin",
    ];
    let (code, said) = piped(&folder, &new, "sk-of-two-0123456789-last");
    assert!(code == 0 && said.contains("providers verify two"), "{said}");
    let list = json(&folder, &["providers", "list"]);
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"two") && names.contains(&"mock"), "{list}");
    let (code, said) = op(&folder, &["providers", "verify", "two"]);
    assert!(code == 4 && said.contains("two does not work"), "{said}");
    assert!(done(&folder, &["providers", "verify", "mock", "--calls", "one"]).contains("mock works"));

    assert_eq!(program.status_of("mock").await, 200);
    let said = done(&folder, &["providers", "pause", "mock", "--for", "30m", "--reason", "new disks"]);
    assert!(said.contains("takes no calls: paused, 30 min left (new disks)"), "{said}");
    assert_eq!(program.status_of("mock").await, 503);
    assert!(done(&folder, &["providers", "list"]).contains("paused, 30 min left (new disks)"));
    done(&folder, &["providers", "resume", "mock"]);
    assert_eq!(program.status_of("mock").await, 200);
    done(&folder, &["providers", "breaker", "mock", "open"]);
    assert_eq!(program.status_of("mock").await, 503);
    done(&folder, &["providers", "breaker", "mock", "reset"]);
    assert_eq!(program.status_of("mock").await, 200);

    let rotate = ["providers", "keys", "two", "rotate", "--key-stdin"];
    assert_eq!(piped(&folder, &rotate, "sk-of-two-0123456789-next\n").0, 0);
    let keys = done(&folder, &["providers", "keys", "two", "list"]);
    assert!(keys.contains("***next") && !keys.contains("sk-of-two"), "{keys}");
    done(&folder, &["providers", "remove", "two"]);
    assert!(!done(&folder, &["providers", "list"]).contains("two"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_is_listed_and_summed() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    for (model, want) in [("mock", 200), ("mock", 200), ("nobody", 404)] {
        assert_eq!(program.status_of(model).await, want);
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let calls = loop {
        let calls = json(&folder, &["requests", "--since", "1h"])["data"].as_array().cloned().unwrap();
        if calls.len() == 3 {
            break calls;
        }
        assert!(calls.len() < 3 && Instant::now() < deadline, "{calls:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(calls[0]["status"], 404, "newest first: {calls:?}");
    assert_eq!(
        json(&folder, &["requests", "--status", "4xx", "--model", "nobody"])["data"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(json(&folder, &["requests", "--limit", "2"])["data"].as_array().map(Vec::len), Some(2));
    let sums = json(&folder, &["usage", "--by", "all", "--group", "model"]);
    let mut sums: Vec<_> = sums["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["model"], one["calls"]))
        .collect();
    sums.sort();
    assert_eq!(sums, ["\"mock\" 2", "\"nobody\" 1"]);
    assert!(done(&folder, &["usage"]).contains("CALLS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_the_trail_that_was_changed_is_named() {
    let program = Gateway::new(LOCKED);
    let folder = program.folder().to_owned();
    for model in ["a", "b", "c"] {
        done(&folder, &["config", "set", &format!("models.{model}"), "mock/echo"]);
    }
    assert!(done(&folder, &["audit", "verify"]).contains("whole"));
    let list = done(&folder, &["audit", "list", "--action", "config.change"]);
    assert!(list.contains("models.b") && list.contains("admin (admin)"), "{list}");
    let database = folder.join(".local/state/openai-proxy/openai-proxy.db");
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.unwrap();
    let changed =
        sqlx::query("UPDATE audit SET subject = 'models.z' WHERE number = 3").execute(&mut other).await;
    assert_eq!(changed.unwrap().rows_affected(), 1);
    let (code, said) = op(&folder, &["audit", "verify"]);
    assert!(code == 4 && said.contains("3"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("✗ 3:")), "{said}");
}
