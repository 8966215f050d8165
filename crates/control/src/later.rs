//! What differs in a new configuration and is only looked at when a gateway starts.

use config::{Problem, Snapshot};

/// One note for each.
pub(crate) fn later(now: &Snapshot, next: &Snapshot) -> Vec<Problem> {
    let (old, new) = (&now.server, &next.server);
    let differs = [
        ("server.listen", old.listen != new.listen),
        ("server.admin_listen", old.admin_listen != new.admin_listen),
        ("server.ollama_listen", old.native_listen != new.native_listen),
        ("server.workers", old.workers != new.workers),
        ("server.tls", old.tls != new.tls),
        ("storage", now.storage != next.storage),
    ];
    let told = |path: &str| Problem {
        path: path.to_owned(),
        place: None,
        what: format!("`{path}` is another one now, and counts from the next start on."),
        fix: Some("Run openai-proxy restart.".to_owned()),
    };
    differs.iter().filter(|(_, differs)| *differs).map(|(path, _)| told(path)).collect()
}
