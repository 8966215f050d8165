//! Rewriting a file's text without losing its comments: older spellings to today's, and tidy white space.
//!
//! Lines are changed where they stand. What came out is read again, and must say what the file said before; where it does
//! not, nothing is rewritten.

mod edit;

use crate::layer::older;
use crate::problem::{Place, Problem, Problems};
use crate::reader::Findings;
use crate::tree::{self, Entry, Node, Value};
use edit::Lines;

/// A file in today's spelling.
#[derive(Debug)]
pub struct Migrated {
    /// The text.
    pub text: String,
    /// What was rewritten.
    pub done: Vec<Problem>,
    /// What is an older spelling still, and must be rewritten by hand.
    pub left: Vec<Problem>,
}

/// Rewrites the older spellings of a file.
///
/// # Errors
/// When it is no YAML, or says older things that contradict each other.
pub fn migrate(text: &str, file: &str) -> Result<Migrated, Problems> {
    let root = tree::read(text, file).map_err(Problems)?;
    let (old, notes) = modern(root.clone())?;
    let mut lines = Lines::new(text);
    spellings(&root, &mut lines);
    if let Some(entry) = entry(&root, "instances") {
        instances(&root, entry, &mut lines);
    }
    if let Some(entry) = entry(&root, "port") {
        port(&root, entry, &mut lines);
    }
    if let Some(entry) = entry(&root, "monitoring") {
        windows(&root, &old, entry, &mut lines);
    }
    if let Some(entry) =
        entry(&root, "logging").and_then(|logging| self::entry(&logging.node, "feishu_webhook"))
    {
        webhook(&root, entry, &mut lines);
    }
    if let Some(entry) = entry(&root, "routing").and_then(|routing| self::entry(&routing.node, "timeout")) {
        patience(&root, entry, &mut lines);
    }
    let new = lines.finish();
    let again = tree::read(&new, file).map_err(Problems).and_then(modern);
    match again {
        Ok((now, left)) if same(&now, &old) => {
            let done = notes.into_iter().filter(|note| !left.iter().any(|other| other.path == note.path));
            Ok(Migrated { text: new, done: done.collect(), left })
        }
        // The text has a form that is not understood line by line.
        _ => Ok(Migrated { text: text.to_owned(), done: Vec::new(), left: notes }),
    }
}

/// Tidies the white space of a file: line ends, blanks at the end of lines, empty lines.
///
/// # Errors
/// When it is no YAML.
pub fn tidy(text: &str, file: &str) -> Result<String, Problems> {
    let old = tree::read(text, file).map_err(Problems)?;
    let mut out = String::new();
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(out.is_empty() && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    let out = format!("{}\n", out.trim_end_matches('\n'));
    // White space within a block of text says something.
    let unchanged = tree::read(&out, file).is_ok_and(|new| same(&new, &old));
    Ok(if unchanged { out } else { text.to_owned() })
}

/// The tree in today's spelling, and what was older.
fn modern(mut root: Node) -> Result<(Node, Vec<Problem>), Problems> {
    let findings = Findings::default();
    older::rewrite(&mut root, &Node::empty(Place::outside("nothing")), &findings);
    let (problems, notes) = findings.into_parts(&[]);
    if problems.is_empty() { Ok((root, notes)) } else { Err(Problems(problems)) }
}

/// Whether two trees say the same; the order of settings says nothing.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            let found = |entry: &Entry| {
                b.iter().any(|other| other.key == entry.key && same(&entry.node, &other.node))
            };
            a.len() == b.len() && a.iter().all(found)
        }
        _ => false,
    }
}

fn entry<'t>(node: &'t Node, key: &str) -> Option<&'t Entry> {
    node.entries().iter().find(|entry| entry.key == key)
}

/// Keys of providers that are only called differently today.
fn spellings(root: &Node, lines: &mut Lines) {
    let listed = match root.get("instances").map(|node| &node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let named = root.get("providers").map(Node::entries).unwrap_or_default().iter().map(|entry| &entry.node);
    for provider in named.chain(listed) {
        for (old, new) in older::RENAMED {
            if let Some(entry) = entry(provider, old) {
                lines.replace(&entry.place, old, new);
            }
        }
    }
}

/// A list of things with names becomes a map of names.
fn instances(root: &Node, entry: &Entry, lines: &mut Lines) {
    let Value::List(items) = &entry.node.value else { return };
    if root.get("providers").is_some() {
        return;
    }
    lines.replace(&entry.place, "instances", "providers");
    for item in items {
        if let Some(name) = self::entry(item, "name") {
            lines.name_first(&item.place, name);
        }
    }
    if items.first().is_some_and(|item| lines.dash(&item.place) == Some(entry.place.column - 1)) {
        lines.indent(entry.place.line + 1..end(root, entry, lines));
    }
}

/// The line behind a top-level section.
fn end(root: &Node, section: &Entry, lines: &Lines) -> usize {
    let below = root.entries().iter().map(|entry| entry.place.line).filter(|line| *line > section.place.line);
    below.min().unwrap_or(lines.count() + 1)
}

fn port(root: &Node, entry: &Entry, lines: &mut Lines) {
    let Some(scalar) = entry.node.scalar() else { return };
    let address = format!("\"127.0.0.1:{}\"", scalar.text);
    match root.entries().iter().find(|entry| entry.key == "server") {
        None => lines.become_line(&entry.place, "port", &format!("server: {{listen: {address}}}")),
        Some(server) if server.node.place.line > server.place.line => {
            let margin = " ".repeat(server.node.place.column - 1);
            lines.insert_below(server.place.line, format!("{margin}listen: {address}"));
            lines.remove(entry.place.line..entry.place.line + 1);
        }
        Some(_) => {}
    }
}

fn windows(root: &Node, modern: &Node, section: &Entry, lines: &mut Lines) {
    let list = modern.get("telemetry").and_then(|telemetry| telemetry.get("stats_windows"));
    let Some(Node { value: Value::List(items), .. }) = list else { return };
    if root.get("telemetry").is_some() {
        return;
    }
    let windows: Vec<&str> =
        items.iter().filter_map(Node::scalar).map(|scalar| scalar.text.as_str()).collect();
    let last = last_line(&section.node).max(section.place.line);
    lines.become_line(
        &section.place,
        "monitoring",
        &format!("telemetry: {{stats_windows: [{}]}}", windows.join(", ")),
    );
    lines.remove(section.place.line + 1..last + 1);
}

/// The last line something of a value begins in.
fn last_line(node: &Node) -> usize {
    let inner = match &node.value {
        Value::Scalar(_) => None,
        Value::List(items) => items.iter().map(last_line).max(),
        Value::Map(entries) => entries.iter().map(|entry| last_line(&entry.node)).max(),
    };
    inner.unwrap_or(0).max(node.place.line)
}

fn patience(root: &Node, entry: &Entry, lines: &mut Lines) {
    if root.get("provider_defaults").is_some() || entry.node.scalar().is_none() {
        return;
    }
    if let Some(value) = lines.alone(&entry.place, "timeout") {
        lines.remove(entry.place.line..entry.place.line + 1);
        lines.append(format!("\nprovider_defaults:\n  timeouts:\n    first_byte: {value}"));
    }
}

fn webhook(root: &Node, entry: &Entry, lines: &mut Lines) {
    if root.get("alerts").is_some() || entry.node.scalar().is_none() {
        return;
    }
    if let Some(value) = lines.alone(&entry.place, "feishu_webhook") {
        lines.remove(entry.place.line..entry.place.line + 1);
        lines.append(format!("\nalerts:\n  to:\n    feishu: {value}"));
    }
}
