//! What a packager and a shell ask of the program: completion, manual pages, versions, licences; and what a slip of the pen
//! is answered with.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::starting::run;

fn said(arguments: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    // Larger than a pipe holds, so that it must be read while it comes.
    let output = Command::new(env!("CARGO_BIN_EXE_openai-proxy"))
        .args(arguments)
        .env_clear()
        .env("HOME", dir.path())
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs another program over a file; `None`: it is not installed.
fn other(program: &str, arguments: &[&str], file: &Path) -> Option<Output> {
    Command::new(program).args(arguments).arg(file).stdin(Stdio::null()).output().ok()
}

#[test]
fn the_bash_completion_loads_and_completes_commands() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openai-proxy");
    std::fs::write(&file, said(&["completion", "bash"])).unwrap();
    let script = "source \"$0\" && complete -p openai-proxy && COMP_WORDS=(openai-proxy expl) COMP_CWORD=1 && \
                  _openai__proxy openai-proxy expl openai-proxy && echo \"${COMPREPLY[@]}\"";
    let Some(output) = other("bash", &["--norc", "-c", script], &file) else {
        eprintln!("skipped: no bash here");
        return;
    };
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("-F _openai__proxy") && out.trim_end().ends_with("explain"), "{out}");
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["zsh", "fish", "powershell", "elvish", "nushell"] {
        let script = said(&["completion", shell]);
        assert!(script.contains("check-endpoints") && script.contains("explain"), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command_and_the_formatter_has_no_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    said(&["man", "--dir", pages.to_str().unwrap()]);
    let files: Vec<_> = std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().path()).collect();
    for name in ["openai-proxy.1", "openai-proxy-serve.1", "openai-proxy-explain.1"] {
        assert!(files.contains(&pages.join(name)), "{name}: {files:?}");
    }
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{text}");
        let Some(output) = other("groff", &["-man", "-Tutf8", "-ww", "-z"], file) else { continue };
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{}: {complaints}", file.display());
    }
    let text = std::fs::read_to_string(pages.join("openai-proxy-serve.1")).unwrap();
    assert!(text.contains("Examples:") && text.contains("SIGHUP"), "examples and notes are in it: {text}");
    assert!(said(&["man"]).contains(".SH NAME"));
}

#[test]
fn version_says_how_it_was_built() {
    assert_eq!(said(&["version"]), format!("openai-proxy {}\n", env!("CARGO_PKG_VERSION")));
    let long = said(&["version", "--verbose"]);
    for word in ["rustc 1.", "rustls 0.", "aws-lc-rs 1.", "2026"] {
        assert!(long.contains(word), "{word}: {long}");
    }
    let told: serde_json::Value = serde_json::from_str(&said(&["version", "--json"])).unwrap();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert!(!told["target"].as_str().unwrap().is_empty(), "{told}");
}

#[test]
fn licences_name_every_library_and_hold_every_text() {
    let list = said(&["licenses"]);
    for name in ["openai-proxy ", "tokio ", "rustls ", "hyper ", "aws-lc-sys ", "clap "] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}: {list}");
    }
    let all = said(&["licenses", "--text"]);
    for words in
        ["Permission is hereby granted", "Apache License", "Community Data License Agreement", "ISC License"]
    {
        assert!(all.contains(words), "{words}");
    }
    let told: serde_json::Value = serde_json::from_str(&said(&["licenses", "--json"])).unwrap();
    let told = told.as_array().unwrap();
    assert!(told.len() + 1 == list.lines().count());
    for one in told {
        let name = one["name"].as_str().unwrap();
        let heads = all.lines().any(|line| line.split(", ").any(|head| head == name));
        assert!(heads, "{name} has no text");
    }
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_nearest_word() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, exit, near) in [
        (&["sevre"][..], 2, "serve"),
        (&["explian", "--model", "x"], 2, "explain"),
        (&["explain", "--modle", "x"], 2, "--model"),
        (&["completion", "bsh"], 2, "bash"),
        (&["explain", "--offline", "--set", "routing.unknwon_model=error"], 78, "`unknown_model`"),
        (&["check-config", "--set", "sever.listen=127.0.0.1:1"], 78, "`server`"),
    ] {
        let (code, out, err) = run(dir.path(), arguments, &[]);
        assert!(code == Some(exit) && err.contains(near), "{arguments:?}: {code:?} {out}{err}");
    }
}
