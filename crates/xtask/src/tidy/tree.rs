//! Everything the walls look at, read from disk once: the manifests and the Rust sources of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::source::Source;
use super::violation::Violation;

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// The workspace as it lies on disk, in the order of its paths.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The manifest at the workspace root.
    pub(crate) root: Manifest,
    /// The manifests of `crates/*`, and of the bench.
    pub(crate) crates: Vec<Manifest>,
    /// Every Rust file.
    pub(crate) sources: Vec<Source>,
    /// The lock file; empty where there is none.
    pub(crate) lock: String,
}

impl Tree {
    /// Reads the workspace at `root`, with a violation for each file that could not be read or parsed.
    pub(crate) fn read(root: &Path) -> (Self, Vec<Violation>) {
        let mut tree = Self::default();
        let mut unread = Vec::new();
        let mut files = Vec::new();
        collect(root, &mut files, &mut unread);
        files.sort();
        for file in files {
            let path = relative(root, &file);
            match fs::read_to_string(&file) {
                Ok(text) => tree.take(path, text, &mut unread),
                Err(error) => unread.push(unreadable(&path, &error)),
            }
        }
        // A workspace that was never built has no lock file yet.
        tree.lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
        if tree.root.path.is_empty() {
            unread.push(Violation::new(
                "Cargo.toml",
                1,
                "no root manifest found",
                "point tidy at the workspace root",
            ));
        }
        (tree, unread)
    }

    /// Is this the name of a crate of ours?
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        self.crates.iter().any(|manifest| manifest.krate() == name)
    }

    /// The sources that make up the crate `name` itself, without its tests.
    pub(crate) fn sources_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.krate() == name && source.is_product())
    }

    /// Files one text away under what it is; manifests elsewhere (a fuzz crate, say) are not ours to judge.
    fn take(&mut self, path: String, text: String, unread: &mut Vec<Violation>) {
        if path.ends_with(".rs") {
            self.sources.push(Source::new(path, text));
            return;
        }
        let is_root = path == "Cargo.toml";
        let is_crate =
            path == "bench/Cargo.toml" || (path.starts_with("crates/") && path.split('/').count() == 3);
        if !is_root && !is_crate {
            return;
        }
        match Manifest::parse(path, &text) {
            Ok(manifest) if is_root => self.root = manifest,
            Ok(manifest) => self.crates.push(manifest),
            Err(violation) => unread.push(violation),
        }
    }
}

/// Gathers the Rust files and manifests under `folder`, passing by hidden and built folders.
fn collect(folder: &Path, files: &mut Vec<PathBuf>, unread: &mut Vec<Violation>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            unread.push(unreadable(&folder.display().to_string(), &error));
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link is not followed: it may lead out of the tree, or round in a circle.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
            collect(&entry.path(), files, unread);
        } else if kind.is_file() && (name.ends_with(".rs") || name == "Cargo.toml") {
            files.push(entry.path());
        }
    }
}

fn relative(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

fn unreadable(path: &str, error: &std::io::Error) -> Violation {
    Violation::new(path, 1, format!("cannot be read ({error})"), "make it readable UTF-8")
}
