//! A network of its own for a test that needs one: free ports, nothing but what the test makes. The test runs its second
//! half, an ignored test of its own, inside.

use std::path::Path;
use std::process::Command;

/// Runs a test by its name, after `setup` (for sh; `$1` is the folder), in a new network, and returns what it said. `None`: no
/// network can be made here, which is told.
pub(crate) fn run_inside(test: &str, setup: &str, folder: &Path) -> Option<String> {
    let script = format!(
        "set -e\n{setup}\nip link set lo up\necho 'the network stands'\nexec \"$0\" --ignored --exact {test} --nocapture 2>&1\n"
    );
    let program = std::env::current_exe().unwrap();
    let mut said = String::new();
    for rights in [&[][..], &["--user", "--map-root-user"]] {
        let mut command = Command::new("unshare");
        command.args(rights).args(["--net", "--mount", "sh", "-c", &script]).arg(&program).arg(folder);
        let Ok(out) = command.output() else { continue };
        let (told, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        if told.contains("the network stands") {
            assert!(out.status.success() && told.contains("1 passed"), "{told}\n{errors}");
            return Some(told.into_owned());
        }
        said.push_str(&errors);
    }
    eprintln!("PASSED OVER: no network of our own can be made here: {said}");
    None
}

/// Whether this is such a network: loopback and at most what the test made, no way of the computer's own.
pub(crate) fn is_own() -> bool {
    let table = std::fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = table.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    names.into_iter().all(|name| matches!(name, "lo" | "d0" | "d1"))
}
