//! What a file takes from elsewhere in its own crate: every path that begins with `crate`, `super` or `self`.
//!
//! Written in a `use` or in the middle of an expression makes no difference: both are an arrow between two modules.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, behind_brace, in_name, words_at};
use super::tree::Tree;

/// How many times a name may be passed on before we stop asking where it came from.
const HOPS: usize = 8;

/// One arrow: from the file it was found in to a path of the same crate.
#[derive(Debug)]
pub(crate) struct Import {
    /// The path from the crate's root, the item's own name included.
    pub(crate) path: Vec<String>,
    /// Where in the file it is written.
    pub(crate) line: usize,
}

/// Every file of a crate with its imports, each led back to where the thing really lives: a `pub use` on the way, in
/// `lib.rs` say, hides no arrow.
pub(crate) fn arrows<'a>(tree: &'a Tree, krate: &'a str) -> Vec<(&'a Source, Vec<Import>)> {
    let modules = tree.sources_of(krate).map(Source::module).collect();
    let names = tree.sources_of(krate).flat_map(|source| passed_on(source, &modules)).collect();
    let mut arrows: Vec<_> = tree.sources_of(krate).map(|source| (source, imports(source))).collect();
    for import in arrows.iter_mut().flat_map(|(_, imports)| imports) {
        for _ in 0..HOPS {
            let Some(origin) = origin(&names, &import.path) else { break };
            import.path = origin;
        }
    }
    arrows
}

/// The names a file brings into its own module, each with the path it stands for.
fn passed_on(source: &Source, modules: &BTreeSet<Vec<String>>) -> Vec<(Vec<String>, Vec<String>)> {
    let here = source.module();
    let mut leaves = Vec::new();
    for at in words_at(&source.code, "use").filter(|&at| !source.is_test(at)) {
        branch(&source.code, at + "use".len(), &[], &mut leaves);
    }
    let ours = leaves.iter().filter(|leaf| {
        let first = leaf.first().cloned().unwrap_or_default();
        matches!(first.as_str(), "crate" | "super" | "self")
            || modules.contains(&[here.as_slice(), &[first]].concat())
    });
    let pairs = ours.map(|leaf| {
        let path = absolute(&here, leaf);
        ([here.as_slice(), path.last().map_or(&[], std::slice::from_ref)].concat(), path)
    });
    // A module's own name stands for itself, whatever function of the same name is passed on beside it.
    pairs.filter(|(name, _)| !modules.contains(name)).collect()
}

/// One step back along a path: if a part of it is a name passed on, the path that name stands for.
fn origin(names: &BTreeMap<Vec<String>, Vec<String>>, path: &[String]) -> Option<Vec<String>> {
    let length = (1..=path.len()).find(|&length| names.contains_key(&path[..length]))?;
    Some([names.get(&path[..length])?, &path[length..]].concat())
}

/// All imports of a file, those of its tests left out: a test may look wherever it likes.
fn imports(source: &Source) -> Vec<Import> {
    let file = source.module();
    let rooms = inline_modules(&source.code);
    let mut found = Vec::new();
    for start in path_starts(&source.code).filter(|&at| !source.is_test(at)) {
        let mut here = file.clone();
        here.extend(rooms.iter().filter(|room| room.1 < start && start < room.2).map(|room| room.0.clone()));
        let mut paths = Vec::new();
        branch(&source.code, start, &[], &mut paths);
        let line = source.line(start);
        found.extend(paths.iter().map(|path| Import { path: absolute(&here, path), line }));
    }
    found
}

/// Where a path into the own crate begins: at one of the three words, when `::` follows and none stands before.
fn path_starts(code: &str) -> impl Iterator<Item = usize> + '_ {
    ["crate", "super", "self"].into_iter().flat_map(move |word| {
        words_at(code, word).filter(move |&at| {
            let follows = code[at + word.len()..].trim_start().starts_with("::");
            follows && !code[..at].trim_end().ends_with("::")
        })
    })
}

/// Modules written inside the file: name, opening brace, closing brace. They shift what `super` means.
fn inline_modules(code: &str) -> Vec<(String, usize, usize)> {
    let named = words_at(code, "mod").filter_map(|at| {
        let (name, next) = name_at(code, skip_space(code, at + "mod".len()))?;
        let open = skip_space(code, next);
        code[open..].starts_with('{').then(|| (name.to_owned(), open, behind_brace(code, open)))
    });
    named.collect()
}

/// Follows one branch of a `use` tree from `at`, adds each leaf to `leaves` and answers where the branch ends.
fn branch(code: &str, at: usize, stem: &[String], leaves: &mut Vec<Vec<String>>) -> usize {
    let mut path = stem.to_vec();
    let mut at = skip_space(code, at);
    while let Some((name, next)) = name_at(code, at) {
        path.push(name.to_owned());
        let behind = skip_space(code, next);
        if !code[behind..].starts_with("::") {
            leaves.push(path);
            return next;
        }
        at = skip_space(code, behind + 2);
    }
    if !code[at..].starts_with('{') {
        // A star, or a turbofish: the path so far is all there is to know.
        leaves.push(path);
        return at;
    }
    let end = behind_brace(code, at);
    at += 1;
    while at < end {
        at = branch(code, at, &path, leaves).min(end);
        // Passes by an `as name` and the comma; ends behind the brace.
        at = code[at..end].find([',', '}']).map_or(end, |step| at + step + 1);
        if code[skip_space(code, at).min(end)..end].starts_with('}') {
            break;
        }
    }
    end
}

/// Turns a written path into one from the crate's root.
fn absolute(here: &[String], written: &[String]) -> Vec<String> {
    let mut path = here.to_vec();
    for step in written {
        match step.as_str() {
            "crate" => path.clear(),
            "super" => drop(path.pop()),
            "self" => {}
            _ => path.push(step.clone()),
        }
    }
    path
}

fn skip_space(code: &str, at: usize) -> usize {
    code.len() - code[at..].trim_start().len()
}

/// The name that begins at `at`, and the offset behind it.
fn name_at(code: &str, at: usize) -> Option<(&str, usize)> {
    let length = code[at..].bytes().take_while(|&byte| in_name(byte)).count();
    (length > 0).then(|| (&code[at..at + length], at + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let source = Source::new("crates/gateway/src/admit/rate.rs".to_owned(), text.to_owned());
        imports(&source).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn follows_every_branch_of_a_use_tree() {
        let found = paths("use crate::{a::{B, c::D as E}, f::*, g::{self, H}};");
        assert_eq!(found, ["a::B", "a::c::D", "f", "g", "g::H"]);
    }

    #[test]
    fn knows_where_super_and_self_lead() {
        assert_eq!(paths("use super::Permit;"), ["admit::Permit"]);
        assert_eq!(paths("fn f() { super::super::route::plan() }"), ["route::plan"]);
        assert_eq!(paths("mod inner { use super::Local; }"), ["admit::rate::Local"]);
        assert_eq!(paths("use self::inner::X;"), ["admit::rate::inner::X"]);
    }

    #[test]
    fn is_not_fooled_by_comments_strings_and_tests() {
        let text = "// crate::a\n/* crate::b */ const C: &str = r#\"crate::c\"#;\n#[cfg(test)]\nmod t { use crate::d; }";
        assert_eq!(paths(text), Vec::<String>::new());
        assert_eq!(paths("pub(crate) fn f<'a>(x: &'a str) -> char { '\"' }\nuse crate::real;"), ["real"]);
    }
}
