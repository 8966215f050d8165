//! Conditions on the path: `acl` lines and what stands behind `if`, as patterns of our `routes`.

use std::collections::BTreeMap;

use super::words::Line;

/// What is known about the named conditions of one section.
#[derive(Default)]
pub(super) struct Conditions(BTreeMap<String, Result<Vec<String>, String>>);

impl Conditions {
    /// Takes an `acl` line; what stands against carrying it over, if anything.
    pub(super) fn learn(&mut self, line: &Line) -> Result<(), String> {
        let found = criterion(line.words.get(2..).unwrap_or_default());
        let told = found.clone().map(|_| ());
        // Several lines of one name: any of them.
        match (self.0.get_mut(line.word(1)), found) {
            (Some(Ok(known)), Ok(more)) => known.extend(more),
            (Some(known), Err(why)) => *known = Err(why),
            (Some(Err(_)), Ok(_)) => {}
            (None, found) => drop(self.0.insert(line.word(1).to_owned(), found)),
        }
        told
    }

    /// The patterns of `if a or { path_beg /b }`; `None` without a condition.
    pub(super) fn patterns(&self, words: &[String]) -> Result<Option<Vec<String>>, String> {
        match words.first().map(String::as_str) {
            None => return Ok(None),
            Some("if") => {}
            Some(other) => return Err(format!("`{other}` is not understood")),
        }
        let mut patterns = Vec::new();
        for alternative in words[1..].split(|word| word == "or" || word == "||") {
            patterns.extend(self.alternative(alternative)?);
        }
        Ok(Some(patterns))
    }

    fn alternative(&self, words: &[String]) -> Result<Vec<String>, String> {
        match words {
            [open, inner @ .., close] if open == "{" && close == "}" && !inner.contains(&"{".to_owned()) => {
                criterion(inner)
            }
            [name] if name == "TRUE" => Ok(vec!["/v1/*".to_owned()]),
            [name] => match self.0.get(name) {
                Some(known) => known.clone(),
                None => Err(format!("`{name}` is no path condition")),
            },
            _ => Err(format!("`{}` is more than one path condition", words.join(" "))),
        }
    }
}

/// `path_beg /a /b`, `path -m beg /a`, `path /a`.
fn criterion(words: &[String]) -> Result<Vec<String>, String> {
    let name = words.first().map_or("", String::as_str);
    let mut prefix = match name {
        "path_beg" => true,
        "path" => false,
        _ => return Err(format!("`{}` is not a condition on the path", words.join(" "))),
    };
    let mut values = words[1..].iter();
    let mut patterns = Vec::new();
    while let Some(value) = values.next() {
        match value.as_str() {
            // Our paths are written in small letters, whatever is compared.
            "-i" | "--" => {}
            "-m" => match values.next().map(String::as_str) {
                Some("beg") => prefix = true,
                Some("str") => prefix = false,
                other => return Err(format!("`-m {}` is not understood", other.unwrap_or_default())),
            },
            flag if flag.starts_with('-') => return Err(format!("`{flag}` is not understood")),
            path => patterns.push(pattern(path, prefix)?),
        }
    }
    Ok(patterns)
}

/// Our pattern for a path or the beginning of one.
fn pattern(path: &str, prefix: bool) -> Result<String, String> {
    let stem = path.trim_end_matches('/');
    match (prefix, stem) {
        (true, "" | "/v1") => Ok("/v1/*".to_owned()),
        (_, stem) if !stem.starts_with("/v1/") || stem.contains(['*', '?', '#', ' ']) => {
            Err(format!("`{path}` is no path of the API"))
        }
        (true, stem) if path.ends_with('/') || is_whole(stem) => Ok(format!("{stem}/*")),
        (true, _) => Err(format!("`{path}` ends within a word, and our prefixes are whole segments")),
        (false, stem) => Ok(stem.to_owned()),
    }
}

/// Whether a beginning ends where a segment of some operation ends.
fn is_whole(stem: &str) -> bool {
    let below = stem.strip_prefix("/v1").unwrap_or(stem);
    protocol::operation::ROWS
        .iter()
        .any(|row| row.shape.strip_prefix(below).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
