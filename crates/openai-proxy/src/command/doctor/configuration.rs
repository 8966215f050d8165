//! The configuration: found, readable, valid, what is worth knowing of it, and who may read and change it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use config::snapshot::Source;

use super::finding::{Finding, Repair};
use super::scene::Scene;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &scene.loaded {
        Err(problems) => findings.extend(problems.0.iter().map(|problem| {
            let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            let finding = Finding::bad("configuration", format!("{place}{}", problem.what));
            match &problem.fix {
                Some(fix) => finding.fix(fix),
                None => finding,
            }
        })),
        Ok(loaded) => {
            let what = match &loaded.snapshot.source {
                Source::File(path) => format!("{}, valid", path.display()),
                Source::Environment => {
                    "no file; providers are found on this computer and by their keys".to_owned()
                }
                Source::Nothing if scene.offline => {
                    "no file and no key; this computer was not searched".to_owned()
                }
                Source::Nothing => {
                    "no file, no server on this computer, no key: only the built-in mock answers".to_owned()
                }
            };
            let nothing = loaded.snapshot.source == Source::Nothing;
            findings.push(if nothing {
                Finding::warning("configuration", what).fix("Set a key (OPENAI_API_KEY=...), start a local server, or write a file: openai-proxy init")
            } else {
                Finding::good("configuration", what)
            });
            // Who may read the file is told below.
            let notes = loaded.notes.iter().filter(|note| !note.path.ends_with(".api_key"));
            findings.extend(notes.map(|note| {
                let place = note.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
                let finding = Finding::warning("configuration.note", format!("{place}{}", note.what));
                match &note.fix {
                    Some(fix) => finding.fix(fix),
                    None => finding,
                }
            }));
        }
    }
    findings.extend(scene.file.as_deref().and_then(|file| permissions(scene, file)));
    findings.extend(certificate(scene));
    findings
}

/// Who may read and change the file.
fn permissions(scene: &Scene, file: &Path) -> Option<Finding> {
    let data = std::fs::metadata(file).ok()?;
    let mode = data.mode() & 0o777;
    let repair = Repair::MakePrivate(file.to_owned(), 0o600);
    let fix = repair.told();
    let shown = file.display();
    if mode & 0o002 != 0 {
        let what = format!("{shown} may be changed by every user of this computer (mode {mode:o})");
        let cause = "Whoever changes it decides where your requests go.";
        return Some(Finding::bad("permissions", what).cause(cause).fix(fix).repair(repair));
    }
    let text = scene.text.as_deref()?;
    let outline = config::outline(text, &std::collections::BTreeMap::new()).ok()?;
    let plain = !outline.hidden.is_empty();
    if plain && mode & 0o004 != 0 {
        let what =
            format!("{shown} holds a secret and may be read by every user of this computer (mode {mode:o})");
        return Some(Finding::warning("permissions", what).fix(fix).repair(repair));
    }
    let what = if plain {
        format!("{shown} holds secrets and is private (mode {mode:o})")
    } else {
        format!("{shown} holds no secret")
    };
    Some(Finding::good("permissions", what))
}

/// The certificate and key of our own doors.
fn certificate(scene: &Scene) -> Vec<Finding> {
    let Some(tls) = scene.loaded.as_ref().ok().and_then(|loaded| loaded.snapshot.server.tls.as_ref()) else {
        return Vec::new();
    };
    let readable = |file: &Path, what: &str, begins: &str| match std::fs::read_to_string(file) {
        Ok(text) if text.contains(begins) => {
            Finding::good("certificate", format!("{what}: {}", file.display()))
        }
        Ok(_) => Finding::bad("certificate", format!("{} is no {what}", file.display()))
            .fix("Give a file in PEM form."),
        Err(error) => Finding::bad("certificate", format!("{} cannot be read", file.display()))
            .cause(error.to_string())
            .fix("Check the path and who may read it."),
    };
    let mut findings = vec![
        readable(&tls.cert, "certificate", "-----BEGIN CERTIFICATE"),
        readable(&tls.key, "private key", "PRIVATE KEY-----"),
    ];
    if std::fs::metadata(&tls.key).is_ok_and(|data| data.mode() & 0o004 != 0) {
        let repair = Repair::MakePrivate(tls.key.clone(), 0o600);
        let what =
            format!("the private key {} may be read by every user of this computer", tls.key.display());
        findings.push(Finding::bad("certificate.key", what).fix(repair.told()).repair(repair));
    }
    findings
}
