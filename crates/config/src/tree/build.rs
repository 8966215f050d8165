//! From YAML events to the tree: anchors, merge keys and duplicate keys are dealt with here, within a budget.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Entry, Node, Scalar, Value};
use crate::problem::{Place, Problem};

/// How many nodes a file may become once its aliases are expanded.
const MOST_NODES: usize = 100_000;
/// How deep it may be nested.
const DEEPEST: usize = 64;

/// Reads one YAML document. Duplicate keys and unknown tags are all found; a broken structure ends the reading.
pub(crate) fn read(text: &str, file: &str) -> Result<Node, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(file);
    for event in Parser::new_from_str(text) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let marker = error.marker();
                let place = builder.at(marker.line(), marker.col());
                Err(builder.problem(place, format!("This is not YAML: {}.", error.info()), INDENTATION))
            }
        };
        if let Err(fatal) = taken {
            builder.problems.push(fatal);
            return Err(builder.problems);
        }
    }
    let empty = Node::empty(builder.at(1, 0));
    if builder.problems.is_empty() { Ok(builder.root.unwrap_or(empty)) } else { Err(builder.problems) }
}

const INDENTATION: &str = "Look at the indentation, the colons and the quotes there.";

struct Builder {
    file: Arc<str>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
    problems: Vec<Problem>,
}

/// A list or mapping whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    value: Inside,
}

enum Inside {
    List(Vec<Node>),
    /// The entries so far, the key that waits for its value, and what `<<` brought.
    Map(Vec<Entry>, Option<(String, Place)>, Vec<Entry>),
}

impl Builder {
    fn new(file: &str) -> Self {
        Self {
            file: Arc::from(file),
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
            problems: Vec::new(),
        }
    }

    /// A place of this file. Columns are counted from 0 by the parser and from 1 by people.
    fn at(&self, line: usize, column: usize) -> Place {
        Place { file: self.file.clone(), line, column: column + 1 }
    }

    fn problem(&self, place: Place, what: impl Into<String>, fix: &str) -> Problem {
        Problem { path: self.path(), place: Some(place), what: what.into(), fix: Some(fix.to_owned()) }
    }

    /// The dotted path of what is being read.
    fn path(&self) -> String {
        let key = |open: &Open| match &open.value {
            Inside::Map(_, Some((key, _)), _) => Some(key.clone()),
            _ => None,
        };
        self.open.iter().filter_map(key).collect::<Vec<_>>().join(".")
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let place = self.at(span.start.line(), span.start.col());
        match event {
            Event::DocumentStart(_) => self.document(place),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted =
                    style != ScalarStyle::Plain || tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                self.tag(tag.as_deref(), &place);
                let scalar = Scalar { text: text.into_owned(), quoted, ..Scalar::default() };
                self.add(Node::new(Value::Scalar(scalar), place), anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::SequenceStart(anchor, tag) => {
                self.enter(Inside::List(Vec::new()), anchor, tag.as_deref(), place)
            }
            Event::MappingStart(anchor, tag) => {
                self.enter(Inside::Map(Vec::new(), None, Vec::new()), anchor, tag.as_deref(), place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn document(&mut self, place: Place) -> Result<(), Problem> {
        self.documents += 1;
        if self.documents > 1 {
            let fix = "Keep one document: remove the line `---` and what follows.";
            return Err(self.problem(place, "The file holds a second document.", fix));
        }
        Ok(())
    }

    /// `!!str` and its kin are YAML's own; anything else belongs to another program.
    fn tag(&mut self, tag: Option<&Tag>, place: &Place) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let what = format!("The tag `{tag}` is not understood.");
            let problem =
                self.problem(place.clone(), what, "Remove it; `${VARIABLE}` and `${file:/path}` fill in.");
            self.problems.push(problem);
        }
    }

    fn enter(
        &mut self,
        value: Inside,
        anchor: usize,
        tag: Option<&Tag>,
        place: Place,
    ) -> Result<(), Problem> {
        self.tag(tag, &place);
        if self.open.len() >= DEEPEST {
            return Err(self.problem(place, "The file is nested too deeply.", "64 levels are the most."));
        }
        self.open.push(Open { place, anchor, value });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.value {
            Inside::List(items) => Value::List(items),
            Inside::Map(mut entries, _, merged) => {
                // What stands in the mapping itself wins over what `<<` brings; earlier merges win over later ones.
                for entry in merged {
                    if !entries.iter().any(|known| known.key == entry.key) {
                        entries.push(entry);
                    }
                }
                Value::Map(entries)
            }
        };
        self.add(Node::new(value, open.place), open.anchor)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Problem> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(self.problem(
                place,
                "An alias stands inside the value it repeats.",
                "Write the value out.",
            ));
        };
        let (nodes, depth) = node.extent();
        if self.nodes + nodes > MOST_NODES || self.open.len() + depth > DEEPEST {
            return Err(self.problem(
                place,
                "The aliases of this file expand to too much.",
                "Use fewer of them.",
            ));
        }
        let node = node.clone();
        self.nodes += nodes - 1;
        self.add(node, 0)
    }

    /// Puts a finished node where it belongs: a key, a value, an item or the root.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(self.problem(node.place, "The file is too large.", "100,000 values are the most."));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.value) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map(_, key @ None, _)) => match node.value {
                Value::Scalar(scalar) if scalar.text != "<<" || scalar.quoted => {
                    *key = Some((scalar.text, node.place))
                }
                Value::Scalar(_) => *key = Some((MERGE.to_owned(), node.place)),
                _ => return Err(self.problem(node.place, "A key must be a single word.", INDENTATION)),
            },
            Some(Inside::Map(_, Some((key, _)), _)) if key == MERGE => return self.merge(node),
            Some(Inside::Map(..)) => self.entry(node),
        }
        Ok(())
    }

    fn entry(&mut self, node: Node) {
        let path = self.path();
        let Some(Open { value: Inside::Map(entries, key, _), .. }) = self.open.last_mut() else { return };
        let Some((key, place)) = key.take() else { return };
        let first = entries.iter().find(|entry| entry.key == key).map(|entry| entry.place.line);
        entries.push(Entry { key, place: place.clone(), node });
        if let Some(line) = first {
            let what = format!("`{path}` is written twice, the first time in line {line}.");
            let fix = Some("Keep one of them.".to_owned());
            self.problems.push(Problem { path, place: Some(place), what, fix });
        }
    }

    fn merge(&mut self, node: Node) -> Result<(), Problem> {
        let place = node.place.clone();
        let sources = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        let all_maps = sources.iter().all(|source| matches!(source.value, Value::Map(_)));
        if let Some(Open { value: Inside::Map(_, key, merged), .. }) = self.open.last_mut() {
            *key = None;
            merged.extend(sources.into_iter().flat_map(|source| match source.value {
                Value::Map(entries) => entries,
                _ => Vec::new(),
            }));
        }
        if all_maps {
            return Ok(());
        }
        Err(self.problem(place, "`<<` takes a map, or a list of maps.", "Point it at an anchor of a map."))
    }
}

/// The merge key in waiting: cannot be confused with a quoted `"<<"`.
const MERGE: &str = "<<\0";
