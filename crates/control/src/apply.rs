//! THE SECOND LINE: propose, check, swap. Nothing else changes what a running gateway does.

use config::{Given, Problem, Problems};
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
    let applied = Applied { notes: loaded.notes, providers: loaded.snapshot.providers.len() };
    gateway.publish(loaded.snapshot);
    Ok(applied)
}
