//! The keys we show to a provider: named, exchanged, taken away; never shown but for their last four letters.
//!
//! `default` is its `api_key`; others stand under `keys`. All of them are used, one for each try, by `key_strategy`
//! (docs/routing.md).

use axum::Json;
use config::{Edit, What};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery, Why, shown};
use super::list::List;
use super::objection::Objection;
use super::providers::path;
use super::row::{Outcome, Reply};
use super::shown::{Changed, Counting, DEFAULT, counting, effective, key_of, no_provider};
use super::standing::status;
use crate::Control;

/// Where the key called `default` stands.
const SETTING: &str = "api_key";

/// A key of a provider.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderKey)]
pub(super) struct Key {
    /// Its name; `default` is the provider's `api_key`.
    id: String,
    /// The end of it; null: it is not known.
    #[schema(required)]
    last_four: Option<String>,
    /// Whether it is shown to the provider at this moment: it is not put aside, and not over.
    in_use: bool,
    /// How it stands: what it was put aside for (`auth`: it was refused; `billing`: its account has nothing left; `limited`: it is
    /// at its limit), else how its provider stands.
    #[schema(required)]
    status: Option<String>,
    /// How often it was used since the start; null: it is the only one, and not counted apart.
    #[schema(required)]
    used: Option<u64>,
    /// For how many seconds more it is put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    /// Its share among equals.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<i64>,
    /// Higher comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i64>,
    /// The day it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `key`")]
#[schema(as = NewProviderKey)]
pub(super) struct New {
    /// Its name; without it `default`.
    id: Option<String>,
    /// The key itself.
    key: String,
    /// Its share among equals.
    weight: Option<u32>,
    /// Higher comes first.
    priority: Option<i32>,
    /// Tokens a minute.
    max_tpm: Option<u32>,
    /// Requests a minute.
    max_rpm: Option<u32>,
    /// The day it ends, like 2027-06-30.
    expires: Option<String>,
}

/// What takes the place of a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `key`")]
#[schema(as = NextProviderKey)]
pub(super) struct Next {
    /// The new key.
    key: String,
    /// The day until which the old one is kept beside it, like 2027-06-30; without it, it goes at once.
    keep_until: Option<String>,
}

/// A key that can travel in a header.
fn proper(key: &str) -> Result<(), Objection> {
    match !key.is_empty() && key.len() <= 8192 && key.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(()),
        false => Err(Objection::impossible(
            "no_key",
            "`key` is empty, or holds what no key has. Copy it again, as one word.",
        )),
    }
}

/// What counts of a provider, which must be there.
fn of<'w>(whole: &'w Value, name: &str) -> Result<&'w Map<String, Value>, Objection> {
    let found = whole.get("providers").and_then(|all| all.get(name)).and_then(Value::as_object);
    found.ok_or_else(|| no_provider(name))
}

fn others(provider: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    provider.get("keys").and_then(Value::as_object).into_iter().flatten()
}

fn there(control: &Control, provider: &Map<String, Value>, name: &str, id: &str) -> bool {
    match id {
        DEFAULT => key_of(control, name).is_some() || provider.contains_key(SETTING),
        id => others(provider).any(|(known, _)| known == id),
    }
}

fn no_key(id: &str) -> Objection {
    let id = shown(id);
    Objection::not_found(format!(
        "There is no key `{id}`. See those there are: GET /admin/v1/providers/{{name}}/keys"
    ))
}

/// Where a key is written.
fn setting(name: &str, id: &str) -> Vec<String> {
    let mut path = path(name);
    match id {
        DEFAULT => path.push(SETTING.to_owned()),
        id => path.extend(["keys", id, "key"].map(str::to_owned)),
    }
    path
}

fn keys(control: &Control, name: &str) -> Result<Vec<Key>, Objection> {
    let whole = effective(control)?;
    let provider = of(&whole, name)?;
    let stands = control.gateway().standing(name).map(|standing| standing.keys).unwrap_or_default();
    let provider_stands = status(control, name);
    let one = |id: &str, settings: Option<&Value>| {
        let counts = counting(control, name, id);
        let stands = stands.iter().find(|key| key.name == id);
        let aside = stands.and_then(|key| key.aside);
        let counted = counts.as_ref().is_some_and(|key| !key.ended);
        let setting = |key: &str| settings.and_then(|settings| settings.get(key));
        Key {
            id: id.to_owned(),
            last_four: counts.map(|Counting { end, .. }| end),
            in_use: counted && aside.is_none(),
            status: counted.then(|| aside.unwrap_or(&provider_stands).to_owned()),
            used: stands.map(|key| key.used),
            seconds_left: stands.and_then(|key| key.seconds_left),
            weight: setting("weight").and_then(Value::as_i64),
            priority: setting("priority").and_then(Value::as_i64),
            expires: setting("expires").and_then(Value::as_str).map(str::to_owned),
        }
    };
    let default = there(control, provider, name, DEFAULT).then(|| one(DEFAULT, None));
    Ok(default.into_iter().chain(others(provider).map(|(id, key)| one(id, Some(key)))).collect())
}

/// `GET /admin/v1/providers/{name}/keys`
pub(super) async fn all(ask: Ask<NoQuery, NoBody>) -> Outcome<List<Key>> {
    let revision = ask.control.revision();
    Ok(Reply::of(List { data: keys(&ask.control, ask.word("name"))?, next: None }).at(revision))
}

/// `GET /admin/v1/providers/{name}/keys/{id}`
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Key> {
    let revision = ask.control.revision();
    let found = keys(&ask.control, ask.word("name"))?.into_iter().find(|key| key.id == ask.word("id"));
    Ok(Reply::of(found.ok_or_else(|| no_key(ask.word("id")))?).at(revision))
}

/// `POST /admin/v1/providers/{name}/keys`
pub(super) async fn create(ask: Ask<Why, Json<New>>) -> Outcome<Changed> {
    let new = &ask.body.0;
    proper(&new.key)?;
    let id = new.id.as_deref().unwrap_or(DEFAULT);
    let name = ask.word("name");
    let limits = json!({
        "weight": new.weight, "priority": new.priority,
        "max_tpm": new.max_tpm, "max_rpm": new.max_rpm, "expires": new.expires,
    });
    let mut limits = limits.as_object().cloned().unwrap_or_default();
    limits.retain(|_, value| !value.is_null());
    if id == DEFAULT && !limits.is_empty() {
        let detail =
            "The key `default` has no limits of its own. Give it a name with `id`, or leave them away.";
        return Err(Objection::impossible("no_limits", detail));
    }
    ask.edit(ask.query.reason.as_ref(), |whole| {
        if there(&ask.control, of(whole, name)?, name, id) {
            let detail =
                format!("There is a key `{}` already. Exchange it: POST .../keys/{{id}}/rotate", shown(id));
            return Err(Objection::exists(detail));
        }
        Ok(vec![put(name, id, &new.key, limits.clone())])
    })
    .await
}

/// `POST /admin/v1/providers/{name}/keys/{id}/rotate`
pub(super) async fn rotate(ask: Ask<Why, Json<Next>>) -> Outcome<Changed> {
    let Next { key, keep_until } = &ask.body.0;
    proper(key)?;
    let (name, id) = (ask.word("name"), ask.word("id"));
    // As it is written: a reference to where the old key is, never the key.
    let sheet = ask.control.sheet().await?;
    let place = setting(name, id);
    let old = sheet.at(&place).cloned();
    ask.edit(ask.query.reason.as_ref(), |whole| {
        if !there(&ask.control, of(whole, name)?, name, id) {
            return Err(no_key(id));
        }
        let mut edits = vec![Edit { path: place.clone(), what: What::Replace(key.as_str().into()) }];
        if let Some(day) = keep_until {
            let Some(old) = old.clone() else {
                let detail = "The old key is not written in the configuration, so it cannot be kept. Leave `keep_until` away.";
                return Err(Objection::impossible("not_written", detail));
            };
            let kept = json!({"key": old, "expires": day});
            let mut path = path(name);
            path.extend(["keys".to_owned(), format!("{id}-old")]);
            edits.push(Edit { path, what: What::Replace(kept) });
        }
        Ok(edits)
    })
    .await
}

/// `DELETE /admin/v1/providers/{name}/keys/{id}`
pub(super) async fn remove(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    let (name, id) = (ask.word("name"), ask.word("id"));
    ask.edit(ask.query.reason.as_ref(), |whole| {
        if !there(&ask.control, of(whole, name)?, name, id) {
            return Err(no_key(id));
        }
        let mut path = path(name);
        match id {
            DEFAULT => path.push(SETTING.to_owned()),
            id => path.extend(["keys", id].map(str::to_owned)),
        }
        Ok(vec![Edit { path, what: What::Remove }])
    })
    .await
}

fn put(name: &str, id: &str, key: &str, limits: Map<String, Value>) -> Edit {
    let mut path = path(name);
    if id == DEFAULT {
        path.push(SETTING.to_owned());
        return Edit { path, what: What::Replace(key.into()) };
    }
    path.extend(["keys", id].map(str::to_owned));
    let mut whole = Map::from_iter([("key".to_owned(), Value::from(key))]);
    whole.extend(limits);
    Edit { path, what: What::Replace(Value::Object(whole)) }
}
