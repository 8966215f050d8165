//! Wall: no second version of the libraries that carry bytes and secrets, and none of the banned ones. `deny.toml` says the
//! same to `cargo deny`; this wall needs nothing but the lock file.

use super::tree::Tree;
use super::violation::Violation;

/// Libraries of which exactly one version may be in the tree: two would not understand each other's types, or would
/// have two sets of faults.
const ONE_VERSION: &[&str] = &["h2", "http", "http-body", "hyper", "rustls", "tokio", "tokio-rustls"];

/// Libraries that must not be in the tree, and what is there instead.
const BANNED: &[(&str, &str)] = &[
    ("native-tls", "TLS is rustls on aws-lc-rs"),
    ("openssl", "TLS is rustls on aws-lc-rs"),
    ("openssl-sys", "TLS is rustls on aws-lc-rs"),
    ("reqwest", "what goes out goes through gateway/upstream"),
];

/// Checks the lock file.
pub(crate) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    let mut met: Vec<&str> = Vec::new();
    for (number, line) in tree.lock.lines().enumerate() {
        let Some(name) = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')) else {
            continue;
        };
        if let Some((_, instead)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            let wrong = format!("the library `{name}` is in the tree");
            violations.push(Violation::new("Cargo.lock", number + 1, wrong, *instead));
        }
        if ONE_VERSION.contains(&name) && met.contains(&name) {
            let wrong = format!("there is a second version of `{name}`");
            let cure = "see `cargo tree --duplicates`, and bring whoever asks for the older one up to date";
            violations.push(Violation::new("Cargo.lock", number + 1, wrong, cure));
        }
        met.push(name);
    }
}
