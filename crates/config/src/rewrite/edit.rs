//! Lines of a text that change where they stand.

use std::ops::Range;

use crate::problem::Place;
use crate::tree::Entry;

/// The lines, and what becomes of them. Lines and columns are counted from 1, as places count them.
pub(super) struct Lines {
    lines: Vec<Line>,
    behind: Vec<String>,
}

#[derive(Default)]
struct Line {
    text: String,
    /// What stands before it, in lines of its own.
    above: Vec<String>,
    /// What follows it, in lines of its own.
    below: Vec<String>,
    /// Replaced characters: from a column, so many, by this.
    edits: Vec<(usize, usize, String)>,
    gone: bool,
    margin: usize,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let line = |text: &str| Line { text: text.to_owned(), ..Line::default() };
        Self { lines: text.lines().map(line).collect(), behind: Vec::new() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    fn at(&mut self, line: usize) -> Option<&mut Line> {
        self.lines.get_mut(line.checked_sub(1)?)
    }

    /// The characters from a place to the end of its line.
    fn rest(&self, place: &Place) -> Option<String> {
        let line = self.lines.get(place.line.checked_sub(1)?)?;
        Some(line.text.chars().skip(place.column.checked_sub(1)?).collect())
    }

    fn edit(&mut self, place: &Place, length: usize, new: String) {
        let column = place.column.saturating_sub(1);
        if let Some(line) = self.at(place.line) {
            line.edits.push((column, length, new));
        }
    }

    /// Another word at a place, with or without quotes around it.
    pub(super) fn replace(&mut self, place: &Place, old: &str, new: &str) {
        let Some(rest) = self.rest(place) else { return };
        let quote =
            rest.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
        if rest.starts_with(&format!("{quote}{old}{quote}")) {
            self.edit(place, old.chars().count() + 2 * quote.len(), format!("{quote}{new}{quote}"));
        }
    }

    /// The column, from 0, of the dash before an item.
    pub(super) fn dash(&self, item: &Place) -> Option<usize> {
        let line = self.lines.get(item.line.checked_sub(1)?)?;
        let before: String = line.text.chars().take(item.column.checked_sub(1)?).collect();
        before.trim_end().ends_with('-').then(|| before.trim_end().chars().count() - 1)
    }

    /// Turns an item of a list into the value of its name.
    pub(super) fn name_first(&mut self, item: &Place, name: &Entry) {
        let Some(dash) = self.dash(item) else { return };
        let (Some(rest), Some(value)) = (self.rest(item), self.value(name)) else { return };
        let margin = " ".repeat(dash);
        let dashed = Place { column: dash + 1, ..item.clone() };
        if rest.starts_with('{') {
            self.edit(&dashed, item.column - 1 - dash, format!("{value}: "));
            self.take_out(name, &value);
        } else if name.place == *item {
            // The dash and `name: ` go, a colon comes behind the name.
            let until = name.node.place.column - 1;
            self.edit(&dashed, until - dash, String::new());
            self.edit(
                &Place { column: until + value.chars().count() + 1, ..name.node.place.clone() },
                0,
                ":".to_owned(),
            );
        } else {
            self.edit(&dashed, 1, " ".to_owned());
            if let Some(line) = self.at(item.line) {
                line.above.push(format!("{margin}{value}:"));
            }
            if let Some(line) = self.at(name.place.line) {
                line.gone = true;
            }
        }
    }

    /// A name's value as it is written, quotes and all.
    fn value(&self, name: &Entry) -> Option<String> {
        let text = &name.node.scalar()?.text;
        let rest = self.rest(&name.node.place)?;
        let quote =
            rest.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
        let written = format!("{quote}{text}{quote}");
        (rest.starts_with(&written) && name.place.line == name.node.place.line).then_some(written)
    }

    /// Takes `name: value,` out of a map that stands on one line.
    fn take_out(&mut self, name: &Entry, value: &str) {
        let until = name.node.place.column - 1 + value.chars().count();
        let behind = Place { column: until + 1, ..name.node.place.clone() };
        let comma = self.rest(&behind).map_or(0, |rest| match rest.trim_start().strip_prefix(',') {
            Some(after) => rest.chars().count() - after.trim_start().chars().count(),
            None => 0,
        });
        self.edit(&name.place, until + comma - (name.place.column - 1), String::new());
    }

    /// What stands behind a key that has its line for itself.
    pub(super) fn alone(&self, key: &Place, name: &str) -> Option<String> {
        let line = self.lines.get(key.line.checked_sub(1)?)?;
        let value = line.text.trim_start().strip_prefix(name)?.strip_prefix(':')?.trim();
        (!value.is_empty() && !value.starts_with(['|', '>', '&', '*'])).then(|| value.to_owned())
    }

    /// Another line in the place of one that begins with this key; a comment behind it stays.
    pub(super) fn become_line(&mut self, key: &Place, name: &str, new: &str) {
        let Some(line) = self.at(key.line).filter(|line| line.text.starts_with(name)) else { return };
        let comment =
            line.text.split_once(" #").map(|(_, comment)| format!("  #{comment}")).unwrap_or_default();
        line.edits = vec![(0, line.text.chars().count(), format!("{new}{comment}"))];
    }

    pub(super) fn insert_below(&mut self, line: usize, new: String) {
        if let Some(line) = self.at(line) {
            line.below.push(new);
        }
    }

    pub(super) fn remove(&mut self, lines: Range<usize>) {
        for line in lines {
            if let Some(line) = self.at(line) {
                line.gone = true;
            }
        }
    }

    /// Moves lines two columns to the right.
    pub(super) fn indent(&mut self, lines: Range<usize>) {
        for line in lines {
            if let Some(line) = self.at(line).filter(|line| !line.text.trim().is_empty()) {
                line.margin = 2;
            }
        }
    }

    pub(super) fn append(&mut self, text: String) {
        self.behind.push(text);
    }

    /// The text as it is now.
    pub(super) fn finish(self) -> String {
        let mut out = String::new();
        for mut line in self.lines {
            let margin = " ".repeat(line.margin);
            for above in &line.above {
                out.push_str(&format!("{margin}{above}\n"));
            }
            // From the right, so that columns on the left stay what they are.
            line.edits.sort_by_key(|(column, ..)| std::cmp::Reverse(*column));
            let mut text: Vec<char> = line.text.chars().collect();
            for (column, length, new) in line.edits {
                let (from, to) = (column.min(text.len()), (column + length).min(text.len()));
                text.splice(from..to, new.chars());
            }
            if !line.gone {
                out.push_str(&format!("{margin}{}\n", text.into_iter().collect::<String>()));
            }
            line.below.iter().for_each(|below| out.push_str(&format!("{below}\n")));
        }
        self.behind.iter().for_each(|text| out.push_str(&format!("{text}\n")));
        out
    }
}
