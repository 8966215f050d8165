//! YAML as plain values, with the lines they stand in: for programs that read another one's configuration, or rewrite ours.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::given::Given;
use crate::hide::typed;
use crate::layer::stack::{self, Spoken};
use crate::merge;
use crate::origin::Layer;
use crate::problem::Problems;
use crate::tree::{self, Node, Value};

/// A document, and where its parts stand.
#[derive(Clone, Debug)]
pub struct Plain {
    /// What it says. Keys keep their order; what is quoted is text.
    pub value: Json,
    /// Lines by JSON pointer.
    lines: BTreeMap<String, usize>,
}

impl Plain {
    /// The line something stands in, by its JSON pointer (`/model_list/0/model_name`), or that of what it stands in; 0: none.
    pub fn line(&self, pointer: &str) -> usize {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.lines.get(pointer) {
                return *line;
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return 0,
            }
        }
    }
}

/// Reads a YAML document of any program.
///
/// # Errors
/// When it is no YAML, or too large once its aliases are expanded.
pub fn plain(text: &str, file: &str) -> Result<Plain, Problems> {
    let root = tree::read(text, file).map_err(Problems)?;
    let mut lines = BTreeMap::new();
    let value = json(&root, "", &mut lines);
    Ok(Plain { value, lines })
}

/// What files and stored settings say together, in today's spelling and as it is written: nothing filled in, nothing hidden.
///
/// # Errors
/// When a file cannot be read, is no YAML, or says older things that contradict each other.
pub fn written(given: &Given) -> Result<Json, Problems> {
    let stack = stack::read(given)?;
    let meant = |spoken: &Spoken| !matches!(spoken.layer, Layer::Usual | Layer::Variable | Layer::Flag);
    let layers: Vec<Spoken> = stack.layers.into_iter().filter(meant).collect();
    let (problems, _) = stack.findings.into_parts(&stack.files);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let mut root = stack::merged(&layers);
    merge::prune(&mut root);
    Ok(json(&root, "", &mut BTreeMap::new()))
}

fn json(node: &Node, pointer: &str, lines: &mut BTreeMap<String, usize>) -> Json {
    lines.insert(pointer.to_owned(), node.place.line);
    match &node.value {
        Value::Scalar(_) if node.is_null() => Json::Null,
        Value::Scalar(scalar) => typed(scalar),
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| json(item, &format!("{pointer}/{index}"), lines))
            .collect(),
        Value::Map(entries) => {
            let mut members = Map::new();
            for entry in entries {
                let below = format!("{pointer}/{}", entry.key.replace('~', "~0").replace('/', "~1"));
                members.insert(entry.key.clone(), json(&entry.node, &below, lines));
                // A key's line is what a person looks for.
                lines.insert(below, entry.place.line);
            }
            Json::Object(members)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_types_and_lines() {
        let text = "a:\n  - b: 1\n    c/d: \"1\"\n  - on\ne: ~\nf: true\n";
        let plain = plain(text, "f").unwrap();
        assert_eq!(plain.value, json!({"a": [{"b": 1, "c/d": "1"}, "on"], "e": null, "f": true}));
        let lines = ["/a", "/a/0/b", "/a/0/c~1d", "/a/0/nothing", "/f", "/g"].map(|at| plain.line(at));
        assert_eq!(lines, [1, 2, 3, 2, 6, 1]);
    }
}
