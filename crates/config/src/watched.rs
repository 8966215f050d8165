//! Which files have to be watched: a change of one of them may change the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::given::Given;
use crate::layer::{file, folder, stack};
use crate::reader::Findings;
use crate::text_file::read_text;
use crate::tree::{Node, Value};
use crate::whole::whole;

/// The files a configuration is read from, whether they are there or not, and the folders where more may appear.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Watched {
    /// The files, those that hold single values (`${file:...}`) among them.
    pub files: BTreeSet<PathBuf>,
    /// The folders.
    pub folders: BTreeSet<PathBuf>,
}

/// What has to be watched. Without a file there is nothing: the environment of a process does not change.
pub fn watched(given: &Given) -> Watched {
    let mut watched = Watched::default();
    let Some(main) = file::taken(given) else { return watched };
    let unsaid = Findings::default();
    watched.files.insert(main.clone());
    watched.files.insert(main.with_file_name(".env"));
    if let Ok(text) = read_text(&main) {
        let environment = stack::environment(&main, given, &unsaid);
        watched.files.extend(
            folder::companions(&main, &text, &environment, &unsaid).into_iter().map(|(_, file)| file),
        );
        watched.folders.extend(folder::include_folders(&main, &text, &environment));
    }
    if let Ok(mut stack) = stack::read(given) {
        let beside = main.parent().map(PathBuf::from).unwrap_or_default();
        let root = whole(&mut stack, given).root;
        filled_from(&root, &mut |path| {
            watched.files.insert(beside.join(path));
        });
    }
    watched
}

/// Calls `seen` with every file a value was taken from.
fn filled_from(node: &Node, seen: &mut impl FnMut(&str)) {
    match &node.value {
        Value::Scalar(scalar) => {
            scalar.filled_from.iter().filter_map(|from| from.strip_prefix("file:")).for_each(seen);
        }
        Value::List(items) => items.iter().for_each(|item| filled_from(item, seen)),
        Value::Map(entries) => entries.iter().for_each(|entry| filled_from(&entry.node, seen)),
    }
}
