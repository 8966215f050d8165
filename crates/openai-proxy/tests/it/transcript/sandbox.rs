//! Where documents run: an empty home, a network of its own with nothing but loopback (so that the ports in the text are
//! free and nothing outside is reached), processes that all end with it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::block::Shell;

/// How namespaces are made here.
pub(super) struct Sandbox {
    unshare: Vec<&'static str>,
}

/// What one command did.
pub(super) struct Got {
    /// Everything it said, both voices in their order.
    pub(super) text: String,
    /// Its exit code.
    pub(super) code: Option<i32>,
}

const NAMESPACES: [&str; 5] = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
/// The line before and after a command's words.
const MARK: &str = "@@";

impl Sandbox {
    /// As root, or as a user who may be root of a namespace.
    pub(super) fn possible() -> Option<Self> {
        let ways = [Vec::new(), vec!["--user", "--map-root-user"]];
        ways.into_iter().find_map(|mut unshare| {
            unshare.extend(NAMESPACES);
            let tried =
                Command::new("unshare").args(&unshare).args(["ip", "link", "set", "lo", "up"]).output();
            tried.is_ok_and(|output| output.status.success()).then_some(Self { unshare })
        })
    }

    /// Runs the commands of a document in one shell, one after the other. The document says on a line like
    /// `<!-- here: ollama kokoro -->` which servers of this computer answer.
    pub(super) fn run(&self, name: &str, text: &str, steps: &[&Shell]) -> Vec<Got> {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("you");
        let bin = dir.path().join("bin");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::create_dir_all(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_openai-proxy"), bin.join("openai-proxy")).unwrap();
        // What the documents call by its place in the checkout.
        symlink(super::root().join("config"), home.join("config")).unwrap();
        // As on a terminal, where no bar moves through the answer.
        std::fs::write(home.join(".curlrc"), "silent\nshow-error\n").unwrap();
        let script = script(text, steps);
        std::fs::write(dir.path().join("script"), &script).unwrap();
        let output = self.spawn(dir.path(), &home, &bin);
        let said = String::from_utf8_lossy(&output).replace(&home.display().to_string(), "/home/you");
        let got = cut(&said);
        assert_eq!(got.len(), steps.len(), "{name}: the shell ended early:\n{said}");
        got
    }

    fn spawn(&self, dir: &Path, home: &Path, bin: &Path) -> Vec<u8> {
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", bin.display());
        let fakes = std::env::current_exe().unwrap();
        let child = Command::new("unshare")
            .args(&self.unshare)
            .args(["bash", "../script"])
            .current_dir(home)
            .env_clear()
            .envs([("PATH", path.as_str()), ("LANG", "C.UTF-8"), ("USER", "you")])
            .env("XDG_RUNTIME_DIR", dir)
            // On a busy machine the servers of this computer may take longer than a start waits.
            .env("OPENAI_PROXY__DISCOVERY__TIMEOUT", "10s")
            .env("HOME", home)
            .env("FAKES_EXE", fakes)
            .env("TMPDIR", dir)
            .stdin(Stdio::null())
            .output();
        let output = child.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

/// One script for the document: every command between two marks, in one shell, so that what is exported stays.
fn script(text: &str, steps: &[&Shell]) -> String {
    let mut script = String::from("exec 2>&1\nip link set lo up\n");
    if let Some(kinds) = text.lines().find_map(|line| line.trim().strip_prefix("<!-- here: ")) {
        let kinds = kinds.trim_end_matches("-->").trim();
        // The test program itself, as the servers; it says on a line of its own that they listen.
        script.push_str(&format!(
            "FAKES='{kinds}' \"$FAKES_EXE\" --exact transcript::fakes::serve --nocapture >../fakes 2>&1 &\n\
             until grep -qs '^fakes ready' ../fakes; do sleep 0.02; done\n"
        ));
    }
    for step in steps {
        script.push_str(&format!("echo '{MARK} begin'\n"));
        if in_foreground(&step.command) {
            script.push_str(&until_ready(&step.command));
        } else {
            script.push_str(&format!("{}\n", step.command));
        }
        script.push_str(
            &format!("echo; echo '{MARK} end '$?\n")
                .replace("echo; echo", "code=$?; echo; echo")
                .replace("'$?", "'$code"),
        );
    }
    script.push_str("jobs -p | xargs -r kill 2>/dev/null; exit 0\n");
    script
}

/// A gateway in the foreground would keep the shell for itself. One with more behind it is meant to end.
fn in_foreground(command: &str) -> bool {
    let words = || command.split_whitespace().skip_while(|word| word.contains('='));
    let serves = match words().next() {
        Some("haproxy") => !command.contains(" -c "),
        Some("openai-proxy") => matches!(words().nth(1), Some("serve" | "mock")),
        _ => false,
    };
    serves && !command.contains(';')
}

/// Runs it beside the shell and goes on when it is ready, or has ended; the one before is stopped.
fn until_ready(command: &str) -> String {
    // Variables before it stay before `exec`.
    let program = command.split(' ').take_while(|word| word.contains('=')).map(|word| word.len() + 1).sum();
    let (variables, program) = command.split_at(program);
    format!(
        "[ -z \"$serving\" ] || {{ kill $serving; wait $serving; }} 2>/dev/null\n\
         : >../serving\n\
         ( {variables} exec {program}\n) >>../serving 2>&1 & serving=$!\n\
         for i in $(seq 500); do\n\
           grep -qE '^Ready |\"ready\"' ../serving && break\n\
           case '{command}' in haproxy*) ss -ltn | grep -q :2020 && break;; esac\n\
           kill -0 $serving 2>/dev/null || break\n\
           sleep 0.02\n\
         done\n\
         cat ../serving\n\
         kill -0 $serving 2>/dev/null || wait $serving\n"
    )
}

/// What stands between the marks.
fn cut(said: &str) -> Vec<Got> {
    let begin = format!("{MARK} begin\n");
    let end = format!("\n{MARK} end ");
    said.split(&begin)
        .skip(1)
        .filter_map(|part| {
            let (text, rest) = part.split_once(&end)?;
            let code = rest.lines().next().and_then(|code| code.trim().parse().ok());
            Some(Got { text: text.trim_end().to_owned(), code })
        })
        .collect()
}
