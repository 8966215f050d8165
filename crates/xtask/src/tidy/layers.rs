//! Wall: who may import whom. Between crates it is the floors; inside `gateway` it is the order of the stages.

use std::collections::BTreeSet;

use super::imports::{Import, arrows};
use super::manifest::Kind;
use super::tree::Tree;
use super::violation::Violation;

/// Every crate of ours, and which of ours it may import. From the ground up, so that arrows only ever point backwards.
const FLOORS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("store", &[]),
    ("config", &["protocol"]),
    ("gateway", &["protocol", "config", "store"]),
    ("control", &["protocol", "config", "store", "gateway"]),
    ("openai-proxy", &["protocol", "config", "store", "gateway", "control"]),
    ("testkit", &[]),
    ("xtask", &[]),
    ("bench", &["protocol", "config", "store", "gateway"]),
];

/// The crate that only tests may lean on.
const TEST_ONLY: &str = "testkit";

/// The crate whose folders are the stages of the line.
const LINE: &str = "gateway";

/// Rooms beside the line: any stage may enter them, and they look into no stage (but see [`SEEN_BY_SIDE_ROOMS`]).
const SIDE_ROOMS: &[&str] = &[
    "hook",
    "cache",
    "observe",
    "spawn",
    "mock",
    "life",
    "catalogue",
    "decimal",
    "shelf",
    "standing",
    "tries",
    "value",
    "window",
];

/// What a side room may nevertheless see of the stages.
const SEEN_BY_SIDE_ROOMS: &[&[&str]] = &[&["intake", "Call"], &["intake", "call", "Call"]];

/// The stages, in the order a request meets them. A stage imports from earlier ones only.
const STAGES: &[&str] =
    &["intake", "identify", "admit", "route", "account", "upstream", "stored", "listing", "about", "relay"];

/// Modules that stand above the stages: they call the line, and no stage calls them.
const ABOVE: &[&str] = &["serve", "explain", "front", "office", "listen", "measured", "socket"];

/// Modules any stage may import, and that may import any stage.
const FREE: &[&str] = &["error"];

/// Checks the edges between our crates, as the manifests draw them.
pub(crate) fn crate_edges(tree: &Tree, violations: &mut Vec<Violation>) {
    for manifest in &tree.crates {
        let name = manifest.krate();
        let Some((_, below)) = FLOORS.iter().find(|(floor, _)| *floor == name) else {
            let wrong = format!("the crate `{name}` stands on no floor");
            let cure = "give it a line in FLOORS of crates/xtask/src/tidy/layers.rs, with an ADR";
            violations.push(Violation::new(&manifest.path, 1, wrong, cure));
            continue;
        };
        for dependency in manifest.dependencies.iter().filter(|dependency| tree.is_ours(&dependency.name)) {
            let other = dependency.name.as_str();
            let leans_in_tests = other == TEST_ONLY && dependency.kind == Kind::Dev && name != "xtask";
            if below.contains(&other) || leans_in_tests {
                continue;
            }
            let wrong = format!("`{name}` imports `{other}`");
            let cure = match (other, below) {
                (TEST_ONLY, _) => "make it a dev-dependency: testkit is for tests alone".to_owned(),
                (_, []) => format!("`{name}` may import no crate of ours"),
                (_, below) => format!("`{name}` may import only {}", below.join(", ")),
            };
            violations.push(Violation::new(&manifest.path, dependency.line, wrong, cure));
        }
    }
}

/// Checks that imports inside the gateway run against the order of the line, never along it.
pub(crate) fn stage_order(tree: &Tree, violations: &mut Vec<Violation>) {
    let mut strangers = BTreeSet::new();
    for (source, imports) in arrows(tree, LINE) {
        let module = source.module();
        let Some(own) = module.first() else { continue };
        if !is_known(own) && strangers.insert(own.clone()) {
            let wrong = format!("the module `{own}` has no place in the line");
            let cure = "name it in STAGES or SIDE_ROOMS of crates/xtask/src/tidy/layers.rs";
            violations.push(Violation::new(&source.path, 1, wrong, cure));
        }
        for import in imports {
            if let Some((wrong, cure)) = against_the_order(own, &import) {
                violations.push(Violation::new(&source.path, import.line, wrong, cure));
            }
        }
    }
}

fn is_known(module: &str) -> bool {
    [SIDE_ROOMS, STAGES, ABOVE, FREE].iter().any(|list| list.contains(&module))
}

/// Says what is wrong with `own` importing this, if anything is, and the cure.
fn against_the_order(own: &str, import: &Import) -> Option<(String, String)> {
    let target = import.path.first()?.as_str();
    if target == own || ABOVE.contains(&own) {
        return None;
    }
    if ABOVE.contains(&target) {
        let cure = "lib.rs, serve.rs and listen/ stand above the stages: take what you need as an argument";
        return Some((format!("`{own}` imports `{target}`"), cure.to_owned()));
    }
    let later = STAGES.iter().position(|stage| *stage == target)?;
    if SIDE_ROOMS.contains(&own) {
        let allowed = SEEN_BY_SIDE_ROOMS.iter().any(|seen| begins_with(&import.path, seen));
        let cure = "a side room sees of the stages only `intake::Call`: take the rest as an argument";
        return (!allowed)
            .then(|| (format!("the side room `{own}` imports the stage `{target}`"), cure.to_owned()));
    }
    let earlier = STAGES.iter().position(|stage| *stage == own)?;
    (later > earlier).then(|| {
        let wrong = format!("the stage `{own}` imports the later stage `{target}`");
        (wrong, format!("move the type to `{own}` or before, or pass its value through serve.rs"))
    })
}

fn begins_with(path: &[String], start: &[&str]) -> bool {
    path.len() >= start.len() && path.iter().zip(start).all(|(step, wanted)| step == wanted)
}
