//! Whether we run in a container, where `localhost` is not the computer one thinks of.

use std::path::Path;

use super::finding::Finding;
use super::scene::Scene;

/// By what we know that this is a container.
pub(super) fn sign(scene: &Scene) -> Option<&'static str> {
    let group = || std::fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    if scene.variable("KUBERNETES_SERVICE_HOST").is_some() {
        Some("Kubernetes")
    } else if Path::new("/run/.containerenv").exists() {
        Some("Podman")
    } else if Path::new("/.dockerenv").exists() {
        Some("Docker")
    } else if scene.variable("container").is_some()
        || ["docker", "kubepods", "libpod", "lxc"].iter().any(|word| group().contains(word))
    {
        Some("a container")
    } else {
        None
    }
}

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let what = match sign(scene) {
        Some(kind) => format!("this runs in a container ({kind}): localhost is the container itself"),
        None => "this does not run in a container".to_owned(),
    };
    vec![Finding::good("container", what)]
}
