//! The units that keep the container running: for Quadlet, and a plain one where podman is too old for it.

use std::path::Path;

use super::engine::URL_LABEL;
use super::recipe::{NOBODY, Network, Recipe, User};
use crate::command::outside::for_systemd;
use crate::command::systemd::Whose;

/// The file for Quadlet, as it lies under `deploy/`. Its keys are those of podman 4.4; what came later goes by `PodmanArgs=`.
const QUADLET: &str = include_str!("../../../../../deploy/quadlet/openai-proxy.container");

/// The first line of every unit of ours.
pub(super) const OURS: &str = "# openai-proxy in a container, kept running by systemd";

/// The Quadlet file, with what is different here in its lines.
pub(super) fn quadlet(recipe: &Recipe, whose: Whose, keys: &Path) -> String {
    let lines: Vec<String> = QUADLET.lines().filter_map(|line| here(line, recipe, whose, keys)).collect();
    lines.join("\n") + "\n"
}

/// What becomes of one line; `None`: it is not for here.
fn here(line: &str, recipe: &Recipe, whose: Whose, keys: &Path) -> Option<String> {
    if recipe.network == Network::Own && line.starts_with("# The host's network") {
        return Some(
            "# A network of its own, published on loopback only, with the host names of loopback only."
                .to_owned(),
        );
    }
    let Some((key, value)) = line.split_once('=') else { return Some(line.to_owned()) };
    let value = match (key, value.split('=').next().unwrap_or_default()) {
        ("Image", _) => full_name(&recipe.image),
        ("Network", _) => {
            let settings = recipe
                .settings
                .iter()
                .map(|(name, value)| format!("\nEnvironment={}", for_systemd(&format!("{name}={value}"))));
            let network = match recipe.network {
                Network::Host => line.to_owned(),
                Network::Own => format!("PublishPort={}", recipe.published()),
            };
            return Some(network + &settings.collect::<String>());
        }
        ("User" | "Group", _) => match (recipe.user, key) {
            (User::Nobody, _) => NOBODY.to_owned(),
            (User::Starter { .. }, "User") => "%U".to_owned(),
            (User::Starter { .. }, _) => "%G".to_owned(),
        },
        ("#PodmanArgs", "--userns") if matches!(recipe.user, User::Starter { keep: true }) => {
            return Some(line.trim_start_matches('#').to_owned());
        }
        ("#Volume", _) => match recipe.volume() {
            Some(volume) => return Some(format!("Volume={}", for_systemd(&volume))),
            None => return Some(line.to_owned()),
        },
        ("Label", _) => for_systemd(&format!("{URL_LABEL}={}", recipe.url)),
        ("PodmanArgs", "--env-file") => for_systemd(&format!("--env-file={}", keys.display())),
        ("PodmanArgs", "--stop-timeout") => format!("--stop-timeout={}", recipe.patience),
        ("TimeoutStopSec", _) => (recipe.patience + MORE).to_string(),
        ("WantedBy", _) => whose.target().to_owned(),
        _ => return Some(line.to_owned()),
    };
    Some(format!("{key}={value}"))
}

/// What systemd waits longer than podman.
const MORE: u64 = 10;

/// A name that is looked for here and nowhere else.
fn full_name(image: &str) -> String {
    if image.contains('/') { image.to_owned() } else { format!("localhost/{image}") }
}

/// The plain unit, as `podman generate systemd --new` would make it. The gateway itself says when it is ready, and its exit
/// code becomes the unit's, so that a refused configuration does not start again and again.
pub(super) fn plain(recipe: &Recipe, (podman, keys): (&str, &Path), whose: Whose) -> String {
    let mut groups = vec![
        vec!["run".to_owned(), "--detach".to_owned(), "--rm".to_owned(), "--replace".to_owned()],
        vec!["--sdnotify".to_owned(), "container".to_owned(), "--cgroups".to_owned(), "no-conmon".to_owned()],
    ];
    groups.extend(recipe.options());
    groups.push(vec!["--env-file".to_owned(), keys.display().to_string()]);
    groups.push(vec![full_name(&recipe.image)]);
    let group =
        |words: &Vec<String>| words.iter().map(|word| for_systemd(word)).collect::<Vec<_>>().join(" ");
    let line = groups.iter().map(group).collect::<Vec<_>>().join(" \\\n  ");
    let podman = for_systemd(podman);
    format!(
        "{OURS} through podman (older than 4.4, without Quadlet).
# `openai-proxy enable-container` writes this file; `openai-proxy disable-container` takes it away.

[Unit]
Description=openai-proxy, the AI gateway (container)
Wants=network-online.target
After=network-online.target
RequiresMountsFor=%t/containers

[Service]
Type=notify
NotifyAccess=all
Environment=PODMAN_SYSTEMD_UNIT=%n
ExecStart={podman} {line}
ExecStop={podman} stop --ignore openai-proxy
ExecStopPost={podman} rm --force --ignore openai-proxy
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=78
TimeoutStopSec={patience}

[Install]
WantedBy={target}
",
        patience = recipe.patience + MORE,
        target = whose.target(),
    )
}
