//! The program itself: its version, where it lies, and whether the shell would find another one.

use std::path::Path;

use super::finding::Finding;
use super::scene::Scene;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let version = env!("CARGO_PKG_VERSION");
    let Ok(own) = std::env::current_exe() else {
        return vec![Finding::good("program", format!("openai-proxy {version}"))];
    };
    let mut findings = vec![Finding::good("program", format!("openai-proxy {version} at {}", own.display()))];
    let path = scene.environment.get("PATH").map(String::as_str).unwrap_or_default();
    let first = path
        .split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join("openai-proxy"));
    if let Some(first) = first.into_iter().find(|file| file.is_file())
        && first.canonicalize().ok() != own.canonicalize().ok()
    {
        findings.push(
            Finding::warning(
                "program.path",
                format!("the shell finds another openai-proxy first: {}", first.display()),
            )
            .cause("Its folder stands earlier in PATH.")
            .fix("Remove one of the two, or change the order in PATH."),
        );
    }
    findings
}
