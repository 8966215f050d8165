//! Wall: every third-party library has one owner, so that swapping it is one crate's affair.
//!
//! Only what ships counts: tests may use any library of the workspace. Versions stand in the root manifest and nowhere
//! else, and each crate says why it needs what it takes.

use super::manifest::{Dependency, Kind, Manifest};
use super::tree::Tree;
use super::violation::Violation;

/// Every library, and the crates that may ship it. A short list is the aim; the few that several floors see are the
/// vocabulary they talk to each other in.
const OWNERS: &[(&str, &[&str])] = &[
    ("anyhow", &["openai-proxy", "xtask", "bench"]),
    ("arc-swap", &["gateway"]),
    ("aws-lc-rs", &["protocol", "config", "store", "control", "bench"]),
    ("axum", &["control"]),
    ("base64", &["protocol", "gateway", "control", "testkit"]),
    ("bytes", &["protocol", "config", "gateway", "control", "openai-proxy", "testkit", "bench"]),
    ("clap", &["openai-proxy", "bench"]),
    ("clap_complete", &["openai-proxy"]),
    ("clap_complete_nushell", &["openai-proxy"]),
    ("clap_mangen", &["openai-proxy"]),
    ("console", &["openai-proxy"]),
    ("crc32fast", &["protocol"]),
    ("criterion", &[]),
    ("fastrand", &["gateway"]),
    ("fearless_simd", &["protocol"]),
    ("flate2", &["gateway", "openai-proxy", "testkit"]),
    ("futures-util", &["gateway"]),
    ("h2", &["gateway"]),
    ("hdrhistogram", &["bench"]),
    ("http", &["protocol", "config", "gateway", "control", "openai-proxy", "bench"]),
    ("http-body", &["gateway"]),
    ("http-body-util", &["gateway"]),
    ("httparse", &["bench"]),
    ("httpdate", &["protocol", "gateway", "openai-proxy"]),
    ("hyper", &["gateway"]),
    ("hyper-util", &["gateway"]),
    ("itoa", &["store", "gateway"]),
    ("jsonc-parser", &["openai-proxy"]),
    ("memchr", &["protocol", "store", "gateway", "testkit", "bench"]),
    ("notify", &["control"]),
    ("prometheus-client", &["gateway"]),
    ("proptest", &[]),
    ("rcgen", &["bench"]),
    ("rustix", &["store", "openai-proxy", "testkit", "bench"]),
    ("rustls", &["gateway", "bench"]),
    ("rustls-native-certs", &["gateway"]),
    ("saphyr-parser", &["config", "openai-proxy"]),
    ("sd-notify", &["openai-proxy"]),
    ("serde", &["protocol", "config", "store", "gateway", "control", "openai-proxy", "xtask"]),
    (
        "serde_json",
        &["protocol", "config", "store", "gateway", "control", "openai-proxy", "testkit", "xtask", "bench"],
    ),
    ("sha2", &[]),
    ("socket2", &["gateway", "bench"]),
    ("sqlx", &["store"]),
    ("strsim", &["config"]),
    ("tempfile", &["openai-proxy", "store", "testkit", "bench"]),
    ("thiserror", &["protocol", "config", "store"]),
    ("tikv-jemallocator", &["openai-proxy"]),
    ("tokio", &["store", "gateway", "control", "openai-proxy", "testkit"]),
    ("tokio-rustls", &["gateway"]),
    ("tokio-tungstenite", &["gateway"]),
    ("tokio-util", &["gateway"]),
    ("toml", &["protocol", "xtask"]),
    ("toml_edit", &["openai-proxy"]),
    ("tower", &["control"]),
    ("tracing", &["store", "gateway", "control", "openai-proxy"]),
    ("tracing-subscriber", &["openai-proxy"]),
    ("utoipa", &["control"]),
    ("uuid", &["store", "gateway"]),
    ("webpki-roots", &["gateway"]),
    ("x509-cert", &["gateway"]),
    ("zeroize", &["store"]),
];

/// Checks every manifest against the table, and for versions and reasons.
pub(crate) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    let foreign = |dependency: &&Dependency| !tree.is_ours(&dependency.name);
    for dependency in tree.root.dependencies.iter().filter(foreign) {
        violations.extend(without_owner(&tree.root, dependency));
    }
    for manifest in &tree.crates {
        for dependency in &manifest.dependencies {
            violations.extend(own_version(manifest, dependency));
        }
        for dependency in manifest.dependencies.iter().filter(foreign) {
            violations.extend(unexplained(manifest, dependency));
            violations.extend(stranger(manifest, dependency));
        }
    }
}

fn owners(library: &str) -> Option<&'static [&'static str]> {
    OWNERS.iter().find(|(name, _)| *name == library).map(|(_, owners)| *owners)
}

fn without_owner(manifest: &Manifest, dependency: &Dependency) -> Option<Violation> {
    let name = &dependency.name;
    let wrong = format!("the library `{name}` has no owner");
    let cure = "give it a line in OWNERS of crates/xtask/src/tidy/owners.rs";
    owners(name).is_none().then(|| Violation::new(&manifest.path, dependency.line, wrong, cure))
}

fn own_version(manifest: &Manifest, dependency: &Dependency) -> Option<Violation> {
    let name = &dependency.name;
    let wrong = format!("`{name}` does not come from the root manifest");
    let cure = format!("write `{name}.workspace = true` and keep its version in the root Cargo.toml");
    (!dependency.inherits).then(|| Violation::new(&manifest.path, dependency.line, wrong, cure))
}

fn unexplained(manifest: &Manifest, dependency: &Dependency) -> Option<Violation> {
    let wrong = format!("`{}` is taken without a word why", dependency.name);
    let cure = "write a comment line above it or above its group";
    (!dependency.explained).then(|| Violation::new(&manifest.path, dependency.line, wrong, cure))
}

fn stranger(manifest: &Manifest, dependency: &Dependency) -> Option<Violation> {
    let Some(owners) = owners(&dependency.name) else { return without_owner(manifest, dependency) };
    if dependency.kind == Kind::Dev || owners.contains(&manifest.krate()) {
        return None;
    }
    let wrong = format!("`{}` may not ship `{}`", manifest.krate(), dependency.name);
    let cure = match owners {
        [] => "only tests may use it: make it a dev-dependency".to_owned(),
        owners => {
            format!("ask its owner ({}), or change OWNERS in tidy/owners.rs with an ADR", owners.join(", "))
        }
    };
    Some(Violation::new(&manifest.path, dependency.line, wrong, cure))
}
