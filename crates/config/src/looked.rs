//! Where a configuration was looked for, and what was found there.

use crate::given::Given;
use crate::layer::{environment, file, folder, stack};
use crate::origin::Layer;
use crate::reader::Findings;

/// One place that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Looked {
    /// What it would be: a layer's name, or `.env`.
    pub what: &'static str,
    /// The path, the variable or the flag.
    pub place: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of looking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is read.
    Taken,
    /// It is not there.
    Absent,
    /// It is there, and an earlier place was taken.
    Passed,
    /// It is there and cannot be read.
    Unreadable,
}

impl Outcome {
    /// In a word or a few.
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Absent => "not there",
            Self::Passed => "passed over: an earlier one was taken",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// All places that are looked at, weakest layer first; within the file's in the order they are looked at.
pub fn looked(given: &Given) -> Vec<Looked> {
    let mut all = Vec::new();
    let mut add =
        |layer: Layer, place: String, outcome| all.push(Looked { what: layer.name(), place, outcome });
    let apart = |name: &&str| given.set_apart.iter().any(|other| other == name);
    for name in environment::usual_variables(&given.environment).filter(|name| !apart(name)) {
        add(Layer::Usual, name.to_owned(), Outcome::Taken);
    }
    let taken = file::taken(given);
    for path in file::places(given) {
        let outcome = match (Some(&path) == taken.as_ref(), path.is_file()) {
            (true, _) if crate::text_file::read_text(&path).is_err() => Outcome::Unreadable,
            (true, _) => Outcome::Taken,
            (false, true) => Outcome::Passed,
            (false, false) => Outcome::Absent,
        };
        add(Layer::File, file::shown(&path), outcome);
    }
    if let Some((path, text)) =
        taken.and_then(|path| Some((path.clone(), crate::text_file::read_text(&path).ok()?)))
    {
        let unsaid = Findings::default();
        let environment = stack::environment(&path, given, &unsaid);
        for (layer, companion) in folder::companions(&path, &text, &environment, &unsaid) {
            let outcome = if companion.is_file() { Outcome::Taken } else { Outcome::Absent };
            add(layer, file::shown(&companion), outcome);
        }
    }
    if let Some(path) = file::taken(given) {
        let path = path.with_file_name(".env");
        let outcome = if path.is_file() { Outcome::Taken } else { Outcome::Absent };
        all.push(Looked { what: ".env", place: file::shown(&path), outcome });
    }
    let mut add =
        |layer: Layer, place: String, outcome| all.push(Looked { what: layer.name(), place, outcome });
    for name in given.environment.keys().filter(|name| name.starts_with(environment::PREFIX)) {
        add(Layer::Variable, name.clone(), Outcome::Taken);
    }
    for (path, _) in &given.overrides {
        add(Layer::Flag, path.clone(), Outcome::Taken);
    }
    all
}
