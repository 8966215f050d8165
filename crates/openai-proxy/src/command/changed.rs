//! What a change of the configuration did, or would do, as every command tells it.

use serde_json::Value;

use super::reach::note_told;
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

/// A change that was made.
pub(super) fn told(talk: &Talk, changed: &Value) -> Outcome {
    differences(talk, changed);
    let (revision, new) = (&changed["revision"], changed["changed"] == true);
    talk.say(&match new {
        true => format!("{} Revision {revision} counts now.", talk.mark(Mark::Good)),
        false => format!("Nothing changed: revision {revision} says so already."),
    });
    Ok(Exit::Done)
}

/// A change that is only tried out.
pub(super) fn planned(talk: &Talk, changed: &Value) -> Outcome {
    differences(talk, changed);
    let none = changed["differences"].as_array().is_none_or(Vec::is_empty);
    talk.say(match none {
        true => "It would change nothing.",
        false => "It would be accepted. Nothing was changed.",
    });
    Ok(Exit::Done)
}

fn differences(talk: &Talk, changed: &Value) {
    if talk.json() {
        return talk.print_json(changed);
    }
    talk.print(&lines(&changed["differences"]));
    let notes = changed["notes"].as_array().into_iter().flatten();
    let (about, besides): (Vec<&Value>, Vec<&Value>) = notes.partition(|note| concerns(note, changed));
    for note in about {
        talk.say(&format!("{} {}", talk.mark(Mark::Warning), note_told(note)));
    }
    for note in besides {
        talk.more(&format!("{} {}", talk.mark(Mark::Warning), note_told(note)));
    }
}

/// Whether a note is about something that changed: others were there before.
fn concerns(note: &Value, changed: &Value) -> bool {
    let setting = note["setting"].as_str().unwrap_or_default();
    let mut paths = changed["differences"].as_array().into_iter().flatten();
    paths.any(|one| {
        let path = one["path"].as_str().unwrap_or_default();
        !setting.is_empty() && (path.starts_with(setting) || setting.starts_with(path))
    })
}

/// Differences, a line each.
pub(super) fn lines(differences: &Value) -> String {
    let line = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        match (one["was"].as_str(), one["is"].as_str()) {
            (None, _) => format!("+ {}: {}\n", text("path"), text("is")),
            (_, None) => format!("- {}: {}\n", text("path"), text("was")),
            (Some(was), Some(is)) => format!("~ {}: {was} -> {is}\n", text("path")),
        }
    };
    differences.as_array().into_iter().flatten().map(line).collect()
}
