//! YAML, edited by whole lines and only where that is certain to be right: what comes out is read again and compared with
//! what was meant. Anything unusual (anchors, tags, several documents, lists in brackets) is left to the person.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::{Change, Step};

pub(super) fn apply(old: &str, changes: &[Change]) -> Result<String, String> {
    let mut text = old.to_owned();
    for change in changes {
        let before = read(&text)?;
        let mut meant = before.clone();
        change.put(&mut meant)?;
        if meant == before {
            continue;
        }
        text = edited(&text, change).ok_or("it is written in a way that we do not edit")?;
        if read(&text).ok() != Some(meant) {
            return Err("it is written in a way that we do not edit".to_owned());
        }
    }
    Ok(text)
}

/// The text with one change, by lines.
fn edited(text: &str, change: &Change) -> Option<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let (range, new) = match change.path.as_slice() {
        [Step::Key(name)] => {
            let place = member(&lines, name).unwrap_or(lines.len()..lines.len());
            let remark = match lines.get(place.clone())? {
                [] => "",
                [line] => remark(line.split_once(':')?.1),
                // A value over several lines is nothing we replace.
                _ => return None,
            };
            (place, vec![format!("{name}: {}{remark}", scalar(&change.value)?)])
        }
        [Step::Item(name, says)] => {
            let at = items(&lines, 0..lines.len());
            (found_or_first(&lines, at, lines.len(), (name, says))?, item(&change.value, "")?)
        }
        [Step::Key(list), Step::Item(name, says)] => match member(&lines, list) {
            Some(block) => {
                let at = items(&lines, block.start + 1..block.end);
                let indent = at.first().map_or("  ", |place| indent_of(lines[place.start]));
                (
                    found_or_first(&lines, at.clone(), block.start + 1, (name, says))?,
                    item(&change.value, indent)?,
                )
            }
            None => {
                let mut new = vec![format!("{list}:")];
                new.extend(item(&change.value, "  ")?);
                (lines.len()..lines.len(), new)
            }
        },
        _ => return None,
    };
    lines.splice(range, new.iter().map(String::as_str));
    Some(lines.join("\n") + "\n")
}

/// The lines of a member of the outermost mapping: its own, and those indented below it or beginning with its dashes.
fn member(lines: &[&str], name: &str) -> Option<std::ops::Range<usize>> {
    let begins = |line: &&str| {
        let rest = line.strip_prefix(name).or_else(|| line.strip_prefix(&format!("\"{name}\"")));
        rest.is_some_and(|rest| rest == ":" || rest.starts_with(": "))
    };
    let start = lines.iter().position(begins)?;
    let below = |line: &&str| line.starts_with([' ', '-']) && !line.starts_with("---");
    let mut end = start + 1;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        if below(line) {
            end = at + 1;
        } else if !line.trim().is_empty() && !line.starts_with('#') {
            break;
        }
    }
    Some(start..end)
}

/// The items of a list within these lines: each from its dash to before the next one.
fn items(lines: &[&str], within: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let Some(first) = within.clone().find(|at| lines[*at].trim_start().starts_with("- ")) else {
        return Vec::new();
    };
    let dash = format!("{}- ", indent_of(lines[first]));
    let starts: Vec<usize> = (first..within.end).filter(|at| lines[*at].starts_with(&dash)).collect();
    let ends = starts.iter().skip(1).copied().chain([within.end]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// Where an item is to be written: in place of the one that says so, else before all others.
fn found_or_first(
    lines: &[&str],
    items: Vec<std::ops::Range<usize>>,
    otherwise: usize,
    (name, says): (&str, &str),
) -> Option<std::ops::Range<usize>> {
    let first = items.first().map_or(otherwise, |place| place.start);
    for place in items {
        let block = lines[place.clone()].join("\n");
        let Ok(Value::Array(read)) = read(&block) else { return None };
        if read.first().is_some_and(|item| item[name] == says) {
            let idle = |at: &usize| lines[*at].trim().is_empty() || lines[*at].trim_start().starts_with('#');
            // What stands behind it is about the next one. A remark within it would be lost.
            let end = place.clone().rev().find(|at| !idle(at))? + 1;
            let remarked = lines[place.start..end].iter().any(|line| line.contains('#'));
            return (!remarked).then_some(place.start..end);
        }
    }
    Some(first..first)
}

/// The remark behind a value, with the blanks before it.
fn remark(value: &str) -> &str {
    let text = value.trim_start();
    let behind = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            // As long as before, without the quotes that do not end it.
            let inside = match quote {
                '"' => text[1..].replace("\\\\", "__").replace("\\\"", "__"),
                _ => text[1..].replace("''", "__"),
            };
            inside.find(quote).map_or("", |at| &text[at + 2..])
        }
        _ => text,
    };
    let Some(at) = behind.find(" #").or_else(|| behind.find("\t#")) else { return "" };
    &behind[behind[..at].trim_end().len()..]
}

fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches(' ').len()]
}

/// A flat mapping as an item of a list.
fn item(value: &Value, indent: &str) -> Option<Vec<String>> {
    let members = value.as_object()?;
    let line = |(at, (name, value)): (usize, (&String, &Value))| {
        let lead = if at == 0 { "- " } else { "  " };
        Some(format!("{indent}{lead}{name}: {}", scalar(value)?))
    };
    members.iter().enumerate().map(line).collect()
}

/// A value on one line: plain where nobody can take it for anything but text, else in double quotes, as JSON has them.
fn scalar(value: &Value) -> Option<String> {
    let Value::String(text) = value else {
        return (value.is_boolean() || value.is_number()).then(|| value.to_string());
    };
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._:-".contains(&byte))
        && !text.ends_with(':')
        && !words.contains(&text.to_ascii_lowercase().as_str());
    Some(if plain { text.clone() } else { value.to_string() })
}

/// Reads a document without anchors and tags. Plain words stay text, numbers included: it is only compared.
fn read(text: &str) -> Result<Value, String> {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let (mut root, mut documents) = (Value::Null, 0);
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("it is not YAML: {error}"))?;
        let whole = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                None
            }
            Event::Scalar(text, style, 0, None) => Some(word(&text, style)),
            Event::SequenceStart(0, None) => {
                open.push((Value::Array(Vec::new()), None));
                None
            }
            Event::MappingStart(0, None) => {
                open.push((Value::Object(Map::new()), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|(value, _)| value),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => None,
            _ => return Err("it has anchors or tags, which we do not edit".to_owned()),
        };
        let Some(whole) = whole else { continue };
        match open.last_mut() {
            None => root = whole,
            Some((Value::Array(list), _)) => list.push(whole),
            Some((Value::Object(members), key)) => match key.take() {
                Some(name) => {
                    if members.insert(name, whole).is_some() {
                        return Err("a name stands in it twice".to_owned());
                    }
                }
                None => *key = Some(whole.as_str().map_or_else(|| whole.to_string(), str::to_owned)),
            },
            Some(_) => {}
        }
    }
    if documents > 1 { Err("it holds several documents".to_owned()) } else { Ok(root) }
}

fn word(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => Value::String(text.to_owned()),
    }
}
