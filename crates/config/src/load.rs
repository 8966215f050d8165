//! Reading a configuration: layers into one tree, the tree into a document, the document into a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document;
use crate::given::Given;
use crate::layer::file::Text;
use crate::layer::stack::{self, Stack};
use crate::origin::Layer;
use crate::problem::{Problem, Problems};
use crate::resolve::{Around, resolve};
use crate::snapshot::{Snapshot, Source};
use crate::whole::{Discovered, Whole, whole};

/// How long this computer is searched for servers when nothing else is written.
const PATIENCE: Duration = Duration::from_millis(300);

/// A configuration without a problem.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub snapshot: Snapshot,
    /// What is worth knowing: settings that are not in use yet, older spellings, a key others may read.
    pub notes: Vec<Problem>,
    /// How long this computer may be searched for servers; `None`: it is not to be searched.
    pub search: Option<Duration>,
}

/// Reads the configuration: the file that is found and those beside it, the environment and the flags.
///
/// # Errors
/// All problems at once, in the order they were written.
pub fn load(given: &Given) -> Result<Loaded, Problems> {
    build(stack::read(given)?, given)
}

/// Reads a configuration from a text, as if it stood in `openai-proxy.yaml` with nothing beside it.
///
/// # Errors
/// All problems at once, in the order they were written.
pub fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Loaded, Problems> {
    let given = Given { environment: environment.clone(), ..Given::default() };
    let text = Text { layer: Layer::File, path: "openai-proxy.yaml".into(), text: text.to_owned() };
    build(stack::of(vec![text], environment.clone(), &given)?, &given)
}

/// The snapshot of what was read.
pub(crate) fn build(mut stack: Stack, given: &Given) -> Result<Loaded, Problems> {
    let Whole { root, discovered, search } = whole(&mut stack, given);
    let Stack { file, files, environment, findings, .. } = stack;
    let source = match (file, discovered) {
        (Some(path), _) => Source::File(path),
        (None, Discovered::Nothing) => Source::Nothing,
        (None, _) => Source::Environment,
    };
    let document = document::read(&root, &findings);
    let around = Around { environment: &environment, source, discovered: discovered != Discovered::No };
    let patience = document.search.unwrap_or(PATIENCE);
    let snapshot = resolve(document, &around, &findings);
    let (problems, notes) = findings.into_parts(&files);
    match snapshot {
        Some(snapshot) if problems.is_empty() => {
            Ok(Loaded { snapshot, notes, search: search.then_some(patience) })
        }
        _ => Err(Problems(problems)),
    }
}
