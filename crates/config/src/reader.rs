//! Reading values out of the tree, with every problem collected on the way.
//!
//! A cursor ([`At`]) stands on one value and knows its path; whatever it is asked for and cannot give becomes a problem
//! and `None`. So documents read straight down, without a `?`, and nobody gets to know only the first mistake.

mod section;
pub(crate) mod table;
mod unit;

use std::cell::RefCell;

pub(crate) use section::Section;
pub use unit::span;
pub(crate) use unit::{
    AGE, DATE, DURATION, MONEY, NUMBER, PORT, RATE, SHARE, SIZE, age, duration, moment, number, rate, share,
    size,
};

use crate::nearest::instead;
use crate::problem::{Place, Problem, Wrong, wrong};
use crate::tree::{Entry, Node, Value};

/// What was found so far.
#[derive(Default)]
pub(crate) struct Findings {
    problems: RefCell<Vec<Problem>>,
    notes: RefCell<Vec<Problem>>,
    used: RefCell<Vec<(table::Kind, Written<String>)>>,
}

impl Findings {
    /// Some that were found elsewhere.
    pub(crate) fn of(problems: Vec<Problem>, notes: Vec<Problem>) -> Self {
        Self { problems: problems.into(), notes: notes.into(), used: RefCell::default() }
    }

    /// A name is used that must be somebody's.
    pub(crate) fn used(&self, kind: table::Kind, name: Written<String>) {
        self.used.borrow_mut().push((kind, name));
    }

    /// The names of this kind that were used.
    pub(crate) fn names(&self, kind: table::Kind) -> Vec<Written<String>> {
        let used = self.used.borrow();
        used.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect()
    }

    /// Something is wrong.
    pub(crate) fn problem(
        &self,
        path: &str,
        place: Option<&Place>,
        what: impl Into<String>,
        fix: Option<String>,
    ) {
        add(&self.problems, path, place, what.into(), fix);
    }

    /// Something is worth knowing.
    pub(crate) fn note(
        &self,
        path: &str,
        place: Option<&Place>,
        what: impl Into<String>,
        fix: Option<String>,
    ) {
        add(&self.notes, path, place, what.into(), fix);
    }

    /// Adds what was found elsewhere.
    pub(crate) fn take_over(&self, other: Self) {
        self.problems.borrow_mut().extend(other.problems.into_inner());
        self.notes.borrow_mut().extend(other.notes.into_inner());
    }

    /// Whether a setting's problem is already told, so that nothing need be said of what follows from it.
    pub(crate) fn told(&self, path: &str) -> bool {
        self.problems.borrow().iter().any(|problem| problem.path == path)
    }

    /// Whether one within a section is.
    pub(crate) fn told_within(&self, path: &str) -> bool {
        let within = |told: &str| told.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.problems.borrow().iter().any(|problem| within(&problem.path))
    }

    /// All problems and all notes, in the order they were written: by file in this order, then what stands outside files.
    pub(crate) fn into_parts(self, files: &[String]) -> (Vec<Problem>, Vec<Problem>) {
        let rank = |problem: &Problem| {
            let file = |place: &Place| files.iter().position(|file| **file == *place.file);
            problem.place.as_ref().map(|place| file(place).unwrap_or(files.len())).unwrap_or(usize::MAX)
        };
        let sorted = |found: RefCell<Vec<Problem>>| {
            let mut found = found.into_inner();
            found.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.place.cmp(&b.place)));
            found
        };
        (sorted(self.problems), sorted(self.notes))
    }
}

/// An anchor used twice is wrong once.
fn add(to: &RefCell<Vec<Problem>>, path: &str, place: Option<&Place>, what: String, fix: Option<String>) {
    let problem = Problem { path: path.to_owned(), place: place.cloned(), what, fix };
    let mut list = to.borrow_mut();
    if !list.iter().any(|known| known.place == problem.place && known.what == problem.what) {
        list.push(problem);
    }
}

/// A value together with where it was written, for checks that need more than one value.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) path: String,
    pub(crate) place: Place,
}

impl<T> Written<T> {
    /// Something is wrong with it that one value alone could not show.
    pub(crate) fn wrong(&self, findings: &Findings, what: impl std::fmt::Display, fix: impl Into<String>) {
        findings.problem(&self.path, Some(&self.place), format!("`{}` {what}", self.path), Some(fix.into()));
    }
}

/// A cursor on one value.
#[derive(Clone)]
pub(crate) struct At<'t> {
    pub(crate) node: &'t Node,
    /// What a problem points at: a value's own place, but the key of a list or map, which may begin lines below.
    place: &'t Place,
    pub(crate) path: String,
    pub(crate) findings: &'t Findings,
}

impl<'t> At<'t> {
    /// A cursor on a value that stands under no key: the root, or an item of a list.
    pub(crate) fn new(node: &'t Node, path: String, findings: &'t Findings) -> Self {
        Self { node, place: &node.place, path, findings }
    }

    /// A cursor on the value of an entry.
    pub(crate) fn entry(entry: &'t Entry, path: String, findings: &'t Findings) -> Self {
        let single = entry.node.scalar().is_some() && !entry.node.is_null();
        let place = if single { &entry.node.place } else { &entry.place };
        Self { node: &entry.node, place, path, findings }
    }

    /// The value has this against it.
    pub(crate) fn wrong(&self, Wrong { what, fix }: Wrong) {
        self.findings.problem(&self.path, Some(self.place), format!("`{}` {what}", self.path), fix);
    }

    /// The same in two pieces.
    pub(crate) fn wrong_as(&self, what: impl Into<String>, fix: impl Into<String>) {
        self.wrong(Wrong { what: what.into(), fix: Some(fix.into()) });
    }

    /// The value is known, and nothing follows from it yet.
    pub(crate) fn later(&self) {
        let what = format!("`{}` is not in use yet.", self.path);
        self.findings.note(&self.path, Some(self.place), what, None);
    }

    /// The value is worth a word: a sentence's end that follows the setting's name.
    pub(crate) fn note(&self, what: &str) {
        self.findings.note(&self.path, Some(self.place), format!("`{}` {what}", self.path), None);
    }

    /// Keeps the place beside what was read.
    pub(crate) fn written<T>(&self, value: T) -> Written<T> {
        Written { value, path: self.path.clone(), place: self.place.clone() }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<String> {
        match self.node.scalar() {
            Some(scalar) => Some(scalar.text.clone()),
            None => {
                self.wrong_as(format!("takes a single value, not {}.", self.node.noun()), "Write one value.");
                None
            }
        }
    }

    /// A text and what it means.
    pub(crate) fn parse<T>(&self, meaning: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let text = self.text()?;
        meaning(text.trim()).map_err(|against| self.wrong(against)).ok()
    }

    /// on/off, true/false, yes/no.
    pub(crate) fn switch(&self) -> Option<bool> {
        self.parse(|text| match text.to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" => Ok(true),
            "off" | "false" | "no" => Ok(false),
            _ => wrong(format!("is `{text}`, which is neither on nor off."), "Write on or off."),
        })
    }

    /// A switch that may be left to us.
    pub(crate) fn switch_or_auto(&self) -> Option<Option<bool>> {
        match self.node.scalar() {
            Some(scalar) if scalar.text == "auto" => Some(None),
            _ => self.switch().map(Some),
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn number(&self, least: i64) -> Option<i64> {
        self.parse(|text| match text.replace('_', "").parse::<i64>() {
            Ok(number) if number >= least => Ok(number),
            Ok(_) => wrong(format!("is {text}; the least is {least}."), "Write a larger number."),
            Err(_) => wrong(format!("is `{text}`, which is not a whole number."), "Write digits only."),
        })
    }

    /// The same, where a smaller kind of number counts it.
    pub(crate) fn count<T: TryFrom<i64>>(&self, least: i64) -> Option<T> {
        let number = self.number(least)?;
        match T::try_from(number) {
            Ok(count) => Some(count),
            Err(_) => {
                self.wrong_as(format!("is {number}, more than can be counted."), "Write a smaller number.");
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        self.parse(|text| match choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, value)) => Ok(*value),
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                Err(Wrong { what: format!("cannot be `{text}`."), fix: instead(text, &words) })
            }
        })
    }

    /// The items of a list; a single value stands for a list of one.
    pub(crate) fn list(&self) -> Vec<At<'t>> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| At::new(node, format!("{}[{index}]", self.path), self.findings))
                .collect(),
            Value::Scalar(_) => vec![self.clone()],
            Value::Map(_) => {
                self.wrong_as("takes a list, not a map.", "Write [one, two].");
                Vec::new()
            }
        }
    }

    /// The texts of a list, each with its meaning.
    pub(crate) fn each<T>(&self, meaning: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
        self.list()
            .iter()
            .filter(|item| !item.node.is_null())
            .filter_map(|item| item.parse(&meaning))
            .collect()
    }

    /// The entries of a mapping whose keys are names, not settings. `x-` keys are free.
    pub(crate) fn named(&self) -> Vec<(String, At<'t>)> {
        if !matches!(self.node.value, Value::Map(_)) {
            self.wrong_as(
                format!("takes a map of names, not {}.", self.node.noun()),
                "Write `name: value` lines.",
            );
        }
        let entries = self.node.entries().iter().filter(|entry| !entry.key.starts_with("x-"));
        entries
            .map(|entry| {
                let path = format!("{}.{}", self.path, entry.key);
                (entry.key.clone(), At::entry(entry, path, self.findings))
            })
            .collect()
    }
}
