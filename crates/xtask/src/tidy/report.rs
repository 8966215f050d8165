//! No wall but a mirror: how large the files are and which functions grew long. It fails nothing.

use std::cmp::Reverse;
use std::fmt::Write;

use super::source::{Source, behind_brace, body_at, in_name, words_at};
use super::tree::Tree;

/// How many of the largest are shown.
const SHOWN: usize = 15;

/// One measured thing: its lines, and where it is.
type Measured = (usize, String);

/// The whole report as text.
pub(crate) fn page(tree: &Tree) -> String {
    let product: Vec<&Source> = tree.sources.iter().filter(|source| source.is_product()).collect();
    let files: Vec<Measured> = product.iter().map(|source| (length(source), source.path.clone())).collect();
    let functions: Vec<Measured> = product.iter().flat_map(|source| functions(source)).collect();
    let mut page = String::new();
    table(&mut page, "lines by crate (tests left out)", by_crate(tree));
    table(&mut page, "largest files", files.clone());
    table(&mut page, "longest functions", functions.clone());
    let all: usize = files.iter().map(|(lines, _)| lines).sum();
    // Writing to a String cannot fail.
    let _ = writeln!(
        page,
        "{all} lines in {} files, half of them under {}; {} functions, half of them under {}",
        files.len(),
        median(&files),
        functions.len(),
        median(&functions)
    );
    page
}

/// The lines of a file without its inline tests.
fn length(source: &Source) -> usize {
    let mut offset = 0;
    let mut lines = 0;
    for line in source.text.split_inclusive('\n') {
        lines += usize::from(!source.is_test(offset));
        offset += line.len();
    }
    lines
}

fn by_crate(tree: &Tree) -> Vec<Measured> {
    let sum = |name: &str| tree.sources_of(name).map(length).sum();
    tree.crates.iter().map(|manifest| (sum(manifest.krate()), manifest.krate().to_owned())).collect()
}

/// Each function of a file with a body, from the line of its `fn` to that of its closing brace.
fn functions(source: &Source) -> Vec<Measured> {
    let code = source.code.as_str();
    let starts = words_at(code, "fn").filter(|&at| !source.is_test(at));
    starts
        .filter_map(|at| {
            let rest = code[at + "fn".len()..].trim_start();
            let name = &rest[..rest.bytes().take_while(|&byte| in_name(byte)).count()];
            // A trait's function may have no body, and a function pointer's type has no name.
            let open = body_at(code, at);
            let lines = code[at..behind_brace(code, open)].lines().count();
            (!name.is_empty() && code[open..].starts_with('{'))
                .then(|| (lines, format!("{}:{} {name}", source.path, source.line(at))))
        })
        .collect()
}

fn median(measured: &[Measured]) -> usize {
    let mut sizes: Vec<usize> = measured.iter().map(|(lines, _)| *lines).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// Writes the largest under a title, largest first.
fn table(page: &mut String, title: &str, mut rows: Vec<Measured>) {
    rows.sort_by_key(|(lines, _)| Reverse(*lines));
    let _ = writeln!(page, "{title}");
    for (lines, place) in rows.iter().take(SHOWN) {
        let _ = writeln!(page, "{lines:>7}  {place}");
    }
    let _ = writeln!(page);
}
