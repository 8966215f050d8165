//! A gateway follows what others change: its files, and the database it shares.

use std::time::{Duration, Instant};

use config::Given;
use gateway::{Override, OverrideKind};
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use testkit::caller::ask;
use testkit::until::until;
use testkit::vendor::{Act, Vendor};

use crate::changes::{FIRST, apply, set};
use crate::house::{TestHouse, chat};
use crate::starting::{Program, run};

const PATIENCE: Duration = Duration::from_secs(10);

/// A vendor that says who it is.
async fn vendor(name: &'static str) -> Vendor {
    Vendor::start(move |_| Act::text(200, name)).await
}

fn at(vendor: &Vendor) -> String {
    format!("{FIRST}providers: {{p: {{base_url: \"{}/v1\", models: [m]}}}}\n", vendor.url())
}

/// Who answers, as soon as it is this one.
async fn until_answered_by(address: std::net::SocketAddr, name: &str) {
    let begun = Instant::now();
    loop {
        let answer = ask(address, "POST", "/v1/chat/completions", &[], chat("m", false)).await;
        if answer.text() == name {
            return;
        }
        assert_eq!(answer.status, 200, "a change fails no call: {}", answer.text());
        assert!(begun.elapsed() < Duration::from_secs(10), "{name} never answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changes_is_read_by_itself() {
    let (one, two, three) = (vendor("one").await, vendor("two").await, vendor("three").await);
    let mut program = Program::configured(&at(&one));
    let address = program.address();
    until_answered_by(address, "one").await;
    program.write(&at(&two));
    until_answered_by(address, "two").await;
    // Half of a file, as an editor that is not done leaves it.
    program.write(&at(&three).replace("]}}", "]"));
    program.says("is refused, and nothing changed");
    until_answered_by(address, "two").await;
    program.write(&at(&three));
    until_answered_by(address, "three").await;
    // A file that appears beside it, and one that is put in its place.
    std::fs::create_dir(program.folder().join("conf.d")).unwrap();
    let over = format!("providers: {{p: {{base_url: \"{}/v1\"}}}}\n", one.url());
    std::fs::write(program.folder().join("conf.d/a.yaml"), over).unwrap();
    until_answered_by(address, "one").await;
    std::fs::remove_file(program.folder().join("conf.d/a.yaml")).unwrap();
    until_answered_by(address, "three").await;
}

/// As a ConfigMap is updated: the file is a link through a link to a folder, and that link is exchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leads_elsewhere_is_another_file() {
    let (one, two) = (vendor("one").await, vendor("two").await);
    let dir = tempfile::tempdir().unwrap();
    for (version, vendor) in [("v1", &one), ("v2", &two)] {
        std::fs::create_dir(dir.path().join(version)).unwrap();
        std::fs::write(dir.path().join(version).join("openai-proxy.yaml"), at(vendor)).unwrap();
    }
    let link = |to: &str| {
        let new = dir.path().join("..new");
        std::os::unix::fs::symlink(to, &new).unwrap();
        std::fs::rename(new, dir.path().join("..data")).unwrap();
    };
    link("v1");
    std::os::unix::fs::symlink("..data/openai-proxy.yaml", dir.path().join("openai-proxy.yaml")).unwrap();
    let folder = dir.path().to_owned();
    let mut program = Program::start(
        TempDir::new().unwrap(),
        &["serve", "--config", folder.join("openai-proxy.yaml").to_str().unwrap()],
        &[],
    );
    let address = program.address();
    until_answered_by(address, "one").await;
    link("v2");
    until_answered_by(address, "two").await;
}

/// `reload` waits until as many are through as had begun when it asked, and one more: what was read by itself meanwhile, from
/// files as they were before, must not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_by_itself_is_not_taken_for_the_reload_somebody_asked_for() {
    let (one, two) = (vendor("one").await, vendor("two").await);
    let mut program = Program::configured(&at(&one));
    program.address();
    let counted = |note: Value| (note["reloads_begun"].as_u64(), note["reloads"].as_u64());
    let place = two.url().replace("http://", "");
    program.write(&at(&two));
    assert!(
        until(PATIENCE, async || note(&program).to_string().contains(&place)).await,
        "the watch is not noted"
    );
    assert_eq!(counted(note(&program)), (Some(0), Some(0)));
    let (code, out, err) = run(program.folder(), &["reload"], &[]);
    assert!(code == Some(0) && counted(note(&program)) == (Some(1), Some(1)), "{code:?}: {out}{err}");
}

/// A database that another program keeps to itself is waited for, five seconds at a time; who ends the gateway need not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_to_stop_breaks_a_reload_off() {
    let yaml = |rest: &str| {
        format!(
            "server: {{listen: \"127.0.0.1:0\"}}\nconfig: {{watch: off}}\nstorage: {{database: \"sqlite:usage.db\"}}\n\
             providers: {{mock: {{}}}}\n{rest}\n"
        )
    };
    let mut program = Program::configured(&yaml(""));
    program.address();
    let options = SqliteConnectOptions::new().filename(program.folder().join("usage.db"));
    let mut other = options.connect().await.unwrap();
    let mut first = async || sqlx::query("SELECT * FROM revisions").fetch_optional(&mut other).await.unwrap();
    assert!(until(PATIENCE, async || first().await.is_some()).await, "the start is no revision");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    program.write(&yaml("models: {m: mock}"));
    program.signal("HUP");
    let begun = async || note(&program)["reloads_begun"] == 1;
    assert!(until(PATIENCE, begun).await, "the reload has not begun");
    program.signal("TERM");
    let (status, said) = program.ends_within(Duration::from_secs(3)).await;
    assert!(status.success(), "{status}: {said:#?}");
}

/// What a program has noted about itself.
fn note(program: &Program) -> Value {
    let notes = program.folder().join(".local/state/openai-proxy/run");
    let file = std::fs::read_dir(notes).unwrap().next().unwrap().unwrap().path();
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// F-64.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reloads_under_load_fail_no_call_and_leave_nothing_behind() {
    let (one, two) = (vendor("one").await, vendor("two").await);
    // In memory, so that a database's own memory is not taken for ours.
    let at = |vendor: &Vendor| format!("storage: {{database: memory}}\n{}", at(vendor));
    let mut program = Program::configured(&at(&one));
    let address = program.address();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = async {
        let mut calls = 0_u32;
        let mut tick = tokio::time::interval(Duration::from_millis(3));
        while !*stopped.borrow() {
            tick.tick().await;
            let answer = ask(address, "POST", "/v1/chat/completions", &[], chat("m", false)).await;
            assert!(
                answer.status == 200 && ["one", "two"].contains(&answer.text().as_str()),
                "{}",
                answer.text()
            );
            calls += 1;
        }
        calls
    };
    let reloads = async {
        let mut begun = 0;
        for round in 0..1_000 {
            program.write(&at(if round % 2 == 0 { &two } else { &one }));
            program.signal("HUP");
            tokio::task::yield_now().await;
            let wanted = if round % 2 == 0 { "two" } else { "one" };
            until_answered_by(address, wanted).await;
            if round == 200 {
                begun = program.resident_kib();
            }
        }
        program.write("providers: {p: {base_url: nothing}}\n");
        program.signal("HUP");
        program.says("nothing changed");
        until_answered_by(address, "one").await;
        stop.send(true).unwrap();
        (begun, program.resident_kib())
    };
    let (calls, (early, late)) = tokio::join!(load, reloads);
    assert!(calls > 1_000, "{calls} calls");
    assert!(late < early + 8 * 1024, "{early} KiB after 200 reloads, {late} KiB after 1,000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_of_one_database_follow_each_other() {
    let (one, two) = (vendor("one").await, vendor("two").await);
    let dir = tempfile::tempdir().unwrap();
    let database = format!("storage: {{database: \"sqlite:{}\"}}\n", dir.path().join("shared.db").display());
    let mut programs = [0, 1].map(|_| Program::configured(&format!("{}{database}", at(&one))));
    let addresses = [programs[0].address(), programs[1].address()];
    for address in addresses {
        until_answered_by(address, "one").await;
    }
    // A third one, for a moment.
    let file = dir.path().join("openai-proxy.yaml");
    std::fs::write(&file, format!("{}{database}", at(&one))).unwrap();
    let environment = [("HOME".to_owned(), programs[0].folder().display().to_string())].into();
    let house = TestHouse::of(&Given { file: Some(file), environment, ..Given::default() });
    apply(house.inner().control(), set("providers.p.base_url", json!(format!("{}/v1", two.url())))).await;
    for address in addresses {
        until_answered_by(address, "two").await;
    }
    // What is said of a provider by hand is heard everywhere, too.
    let paused = Override {
        kind: OverrideKind::Paused,
        by: "ada".to_owned(),
        why: String::new(),
        since: std::time::SystemTime::now(),
        lasts: None,
    };
    for (said, status) in [(Some(paused), 503), (None, 200)] {
        house.inner().control().say("p", said).await.unwrap();
        for address in addresses {
            let begun = Instant::now();
            while ask(address, "POST", "/v1/chat/completions", &[], chat("m", false)).await.status != status {
                assert!(begun.elapsed() < Duration::from_secs(10), "{status} was never answered");
            }
        }
    }
}
