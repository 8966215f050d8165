//! What this program keeps: its folder, its log, notes of gateways, and the room that is left.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Repair};
use super::scene::Scene;
use crate::{folders, instance};

const MIB: u64 = 1024 * 1024;
/// Less room than this is worth a word, and less than that an alarm.
const SCARCE: u64 = 1024 * MIB;
const NONE: u64 = 50 * MIB;
/// A log of this size was never put aside.
const LONG_LOG: u64 = 256 * MIB;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut findings = Vec::new();
    match folders::state(&scene.environment) {
        None => findings.push(
            Finding::warning("state", "there is no folder for logs and notes")
                .cause("Neither HOME nor XDG_STATE_HOME is set.")
                .fix("Set HOME; without it, commands find a gateway only by its address."),
        ),
        Some(folder) => {
            findings.push(private(&folder));
            findings.extend(room(&folder));
        }
    }
    let logs = scene.running.iter().filter_map(|one| one.log.clone());
    let mut logs: Vec<PathBuf> = logs.chain(folders::log(&scene.environment)).collect();
    logs.dedup();
    findings.extend(logs.iter().filter_map(|log| size(log)));
    findings.extend(stale(scene));
    findings
}

fn private(folder: &Path) -> Finding {
    let shown = folder.display();
    let Ok(data) = std::fs::metadata(folder) else {
        return Finding::skipped("state", format!("{shown} is not there yet; it is made when it is needed"));
    };
    let mode = data.mode() & 0o777;
    let us = rustix::process::geteuid().as_raw();
    if data.uid() != us {
        return Finding::warning(
            "state",
            format!("{shown} belongs to user {}, and we are user {us}", data.uid()),
        )
        .cause("Perhaps a gateway was once started with sudo.")
        .fix(format!("sudo chown -R $(id -u) {shown}"));
    }
    if mode & 0o077 != 0 {
        let repair = Repair::MakePrivate(folder.to_owned(), 0o700);
        return Finding::warning("state", format!("{shown} may be looked into by others (mode {mode:o})"))
            .fix(repair.told())
            .repair(repair);
    }
    Finding::good("state", format!("{shown} is private"))
}

/// The room on the disk where a folder is, or will be.
fn room(folder: &Path) -> Option<Finding> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{} free at {}", shown(free), there.display());
    Some(match free {
        0..NONE => Finding::bad("disk", what).fix("Make room: logs and books cannot be written."),
        NONE..SCARCE => Finding::warning("disk", what).fix("Make room."),
        _ => Finding::good("disk", what),
    })
}

fn size(log: &Path) -> Option<Finding> {
    let length = std::fs::metadata(log).ok()?.len();
    let what = format!("{}: {}", log.display(), shown(length));
    Some(if length > LONG_LOG {
        Finding::warning("log", what)
            .cause("A long log is put aside when a gateway is started.")
            .fix("openai-proxy restart; logging.level: warn makes it shorter.")
    } else {
        Finding::good("log", what)
    })
}

fn stale(scene: &Scene) -> Vec<Finding> {
    instance::stale(&scene.environment)
        .into_iter()
        .map(|file| {
            let repair = Repair::Remove(file.clone());
            Finding::warning("notes", format!("{} is of a gateway that is gone", file.display()))
                .cause("It ended without a chance to tidy up: killed, or the computer was switched off.")
                .fix(repair.told())
                .repair(repair)
        })
        .collect()
}

fn shown(bytes: u64) -> String {
    match bytes {
        0..MIB => format!("{} KiB", bytes / 1024),
        MIB..SCARCE => format!("{} MiB", bytes / MIB),
        _ => format!("{} GiB", bytes / (1024 * MIB)),
    }
}
