//! Callers' keys: made here, shown once, and kept as what proves them (docs/adr/0023). They are settings like others, so that each
//! change of one is a revision, and counts from the next call on.

use aws_lc_rs::rand;
use axum::Json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::snapshot::Pepper;
use config::{Edit, What};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery, Why, shown};
use super::list::{self, List, Piece};
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective, section};
use crate::Control;

/// How a key of ours begins, so that whoever finds one knows what it opens.
const BEGIN: &str = "sk-op-";
/// A key's secret part, bytes.
const SECRET: usize = 32;

/// A key of a caller.
#[derive(Serialize, ToSchema)]
#[schema(as = CallerKey)]
pub(super) struct Key {
    /// Its name: who called, in records.
    name: String,
    /// The end of it; null: nobody wrote it down.
    #[schema(required)]
    last_four: Option<String>,
    /// Which models it may ask for; null: all.
    #[schema(required)]
    models: Option<Vec<String>>,
    /// The last day it holds, or the moment it ends; null: it does not end.
    #[schema(required)]
    expires: Option<String>,
    /// How much it may ask for.
    limits: Limits,
}

/// How much may be asked for.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object of limits")]
#[schema(as = CallerLimits)]
pub(super) struct Limits {
    /// Requests in a time, like 60/min.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<String>,
    /// Tokens in a time, like 200k/min.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<String>,
    /// Calls at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    concurrency: Option<u32>,
}

/// A key that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `name`")]
#[schema(as = NewCallerKey)]
pub(super) struct New {
    /// Its name: letters, digits, `-`, `_` and `.`.
    name: String,
    /// Which models it may ask for; `*` stands for anything. Without it all.
    models: Option<Vec<String>>,
    /// The last day it holds, like 2027-06-30, or the moment it ends.
    expires: Option<String>,
    /// How much it may ask for.
    limits: Option<Limits>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeCallerKey)]
pub(super) struct Made {
    /// Its name.
    name: String,
    /// The key. It is shown here and never again; null: this is what was answered before.
    #[schema(required)]
    key: Option<String>,
    /// What making it changed.
    change: Changed,
}

/// What AWS's libraries sign with in the place of a key.
#[derive(Serialize, ToSchema)]
#[schema(as = CallerAccessKey)]
pub(super) struct ForAws {
    /// The name of the key.
    name: String,
    /// Its name in a signed request; no secret.
    access_key_id: String,
    /// What is signed with. It is derived from what is kept of the key, so that it can be shown again, and goes with the key.
    secret_access_key: String,
}

/// The member of [`Made`] that is kept nowhere.
pub(super) const ONCE: &str = "key";

/// `GET /admin/v1/keys`
pub(super) async fn all(ask: Ask<Piece, NoBody>) -> Outcome<List<Key>> {
    let revision = ask.control.revision();
    let keys = keys(&ask.control)?;
    Ok(Reply::of(list::piece(keys, ask.query.limit, ask.query.cursor.as_deref())?).at(revision))
}

/// `GET /admin/v1/keys/{name}`
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Key> {
    let revision = ask.control.revision();
    let found = keys(&ask.control)?.into_iter().find(|(name, _)| name == ask.word("name"));
    let (_, key) = found.ok_or_else(|| no_key(ask.word("name")))?;
    Ok(Reply::of(key).at(revision))
}

/// `POST /admin/v1/keys`
pub(super) async fn create(ask: Ask<Why, Json<New>>) -> Outcome<Made> {
    let New { name, models, expires, limits } = &ask.body.0;
    let key = random()?;
    let digest = match &ask.control.given().pepper {
        Some(pepper) => Pepper::new(Some(pepper)).digest(&key).to_string(),
        None => return Err(no_pepper()),
    };
    let written = json!({
        "hash": digest, "last_four": &key[key.len() - 4..],
        "models": models, "expires": expires, "limits": limits,
    });
    let mut written = written.as_object().cloned().unwrap_or_default();
    written.retain(|_, value| !value.is_null());
    let reply = ask
        .edit(ask.query.reason.as_ref(), |whole| {
            if section(whole, "keys").any(|(known, _)| known == name) {
                let name = shown(name);
                let detail =
                    format!("There is a key `{name}` already. Take another name, or revoke that one first.");
                return Err(Objection::exists(detail));
            }
            Ok(vec![edit(name, What::Replace(Value::Object(written.clone())))])
        })
        .await?;
    Ok(reply.map(|change| Made { name: name.clone(), key: Some(key), change }))
}

/// `POST /admin/v1/keys/{name}/aws`: no `GET`, for it shows a secret, which is noted.
pub(super) async fn sign_as(ask: Ask<NoQuery, NoBody>) -> Outcome<ForAws> {
    let name = ask.word("name");
    let world = ask.control.gateway().world();
    if !world.callers.keys().iter().any(|key| *key.name == *name) {
        return Err(no_key(name));
    }
    let Some(key) = world.callers.access_key(name) else { return Err(no_pepper()) };
    let deed = crate::Deed { action: "keys.aws", subject: name, outcome: "done", detail: json!({}) };
    ask.control.audit(&ask.actor, deed).await;
    let (access_key_id, secret_access_key) = (key.id, key.secret.expose().to_owned());
    Ok(Reply::of(ForAws { name: name.to_owned(), access_key_id, secret_access_key }))
}

/// `DELETE /admin/v1/keys/{name}`
pub(super) async fn revoke(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    let name = ask.word("name");
    ask.edit(ask.query.reason.as_ref(), |whole| {
        match section(whole, "keys").any(|(known, _)| known == name) {
            true => Ok(vec![edit(name, What::Remove)]),
            false => Err(no_key(name)),
        }
    })
    .await
}

fn edit(name: &str, what: What) -> Edit {
    Edit { path: vec!["keys".to_owned(), name.to_owned()], what }
}

/// A key nobody can guess.
fn random() -> Result<String, Objection> {
    let mut secret = [0; SECRET];
    rand::fill(&mut secret).map_err(|_| {
        let detail = "This computer gives no random bytes, so no key can be made. Try again.";
        Objection::new(StatusCode::SERVICE_UNAVAILABLE, "no_random", detail).wait(5)
    })?;
    Ok(format!("{BEGIN}{}", URL_SAFE_NO_PAD.encode(secret)))
}

fn no_pepper() -> Objection {
    let detail = "Keys are hashed with a secret in the database, which is away. Try again when it answers.";
    Objection::new(StatusCode::SERVICE_UNAVAILABLE, "database_away", detail).wait(5)
}

fn no_key(name: &str) -> Objection {
    let name = shown(name);
    Objection::not_found(format!("There is no key `{name}`. See those there are: GET /admin/v1/keys"))
}

/// All keys, in the words they were written with.
fn keys(control: &Control) -> Result<Vec<(String, Key)>, Objection> {
    let whole = effective(control)?;
    let world = control.gateway().world();
    let end = |name: &str| {
        let key = world.callers.keys().iter().find(|key| *key.name == *name)?;
        (!key.last_four.is_empty()).then(|| format!("***{}", key.last_four))
    };
    let key = |(name, written): (&String, &Value)| {
        let empty = Map::new();
        let limits = written.get("limits").and_then(Value::as_object).unwrap_or(&empty);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let key = Key {
            name: name.clone(),
            last_four: end(name),
            models: written.get("models").map(names),
            expires: text(written.get("expires")),
            limits: Limits {
                requests: text(limits.get("requests")),
                tokens: text(limits.get("tokens")),
                concurrency: limits.get("concurrency").and_then(number),
            },
        };
        (name.clone(), key)
    };
    Ok(section(&whole, "keys").map(key).collect())
}

/// A list, or one that stands for it.
fn names(written: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match written {
        Value::Array(all) => all.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    }
}

/// A number, or a text that is one.
fn number(written: &Value) -> Option<u32> {
    let text = || written.as_str()?.parse().ok();
    written.as_u64().and_then(|number| u32::try_from(number).ok()).or_else(text)
}
