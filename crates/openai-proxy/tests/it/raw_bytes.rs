//! Bytes in, expectation out: every case file under `raw/`, whole and cut at every byte.

use std::path::Path;

use testkit::raw::{Stage, load, run};

use crate::house::undaunted;

async fn all(threat: &str) {
    let stage = Stage::start().await;
    let house = undaunted(stage.vendor());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/raw").join(threat);
    let cases = load(&dir);
    assert!(!cases.is_empty(), "{} has cases", dir.display());
    let mut failed = Vec::new();
    for case in &cases {
        if let Err(why) = run(case, house.address(), &stage).await {
            failed.push(why);
        }
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}

macro_rules! threats {
    ($($name:ident: $threat:literal),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            all($threat).await;
        })+
    };
}

threats! {
    t01_length_and_coding_together: "t01",
    t02_malformed_lines: "t02",
    t03_host_games: "t03",
    t04_big_heads: "t04",
    t07_early_answers: "t07",
    t08_expect_continue: "t08",
    t09_upstream_lies: "t09",
    t10_upgrades: "t10",
    t11_hop_by_hop: "t11",
    t12_methods: "t12",
    t14_paths: "t14",
    t16_credentials: "t16",
}
