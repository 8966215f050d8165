//! Reading a configuration: layers into one tree, the tree into a document, the document into a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::document::{self, Document};
use crate::frozen::Text;
use crate::given::Given;
use crate::layer::stack::{self, Stack};
use crate::origin::Layer;
use crate::problem::{Problem, Problems};
use crate::reader::Findings;
use crate::resolve::{self, Around};
use crate::snapshot::{Admin, Snapshot, Source, Storage};
use crate::tree::Value;
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

/// The same with the files as they are at this moment: whatever is asked of it, they say the same, while somebody writes.
///
/// # Errors
/// When a file cannot be read.
pub fn frozen(given: &Given) -> Result<Given, Problems> {
    Ok(Given { frozen: Some(Arc::new(stack::freeze(given)?)), ..given.clone() })
}

/// Where records and changes are kept, as files, variables and flags say: what has to be known before changes can be read.
///
/// # Errors
/// What is wrong with that, and nothing else.
pub fn storage(given: &Given) -> Result<Storage, Problems> {
    let (document, stack, findings) = section("storage", given)?;
    let storage = resolve::storage::resolve(&document.storage, &stack.environment, &findings);
    let (problems, _) = findings.into_parts(&stack.files);
    match storage {
        Some(storage) if problems.is_empty() => Ok(storage),
        _ => Err(Problems(problems)),
    }
}

/// Who may look and change, as files, variables and flags say, whatever is wrong with the rest.
///
/// # Errors
/// What is wrong with that, and nothing else.
pub fn admin(given: &Given) -> Result<Admin, Problems> {
    let (document, stack, findings) = section("admin", given)?;
    let (problems, _) = findings.into_parts(&stack.files);
    if problems.is_empty() { Ok(document.admin) } else { Err(Problems(problems)) }
}

/// The document with one section alone. What is wrong with the rest is told when the whole is read.
fn section(name: &str, given: &Given) -> Result<(Document, Stack, Findings), Problems> {
    let mut stack = stack::read(given)?;
    let mut root = whole(&mut stack, given).root;
    let findings = Findings::default();
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|entry| entry.key == name);
    }
    let document = document::read(&root, &findings);
    Ok((document, stack, findings))
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
    let around = Around {
        environment: &environment,
        source,
        pepper: given.pepper.as_ref(),
        discovered: discovered != Discovered::No,
    };
    let patience = document.search.unwrap_or(PATIENCE);
    let snapshot = resolve::resolve(document, &around, &findings);
    let (problems, notes) = findings.into_parts(&files);
    match snapshot {
        Some(snapshot) if problems.is_empty() => {
            Ok(Loaded { snapshot, notes, search: search.then_some(patience) })
        }
        _ => Err(Problems(problems)),
    }
}
