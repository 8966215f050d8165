//! What belongs to the file: those it includes, `conf.d` without being told, and the one for this environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file;
use crate::frozen::Text;
use crate::interpolate;
use crate::origin::Layer;
use crate::problem::{Place, wrong};
use crate::reader::{At, Findings};
use crate::tree::{self, Node};

type Environment = BTreeMap<String, String>;

/// What is included when the file does not say.
const USUAL: &str = "conf.d/*.yaml";
/// Picks the environment when the file does not say.
const VARIABLE: &str = "ENVIRONMENT";
/// The name an older file has, whose environments are called by their name alone.
const OLDER: &str = "base.yaml";

/// Adds the texts of all files that belong to the first one, weakest first.
pub(crate) fn beside(texts: &mut Vec<Text>, environment: &Environment, findings: &Findings) {
    let Some(Text { path, text, .. }) = texts.first() else { return };
    let companions = companions(path, text, environment, findings);
    for (layer, path) in companions.into_iter().filter(|(_, path)| path.is_file()) {
        add(texts, layer, path, findings);
    }
}

/// The files that belong to one; that of the environment need not be there.
pub(crate) fn companions(
    path: &Path,
    text: &str,
    environment: &Environment,
    findings: &Findings,
) -> Vec<(Layer, PathBuf)> {
    let root = head(path, text, environment);
    let mut all: Vec<(Layer, PathBuf)> = included(path, root.get("include"), findings)
        .into_iter()
        .map(|path| (Layer::Included, path))
        .collect();
    let name = chosen(root.get("config"), environment, findings);
    all.extend(name.map(|name| (Layer::Environment, overlay(path, &name))));
    all
}

/// The folders of the patterns of `include`, in which files may appear.
pub(crate) fn include_folders(path: &Path, text: &str, environment: &Environment) -> Vec<PathBuf> {
    let root = head(path, text, environment);
    let patterns = match root.get("include").filter(|node| !node.is_null()) {
        None => vec![USUAL.to_owned()],
        Some(node) => {
            let unsaid = Findings::default();
            At::new(node, "include".to_owned(), &unsaid).each(|pattern| Ok(pattern.to_owned()))
        }
    };
    let beside = path.parent().unwrap_or(Path::new(""));
    let folder = |pattern: &String| beside.join(pattern.rsplit_once('/').map_or("", |(folder, _)| folder));
    patterns.iter().filter(|pattern| pattern.contains('*')).map(folder).collect()
}

/// The few settings that say what else is to be read. What is wrong with them is told when the whole is read.
fn head(path: &Path, text: &str, environment: &Environment) -> Node {
    let mut root =
        tree::read(text, &file::shown(path)).unwrap_or_else(|_| Node::empty(Place::outside("built in")));
    let folder = path.parent().unwrap_or(Path::new(""));
    // Which files are read is no secret.
    let sealed = std::collections::BTreeMap::new();
    let sources = interpolate::Sources { environment, folder, sealed: &sealed };
    for key in ["include", "config"] {
        if let Some(node) = root.get_mut(key) {
            interpolate::fill(node, key, &sources, &Findings::default());
        }
    }
    root
}

fn add(texts: &mut Vec<Text>, layer: Layer, path: PathBuf, findings: &Findings) {
    match crate::text_file::read_text(&path) {
        Ok(text) => texts.push(Text { layer, path, text }),
        Err(why) => {
            let what = format!("The configuration {} cannot be read: {why}.", path.display());
            findings.problem("", None, what, Some("Check the path and who may read it.".to_owned()));
        }
    }
}

/// The files of `include`, in its order; those of one pattern by name.
fn included(main: &Path, include: Option<&Node>, findings: &Findings) -> Vec<PathBuf> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let Some(node) = include.filter(|node| !node.is_null()) else { return matching(folder, USUAL) };
    let at = At::new(node, "include".to_owned(), findings);
    let files = at.each(|pattern| match pattern.contains('*') {
        true if pattern.rsplit('/').skip(1).any(|part| part.contains('*')) => wrong(
            format!("has `{pattern}`, with a `*` in a folder's name."),
            "Only the file's name may have one: conf.d/*.yaml.",
        ),
        true => Ok(matching(folder, pattern)),
        false if folder.join(pattern).is_file() => Ok(vec![folder.join(pattern)]),
        false => wrong(
            format!("names {pattern}, which is not there."),
            "Check the path; it starts at the folder of this file. A pattern with `*` may find nothing.",
        ),
    });
    files.into_iter().flatten().collect()
}

/// The files a pattern fits, by name. Hidden ones and folders are left out.
fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let (below, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let fits = |path: &PathBuf| {
        let found = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !found.starts_with('.') && fits(name, found) && path.is_file()
    };
    let entries = std::fs::read_dir(match folder.join(below) {
        here if here.as_os_str().is_empty() => PathBuf::from("."),
        here => here,
    });
    let mut found: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(folder.join(below).join(entry.ok()?.file_name())))
        .filter(fits)
        .collect();
    found.sort();
    found
}

/// Whether a name fits a pattern, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
}

/// The environment: `config.environment`, else the variable.
fn chosen(config: Option<&Node>, environment: &Environment, findings: &Findings) -> Option<String> {
    let written = config.and_then(|config| config.get("environment")).filter(|node| !node.is_null());
    let written = written.and_then(Node::scalar).map(|scalar| scalar.text.clone());
    let name = written.or_else(|| environment.get(VARIABLE).cloned()).filter(|name| !name.is_empty())?;
    if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Some(name);
    }
    let what = "The environment is not called by a name; no file is read for it.";
    findings.note(
        "",
        Some(&Place::outside(VARIABLE)),
        what,
        Some("Use letters, digits, `-` and `_`.".into()),
    );
    None
}

/// The file of an environment: `openai-proxy.production.yaml`, or `production.yaml` beside `base.yaml`.
fn overlay(main: &Path, environment: &str) -> PathBuf {
    if main.file_name().is_some_and(|name| name == OLDER) {
        return main.with_file_name(format!("{environment}.yaml"));
    }
    let stem = main.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let end = main.extension().and_then(|end| end.to_str()).unwrap_or("yaml");
    main.with_file_name(format!("{stem}.{environment}.{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, want) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a*b*.yaml", "axxbyy.yaml", true),
            ("a*b*.yaml", "axx.yaml", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn an_environment_has_a_file_of_its_own() {
        let file = |main: &str| overlay(Path::new(main), "production").display().to_string();
        assert_eq!(file("a/openai-proxy.yaml"), "a/openai-proxy.production.yaml");
        assert_eq!(file("/config/base.yaml"), "/config/production.yaml");
    }
}
