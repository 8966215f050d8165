//! THE SECOND LINE: propose, check, swap. Nothing else changes what a running gateway does.

use config::{Given, Problem, Problems, Snapshot};
use gateway::Gateway;

/// A change that holds.
#[derive(Debug)]
pub struct Applied {
    /// What was noticed and is not wrong: settings not in use yet, older spellings.
    pub notes: Vec<Problem>,
    /// How many providers there are now.
    pub providers: usize,
}

/// Reads the configuration anew and publishes it. Doors stay as they are; calls that have begun keep the old one.
///
/// # Errors
/// Every problem found. The running configuration is then untouched.
pub fn apply(gateway: &Gateway, given: &Given) -> Result<Applied, Problems> {
    let loaded = config::load(given)?;
    let mut notes = loaded.notes;
    notes.extend(later(&gateway.world(), &loaded.snapshot));
    let applied = Applied { notes, providers: loaded.snapshot.providers.len() };
    gateway.publish(loaded.snapshot);
    Ok(applied)
}

/// What differs and is only looked at when a gateway starts.
fn later(now: &Snapshot, next: &Snapshot) -> Vec<Problem> {
    let (old, new) = (&now.server, &next.server);
    let differs = [
        ("server.listen", old.listen != new.listen),
        ("server.admin_listen", old.admin_listen != new.admin_listen),
        ("server.workers", old.workers != new.workers),
        ("server.tls", old.tls != new.tls),
    ];
    let told = |path: &str| Problem {
        path: path.to_owned(),
        place: None,
        what: format!("`{path}` is another one now, and counts from the next start on."),
        fix: Some("Run openai-proxy restart.".to_owned()),
    };
    differs.iter().filter(|(_, differs)| *differs).map(|(path, _)| told(path)).collect()
}
