//! `cargo xtask licenses`: which foreign code is in the binary, under which licence, and the texts those licences want to be
//! passed on. The result is a file inside the binary (`openai-proxy licenses`); each distinct text stands in it once.
//!
//! In the binary is what normal dependencies lead to. Macros run when we compile and leave nothing of themselves behind;
//! build scripts' and tests' libraries do not come in either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// Where the result lies, from the root of the workspace.
pub const PLACE: &str = "crates/openai-proxy/src/command/licenses.txt";

/// The systems the binary is made for; the first is the one everything is checked for.
const SYSTEMS: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"];

/// The crate whose binary is meant.
const ROOT: &str = "openai-proxy";

/// A foreign crate of the binary.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Foreign {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// Its manifest, beside which its licence texts lie.
    manifest: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

/// The foreign crates of the binary for one system.
///
/// # Errors
/// One sentence, when cargo does not say. With `offline` nothing is downloaded.
pub fn foreign(root: &Path, system: &str, offline: bool) -> Result<BTreeSet<Foreign>, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", system]);
    cargo.args(offline.then_some("--offline")).current_dir(root);
    let output = cargo.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata is odd: {error}"))?;
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let own = metadata.packages.iter().filter(|package| package.name == ROOT && package.source.is_none());
    let mut open: Vec<&str> = own.map(|package| package.id.as_str()).collect();
    let (mut met, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = open.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else { continue };
        let is_macro =
            package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
        if is_macro || !met.insert(id) {
            continue;
        }
        if package.source.is_some() {
            found.insert(Foreign {
                name: package.name.clone(),
                version: package.version.clone(),
                license: package.license.clone().unwrap_or_else(|| "see its text".to_owned()),
                manifest: package.manifest_path.clone(),
            });
        }
        let normal = |edge: &&Edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
        open.extend(node.deps.iter().filter(normal).map(|edge| edge.pkg.as_str()));
    }
    Ok(found)
}

/// The whole file.
///
/// # Errors
/// When cargo does not say, or a crate brings no text.
pub fn page(root: &Path) -> Result<String, String> {
    let mut all = BTreeSet::new();
    for system in SYSTEMS {
        all.append(&mut foreign(root, system, false)?);
    }
    let (mut numbers, mut texts) = (BTreeMap::new(), Vec::new());
    let mut page = "# Foreign code in the binary: crate, version, licence, numbers of the texts below.\n\
                    # Made by `cargo xtask licenses`; do not edit.\n"
        .to_owned();
    for one in &all {
        let mut used = Vec::new();
        for text in texts_of(one)? {
            let number = *numbers.entry(text.clone()).or_insert_with(|| {
                texts.push(text);
                texts.len()
            });
            used.push(number.to_string());
        }
        page += &format!("{} {} | {} | {}\n", one.name, one.version, one.license, used.join(" "));
    }
    for (number, text) in texts.iter().enumerate() {
        page += &format!("\n==== {}\n{text}\n", number + 1);
    }
    Ok(page)
}

/// The crates a file lists.
#[must_use]
pub fn listed(page: &str) -> BTreeSet<(String, String)> {
    let lines =
        page.lines().take_while(|line| !line.starts_with("====")).filter(|line| !line.starts_with('#'));
    let two = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    lines.filter_map(two).collect()
}

/// What is wrong with a file, by what is built for the first system: one sentence each.
///
/// # Errors
/// When cargo does not say.
pub fn stale(root: &Path, page: &str) -> Result<Vec<String>, String> {
    let listed = listed(page);
    let lock = fs::read_to_string(root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let here = foreign(root, SYSTEMS[0], true)?;
    let missing = here
        .iter()
        .filter(|one| !listed.contains(&(one.name.clone(), one.version.clone())))
        .map(|one| format!("{} {} is in the binary and not listed", one.name, one.version));
    let gone = listed
        .iter()
        .filter(|(name, version)| !lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")))
        .map(|(name, version)| format!("{name} {version} is listed and not in Cargo.lock"));
    Ok(missing.chain(gone).collect())
}

/// The texts a crate's licence wants to be passed on. Where it offers MIT among others, that one is taken.
fn texts_of(one: &Foreign) -> Result<Vec<String>, String> {
    let folder = Path::new(&one.manifest).parent().unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| {
        let upper = name.to_ascii_uppercase();
        let begins = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        begins.iter().any(|word| upper.starts_with(word)) && folder.join(name).is_file()
    });
    // Where the REUSE specification puts them (3.3, "Licensing information files").
    let reuse = fs::read_dir(folder.join("LICENSES")).into_iter().flatten().flatten();
    names.extend(
        reuse.filter_map(|entry| Some(format!("LICENSES/{}", entry.file_name().into_string().ok()?))),
    );
    names.sort();
    let offers_mit = !one.license.contains("AND")
        && one.license.split([' ', '/']).any(|word| word == "MIT")
        && names.iter().any(|name| name.to_ascii_uppercase().contains("MIT"));
    if offers_mit {
        names.retain(|name| {
            let upper = name.to_ascii_uppercase();
            upper.contains("MIT") || upper.contains("NOTICE") || upper.contains("THIRD-PARTY")
        });
    }
    if names.is_empty() {
        return Err(format!("{} {} brings no licence text", one.name, one.version));
    }
    names
        .iter()
        .map(|name| {
            let bytes = fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
            Ok(tidied(&String::from_utf8_lossy(&bytes)))
        })
        .collect()
}

/// Without what differs for no reason: line ends, spaces at line ends, blank lines around.
fn tidied(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}
