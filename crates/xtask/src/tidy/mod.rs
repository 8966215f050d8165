//! The walls of the house, checked: each rule of ARCHITECTURE.md that neither Cargo nor clippy can hold has a file here.
//!
//! A wall is a function from the [`Tree`] (all sources, read once) to the places where it is broken. To raise a new
//! one, write its file and add it to [`WALLS`].

mod attributes;
mod cycles;
mod heads;
mod imports;
mod layers;
mod lock;
mod manifest;
mod owners;
mod report;
mod source;
mod tree;
mod violation;
mod words;

use std::path::Path;

pub use violation::Violation;

use tree::Tree;

/// One wall: looks at the whole tree and pushes what breaks it.
type Wall = fn(&Tree, &mut Vec<Violation>);

const WALLS: &[Wall] = &[
    attributes::check,
    cycles::check,
    heads::check,
    layers::crate_edges,
    layers::stage_order,
    lock::check,
    owners::check,
    words::vendor_names,
    words::type_names,
    words::file_names,
];

/// Checks every wall of the workspace at `root`; an empty answer means that all of them stand.
///
/// What cannot be read or parsed is a violation too: a wall nobody could look at does not count as standing.
#[must_use]
pub fn check(root: &Path) -> Vec<Violation> {
    let (tree, mut violations) = Tree::read(root);
    for wall in WALLS {
        wall(&tree, &mut violations);
    }
    violations.sort();
    violations.dedup();
    violations
}

/// Describes the sizes of the workspace at `root` as a page of text, so that drift is seen before it hurts.
#[must_use]
pub fn report(root: &Path) -> String {
    let (tree, _unread) = Tree::read(root);
    report::page(&tree)
}
