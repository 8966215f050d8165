//! Wall: every Rust file opens with a `//!` head that says what it is for.

use super::tree::Tree;
use super::violation::Violation;

/// Checks the first line of every file.
pub(crate) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    for source in &tree.sources {
        let head = source.text.lines().next().and_then(|line| line.strip_prefix("//!"));
        if head.is_none_or(|words| words.trim().is_empty()) {
            let cure = "say in its first line what it is for";
            violations.push(Violation::new(&source.path, 1, "the file has no `//!` head", cure));
        }
    }
}
