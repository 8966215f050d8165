//! `fallbacks`: what may stand in for a model. The same words for all models, for one provider and for one key.
//!
//! ```yaml
//! fallbacks:
//!   gpt-4o: [claude, local]                                  # in order, after any failure another may not have
//!   "*": {to: [big], on: context_length}                     # after one kind of failure
//!   fast: [local, {to: [slow], when: {path: /v1/chat/*}}]    # several, in order
//! ```

use http::HeaderName;

use super::path;
use crate::problem::wrong;
use crate::reader::table::Shape::{self, Choice, List, Name, Names, OneOf, Section, Text};
use crate::reader::table::{Kind, Table, now};
use crate::reader::{At, Section as Settings};
use crate::snapshot::{Conditions, Fallback, FallbackFrom, FallbackOn};
use crate::tree::Value;

/// By model: a map of public names, patterns and `*`.
pub(super) const FALLBACKS: Shape = Names(&OneOf(&[Name(Kind::Model), List(&MODEL), Section(&TO_MODELS)]));
/// Of one provider: whatever model it was asked for.
pub(super) const OF_PROVIDER: Shape = OneOf(&[Name(Kind::Place), List(&PLACE), Section(&TO_PLACES)]);

const MODEL: Shape = OneOf(&[Name(Kind::Model), Section(&TO_MODELS)]);
const PLACE: Shape = OneOf(&[Name(Kind::Place), Section(&TO_PLACES)]);

const TO_MODELS: Table = Table {
    noun: "a fallback",
    rows: &[
        now("to", List(&Name(Kind::Model)), "The models that may stand in, in order."),
        now("on", ON, ABOUT_ON).usual("any"),
        now("when", Section(&WHEN), "For which calls; without it for all."),
    ],
};
const TO_PLACES: Table = Table {
    noun: "a fallback",
    rows: &[
        now("to", List(&Name(Kind::Place)), "The providers or models that may stand in, in order."),
        now("on", ON, ABOUT_ON).usual("any"),
        now("when", Section(&WHEN), "For which calls; without it for all."),
    ],
};
const ON: Shape = Choice(&["any", "context_length", "content_policy"]);
const ABOUT_ON: &str = "After which failure; `any`: each that another may not have.";

const WHEN: Table = Table {
    noun: "a condition",
    rows: &[
        now("path", Text, "The path, like /v1/chat/completions, or /v1/audio/* for all below."),
        now("header", Names(&Text), "Headers of the request with their values; `*` for anything."),
        now("tag", Names(&Text), "Tags of the caller's key with their values; `*` for anything."),
    ],
};

/// Those of a map of models.
pub(super) fn by_model(at: &At<'_>) -> Vec<Fallback> {
    let mut all = Vec::new();
    for (name, at) in at.named().into_iter().filter(|(_, at)| !at.node.is_null()) {
        let from = match name.as_str() {
            "*" => FallbackFrom::Any,
            name => FallbackFrom::Model(name.to_owned()),
        };
        if !name.contains('*') {
            at.findings.used(Kind::Model, at.written(name));
        }
        all.extend(entries(&at, &from, (Kind::Model, &TO_MODELS)));
    }
    // What is meant for one model stands before what is meant for some, and that before what is meant for any.
    all.sort_by_key(|fallback: &Fallback| match &fallback.from {
        FallbackFrom::Model(name) => usize::from(name.contains('*')),
        FallbackFrom::Any => 2,
    });
    all
}

/// Those of one provider.
pub(super) fn of_provider(at: &At<'_>) -> Vec<Fallback> {
    entries(at, &FallbackFrom::Any, (Kind::Place, &TO_PLACES))
}

/// One entry, or a list of them; names that stand beside each other are one.
fn entries(at: &At<'_>, from: &FallbackFrom, kind: (Kind, &'static Table)) -> Vec<Fallback> {
    let items = if matches!(at.node.value, Value::Map(_)) { vec![at.clone()] } else { at.list() };
    let mut all: Vec<Fallback> = Vec::new();
    let mut open = false;
    for item in &items {
        if matches!(item.node.value, Value::Map(_)) {
            all.extend(long(item, from, kind));
            open = false;
            continue;
        }
        let Some(name) = stand_in(item, from, kind.0) else { continue };
        match all.last_mut().filter(|_| open) {
            Some(fallback) => fallback.to.push(name),
            None => all.push(Fallback {
                from: from.clone(),
                on: FallbackOn::Any,
                to: vec![name],
                when: Conditions::default(),
            }),
        }
        open = true;
    }
    all
}

/// `{to: ..., on: ..., when: ...}`
fn long(at: &At<'_>, from: &FallbackFrom, (kind, table): (Kind, &'static Table)) -> Option<Fallback> {
    let section = Settings::open(at.clone(), table);
    let to = section.get("to");
    let on = section.or("on", |at| at.choice(&FallbackOn::ALL), FallbackOn::Any);
    let when = section.section("when", &WHEN).map(when).unwrap_or_default();
    section.close();
    let Some(to) = to.filter(|to| !to.list().is_empty()) else {
        at.wrong_as("does not say what stands in.", "Write `to: [name, another]`.");
        return None;
    };
    let to: Vec<String> = to.list().iter().filter_map(|item| stand_in(item, from, kind)).collect();
    (!to.is_empty()).then(|| Fallback { from: from.clone(), on, to, when })
}

/// The name of what stands in, which somebody must serve.
fn stand_in(at: &At<'_>, from: &FallbackFrom, kind: Kind) -> Option<String> {
    let name = at.parse(|text| match text.is_empty() {
        true => wrong("is empty.", "Write the name of a model."),
        false if *from == FallbackFrom::Model(text.to_owned()) => {
            wrong(format!("is `{text}` itself, which has failed by then."), "Name another one.")
        }
        false => Ok(text.to_owned()),
    })?;
    at.findings.used(kind, at.written(name.clone()));
    Some(name)
}

fn when(section: Settings<'_>) -> Conditions {
    let values = |key: &'static str| section.get(key).map(|at| pairs(&at)).unwrap_or_default();
    let header = section.get("header").map(|at| headers(&at)).unwrap_or_default();
    let when = Conditions {
        path: section.get("path").and_then(|at| at.parse(path::pattern)),
        header,
        tag: values("tag"),
    };
    section.close();
    when
}

/// Names and their values.
pub(super) fn pairs(at: &At<'_>) -> Vec<(String, String)> {
    let named = at.named().into_iter();
    named.filter_map(|(name, at)| Some((name, at.text()?.trim().to_owned()))).collect()
}

fn headers(at: &At<'_>) -> Vec<(HeaderName, String)> {
    let header = |(name, at): (String, At<'_>)| {
        let Ok(known) = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()) else {
            at.wrong_as("is not a header's name.", "Use letters, digits and `-`.");
            return None;
        };
        Some((known, at.text()?.trim().to_owned()))
    };
    at.named().into_iter().filter_map(header).collect()
}
