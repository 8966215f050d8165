//! A `.env` file beside the configuration: variables for `${...}` and for keys. The real environment wins, and nothing of it
//! is handed on to anybody.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::{note_open_variable, shown};
use crate::problem::Place;
use crate::reader::Findings;

/// How the names of secrets end.
const SECRET: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];

/// Adds what the file says and the environment does not; of one name the last line counts, as in a shell.
pub(crate) fn add(environment: &mut BTreeMap<String, String>, path: &Path, text: &str, findings: &Findings) {
    let mut said = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = pair(line) else {
            // The file may serve other programs as well: what we cannot read is no reason to stop.
            let place = Place { file: shown(path).into(), line: index + 1, column: 1 };
            let fix = Some("Write NAME=value.".to_owned());
            findings.note("", Some(&place), "This line names no variable and is passed over.", fix);
            continue;
        };
        if SECRET.iter().any(|end| name.ends_with(end)) && !value.is_empty() {
            note_open_variable(path, index + 1, findings);
        }
        said.insert(name, value);
    }
    for (name, value) in said {
        environment.entry(name).or_insert(value);
    }
}

/// `NAME=value`, `export NAME=value`; in quotes everything is text, without them ` #` begins a comment.
fn pair(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let proper = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(proper) {
        return None;
    }
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let (inner, rest) = value.strip_prefix(quote)?.split_once(quote)?;
        (rest.trim().is_empty() || rest.trim_start().starts_with('#')).then_some(inner)
    });
    let plain = || value.split_once(" #").map_or(value, |(before, _)| before).trim_end();
    Some((name.to_owned(), quoted.unwrap_or_else(plain).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_environment_wins_and_odd_lines_are_noted() {
        let mut environment = BTreeMap::from([("A".to_owned(), "real".to_owned())]);
        let findings = Findings::default();
        let text = "# keys\nA=file\nexport B = \"two words # kept\" # gone\nC='$D'\nE=plain # gone\nno name\n1=2\nF=1\nF=\n";
        add(&mut environment, Path::new("x/.env"), text, &findings);
        let got = |name: &str| environment.get(name).map(String::as_str);
        assert_eq!([got("A"), got("B"), got("C")], [Some("real"), Some("two words # kept"), Some("$D")]);
        assert_eq!([got("E"), got("F"), got("1")], [Some("plain"), Some(""), None]);
        let notes: Vec<String> = findings.into_parts(&[]).1.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("x/.env:6: This line names no variable"), "{notes:?}");
    }
}
