//! `config plan`: what a candidate would change. Nothing happens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::Layer;
use serde_json::{Value, json};

use crate::command::reach::{self, Desk, Whom};
use crate::command::{changed, value};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::{Named, refused, words};
use crate::talk::{Mark, Talk};

/// One file, or settings with the values they would get.
pub(super) fn plan(talk: &Talk, candidate: &[String], whom: &Whom) -> Outcome {
    match candidate {
        [file] if Path::new(file).is_file() || !file.contains('=') => of_file(talk, file.into(), whom),
        settings => of_settings(talk, settings, whom),
    }
}

fn of_settings(talk: &Talk, settings: &[String], whom: &Whom) -> Outcome {
    let mut patch = json!({});
    for setting in settings {
        let (path, value) = value::assigned("", setting)?;
        value::lay(&mut patch, &words(&path), value);
    }
    let told = reach::run(async { Desk::open(whom).await?.post("/admin/v1/plan", Some(&patch)).await })?;
    changed::planned(talk, &told)
}

/// What would change if this file took the place of the gateway's own. Files beside it, variables and what was set at run time
/// stay.
fn of_file(talk: &Talk, file: PathBuf, whom: &Whom) -> Outcome {
    let given = Named { config: Some(file), ..Named::default() }.given(Vec::new())?;
    config::load(&given).map_err(|problems| refused(&problems))?;
    let wanted = written(&given)?;
    let running = reach::run(async { Desk::open(whom).await?.get("/admin/config/sources").await })?;
    let compared = compared(&wanted, &running["settings"]);
    if talk.json() {
        talk.print_json(&json!({"differences": compared.differences, "without_effect": compared.without}));
        return Ok(Exit::Done);
    }
    talk.print(&changed::lines(&compared.differences.clone().into()));
    for hidden in &compared.without {
        let text = |name: &str| hidden[name].as_str().unwrap_or_default();
        let mark = talk.mark(Mark::Warning);
        talk.say(&format!(
            "{mark} {}: without effect, for {} counts instead ({})",
            text("path"),
            text("place"),
            text("layer")
        ));
    }
    talk.say(match compared.differences.is_empty() {
        true => "It would change nothing. Secrets are not compared.",
        false => "It would be accepted, as far as can be told here. Secrets are not compared.",
    });
    Ok(Exit::Done)
}

/// What a file says itself, by paths.
fn written(given: &config::Given) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let sources = config::sources(given).map_err(|problems| refused(&problems))?;
    let said = |leaf: config::Leaf| {
        let said = leaf.said.iter().rev().find(|said| said.origin.layer == Layer::File)?;
        Some((leaf.path.clone(), said.value.clone()))
    };
    Ok(sources.leaves.into_iter().filter_map(said).collect())
}

#[derive(Default)]
struct Compared {
    differences: Vec<Value>,
    /// What stronger layers say instead.
    without: Vec<Value>,
}

/// A candidate beside what every layer of the running gateway says.
fn compared(wanted: &BTreeMap<String, Option<String>>, running: &Value) -> Compared {
    let mut out = Compared::default();
    let mut known = Vec::new();
    for setting in running.as_array().into_iter().flatten() {
        let path = setting["path"].as_str().unwrap_or_default();
        known.push(path);
        // Strongest first.
        let all: Vec<&Value> = std::iter::once(&setting["source"])
            .chain(setting["overridden"].as_array().into_iter().flatten())
            .collect();
        let at = |one: &&Value| one["layer"] == Layer::File.name();
        let (was, wish) = (all.iter().copied().find(at), wanted.get(path));
        let said = |value: &Option<String>| value.as_ref().map_or(Value::Null, |text| json!(text));
        if was.map(|was| was["value"].clone()) == wish.map(said) {
            continue;
        }
        let first = all[0];
        if is_stronger(first) {
            out.without.push(json!({"path": path, "layer": first["layer"], "place": first["place"]}));
            continue;
        }
        // Without a word of the file, the next weaker layer counts.
        let weaker = all.iter().copied().find(|one| !at(one)).map_or(Value::Null, |one| one["value"].clone());
        let is = wish.map_or(weaker, said);
        if first["value"] != is {
            out.differences.push(json!({"path": path, "was": first["value"], "is": is}));
        }
    }
    let new = wanted.iter().filter(|(path, value)| !known.contains(&path.as_str()) && value.is_some());
    out.differences.extend(new.map(|(path, value)| json!({"path": path, "was": null, "is": value})));
    out
}

/// Whether a layer counts more than the file.
fn is_stronger(said: &Value) -> bool {
    let stronger =
        [Layer::Included, Layer::Environment, Layer::Imported, Layer::Database, Layer::Variable, Layer::Flag];
    stronger.iter().any(|layer| said["layer"] == layer.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_no_stronger_layer_says() {
        let said = |layer: Layer, value: &str| json!({"layer": layer.name(), "place": "p", "value": value});
        let running = json!([
            {"path": "same", "source": said(Layer::File, "1"), "overridden": []},
            {"path": "other", "source": said(Layer::File, "1"), "overridden": [said(Layer::BuiltIn, "0")]},
            {"path": "gone", "source": said(Layer::File, "1"), "overridden": [said(Layer::BuiltIn, "0")]},
            {"path": "hidden", "source": said(Layer::Database, "9"), "overridden": [said(Layer::File, "1")]},
            {"path": "usual", "source": said(Layer::BuiltIn, "0"), "overridden": []},
            {"path": "untouched", "source": said(Layer::Database, "9"), "overridden": []},
        ]);
        let wanted = [("same", "1"), ("other", "2"), ("hidden", "2"), ("usual", "0"), ("new", "3")];
        let wanted = wanted.map(|(path, value)| (path.to_owned(), Some(value.to_owned()))).into();
        let Compared { differences, without } = compared(&wanted, &running);
        assert_eq!(
            json!(differences),
            json!([
                {"path": "other", "was": "1", "is": "2"},
                {"path": "gone", "was": "1", "is": "0"},
                {"path": "new", "was": null, "is": "3"},
            ])
        );
        assert_eq!(json!(without), json!([{"path": "hidden", "layer": "database", "place": "p"}]));
    }
}
