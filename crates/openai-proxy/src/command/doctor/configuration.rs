//! The configuration: found, readable, valid, what is worth knowing of it, and who may read and change it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use config::Problem;
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
            let open = |note: &&Problem| !note.path.is_empty() && note.what.starts_with("A key stands in");
            let notes = loaded.notes.iter().filter(|note| !open(note));
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
    let shown = file.display();
    if mode & 0o002 != 0 {
        let what = format!("{shown} may be changed by every user of this computer (mode {mode:o})");
        let cause = "Whoever changes it decides where your requests go.";
        let elsewhere = format!("chmod o-w {shown}");
        return Some(closed(scene, file, Finding::bad("permissions", what).cause(cause), elsewhere));
    }
    let text = scene.text.as_deref()?;
    let outline = config::outline(text, &std::collections::BTreeMap::new()).ok()?;
    let plain = !outline.hidden.is_empty();
    if plain && mode & 0o004 != 0 {
        let what =
            format!("{shown} holds a secret and may be read by every user of this computer (mode {mode:o})");
        let elsewhere = format!(
            "A service or a container may have to read it as another user, so it is left as it is. Put keys elsewhere (`api_key: ${{NAME}}` and the service's keys.env, or LoadCredential=),\nor let one group read it: chgrp GROUP {shown} && chmod 640 {shown}"
        );
        return Some(closed(scene, file, Finding::warning("permissions", what), elsewhere));
    }
    let what = if plain {
        format!("{shown} holds secrets and is private (mode {mode:o})")
    } else {
        format!("{shown} holds no secret")
    };
    Some(Finding::good("permissions", what))
}

/// A finding about a file others may read or change. It is made private only where nobody else can need it: what is not the
/// user's own, in the user's own home, a service or a container may have to read; there the way out is only told.
fn closed(scene: &Scene, file: &Path, finding: Finding, elsewhere: String) -> Finding {
    match own(scene, file) {
        Some(real) => {
            let repair = Repair::MakePrivate(real, 0o600);
            finding.fix(repair.told()).repair(repair)
        }
        None => finding.fix(elsewhere),
    }
}

/// The file itself, links followed, if it is the user's and lies in the user's home.
fn own(scene: &Scene, file: &Path) -> Option<PathBuf> {
    let home = Path::new(scene.variable("HOME")?).canonicalize().ok()?;
    let real = file.canonicalize().ok()?;
    let ours = real.metadata().is_ok_and(|data| data.uid() == rustix::process::geteuid().as_raw());
    (ours && home.parent().is_some() && real.starts_with(&home)).then_some(real)
}

/// The certificate and key of our own doors.
fn certificate(scene: &Scene) -> Vec<Finding> {
    let Some(tls) = scene.loaded.as_ref().ok().and_then(|loaded| loaded.snapshot.server.tls.as_ref()) else {
        return Vec::new();
    };
    let readable = |file: &Path, what: &str, begins: &str| match config::read_text(file) {
        Ok(text) if text.contains(begins) => {
            Finding::good("certificate", format!("{what}: {}", file.display()))
        }
        Ok(_) => Finding::bad("certificate", format!("{} is no {what}", file.display()))
            .fix("Give a file in PEM form."),
        Err(error) => Finding::bad("certificate", format!("{} cannot be read", file.display()))
            .cause(error)
            .fix("Check the path and who may read it."),
    };
    let mut findings = vec![
        readable(&tls.cert, "certificate", "-----BEGIN CERTIFICATE"),
        readable(&tls.key, "private key", "PRIVATE KEY-----"),
    ];
    if std::fs::metadata(&tls.key).is_ok_and(|data| data.mode() & 0o004 != 0) {
        let shown = tls.key.display();
        let what = format!("the private key {shown} may be read by every user of this computer");
        let elsewhere = format!(
            "Let only the gateway's user or one group read it: chgrp GROUP {shown} && chmod 640 {shown}"
        );
        findings.push(closed(scene, &tls.key, Finding::bad("certificate.key", what), elsewhere));
    }
    findings
}
