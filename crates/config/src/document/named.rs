//! Names that must be somebody's: whether there is such a team, such a model, such a provider.

use crate::nearest::nearest;
use crate::reader::table::Kind;
use crate::reader::{Findings, Written};
use crate::tree::{Node, Value};

/// Tells every name that is nobody's.
pub(super) fn check(root: &Node, findings: &Findings) {
    let teams = keys(root.get("teams"));
    for name in findings.names(Kind::Team) {
        if !teams.contains(&name.value.as_str()) {
            unknown(&name, "team", &teams, findings);
        }
    }
    let providers = keys(root.get("providers"));
    let Some(models) = models(root) else { return tell_nearly(&providers, findings) };
    let served = |name: &str| {
        let place = name.split_once('/').is_some_and(|(left, _)| providers.contains(&left));
        place || models.iter().any(|model| fits(model, name))
    };
    for name in findings.names(Kind::Model) {
        if !served(&name.value) {
            unknown(&name, "model", &models, findings);
        }
    }
    let both = [providers.as_slice(), models.as_slice()].concat();
    for name in findings.names(Kind::Place) {
        if !served(&name.value) && !providers.contains(&name.value.as_str()) {
            unknown(&name, "provider or model", &both, findings);
        }
    }
}

/// What is no provider may be a model of somebody who is asked for his; but a name that is nearly a provider's is told.
fn tell_nearly(providers: &[&str], findings: &Findings) {
    for name in findings.names(Kind::Place) {
        let text = name.value.as_str();
        let place = text.split_once('/').map_or(text, |(left, _)| left);
        if let Some(near) = nearest(place, providers.iter().copied()).filter(|near| *near != place) {
            let what = format!(
                "`{}` names `{text}`, which is taken for a model: no provider is called that.",
                name.path
            );
            findings.note(&name.path, Some(&name.place), what, Some(format!("Did you mean `{near}`?")));
        }
    }
}

fn unknown(name: &Written<String>, noun: &str, known: &[&str], findings: &Findings) {
    let fix = match nearest(&name.value, known.iter().copied()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.is_empty() => format!("There is no {noun} at all."),
        None if noun == "team" => "Write it under `teams`.".to_owned(),
        None => "Write it under `models`.".to_owned(),
    };
    name.wrong(findings, format!("names `{}`, and no {noun} is called that.", name.value), fix);
}

/// All models there are, if that can be known: a provider that is asked for its models may have any, and so may one that gets
/// whatever nobody knows.
fn models(root: &Node) -> Option<Vec<&str>> {
    let unknown = root.get("routing").and_then(|routing| routing.get("unknown_model")).and_then(Node::scalar);
    if unknown.is_some_and(|scalar| !matches!(scalar.text.trim(), "" | "error")) {
        return None;
    }
    let mut all = keys(root.get("models"));
    for provider in root.get("providers").map(Node::entries).unwrap_or_default() {
        let lists = ["models", "model_deployments", "supported_models"];
        let mut written = lists.iter().filter_map(|key| provider.node.get(key)).peekable();
        written.peek()?;
        for list in written {
            match &list.value {
                Value::Map(_) => all.extend(keys(Some(list))),
                Value::List(items) => {
                    all.extend(items.iter().filter_map(Node::scalar).map(|scalar| scalar.text.as_str()));
                }
                Value::Scalar(_) => return None,
            }
        }
    }
    Some(all)
}

fn keys(node: Option<&Node>) -> Vec<&str> {
    node.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str()).collect()
}

/// Whether a name is a model's, or fits its pattern.
fn fits(model: &str, name: &str) -> bool {
    match model.split_once('*') {
        Some((before, after)) => name.starts_with(before) && name.ends_with(after),
        None => model == name,
    }
}
