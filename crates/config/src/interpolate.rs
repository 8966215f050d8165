//! `${VAR}`, `${VAR:-default}`, `${VAR:?why}`, `${file:/path}`, `${sealed:name}` and `$${literal}`, filled in after parsing.
//!
//! After parsing, so that a secret with a colon or a line break in it can never change the structure of the file.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::secret::Secret;

use crate::problem::{Place, Wrong, wrong};
use crate::reader::Findings;
use crate::text_file;
use crate::tree::{Node, Scalar, Value};

/// How deep defaults may hold further variables: `${A:-${B:-c}}`.
const DEEPEST: usize = 8;
/// The most one `${file:...}` may bring.
const LONGEST_FILE: u64 = 64 * 1024;

/// Where values are taken from.
pub(crate) struct Sources<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The folder relative `${file:...}` paths start from.
    pub(crate) folder: &'a Path,
    /// What `${sealed:NAME}` stands for.
    pub(crate) sealed: &'a BTreeMap<String, Secret>,
}

/// Fills every scalar of the tree. Keys that start with `x-` are left alone: their anchors are filled where they are used.
pub(crate) fn fill(node: &mut Node, path: &str, sources: &Sources<'_>, findings: &Findings) {
    match &mut node.value {
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill(item, &format!("{path}[{index}]"), sources, findings);
            }
        }
        Value::Map(entries) => {
            for entry in entries.iter_mut().filter(|entry| !entry.key.starts_with("x-")) {
                let below = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                fill(&mut entry.node, &below, sources, findings);
            }
        }
        Value::Scalar(scalar) if !scalar.literal && scalar.text.contains("${") => {
            let as_written = Some(scalar.text.clone());
            let mut filler = Filler { sources, missing: Vec::new(), filled_from: Vec::new() };
            match filler.text(&scalar.text, 0) {
                Ok(text) => {
                    let filled_from = filler.filled_from;
                    *scalar = Scalar { text, filled_from, as_written, ..std::mem::take(scalar) };
                }
                Err(Wrong { what, fix }) => {
                    findings.problem(path, Some(&node.place), format!("`{path}` {what}"), fix);
                    *scalar = Scalar::default();
                }
            }
            if !filler.missing.is_empty() {
                // Null from here on: said once, no second problem follows from it.
                *scalar = Scalar::default();
                missing(&filler.missing, path, &node.place, findings);
            }
        }
        Value::Scalar(_) => {}
    }
}

/// Says which variables are missing; for a provider in the words of the person who has to set a key.
fn missing(names: &[String], path: &str, place: &Place, findings: &Findings) {
    let are = if names.len() == 1 { "is" } else { "are" };
    let names = names.join(" and ");
    let mut parts = path.split('.');
    let (who, fix) = match (parts.next(), parts.next(), parts.next()) {
        (Some("providers"), Some(name), Some(_)) => {
            (format!("providers.{name}"), "Set it, or remove the provider.".to_owned())
        }
        _ => (path.to_owned(), "Set it, or write a default: `${NAME:-default}`.".to_owned()),
    };
    findings.problem(path, Some(place), format!("`{who}` needs {names}, which {are} not set."), Some(fix));
}

struct Filler<'a> {
    sources: &'a Sources<'a>,
    missing: Vec<String>,
    filled_from: Vec<String>,
}

impl Filler<'_> {
    fn text(&mut self, text: &str, depth: usize) -> Result<String, Wrong> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let before = &rest[..at];
            if let Some(kept) = before.strip_suffix('$') {
                out.push_str(kept);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            out.push_str(before);
            let inner = &rest[at + 2..];
            let Some(end) = closing(inner) else {
                return wrong("has a `${` without its `}`.", "Close it, or write `$${` for the text itself.");
            };
            out.push_str(&self.one(&inner[..end], depth)?);
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What stands between the braces.
    fn one(&mut self, inner: &str, depth: usize) -> Result<String, Wrong> {
        if depth >= DEEPEST {
            return wrong("has variables nested too deeply.", "8 levels are the most.");
        }
        if let Some(path) = inner.strip_prefix("file:") {
            self.filled_from.push(inner.to_owned());
            return read(&self.sources.folder.join(path));
        }
        if let Some(name) = inner.strip_prefix("sealed:") {
            self.filled_from.push(inner.to_owned());
            return match self.sources.sealed.get(name) {
                Some(secret) => Ok(secret.expose().to_owned()),
                None => wrong(
                    format!("needs the secret `{name}`, which is not kept here."),
                    "Enter it again, or name a variable: ${NAME}.",
                ),
            };
        }
        let name_ends = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let (name, rest) = inner.split_at(name_ends);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return wrong(
                "has a `${...}` that names no variable.",
                "Write ${NAME}, ${NAME:-default}, ${NAME:?why} or ${file:/path}; `$${` for the text itself.",
            );
        }
        self.filled_from.push(name.to_owned());
        let value = self.sources.environment.get(name);
        let filled = value.filter(|value| !value.is_empty());
        match (filled, rest.split_at_checked(2)) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some((":-", default))) => self.text(default, depth + 1),
            (None, Some((":?", why))) => self.lacks(format!("{name} ({})", why.trim())),
            (None, _) if !rest.is_empty() => wrong(
                format!("has `{rest}` after the variable {name}."),
                "Write ${NAME}, ${NAME:-default} or ${NAME:?why}.",
            ),
            (None, _) => match value {
                Some(empty) => Ok(empty.clone()),
                None => self.lacks(name.to_owned()),
            },
        }
    }

    fn lacks(&mut self, name: String) -> Result<String, Wrong> {
        self.missing.push(name);
        Ok(String::new())
    }
}

/// Where the brace closes that was opened before `inner`.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 1usize;
    let mut before = ' ';
    for (at, c) in inner.char_indices() {
        match c {
            '{' if before == '$' => open += 1,
            '}' if open == 1 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

fn read(path: &Path) -> Result<String, Wrong> {
    let shown = path.display();
    match text_file::read(path, LONGEST_FILE) {
        Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(error) => wrong(
            format!("takes its text from {shown}, which cannot be read: {error}."),
            "Check the path and who may read it.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<(String, Vec<String>), Wrong> {
        let environment =
            BTreeMap::from([("A".to_owned(), "a: #b".to_owned()), ("EMPTY".to_owned(), String::new())]);
        let sealed = BTreeMap::from([("k".to_owned(), Secret::new("${A}"))]);
        let sources = Sources { environment: &environment, folder: Path::new("/nowhere"), sealed: &sealed };
        let mut filler = Filler { sources: &sources, missing: Vec::new(), filled_from: Vec::new() };
        filler.text(text, 0).map(|text| (text, filler.missing))
    }

    #[test]
    fn every_form_is_filled() {
        for (text, want) in [
            ("x ${A} y", "x a: #b y"),
            ("${NO:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY}", ""),
            ("${NO:-${A}}", "a: #b"),
            ("${sealed:k}", "${A}"),
            ("$${A} and $A", "${A} and $A"),
        ] {
            assert_eq!(filled(text), Ok((want.to_owned(), vec![])), "{text}");
        }
    }

    #[test]
    fn all_missing_names_are_told_and_nonsense_is_refused() {
        let missing = filled("${B}${C:?the other one}").map(|(_, missing)| missing);
        assert_eq!(missing, Ok(vec!["B".to_owned(), "C (the other one)".to_owned()]));
        for text in ["${A", "${}", "${1}", "${A B}", "${NO!x}", "${sealed:other}", "${file:none}"] {
            let result = filled(text);
            assert!(result.is_err() || text == "${A B}", "{text}: {result:?}");
        }
    }
}
