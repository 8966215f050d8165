//! Wall: the lints hold everywhere, and whoever leaves one out or skips a test says why.

use super::source::Source;
use super::tree::Tree;
use super::violation::Violation;

/// Checks that every crate takes the workspace's lints and that no exemption goes without a reason.
pub(crate) fn check(tree: &Tree, violations: &mut Vec<Violation>) {
    for manifest in tree.crates.iter().filter(|manifest| !manifest.inherits_lints) {
        let wrong = "the crate does not take the lints of the workspace";
        violations.push(Violation::new(&manifest.path, 1, wrong, "add `[lints]` with `workspace = true`"));
    }
    for source in &tree.sources {
        for (start, attribute) in attributes(source) {
            if let Some((wrong, cure)) = unreasoned(&attribute) {
                violations.push(Violation::new(&source.path, source.line(start), wrong, cure));
            }
        }
    }
}

/// Every attribute of a file with its literals, blanks taken out.
fn attributes(source: &Source) -> impl Iterator<Item = (usize, String)> + '_ {
    let starts = source.code.match_indices("#[").chain(source.code.match_indices("#!["));
    starts.map(|(start, mark)| {
        let body = start + mark.len();
        let end = behind_bracket(&source.code, body);
        (start, source.spoken[body..end].split_whitespace().collect())
    })
}

/// Where the attribute whose inside begins at `body` ends, its bracket left out.
fn behind_bracket(code: &str, body: usize) -> usize {
    let mut depth = 1usize;
    for (at, byte) in code.bytes().enumerate().skip(body) {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return at,
            b']' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Says what an attribute lacks, if it does.
fn unreasoned(attribute: &str) -> Option<(&'static str, &'static str)> {
    let exempts = ["allow(", "expect("].iter().any(|verb| {
        attribute.starts_with(verb)
            || (attribute.starts_with("cfg_attr(") && attribute.contains(&format!(",{verb}")))
    });
    if exempts && !attribute.contains("reason=\"") {
        return Some((
            "a lint is left out without a reason",
            "add `reason = \"...\"`, and prefer `expect` to `allow`",
        ));
    }
    let skips =
        attribute == "ignore" || (attribute.starts_with("cfg_attr(") && attribute.ends_with(",ignore)"));
    skips.then_some(("a test is skipped without a reason", "write `#[ignore = \"...\"]`"))
}
