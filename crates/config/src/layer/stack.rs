//! All layers that are read, weakest first, each a tree of its own in today's spelling.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{dotenv, environment, file, folder, older, stored};
use crate::frozen::{Frozen, Text};
use crate::given::Given;
use crate::interpolate;
use crate::merge;
use crate::origin::Layer;
use crate::problem::{Place, Problem, Problems};
use crate::reader::Findings;
use crate::snapshot::Authority;
use crate::tree::{self, Node, Value};

/// One layer and what it says.
pub(crate) struct Spoken {
    pub(crate) layer: Layer,
    pub(crate) root: Node,
}

/// Everything that was read.
pub(crate) struct Stack {
    /// Weakest first; nothing is filled in yet.
    pub(crate) layers: Vec<Spoken>,
    /// The file, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// The names of all files in messages, weakest first.
    pub(crate) files: Vec<String>,
    /// The environment, with what `.env` adds.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) findings: Findings,
}

/// Reads the file and what belongs to it.
pub(crate) fn freeze(given: &Given) -> Result<Frozen, Problems> {
    let Some((path, text)) = file::read(given)? else {
        return Ok(Frozen { environment: given.environment.clone(), ..Frozen::default() });
    };
    let findings = Findings::default();
    let environment = environment(&path, given, &findings);
    let mut texts = vec![Text { layer: Layer::File, path, text }];
    folder::beside(&mut texts, &environment, &findings);
    let (problems, notes) = findings.into_parts(&[]);
    Ok(Frozen { texts, environment, problems, notes })
}

/// Reads the file, what belongs to it, the environment and the flags.
pub(crate) fn read(given: &Given) -> Result<Stack, Problems> {
    let Frozen { texts, environment, problems, notes } = match &given.frozen {
        Some(frozen) => Frozen::clone(frozen),
        None => freeze(given)?,
    };
    let stack = of(texts, environment, given)?;
    stack.findings.take_over(Findings::of(problems, notes));
    Ok(stack)
}

/// The environment, and what the `.env` beside the file adds to it.
pub(crate) fn environment(file: &Path, given: &Given, findings: &Findings) -> BTreeMap<String, String> {
    let mut environment = given.environment.clone();
    let path = file.with_file_name(".env");
    if let Ok(text) = crate::text_file::read_text(&path) {
        dotenv::add(&mut environment, &path, &text, findings);
    }
    environment
}

/// The layers of these texts, of the environment and of the flags.
pub(crate) fn of(
    texts: Vec<Text>,
    environment: BTreeMap<String, String>,
    given: &Given,
) -> Result<Stack, Problems> {
    let findings = Findings::default();
    let usual = environment::usual(&given.environment, &given.set_apart, &findings);
    let mut layers = vec![Spoken { layer: Layer::Usual, root: usual }];
    let mut broken = Vec::new();
    let file = texts.first().map(|text| text.path.clone());
    let files = texts.iter().map(|text| file::shown(&text.path)).collect();
    for Text { layer, path, text } in texts {
        match tree(&path, &text) {
            Ok(mut root) => {
                older::rewrite(&mut root, &merged(&layers), &findings);
                file::note_open_keys(&path, &root, &findings);
                layers.push(Spoken { layer, root });
            }
            Err(problems) => broken.extend(problems),
        }
    }
    if !broken.is_empty() {
        return Err(Problems(broken));
    }
    let authority = authority(&layers, &environment, given);
    if authority == Authority::Database && given.stored.iter().any(|row| row.layer == Layer::Database) {
        layers.iter_mut().for_each(keep_what_leads_to_the_database);
    }
    for layer in [Layer::Imported, Layer::Database] {
        if authority == Authority::File && layer == Layer::Database {
            continue;
        }
        let root = stored::read(&given.stored, layer, &merged(&layers), &findings);
        layers.push(Spoken { layer, root });
    }
    let below = merged(&layers);
    let named = environment::by_name(&below, &given.environment, &findings);
    let below = merge::over(&below, &named);
    let flags = environment::by_flag(&below, &given.overrides, &findings);
    layers.push(Spoken { layer: Layer::Variable, root: named });
    layers.push(Spoken { layer: Layer::Flag, root: flags });
    Ok(Stack { layers, file, files, environment, findings })
}

/// Whose word counts, as files, variables and flags say.
fn authority(layers: &[Spoken], environment: &BTreeMap<String, String>, given: &Given) -> Authority {
    // What is wrong with any of it is told when it is read for good.
    let unheard = Findings::default();
    let below = merged(layers);
    let below = merge::over(&below, &environment::by_name(&below, &given.environment, &unheard));
    let mut root = merge::over(&below, &environment::by_flag(&below, &given.overrides, &unheard));
    let Some(config) = root.get_mut("config") else { return Authority::Layered };
    let sources = interpolate::Sources { environment, folder: Path::new(""), sealed: &given.sealed };
    interpolate::fill(config, "config", &sources, &unheard);
    let word = config.get("source").and_then(Node::scalar).map(|scalar| scalar.text.as_str());
    let known = Authority::ALL.iter().find(|(name, _)| Some(*name) == word);
    known.map_or(Authority::Layered, |(_, authority)| *authority)
}

/// Where the database has the word, files say where it is, and nothing else.
fn keep_what_leads_to_the_database(spoken: &mut Spoken) {
    if let Value::Map(entries) = &mut spoken.root.value
        && spoken.layer >= Layer::File
    {
        entries.retain(|entry| matches!(entry.key.as_str(), "version" | "include" | "config" | "storage"));
    }
}

/// A file's tree; a file that holds nothing says nothing.
fn tree(path: &Path, text: &str) -> Result<Node, Vec<Problem>> {
    let root = tree::read(text, &file::shown(path))?;
    if root.is_null() {
        return Ok(Node::empty(root.place));
    }
    if !matches!(root.value, Value::Map(_)) {
        let what = format!("The file holds {}, not a map of settings.", root.noun());
        let fix = Some("Begin with a line like `providers:`.".to_owned());
        return Err(vec![Problem { path: String::new(), place: Some(root.place), what, fix }]);
    }
    Ok(root)
}

/// All layers in one tree.
pub(crate) fn merged(layers: &[Spoken]) -> Node {
    let nothing = Node::empty(Place::outside("built in"));
    layers.iter().fold(nothing, |below, spoken| merge::over(&below, &spoken.root))
}
