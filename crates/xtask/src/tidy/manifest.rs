//! A `Cargo.toml`, read for what the walls ask of it: which dependencies, from where, and is there a word why.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::violation::Violation;

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of the product.
    Normal,
    /// Needed to build it.
    Build,
    /// Needed to test it.
    Dev,
}

/// One dependency as a manifest writes it.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// Its name on the left of the equals sign.
    pub(crate) name: String,
    /// What it is needed for.
    pub(crate) kind: Kind,
    /// Where it is written.
    pub(crate) line: usize,
    /// Does it take its version from the root manifest?
    pub(crate) inherits: bool,
    /// Does a comment stand above it or above its group?
    pub(crate) explained: bool,
}

/// One manifest, of a crate or of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// The file, relative to the workspace root.
    pub(crate) path: String,
    /// All dependencies of a crate; for the root, the versions it hands out.
    pub(crate) dependencies: Vec<Dependency>,
    /// Does the crate take the lints of the workspace?
    pub(crate) inherits_lints: bool,
}

impl Manifest {
    /// Reads a manifest; text that is not TOML is a violation.
    pub(crate) fn parse(path: String, text: &str) -> Result<Self, Violation> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            Violation::new(&path, line, format!("cannot be parsed ({})", error.message()), "write valid TOML")
        })?;
        let inherits_lints = written.lints.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let mut dependencies = Vec::new();
        let platforms = written.target.into_values();
        // The top level is read a second time as `Tables`: `serde(flatten)` would lose the places of the names.
        let everywhere: Tables = toml::from_str(text).unwrap_or_default();
        for tables in platforms.chain([everywhere, written.workspace]) {
            let Tables { dependencies: normal, build, dev } = tables;
            for (kind, table) in [(Kind::Normal, normal), (Kind::Build, build), (Kind::Dev, dev)] {
                dependencies
                    .extend(table.into_iter().map(|(name, value)| dependency(text, name, &value, kind)));
            }
        }
        dependencies.sort_by_key(|dependency| dependency.line);
        Ok(Self { path, dependencies, inherits_lints })
    }

    /// The crate's name: the folder it lies in.
    pub(crate) fn krate(&self) -> &str {
        self.path.rsplit('/').nth(1).unwrap_or_default()
    }
}

/// The parts of a manifest that are read; all else is Cargo's affair.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    lints: toml::Table,
    #[serde(default)]
    target: BTreeMap<String, Tables>,
    #[serde(default)]
    workspace: Tables,
}

type Entries = BTreeMap<Spanned<String>, toml::Value>;

/// The three tables of dependencies, wherever they stand.
#[derive(Deserialize, Default)]
struct Tables {
    #[serde(default)]
    dependencies: Entries,
    #[serde(default, rename = "build-dependencies")]
    build: Entries,
    #[serde(default, rename = "dev-dependencies")]
    dev: Entries,
}

fn dependency(text: &str, name: Spanned<String>, value: &toml::Value, kind: Kind) -> Dependency {
    let line = line_at(text, name.span().start);
    let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    Dependency { name: name.into_inner(), kind, line, inherits, explained: is_explained(text, line) }
}

/// Walks up from a dependency through its group: a comment ends the walk well, a blank line or a table's head does not.
fn is_explained(text: &str, line: usize) -> bool {
    let above: Vec<&str> = text.lines().take(line - 1).map(str::trim).collect();
    let first_outside = above.iter().rev().find(|line| line.is_empty() || line.starts_with(['#', '[']));
    first_outside.is_some_and(|line| line.starts_with('#'))
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}
