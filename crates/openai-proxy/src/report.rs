//! What was carried over, what is different now, and what was lost: one line each, with its place.

use std::path::Path;

/// What became of something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Carried,
    Changed,
    Lost,
    /// It said how the other program runs, not where requests go.
    Needless,
}

/// The report of one import.
pub(super) struct Report {
    file: String,
    notes: Vec<(usize, Verdict, String)>,
    /// What our own reader says against the result.
    pub(super) refused: Option<String>,
}

impl Report {
    pub(super) fn new(file: &Path) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Self { file: name, notes: Vec::new(), refused: None }
    }

    /// `line` counts from 1; 0 is the file as a whole. The same is said once.
    fn note(&mut self, line: usize, verdict: Verdict, text: String) {
        let note = (line, verdict, text);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn carried(&mut self, line: usize, text: impl Into<String>) {
        self.note(line, Verdict::Carried, text.into());
    }

    pub(super) fn changed(&mut self, line: usize, text: impl Into<String>) {
        self.note(line, Verdict::Changed, text.into());
    }

    pub(super) fn lost(&mut self, line: usize, text: impl Into<String>) {
        self.note(line, Verdict::Lost, text.into());
    }

    pub(super) fn needless(&mut self, line: usize, text: impl Into<String>) {
        self.note(line, Verdict::Needless, text.into());
    }

    /// The whole report, in the order of the file.
    pub(super) fn told(&self) -> String {
        let count = |verdict| self.notes.iter().filter(|(_, given, _)| *given == verdict).count();
        let mut out = format!(
            "{}: {} carried over, {} changed, {} lost, {} not needed\n",
            self.file,
            count(Verdict::Carried),
            count(Verdict::Changed),
            count(Verdict::Lost),
            count(Verdict::Needless)
        );
        let mut notes: Vec<_> = self.notes.iter().collect();
        notes.sort_by_key(|(line, ..)| *line);
        for (line, verdict, text) in notes {
            let word = match verdict {
                Verdict::Carried => "carried",
                Verdict::Changed => "CHANGED",
                Verdict::Lost => "LOST",
                Verdict::Needless => "not needed",
            };
            let place = if *line == 0 { self.file.clone() } else { format!("{}:{line}", self.file) };
            out.push_str(&format!("  {word:<10}  {place}  {text}\n"));
        }
        if let Some(problems) = &self.refused {
            out.push_str(&format!("The result needs your hand before it is accepted:\n{problems}\n"));
        }
        out
    }
}
