//! Documents are executed: every `console` and `sh` block of README, docs and the files in `transcripts/` runs in a sandbox
//! of its own (a network and process namespace, an empty home), and shows what the document says it shows. Every `yaml`
//! block is a configuration that is accepted.
//!
//! `UPDATE_GOLDEN=1 cargo test -p openai-proxy --test it -- transcript` rewrites what is shown; read the difference.

mod block;
mod fakes;
mod sandbox;
mod shown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use block::Shell;
use sandbox::Sandbox;

/// The folder of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(markdown(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs the shell blocks of these files; what a block shows is compared, or written anew where that is asked for. Where
/// everything is to be shown, a command that shows nothing must say nothing.
fn run(files: &[PathBuf], everything: bool) {
    let Some(sandbox) = Sandbox::possible() else {
        eprintln!(
            "passed over: no namespace can be made here (unshare --net), so nothing of the documents was run"
        );
        return;
    };
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let blocks = block::blocks(&text);
        let steps: Vec<&Shell> = blocks.iter().flat_map(|block| &block.steps).collect();
        if steps.is_empty() {
            continue;
        }
        let name = file.strip_prefix(root()).unwrap_or(file).display().to_string();
        let got = sandbox.run(&name, &text, &steps);
        let mut lines: Vec<&str> = text.lines().collect();
        for (step, got) in steps.iter().zip(&got).rev() {
            let (line, command) = (step.line, &step.command);
            if got.code != Some(0) && !command.contains("echo $?") {
                wrong.push(format!("{name}:{line}: `{command}` ends with {:?}:\n{}", got.code, got.text));
                continue;
            }
            let Some(want) = step.shows.as_ref().filter(|shows| everything || !shows.is_empty()) else {
                continue;
            };
            if !shown::fits(want, &got.text) {
                wrong.push(format!("{name}:{line}: `{command}` shows\n{}\nand not\n{want}", got.text));
                lines.splice(step.shown_at.clone(), got.text.lines());
            }
        }
        #[expect(clippy::disallowed_methods, reason = "the switch of this test, not of the program")]
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            std::fs::write(file, lines.join("\n") + "\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{} commands are not as written:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn transcripts_show_what_the_program_says_word_for_word() {
    run(&markdown(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts")), true);
}

#[test]
fn every_shell_block_of_the_documents_runs_and_shows_what_it_says() {
    let mut files = vec![root().join("README.md")];
    files.extend(markdown(&root().join("docs")));
    run(&files, false);
}

#[test]
fn every_configuration_in_the_documents_is_accepted() {
    let mut files = vec![root().join("README.md")];
    files.extend(markdown(&root().join("docs")));
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in block::blocks(&text).iter().filter(|block| block.language == "yaml") {
            count += 1;
            let environment = variables(&block.text);
            if let Err(problems) = config::parse(&block.text, &environment) {
                panic!("{}:{}:\n{}\n{problems}", file.display(), block.line, block.text);
            }
        }
    }
    assert!(count >= 3, "{count} configurations were found");
}

/// Something for every `${NAME}`.
fn variables(text: &str) -> BTreeMap<String, String> {
    let names = text.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next());
    names.map(|name| (name.to_owned(), "sk-of-the-document".to_owned())).collect()
}
