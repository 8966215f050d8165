//! Changes of the configuration: recorded, conflicting, refused, and taken back.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

use std::path::Path;

use config::{Edit, Given, What};
use control::{Actor, Applied, Change, Control, Proposal, Refused, Via};
use openai_proxy::{BuildProblem, House};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};
use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, chat};
use crate::starting::command;

/// The door of every gateway here.
pub(crate) const FIRST: &str = "server: {listen: \"127.0.0.1:0\", workers: 1}\n";

/// A file and a database in a folder of their own.
fn kept(folder: &Path, rest: &str) -> Given {
    let file = folder.join("openai-proxy.yaml");
    let database = folder.join("state.db");
    let yaml = format!("{FIRST}storage: {{database: \"sqlite:{}\"}}\n{rest}", database.display());
    std::fs::write(&file, yaml).unwrap();
    Given { file: Some(file), ..Given::default() }
}

fn ada() -> Actor {
    Actor {
        name: "ada".to_owned(),
        role: config::snapshot::Role::Admin,
        via: Via::Api,
        address: String::new(),
    }
}

/// One setting gets this value.
pub(crate) fn set(path: &str, value: Value) -> Change {
    let path = path.split('.').map(str::to_owned).collect();
    Proposal::Edits(vec![Edit { path, what: What::Set(value) }]).into()
}

/// Makes a change that must hold.
pub(crate) async fn apply(control: &Control, change: impl Into<Change>) -> Applied {
    control.apply(&ada(), change.into()).await.unwrap_or_else(|refused| panic!("{refused}"))
}

/// What `config show` prints.
fn shown(control: &Control) -> String {
    config::yaml(&config::effective(&control.given()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_restores_any_earlier_revision_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let two = "providers: {a: {base_url: \"http://localhost:1\", api_key: sk-canary-of-a-file-0001}, b: http://localhost:2}\n";
    let given = kept(dir.path(), two);
    let house = TestHouse::of(&given);
    let control = house.inner().control();
    let mut seen = Vec::new();
    let mut note = |applied: Applied| seen.push((applied.revision, shown(control)));
    note(apply(control, set("providers.a.priority", json!(7))).await);
    note(apply(control, set("providers.b.api_key", json!("sk-canary-typed-0002"))).await);
    note(apply(control, set("models", json!({"fast": "b/x", "gpt-4.1": {"use": ["b"]}}))).await);
    note(apply(control, set("providers.a", json!(null))).await);
    note(apply(control, set("logging.level", json!("debug"))).await);
    // The files change, too: another provider in front, one value elsewhere, and `b` gone.
    let other = "providers: {c: http://localhost:3, a: {base_url: \"http://localhost:4\"}, b: http://localhost:2}\nrouting: {expose_headers: off}\n";
    kept(dir.path(), other);
    apply(control, Proposal::Edits(vec![Edit { path: vec!["models".into()], what: What::Reset }])).await;
    note(apply(control, set("providers.c.weight", json!(3))).await);
    let mut order: Vec<_> = seen.iter().collect();
    order.rotate_left(2);
    for (revision, then) in order.iter().chain(seen.iter().rev().collect::<Vec<_>>().iter()) {
        apply(control, Proposal::Rollback(*revision)).await;
        assert_eq!(&shown(control), then, "revision {revision}");
    }
    // It outlasts the process, and nothing of it stands open on the disk.
    let (revision, then) = &seen[1];
    apply(control, Proposal::Rollback(*revision)).await;
    drop(house);
    let house = TestHouse::of(&given);
    assert_eq!(&shown(house.inner().control()), then);
    for entry in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        for secret in ["sk-canary-of-a-file-0001", "sk-canary-typed-0002"] {
            let open = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(
                !open || entry.file_name() == "openai-proxy.yaml",
                "{secret} in {}",
                entry.path().display()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_who_saw_the_same_revision_one_wins_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let given = kept(dir.path(), "providers: {a: http://localhost:1}\n");
    // Two gateways at one database, and five writers at each.
    let houses = [TestHouse::of(&given), TestHouse::of(&given)];
    apply(houses[0].inner().control(), set("providers.a.priority", json!(0))).await;
    for round in 1..=20 {
        let head = houses[0].inner().control().books().db.head_number().await.unwrap();
        let writers = (0..10).map(|writer| {
            let control = houses[writer % 2].inner().control().clone();
            let value = json!(round * 100 + writer);
            let change = Change { expected: Some(head), ..set("providers.a.priority", value) };
            async move { control.apply(&ada(), change).await }
        });
        let outcomes = futures_util::future::join_all(writers).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert!(
                matches!(refused, Refused::Conflict { expected, head: now } if expected == head && now == head + 1)
            );
        }
    }
    let report = houses[1].inner().control().books().db.verify_audit().await.unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_stand_in_files_only_is_refused_and_a_bad_value_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let house = TestHouse::of(&kept(dir.path(), "providers: {a: http://localhost:1}\n"));
    let control = house.inner().control();
    let before = shown(control);
    for path in ["storage.database", "config.source", "include"] {
        let refused = control.apply(&ada(), set(path, json!("memory"))).await;
        assert!(matches!(refused, Err(Refused::FilesOnly(_))), "{path}: {refused:?}");
    }
    let refused = control.apply(&ada(), set("providers.a.base_url", json!("no url"))).await;
    let Err(Refused::Problems(problems)) = refused else { panic!("{refused:?}") };
    assert!(problems.to_string().contains("providers.a.base_url"), "{problems}");
    assert_eq!(shown(control), before);
    let status = control.reload_status();
    assert_eq!((status.refused, status.last.unwrap().outcome), (4, "refused"));
    // Files alone: nothing is changed at run time, and what was is not looked at.
    apply(control, set("providers.a.priority", json!(9))).await;
    drop(house);
    let house =
        TestHouse::of(&kept(dir.path(), "config: {source: file}\nproviders: {a: http://localhost:1}\n"));
    let control = house.inner().control();
    assert!(!shown(control).contains("priority: 9"));
    assert!(matches!(
        control.apply(&ada(), set("providers.a.priority", json!(1))).await,
        Err(Refused::ReadOnly)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_database_has_the_word_files_are_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let database = "config: {source: database}\nproviders: {a: http://localhost:1}\n";
    let given = kept(dir.path(), database);
    let house = TestHouse::of(&given);
    apply(house.inner().control(), set("providers.b.base_url", json!("http://localhost:2"))).await;
    kept(dir.path(), &database.replace("a: http://localhost:1", "z: http://localhost:9"));
    apply(house.inner().control(), Proposal::Reread).await;
    let names = |house: &TestHouse| {
        let world = house.inner().world();
        world.providers.iter().map(|provider| provider.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&house), ["a", "b"]);
    drop(house);
    assert_eq!(names(&TestHouse::of(&given)), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_programs_state_is_taken_over_once() {
    let vendor = Vendor::start(|_| Act::text(200, "older")).await;
    let dir = tempfile::tempdir().unwrap();
    let state = json!({"instances": {"east": {"provider_type": "openai", "api_base": format!("{}/v1", vendor.url()),
        "api_key": "sk-older-canary-0001", "supported_models": ["m"], "priority": 50}}});
    std::fs::write(dir.path().join("state.json"), state.to_string()).unwrap();
    let mut given = kept(dir.path(), "");
    given
        .environment
        .insert("INSTANCE_MANAGER_STATE_FILE".into(), dir.path().join("state.json").display().to_string());
    let house = TestHouse::of(&given);
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("m", false)).await;
    assert_eq!(answer.text(), "older");
    apply(house.inner().control(), Proposal::Reread).await;
    drop(house);
    // From now on ours counts, whatever becomes of theirs.
    std::fs::write(dir.path().join("state.json"), "{}").unwrap();
    let house = TestHouse::of(&given);
    let world = house.inner().world();
    assert_eq!((world.providers[0].name.as_str(), world.providers[0].priority), ("east", 50));
    let versions = house.inner().control().versions(None, 10).await.unwrap();
    assert_eq!(versions.last().map(|first| (first.via.as_str(), first.number)), Some(("import", 1)));
    let bytes = std::fs::read(dir.path().join("state.db")).unwrap();
    let canary = b"sk-older-canary-0001";
    assert!(!bytes.windows(canary.len()).any(|window| window == canary), "the key is sealed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_show_what_was_changed_at_run_time_and_who_did_it() {
    let dir = tempfile::tempdir().unwrap();
    let given = kept(dir.path(), "providers: {a: {base_url: \"http://localhost:1\", priority: 1}}\n");
    let house = TestHouse::of(&given);
    apply(house.inner().control(), set("providers.a.priority", json!(42))).await;
    let said = |arguments: &[&str]| {
        let output = command(dir.path(), arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(said(&["config", "get", "providers.a.priority"]), "42\n");
    let sources = said(&["config", "sources", "providers.a.priority"]);
    assert!(sources.contains("42") && sources.contains("(database, revision 2 by ada)"), "{sources}");
    assert!(sources.contains("not 1"), "{sources}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_no_revision_names_any_more_are_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let house = TestHouse::of(&kept(dir.path(), "providers: {a: {base_url: \"http://localhost:1\"}}\n"));
    let control = house.inner().control();
    apply(control, set("providers.a.api_key", json!("sk-canary-earlier-0001"))).await;
    apply(control, set("providers.a.api_key", json!("sk-canary-current-0002"))).await;
    let db = &control.books().db;
    // Long ago.
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("state.db"));
    let mut other = file.connect().await.unwrap();
    sqlx::raw_sql("UPDATE secrets SET changed_us = 1").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    assert_eq!(control.forget_secrets().await.unwrap(), 0, "both are named by revisions");
    db.prune_revisions(1).await.unwrap();
    assert_eq!(control.forget_secrets().await.unwrap(), 1);
    let ends: Vec<String> =
        db.shown_secrets().await.unwrap().into_iter().map(|secret| secret.last_four).collect();
    assert!(ends.contains(&"0002".to_owned()) && !ends.contains(&"0001".to_owned()), "{ends:?}");
    // The earlier one may be entered again.
    apply(control, set("providers.a.api_key", json!("sk-canary-earlier-0001"))).await;
    drop(house);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_the_files_any_more_is_let_go_without_a_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let given = kept(dir.path(), "providers: {one: http://localhost:1, two: http://localhost:2}\n");
    let house = TestHouse::of(&given);
    apply(house.inner().control(), set("providers.one.priority", json!(3))).await;
    let used = command(dir.path(), &["config", "reset", "providers.one", "--offline"]).output().unwrap();
    assert!(String::from_utf8_lossy(&used.stderr).contains("a gateway uses it"), "{used:?}");
    drop(house);
    kept(dir.path(), "providers: {two: http://localhost:2}\n");
    let Err(BuildProblem::Config(problems)) = House::new(given.clone()) else { panic!("it started") };
    let told = problems.to_string();
    assert!(told.contains("revision 2: `providers.one`") && told.contains("--offline"), "{told}");
    let done = command(dir.path(), &["config", "reset", "providers.one", "--offline"]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let house = TestHouse::of(&given);
    assert_eq!(house.inner().world().providers.len(), 1);
    assert_eq!(house.inner().control().revision(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_taken_away_takes_no_more_changes() {
    let dir = tempfile::tempdir().unwrap();
    let house = TestHouse::of(&kept(dir.path(), "providers: {mock: {}}\n"));
    let control = house.inner().control();
    apply(control, set("providers.mock.priority", json!(1))).await;
    std::fs::rename(dir.path().join("state.db"), dir.path().join("elsewhere.db")).unwrap();
    let refused = control.apply(&ada(), set("providers.mock.priority", json!(2))).await;
    let Err(Refused::Store(problem)) = refused else { panic!("{refused:?}") };
    assert!(problem.to_string().contains("was taken away"), "{problem}");
    assert_eq!(
        ask(house.address(), "POST", "/v1/chat/completions", &[], chat("mock", false)).await.status,
        200
    );
    // Put back, it is the same file.
    std::fs::rename(dir.path().join("elsewhere.db"), dir.path().join("state.db")).unwrap();
    apply(control, set("providers.mock.priority", json!(2))).await;
    house.records(|records| records.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_sealed_under_a_new_key_while_the_gateway_runs() {
    let dir = tempfile::tempdir().unwrap();
    let given = kept(dir.path(), "providers: {a: {base_url: \"http://localhost:1\"}}\n");
    let house = TestHouse::of(&given);
    apply(house.inner().control(), set("providers.a.api_key", json!("sk-canary-sealed-0001"))).await;
    let keys = dir.path().join("state.key");
    let old = std::fs::read_to_string(&keys).unwrap();
    let new = "a new key of thirty-two characters or more";
    std::fs::write(&keys, format!("{new}\n{old}")).unwrap();
    let url = format!("http://{}", house.address());
    let output = command(dir.path(), &["secrets", "rotate", "--url", &url, "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    // Its own two besides, that of the audit and that of names.
    assert!(told["rotated"].as_u64().is_some_and(|rotated| rotated >= 3), "{told}");
    apply(house.inner().control(), set("providers.a.priority", json!(1))).await;
    drop(house);
    // The old one is not needed any more.
    std::fs::write(&keys, format!("{new}\n")).unwrap();
    let house = TestHouse::of(&given);
    let control = house.inner().control();
    assert!(control.given().sealed.values().any(|secret| secret.expose() == "sk-canary-sealed-0001"));
    assert!(control.books().db.verify_audit().await.unwrap().broken.is_empty());
}

/// What somebody may ask over HTTP must not bring what a variable or a file holds into an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_through_a_setting_and_told() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "CANARY-OF-A-FILE").unwrap();
    let mut given = kept(dir.path(), "providers: {a: {base_url: \"http://${PLACE}/v1\"}}\n");
    given.environment.insert("PLACE".to_owned(), "canary-of-a-variable".to_owned());
    let house = TestHouse::of(&given);
    assert!(!shown(house.inner().control()).contains("canary"), "an address is shown as it was written");
    let references = [
        r#"{"providers": {"x": {"provider_type": "${file:secret}", "base_url": "http://localhost:1"}}}"#,
        r#"{"providers": {"x": {"base_url": "${file:secret}://h"}}}"#,
        r#"{"providers": {"x": {"base_url": "http://${PLACE}/v1"}}}"#,
    ];
    for body in references {
        for (method, path) in [("POST", "/admin/v1/plan"), ("PATCH", "/admin/v1/config")] {
            let head = [("content-type", "application/json")];
            let answer = ask(house.address(), method, path, &head, body).await;
            assert_eq!(answer.status, 422, "{body}: {}", answer.text());
            assert!(!answer.text().to_lowercase().contains("canary"), "{}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_not_taken_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let given = kept(dir.path(), "providers: {a: {base_url: \"http://localhost:1\"}}\n");
    let house = TestHouse::of(&given);
    let control = house.inner().control();
    apply(control, set("providers.a.priority", json!(7))).await;
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("state.db"));
    let mut other = file.connect().await.unwrap();
    let broken = "INSERT INTO revisions SELECT number + 1, made_us, actor, via, reason, sheet, substr(layer, 1, 20), changed, seal FROM revisions ORDER BY number DESC LIMIT 1";
    sqlx::raw_sql(broken).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let refused = control.apply(&ada(), set("providers.a.weight", json!(1))).await;
    assert!(matches!(refused, Err(Refused::Store(store::StoreProblem::Damaged { .. }))), "{refused:?}");
    assert!(shown(control).contains("priority: 7"), "what counted goes on counting");
    drop(house);
    assert!(matches!(House::new(given), Err(BuildProblem::Store(store::StoreProblem::Damaged { .. }))));
}
