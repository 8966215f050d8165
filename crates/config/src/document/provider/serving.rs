//! What a provider serves: its models, its operations, and paths it spells its own way.

use protocol::operation::{Operation, ROWS};

use crate::nearest::{instead, spoken};
use crate::problem::{Wrong, wrong};
use crate::reader::{At, Section};
use crate::tree::Value;

/// `models`, `model_deployments` and the older `supported_models`, as one list: public name, own name.
pub(super) fn models(section: &Section<'_>) -> Vec<(String, String)> {
    let mut names = section.get("models").map(|at| announced(&at)).unwrap_or_default();
    let deployments = section.get("model_deployments");
    let supported = section.get("supported_models");
    if let Some(at) = &deployments {
        add(&mut names, pairs(at));
    }
    if let Some(at) = supported {
        let list = at.each(model);
        if deployments.is_some() {
            agree(&at, &list, &names);
        } else {
            add(&mut names, list.into_iter().map(|name| (name.clone(), name)).collect());
        }
    }
    names
}

/// `discover`, a list, or a map of public name to own name.
fn announced(at: &At<'_>) -> Vec<(String, String)> {
    match &at.node.value {
        Value::Map(_) => pairs(at),
        Value::List(_) => at.each(model).into_iter().map(|name| (name.clone(), name)).collect(),
        Value::Scalar(_) => {
            at.parse(|text| match text {
                "discover" => Ok(()),
                _ => wrong(
                    format!("cannot be `{text}`."),
                    "Write `discover`, a [list], or `public: own` lines.",
                ),
            });
            Vec::new()
        }
    }
}

fn pairs(at: &At<'_>) -> Vec<(String, String)> {
    let pair = |(public, at): (String, At<'_>)| {
        let own = if at.node.is_null() { Some(public.clone()) } else { at.parse(model) };
        own.map(|own| (public, own))
    };
    at.named().into_iter().filter_map(pair).collect()
}

/// A model's name is anything a person may write, on one line.
fn model(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return wrong("is not the name of a model.", "Write it as the provider does.");
    }
    Ok(text.to_owned())
}

fn add(names: &mut Vec<(String, String)>, more: Vec<(String, String)>) {
    for (public, own) in more {
        if !names.iter().any(|(known, _)| *known == public) {
            names.push((public, own));
        }
    }
}

/// Two lists of names must say the same: which of them would count is not for us to guess.
fn agree(at: &At<'_>, list: &[String], names: &[(String, String)]) {
    let lacking: Vec<&str> = list
        .iter()
        .filter(|name| !names.iter().any(|(public, _)| public == *name))
        .map(String::as_str)
        .collect();
    let extra: Vec<&str> = names
        .iter()
        .map(|(public, _)| public.as_str())
        .filter(|public| !list.iter().any(|name| name == public))
        .collect();
    let fix = "Remove `supported_models`: `model_deployments` says it all.";
    if !lacking.is_empty() {
        at.wrong_as(format!("lists {}, which `model_deployments` lacks.", spoken(&lacking)), fix);
    } else if !extra.is_empty() {
        at.wrong_as(format!("lacks {}, which `model_deployments` lists.", spoken(&extra)), fix);
    }
}

/// `capabilities`: names of operations.
pub(super) fn capabilities(at: &At<'_>) -> Vec<String> {
    let known = operations();
    at.each(|text| match known.iter().find(|name| **name == text) {
        Some(name) => Ok((*name).to_owned()),
        None => {
            Err(Wrong { what: format!("is `{text}`, which is not an operation."), fix: nearby(text, &known) })
        }
    })
}

fn operations() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = ROWS.iter().map(|row| row.operation.name()).collect();
    names.extend([Operation::Other.name()]);
    names.dedup();
    names
}

fn nearby(text: &str, known: &[&'static str]) -> Option<String> {
    instead(text, known)
        .or_else(|| Some("Write names like chat, embeddings, speech or transcriptions.".to_owned()))
}

/// `endpoints`: an operation or a path of ours, and the provider's own path for it.
pub(super) fn endpoints(at: &At<'_>) -> Vec<(String, String)> {
    let endpoint = |(ours, at): (String, At<'_>)| {
        let theirs = at.parse(own_path);
        match path_of(&ours) {
            Ok(path) => theirs.map(|theirs| (path, theirs)),
            Err(against) => {
                at.wrong(against);
                None
            }
        }
    };
    at.named().into_iter().filter_map(endpoint).collect()
}

pub(super) fn own_path(text: &str) -> Result<String, Wrong> {
    let proper = text.starts_with('/') && http::uri::PathAndQuery::try_from(text).is_ok();
    if proper {
        Ok(text.to_owned())
    } else {
        wrong("takes a path.", "Write it from the root, like /inference.")
    }
}

/// The path below `/v1` that a key of `endpoints` means.
fn path_of(word: &str) -> Result<String, Wrong> {
    if word.starts_with('/') {
        let below = word.strip_prefix("/v1/").map_or_else(|| word.to_owned(), |rest| format!("/{rest}"));
        return Ok(below.trim_end_matches('/').to_owned());
    }
    let rows = ROWS.iter().filter(|row| row.operation.name() == word);
    let paths: Vec<&str> = rows.map(|row| row.shape).filter(|shape| !shape.contains(['*', '{'])).collect();
    match paths.as_slice() {
        [path] => Ok((*path).to_owned()),
        [] => {
            let what = "is neither an operation nor a path.".to_owned();
            Err(Wrong { what, fix: nearby(word, &operations()) })
        }
        several => {
            wrong("is an operation of several paths.", format!("Write the path: {}.", spoken(several)))
        }
    }
}
