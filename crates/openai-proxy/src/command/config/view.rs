//! `config where`, `show`, `get` and `sources`: what is read, and what it comes to.

use std::time::UNIX_EPOCH;

use config::{Given, Leaf, Said};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure, Outcome};
use crate::given::refused;
use crate::talk::Talk;

/// Every place that is looked at.
pub(super) fn places(talk: &Talk, given: &Given) -> Outcome {
    let looked = config::looked(given);
    if talk.json() {
        let told = |looked: &config::Looked| {
            let outcome = looked.outcome;
            json!({"what": looked.what, "place": looked.place, "taken": outcome == config::Outcome::Taken, "outcome": outcome.name()})
        };
        talk.print_json(&looked.iter().map(told).collect());
        return Ok(Exit::Done);
    }
    talk.say("Weakest first; what stands below wins.");
    let layer = looked.iter().map(|looked| looked.what.len()).max().unwrap_or(0);
    let place = looked.iter().map(|looked| looked.place.len()).max().unwrap_or(0).min(60);
    for looked in &looked {
        let (what, outcome) = (looked.what, looked.outcome.name());
        talk.print(&format!("{what:layer$}  {:place$}  {outcome}\n", looked.place));
    }
    Ok(Exit::Done)
}

/// The whole configuration as it counts.
pub(super) fn show(talk: &Talk, given: &Given) -> Outcome {
    let value = effective(given)?;
    if talk.json() {
        talk.print_json(&value);
    } else {
        talk.print(&config::yaml(&value));
    }
    Ok(Exit::Done)
}

/// One setting as it counts.
pub(super) fn get(talk: &Talk, given: &Given, path: &str) -> Outcome {
    let all = effective(given)?;
    let value = find(&all, path).map_err(|nearest| unknown(path, nearest))?;
    match value {
        value if talk.json() => talk.print_json(value),
        Value::String(text) => talk.print(&format!("{text}\n")),
        value => talk.print(&config::yaml(value)),
    }
    Ok(Exit::Done)
}

fn effective(given: &Given) -> Result<Value, Failure> {
    // What is refused does not count; it is told as `check-config` tells it.
    config::load(given).map_err(|problems| refused(&problems))?;
    config::effective(given).map_err(|problems| refused(&problems))
}

fn unknown(path: &str, nearest: Option<String>) -> Failure {
    let fix = match nearest {
        Some(near) => format!("Did you mean `{near}`?"),
        None => "See them all: openai-proxy config show".to_owned(),
    };
    Failure::new(Exit::Failed, format!("`{path}` is not set. {fix}"))
}

/// The value at a dotted path. A key may hold dots itself: the longest that fits is taken. Else the nearest path.
fn find<'v>(value: &'v Value, path: &str) -> Result<&'v Value, Option<String>> {
    let Value::Object(members) = value else { return Err(None) };
    // As a change writes it: a name in quotes is one word.
    if let Some((name, rest)) = path.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return match (members.get(name), rest.strip_prefix('.')) {
            (None, _) => Err(config::nearest(name, members.keys().map(String::as_str)).map(str::to_owned)),
            (Some(value), None) => Ok(value),
            (Some(value), Some(rest)) => find(value, rest),
        };
    }
    let mut fitting: Vec<(&String, &Value, &str)> = members
        .iter()
        .filter_map(|(key, value)| Some((key, value, path.strip_prefix(key.as_str())?)))
        .filter(|(_, _, rest)| rest.is_empty() || rest.starts_with('.'))
        .collect();
    fitting.sort_by_key(|(key, ..)| std::cmp::Reverse(key.len()));
    let Some((key, value, rest)) = fitting.first() else {
        let (word, rest) = path.split_once('.').map_or((path, ""), |(word, rest)| (word, rest));
        let near = config::nearest(word, members.keys().map(String::as_str));
        let dot = if rest.is_empty() { "" } else { "." };
        return Err(near.map(|near| format!("{near}{dot}{rest}")));
    };
    match rest.strip_prefix('.') {
        None => Ok(value),
        Some(rest) => find(value, rest).map_err(|near| near.map(|near| format!("{key}.{near}"))),
    }
}

/// What each layer says.
pub(super) fn sources(talk: &Talk, given: &Given, path: &str) -> Outcome {
    let sources = config::sources(given).map_err(|problems| refused(&problems))?;
    let leaves: Vec<&Leaf> = sources.below(path).collect();
    if leaves.is_empty() {
        let paths = sources.leaves.iter().map(|leaf| leaf.path.as_str());
        return Err(unknown(path, config::nearest(path, paths).map(str::to_owned)));
    }
    if talk.json() {
        talk.print_json(&leaves.into_iter().map(leaf).collect());
        return Ok(Exit::Done);
    }
    for leaf in leaves {
        let Some(winner) = leaf.winner() else { continue };
        talk.print(&format!("{}: {}\n", leaf.path, spoken(winner)));
        // Below the winner, who would have won without it.
        for loser in leaf.losers() {
            talk.print(&format!("  not {}\n", spoken(loser)));
        }
    }
    Ok(Exit::Done)
}

fn leaf(leaf: &Leaf) -> Value {
    let said: Vec<Value> = leaf.said.iter().rev().map(said).collect();
    json!({"path": leaf.path, "winner": said.first(), "losers": said.get(1..)})
}

fn said(said: &Said) -> Value {
    let place = &said.origin.place;
    let line = (place.line > 0).then_some(place.line);
    json!({
        "value": said.value,
        "layer": said.origin.layer.name(),
        "place": &*place.file,
        "line": line,
        "through": said.through,
        "author": said.origin.author,
        "time": said.origin.time.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map(|time| time.as_secs()),
    })
}

fn spoken(said: &Said) -> String {
    let value = said.value.as_deref().unwrap_or("(taken away)");
    let layer = said.origin.layer.name();
    let through = said.through.as_deref().map(|path| format!(", through {path}")).unwrap_or_default();
    match said.origin.layer {
        config::Layer::BuiltIn => format!("{value}   ({layer}{through})"),
        _ => {
            let author =
                said.origin.author.as_deref().map(|author| format!(" by {author}")).unwrap_or_default();
            format!("{value}   ({layer}, {}{author}{through})", said.origin.place)
        }
    }
}
