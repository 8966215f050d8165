//! One readable file for a report about a bug: this program, this system, the configuration, what the doctor found, and the
//! end of the log, all without secrets.

use std::path::Path;

use super::finding::Finding;
use super::scene::Scene;
use super::scrub::Scrubber;
use crate::command::version;
use crate::instance;

/// Lines of the log that are taken along.
const LINES: usize = 200;
/// The most that is read of a log's end.
const MOST: u64 = 1024 * 1024;

/// The whole text.
pub(super) fn text(scene: &Scene, findings: &[Finding]) -> String {
    let parts = [
        ("openai-proxy", program()),
        ("System", system()),
        ("Variables that are set (values are left out)", variables(scene)),
        ("Configuration", configuration(scene)),
        ("Checks", checks(findings)),
        ("The end of the log", log(scene)),
    ];
    let scrubber = Scrubber::new(scene);
    let mut page =
        "A report about openai-proxy. Secrets are replaced by ***; please read it before you send it.\n"
            .to_owned();
    for (title, text) in parts {
        page += &format!("\n== {title}\n\n{}\n", scrubber.text(&text));
    }
    page
}

fn program() -> String {
    let lines = version::facts().into_iter().map(|(name, value)| format!("{name}: {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("unknown")
        .trim_matches('"');
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{name}\n{} {} on {}, {cores} processors",
        std::env::consts::OS,
        kernel.trim(),
        std::env::consts::ARCH
    )
}

/// Names alone: those that are ours, and those of keys, addresses and proxies.
fn variables(scene: &Scene) -> String {
    let ends = ["_API_KEY", "_BASE_URL", "_ENDPOINT", "_PROXY", "_proxy", "_API_BASE"];
    let ours = |name: &&String| {
        name.starts_with("OPENAI_") || name.starts_with("XDG_") || ends.iter().any(|end| name.ends_with(end))
    };
    let names: Vec<&str> = scene.environment.keys().filter(ours).map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join("\n") }
}

fn configuration(scene: &Scene) -> String {
    let Some(text) = &scene.text else { return "no file".to_owned() };
    match config::outline(text, &scene.environment) {
        Ok(outline) => outline.text,
        Err(_) => "not shown: it is no YAML, so nobody can tell what in it is secret".to_owned(),
    }
}

fn checks(findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for one in findings {
        let about = if one.about.is_empty() { String::new() } else { format!(" {}", one.about) };
        lines.push(format!("{:8} {}{about} - {}", one.state.word(), one.check, one.what));
        lines.extend(one.cause.as_ref().map(|cause| format!("         cause: {cause}")));
        lines.extend(one.fix.as_ref().map(|fix| format!("         fix: {fix}")));
    }
    lines.join("\n")
}

fn log(scene: &Scene) -> String {
    let path = instance::log(&scene.running, &scene.environment);
    let Some(text) = path.as_deref().and_then(end_of) else { return "there is none".to_owned() };
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn end_of(path: &Path) -> Option<String> {
    use std::io::{Read, Seek, SeekFrom};
    // A pipe would be waited for.
    if !path.is_file() {
        return None;
    }
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST))).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
