//! Gateways at one PostgreSQL: they follow each other, and go on and start while it is away (F-40, F-41).

use config::{Edit, Given, What};
use control::{Actor, Proposal, Refused, Via};
use openai_proxy::{BuildProblem, House};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::StoreProblem;
use testkit::caller::ask;
use testkit::postgres::server;
use testkit::vendor::{Act, Vendor};

use crate::house::{TestHouse, chat};

async fn on_the_server(sql: &str) {
    let mut connection = PgConnection::connect(&server().url("postgres")).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Throws everybody out of a database and lets nobody in; or lets them in again.
async fn let_in(database: &str, everybody: bool) {
    on_the_server(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {everybody}")).await;
    let out = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    on_the_server(&out).await;
}

/// A gateway of a computer of its own: its files and its state are in this folder.
fn given(folder: &std::path::Path, database: &str, vendor: &Vendor) -> Given {
    let file = folder.join("openai-proxy.yaml");
    let yaml = format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1}}\nproviders: {{p: {{base_url: \"{}/v1\", models: [m]}}}}\n\
         storage: {{database: \"{}\", encryption_key: 0123456789abcdef0123456789abcdef}}\n",
        vendor.url(),
        server().url(database)
    );
    std::fs::write(&file, yaml).unwrap();
    let environment = [("HOME".to_owned(), folder.display().to_string())].into();
    Given { file: Some(file), environment, ..Given::default() }
}

fn at(vendor: &Vendor) -> Proposal {
    let path = ["providers", "p", "base_url"].map(str::to_owned).to_vec();
    Proposal::Edits(vec![Edit { path, what: What::Set(json!(format!("{}/v1", vendor.url()))) }])
}

async fn answers(house: &TestHouse) -> String {
    ask(house.address(), "POST", "/v1/chat/completions", &[], chat("m", false)).await.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_of_one_server_follow_each_other_and_start_while_it_is_away() {
    let one = Vendor::start(|_| Act::text(200, "one")).await;
    let two = Vendor::start(|_| Act::text(200, "two")).await;
    on_the_server("CREATE DATABASE shared").await;
    let folders = [0, 1, 2].map(|_| tempfile::tempdir().unwrap());
    let [here, there, new] = folders.each_ref().map(|folder| given(folder.path(), "shared", &one));
    let ada = Actor::itself(Via::Api);
    let (first, second) = (TestHouse::of(&here), TestHouse::of(&there));
    assert_eq!((answers(&first).await, answers(&second).await), ("one".into(), "one".into()));
    let applied = first.inner().control().apply(&ada, at(&two).into()).await.unwrap();
    // The other one looks before it changes anything itself.
    let planned = second.inner().control().plan(&ada, &Proposal::Reread).await.unwrap();
    assert_eq!((planned.revision, answers(&second).await), (applied.revision, "two".into()));
    assert!(second.records(|records| records.len() == 3).await.iter().all(|record| record.status == 200));
    drop((first, second));

    let_in("shared", false).await;
    // It has the copy of what counted last, serves, and changes nothing.
    let house = TestHouse::of(&here);
    assert_eq!(answers(&house).await, "two");
    let refused = house.inner().control().apply(&ada, at(&one).into()).await;
    assert!(matches!(refused, Err(Refused::Store(StoreProblem::Away(_)))), "{refused:?}");
    let reread = house.inner().control().apply(&ada, Proposal::Reread.into()).await.unwrap();
    assert!(!reread.changed);
    // One that has never been there cannot know what counts.
    let Err(BuildProblem::Store(problem)) = House::new(new.clone()) else { panic!("it started blind") };
    assert!(matches!(problem, StoreProblem::Away(_)), "{problem}");

    let_in("shared", true).await;
    house.inner().control().apply(&ada, at(&one).into()).await.unwrap();
    assert_eq!(answers(&house).await, "one");
    assert_eq!(answers(&TestHouse::of(&new)).await, "one");
    let report = house.inner().control().books().db.verify_audit().await.unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
}
