//! The sheet: all that files, imported state and the database say, laid over each other, in today's spelling, before anything is filled in.
//!
//! It is what a revision keeps. Variables and flags are not on it: they belong to one start of one process. Rolling back
//! is laying over today's files what makes them say what an older sheet said.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};

use crate::given::Given;
use crate::hide;
use crate::layer::stack::{self, Spoken, Stack};
use crate::merge;
use crate::origin::Layer;
use crate::problem::{Place, Problems};
use crate::tree::{self, Node, Scalar, Value};
use crate::yaml::yaml;

/// What is written, on one sheet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet(Json);

/// One setting that two sheets say differently; secrets hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Its path, dotted.
    pub path: String,
    /// What the first says; none: nothing.
    pub was: Option<String>,
    /// What the second says; none: nothing.
    pub is: Option<String>,
}

/// A value to be laid over what a sheet says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// The words of its path.
    pub path: Vec<String>,
    /// The value; null takes away what is there.
    pub value: Json,
    /// It takes the place of what is there, instead of being laid over it.
    pub alone: bool,
}

/// The sheet of what is given.
///
/// # Errors
/// When a file cannot be read, or is no YAML.
pub fn sheet(given: &Given) -> Result<Sheet, Problems> {
    Ok(of(stack::read(given)?))
}

fn of(stack: Stack) -> Sheet {
    let written = |spoken: &Spoken| (Layer::File..=Layer::Database).contains(&spoken.layer);
    let layers: Vec<Spoken> = stack.layers.into_iter().filter(written).collect();
    let mut root = stack::merged(&layers);
    merge::prune(&mut root);
    Sheet(exact(&root))
}

impl From<Json> for Sheet {
    fn from(value: Json) -> Self {
        Self(value)
    }
}

impl Default for Sheet {
    /// Nothing is written.
    fn default() -> Self {
        Self(Json::Object(Map::new()))
    }
}

impl Sheet {
    /// As YAML. Secrets stand in it as they were written, until they are sealed.
    pub fn text(&self) -> String {
        yaml(&self.0)
    }

    /// The sheet of a text that [`Sheet::text`] made.
    ///
    /// # Errors
    /// When it is no YAML.
    pub fn read(text: &str, place: &str) -> Result<Self, Problems> {
        tree::read(text, place).map(|root| Self(exact(&root))).map_err(Problems)
    }

    /// Its value, to be read or to have secrets sealed in it.
    pub fn value(&self) -> &Json {
        &self.0
    }

    /// The same, to change.
    pub fn value_mut(&mut self) -> &mut Json {
        &mut self.0
    }

    /// What it says at a path.
    pub fn at(&self, path: &[String]) -> Option<&Json> {
        path.iter().try_fold(&self.0, |value, word| value.get(word))
    }

    /// The sheet as it may be shown: secrets hidden.
    pub fn shown(&self) -> Json {
        hide::shown(&node(&self.0))
    }

    /// The words of a dotted path. A key that stands here may hold dots itself, the longest that fits is one word; what
    /// stands in double quotes is one, too.
    pub fn words(&self, path: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut here = Some(&self.0);
        let mut rest = path;
        loop {
            let (word, behind) = word(here, rest);
            here = here.and_then(|value| value.get(&word));
            words.push(word);
            match behind.strip_prefix('.') {
                Some(behind) => rest = behind,
                None => return words,
            }
        }
    }

    /// What the other says differently, in the order of the paths; secrets hidden, and told to be other ones.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut out = Vec::new();
        differences(Some(&self.0), Some(&other.0), &mut Vec::new(), &mut out);
        out
    }

    /// What has to be laid over the other so that it says what this one says, in the same order.
    pub fn over(&self, below: &Self) -> Vec<Patch> {
        let mut out = Vec::new();
        patches(&self.0, &below.0, &mut Vec::new(), &mut out);
        out
    }
}

/// The first word of a path, and what follows it.
fn word<'p>(here: Option<&Json>, path: &'p str) -> (String, &'p str) {
    if let Some((quoted, behind)) = path.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return (quoted.to_owned(), behind);
    }
    let fits = |key: &&String| {
        path.strip_prefix(key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let keys = here.and_then(Json::as_object).into_iter().flat_map(Map::keys);
    let longest = keys.filter(fits).map(String::len).max();
    let (word, behind) = path.split_at(longest.or_else(|| path.find('.')).unwrap_or(path.len()));
    (word.to_owned(), behind)
}

/// A tree's content, so that it is the same tree when it is written and read again.
fn exact(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(_) if node.is_null() => Json::Null,
        Value::Scalar(scalar) if scalar.quoted => Json::String(scalar.text.clone()),
        Value::Scalar(scalar) => match scalar.text.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            text => match text.parse::<i64>() {
                Ok(number) if number.to_string() == text => Json::from(number),
                _ => Json::String(text.to_owned()),
            },
        },
        Value::List(items) => items.iter().map(exact).collect(),
        Value::Map(entries) => {
            let kept = entries.iter().filter(|entry| !entry.key.starts_with("x-"));
            Json::Object(kept.map(|entry| (entry.key.clone(), exact(&entry.node))).collect())
        }
    }
}

/// The tree of such content.
pub(crate) fn node(value: &Json) -> Node {
    let place = Place::outside("sheet");
    let scalar = |text: String, quoted| Value::Scalar(Scalar { text, quoted, ..Scalar::default() });
    let value = match value {
        Json::Null => scalar(String::new(), false),
        Json::String(text) => scalar(text.clone(), true),
        Json::Array(items) => Value::List(items.iter().map(node).collect()),
        Json::Object(members) => {
            Value::Map(members.iter().map(|(key, value)| tree::Entry::new(key, node(value))).collect())
        }
        single => scalar(single.to_string(), false),
    };
    Node::new(value, place)
}

fn differences<'v>(
    was: Option<&'v Json>,
    is: Option<&'v Json>,
    path: &mut Vec<&'v str>,
    out: &mut Vec<Difference>,
) {
    if was == is {
        return;
    }
    let members =
        |value: Option<&'v Json>| value.and_then(Json::as_object).filter(|members| !members.is_empty());
    if members(was).is_none() && members(is).is_none() {
        let shown = |value: Option<&Json>| value.map(|value| hide::line(&hide::at(path, &node(value))));
        out.push(Difference { path: path.join("."), was: shown(was), is: shown(is) });
        return;
    }
    // A single value that becomes a map, or the other way round, is told by itself.
    let single = |value: Option<&'v Json>| value.filter(|value| !value.is_object());
    for (was, is) in [(single(was), None), (None, single(is))] {
        differences(was, is, path, out);
    }
    for key in both(members(was), members(is)) {
        path.push(key);
        differences(was.and_then(|was| was.get(key)), is.and_then(|is| is.get(key)), path, out);
        path.pop();
    }
}

/// The keys of both, each once, those of the first first.
fn both<'v>(was: Option<&'v Map<String, Json>>, is: Option<&'v Map<String, Json>>) -> Vec<&'v str> {
    let mut keys: Vec<&str> = was.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    for key in is.into_iter().flat_map(Map::keys) {
        if was.is_none_or(|was| !was.contains_key(key)) {
            keys.push(key);
        }
    }
    keys
}

fn patches(wanted: &Json, below: &Json, path: &mut Vec<String>, out: &mut Vec<Patch>) {
    if wanted == below && same_order(wanted, below) {
        return;
    }
    let (Json::Object(said), Json::Object(known)) = (wanted, below) else {
        // Over a map, nothing at all would take it away.
        let value = if wanted.is_null() { Json::Object(Map::new()) } else { wanted.clone() };
        out.push(Patch { path: path.clone(), alone: value.is_object(), value });
        return;
    };
    // Laid over, what is known stays first. Where that is not the order that is wanted, all of it takes the place. The
    // order of sections says nothing.
    let kept = known.keys().filter(|key| said.contains_key(*key));
    let added = said.keys().filter(|key| !known.contains_key(*key));
    if !path.is_empty() && !kept.chain(added).eq(said.keys()) {
        out.push(Patch { path: path.clone(), value: wanted.clone(), alone: true });
        return;
    }
    for key in both(Some(known), Some(said)) {
        path.push(key.to_owned());
        match (said.get(key), known.get(key)) {
            (Some(wanted), Some(below)) => patches(wanted, below, path, out),
            (Some(wanted), None) => {
                out.push(Patch { path: path.clone(), value: wanted.clone(), alone: wanted.is_object() });
            }
            (None, _) => out.push(Patch { path: path.clone(), value: Json::Null, alone: false }),
        }
        path.pop();
    }
}

/// Whether all maps in two equal values have their keys in the same order.
fn same_order(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| same_order(a, b))
        }
        (Json::Array(a), Json::Array(b)) => a.iter().zip(b).all(|(a, b)| same_order(a, b)),
        _ => true,
    }
}
