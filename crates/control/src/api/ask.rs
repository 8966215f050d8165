//! A request as a handler sees it: who asks, and what the path, the query and the body say, each understood once.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Query;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, IF_MATCH};
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use super::objection::Objection;
use crate::{Actor, Control};

/// The longest body.
pub(super) const LONGEST: usize = 1024 * 1024;

/// A request.
pub(super) struct Ask<Q, B> {
    /// What may be done.
    pub(super) control: Control,
    /// Who asks.
    pub(super) actor: Actor,
    /// What the path names.
    pub(super) words: BTreeMap<String, String>,
    /// What the query says.
    pub(super) query: Q,
    /// What the body says.
    pub(super) body: B,
    /// The revision it was made for (`If-Match`).
    pub(super) expected: Option<u64>,
}

impl<Q, B> Ask<Q, B> {
    /// What the path names.
    pub(super) fn word(&self, name: &str) -> &str {
        self.words.get(name).map_or("", String::as_str)
    }

    /// A number in the path.
    pub(super) fn number(&self, name: &str) -> Result<u64, Objection> {
        let word = self.word(name);
        word.parse()
            .map_err(|_| Objection::not_found(format!("`{}` is no number of a revision.", shown(word))))
    }
}

/// Somebody's own text in a message: short, and on one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// A query that says nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "no parameters")]
pub(super) struct NoQuery {}

impl IntoParams for NoQuery {
    fn into_params(_at: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        Vec::new()
    }
}

/// What every change may be given.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Why {
    /// Why the change is made; kept with its revision.
    #[param(max_length = 1000)]
    pub(super) reason: Option<String>,
}

/// Reads what a query says.
pub(super) fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, Objection> {
    let Query(query) = Query::try_from_uri(uri).map_err(|rejection| {
        Objection::malformed(format!("The query cannot be read: {}.", reason(&rejection.body_text())))
    })?;
    Ok(query)
}

/// What a body may be.
pub(super) trait Dictation: Sized + Send {
    /// Reads it.
    fn read(head: &HeaderMap, bytes: &Bytes) -> Result<Self, Objection>;

    /// Its description, and those of what it is made of; none: there is no body.
    fn describe(_into: &mut Vec<(String, RefOr<Schema>)>) -> Option<RefOr<Schema>> {
        None
    }
}

/// No body.
pub(super) struct NoBody;

impl Dictation for NoBody {
    fn read(head: &HeaderMap, bytes: &Bytes) -> Result<Self, Objection> {
        // An empty form is what curl makes of `-d ''`.
        if bytes.is_empty() || is_json(head) { Ok(Self) } else { Err(not_json()) }
    }
}

impl<T: DeserializeOwned + ToSchema + Send> Dictation for Json<T> {
    fn read(head: &HeaderMap, bytes: &Bytes) -> Result<Self, Objection> {
        if !is_json(head) {
            return Err(not_json());
        }
        Self::from_bytes(bytes).map_err(|rejection| {
            Objection::malformed(format!("The body cannot be read: {}.", reason(&rejection.body_text())))
        })
    }

    fn describe(into: &mut Vec<(String, RefOr<Schema>)>) -> Option<RefOr<Schema>> {
        Some(describe::<T>(into))
    }
}

/// A reference to the description of a type, which is put with those of what it is made of.
pub(super) fn describe<T: ToSchema>(into: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    let name = T::name().into_owned();
    T::schemas(into);
    into.push((name.clone(), T::schema()));
    utoipa::openapi::Ref::from_schema_name(name).into()
}

fn is_json(head: &HeaderMap) -> bool {
    let kind = head.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn not_json() -> Objection {
    let detail = "A change is written in JSON. Send `content-type: application/json`.";
    Objection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail)
}

/// What is wrong, without the library's words for where it noticed.
fn reason(text: &str) -> String {
    let known = [
        "Failed to parse the request body as JSON: ",
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to deserialize query string: ",
    ];
    let text = known.iter().find_map(|start| text.strip_prefix(start)).unwrap_or(text);
    text.trim_end_matches('.').chars().filter(|c| !c.is_control()).take(300).collect()
}

/// The revision a change was made for.
pub(super) fn expected(head: &HeaderMap) -> Result<Option<u64>, Objection> {
    let mut values = head.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" && values.next().is_none() {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match number.and_then(|number| number.parse().ok()) {
        Some(number) if values.next().is_none() => Ok(Some(number)),
        _ => Err(Objection::malformed(
            "`If-Match` takes the ETag of one configuration, like \"12\", or `*`. Read it with GET /admin/v1/config",
        )),
    }
}
