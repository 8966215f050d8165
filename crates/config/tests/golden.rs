//! Golden cases: `tests/cases/<case>/{config.yaml, env, flags, expect.txt}`.
//!
//! A case without `config.yaml` has no file at all. `env` and `flags` hold `NAME=value` lines and may be absent.
//! `expect.txt` is what a person would be told: every problem, or a summary of the snapshot and the notes.
//! `UPDATE_GOLDEN=1 cargo test -p config` rewrites the expectations; read the difference before you keep it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

mod summary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Given, load, parse};

#[test]
fn every_case_says_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 40, "only {} cases in {}", cases.len(), folder.display());
    let wrong: Vec<String> = cases.iter().filter_map(|case| difference(case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What differs from the expectation, if anything.
fn difference(case: &Path) -> Option<String> {
    let got = told(case);
    let file = case.join("expect.txt");
    #[expect(clippy::disallowed_methods, reason = "the switch of this test, not of the program")]
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(&file, &got).unwrap();
        return None;
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    (got != want).then(|| format!("--- {}: expected\n{want}--- got\n{got}", case.display()))
}

/// Everything a person would be told.
fn told(case: &Path) -> String {
    let environment = lines(&case.join("env")).into_iter().collect::<BTreeMap<_, _>>();
    let overrides = lines(&case.join("flags"));
    let loaded = match std::fs::read_to_string(case.join("config.yaml")) {
        Ok(text) if overrides.is_empty() => parse(&text, &environment),
        Ok(_) => {
            load(&Given { file: Some(case.join("config.yaml")), environment, overrides, ..Given::default() })
        }
        Err(_) => load(&Given { environment, overrides, ..Given::default() }),
    };
    let told = match loaded {
        Ok(loaded) => summary::of(&loaded),
        Err(problems) => format!("{problems}\n"),
    };
    told.replace(&format!("{}/", case.display()), "")
}

fn lines(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let pair =
        |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("\\n", "\n")));
    text.lines().filter_map(pair).collect()
}
