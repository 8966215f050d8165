//! Golden cases: `tests/cases/<case>/{config.yaml, env, flags, expect.txt}`.
//!
//! A case without `config.yaml` has no file at all; further files stand beside it as they would on disk (`conf.d/a.yaml`,
//! `config.production.yaml`). `env` and `flags` hold `NAME=value` lines and may be absent.
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
    let mistakes =
        cases.iter().filter(|case| case.file_name().unwrap().to_string_lossy().starts_with("bad-"));
    assert!(mistakes.count() >= 70, "cases are missing in {}", folder.display());
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
        Ok(text) if overrides.is_empty() && !has_company(case) => parse(&text, &environment),
        Ok(_) => {
            load(&Given { file: Some(case.join("config.yaml")), environment, overrides, ..Given::default() })
        }
        Err(_) => load(&Given { no_file: true, environment, overrides, ..Given::default() }),
    };
    let bad = case.file_name().unwrap().to_string_lossy().starts_with("bad-");
    assert_eq!(loaded.is_err(), bad, "{}: {loaded:?}", case.display());
    let told = match loaded {
        Ok(loaded) => summary::of(&loaded),
        Err(problems) => {
            let lacking = problems.0.iter().find(|problem| problem.fix.is_none());
            assert!(lacking.is_none(), "{}: nobody says what to do: {lacking:?}", case.display());
            format!("{problems}\n")
        }
    };
    told.replace(&format!("{}/", case.display()), "")
}

/// Whether other files stand beside the configuration.
fn has_company(case: &Path) -> bool {
    let own = ["config.yaml", "env", "flags", "expect.txt"];
    let names = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().file_name());
    names.into_iter().any(|name| !own.iter().any(|own| name == *own))
}

fn lines(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let pair =
        |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace("\\n", "\n")));
    text.lines().filter_map(pair).collect()
}
