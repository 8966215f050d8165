//! Wall: no modules that import each other. Cargo refuses a ring of crates; nobody else refuses one inside a crate.
//!
//! Seen from outside, a folder is one module: the arrow from `a/x.rs` to `b/y.rs` is an arrow from `a` to `b`. So rings are
//! looked for on every level of the tree, among the children of one parent. A parent and its children are one unit: it
//! lists and re-exports them, they use its traits, and neither is an arrow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports;
use super::tree::Tree;
use super::violation::Violation;

/// Where an arrow was seen first.
type Witness = (String, usize);

/// The arrows among the children of one parent.
type Arrows = BTreeMap<String, BTreeMap<String, Witness>>;

/// Checks every crate, level by level.
pub(crate) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    for manifest in &tree.crates {
        for arrows in levels(tree, manifest.krate()).values() {
            violations.extend(rings(arrows).iter().map(|ring| describe(arrows, ring)));
        }
    }
}

/// Sorts all imports of a crate by the parent under which the two ways part.
fn levels(tree: &Tree, krate: &str) -> BTreeMap<Vec<String>, Arrows> {
    let modules: BTreeSet<Vec<String>> = tree.sources_of(krate).map(|source| source.module()).collect();
    let mut levels: BTreeMap<Vec<String>, Arrows> = BTreeMap::new();
    for (source, imports) in imports::arrows(tree, krate) {
        let from = source.module();
        for import in imports {
            let to = module_of(&modules, &import.path);
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            let (Some(start), Some(end)) = (from.get(shared), to.get(shared)) else { continue };
            let arrows = levels.entry(from[..shared].to_vec()).or_default().entry(start.clone()).or_default();
            arrows.entry(end.clone()).or_insert_with(|| (source.path.clone(), import.line));
        }
    }
    levels
}

/// The module a path leads into: its longest beginning that is a file.
fn module_of<'a>(modules: &BTreeSet<Vec<String>>, path: &'a [String]) -> &'a [String] {
    let length = (0..=path.len()).rev().find(|&length| modules.contains(&path[..length]));
    &path[..length.unwrap_or(0)]
}

/// The rings among these arrows: for each module on one, the shortest through it, and none told twice.
fn rings(arrows: &Arrows) -> Vec<Vec<String>> {
    let mut told = BTreeSet::new();
    let mut rings = Vec::new();
    for module in arrows.keys() {
        if !told.contains(module)
            && let Some(ring) = shortest_ring(arrows, module)
        {
            told.extend(ring.iter().cloned());
            rings.push(ring);
        }
    }
    rings
}

/// Walks outwards from `start` until the walk meets it again.
fn shortest_ring(arrows: &Arrows, start: &String) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in arrows.get(at).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way_back(&came_from, at));
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

fn way_back(came_from: &BTreeMap<&String, &String>, end: &String) -> Vec<String> {
    let steps = std::iter::successors(Some(end), |at| came_from.get(*at).copied());
    let mut ring: Vec<String> = steps.cloned().collect();
    ring.reverse();
    ring
}

/// Tells a ring with a place for each of its arrows, so that one can choose which to cut.
fn describe(arrows: &Arrows, ring: &[String]) -> Violation {
    let mut story = ring.first().cloned().unwrap_or_default();
    let mut place = (String::new(), 1);
    for (at, module) in ring.iter().enumerate() {
        let next = &ring[(at + 1) % ring.len()];
        let Some((path, line)) = arrows.get(module).and_then(|ends| ends.get(next)) else { continue };
        story.push_str(&format!(" -> {next} ({path}:{line})"));
        if at == 0 {
            place = (path.clone(), *line);
        }
    }
    let wrong = format!("modules import each other: {story}");
    Violation::new(&place.0, place.1, wrong, "move what both need below them, or pass it as an argument")
}
