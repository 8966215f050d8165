//! What became of another program's settings: carried over, different now, or lost; one line each, with its place.

use std::path::Path;

/// What became of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Carried,
    Changed,
    Lost,
    /// It said how the other program runs, not where requests go.
    Needless,
}

/// Where something stood.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Spot {
    /// The file's name; empty: the one the report is about.
    pub(crate) file: String,
    /// From 1; 0: the file as a whole.
    pub(crate) line: usize,
}

impl From<usize> for Spot {
    fn from(line: usize) -> Self {
        Self { file: String::new(), line }
    }
}

impl From<&str> for Spot {
    fn from(file: &str) -> Self {
        Self { file: file.to_owned(), line: 0 }
    }
}

/// The report of one import.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    /// The files in the order they are told in; others follow.
    order: Vec<String>,
    notes: Vec<(Spot, Verdict, String)>,
    /// What is checked and nothing follows from yet.
    pub(crate) not_in_use: Vec<String>,
    /// What our own reader says against the result.
    pub(crate) refused: Option<String>,
}

impl Report {
    pub(crate) fn new(file: &Path) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Self { file: name, order: Vec::new(), notes: Vec::new(), not_in_use: Vec::new(), refused: None }
    }

    /// What is said of this file stands behind what is said of those before it.
    pub(crate) fn reading(&mut self, file: &Path) {
        self.order.push(file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned());
    }

    /// The same is said once.
    pub(crate) fn note(&mut self, spot: impl Into<Spot>, verdict: Verdict, text: impl Into<String>) {
        let mut spot = spot.into();
        if spot.file.is_empty() {
            spot.file.clone_from(&self.file);
        }
        let note = (spot, verdict, text.into());
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(crate) fn carried(&mut self, spot: impl Into<Spot>, text: impl Into<String>) {
        self.note(spot, Verdict::Carried, text);
    }

    pub(crate) fn changed(&mut self, spot: impl Into<Spot>, text: impl Into<String>) {
        self.note(spot, Verdict::Changed, text);
    }

    pub(crate) fn lost(&mut self, spot: impl Into<Spot>, text: impl Into<String>) {
        self.note(spot, Verdict::Lost, text);
    }

    pub(crate) fn needless(&mut self, spot: impl Into<Spot>, text: impl Into<String>) {
        self.note(spot, Verdict::Needless, text);
    }

    /// The whole report, in the order of the files, and within one in its own.
    pub(crate) fn told(&self) -> String {
        let count = |verdict| self.notes.iter().filter(|(_, given, _)| *given == verdict).count();
        let mut out = format!(
            "{}: {} carried over, {} changed, {} lost, {} not needed\n",
            self.file,
            count(Verdict::Carried),
            count(Verdict::Changed),
            count(Verdict::Lost),
            count(Verdict::Needless)
        );
        let first = |file: &str| {
            let known = self.order.iter().position(|known| known == file);
            let said = self.notes.iter().position(|(spot, ..)| spot.file == file);
            (known.unwrap_or(usize::MAX), said)
        };
        let mut notes: Vec<_> = self.notes.iter().collect();
        notes.sort_by_key(|(spot, ..)| (first(&spot.file), spot.line));
        for (Spot { file, line }, verdict, text) in notes {
            let word = match verdict {
                Verdict::Carried => "carried",
                Verdict::Changed => "CHANGED",
                Verdict::Lost => "LOST",
                Verdict::Needless => "not needed",
            };
            let place = if *line == 0 { file.clone() } else { format!("{file}:{line}") };
            out.push_str(&format!("  {word:<10}  {place}  {text}\n"));
        }
        if !self.not_in_use.is_empty() {
            out.push_str(&format!("Written, and not in use yet: {}.\n", self.not_in_use.join(", ")));
        }
        if let Some(problems) = &self.refused {
            out.push_str(&format!("The result needs your hand before it is accepted:\n{problems}\n"));
        }
        out
    }
}
