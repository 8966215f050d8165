//! Models by their public names: where each leads.

use axum::Json;
use config::{Edit, What};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::ask::{Ask, NoBody, NoQuery, Why, shown};
use super::exact::Open;
use super::list::{self, List, Piece};
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective, section};

/// Where a model leads, with its name where that is not in the path.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Mapping(Open);

impl PartialSchema for Mapping {
    fn schema() -> RefOr<Schema> {
        let places =
            "A provider, `provider/model`, a list of these, or {provider, model}; the preferred place first.";
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Where a model leads, in the words of the configuration."))
            .property(
                "name",
                ObjectBuilder::new().schema_type(Type::String).description(Some("Its public name.")),
            )
            .property("use", ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(places)))
            .property(
                "hidden",
                ObjectBuilder::new()
                    .schema_type(Type::Boolean)
                    .description(Some("Works, and is not listed.")),
            )
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Mapping {
    fn name() -> std::borrow::Cow<'static, str> {
        "ModelMapping".into()
    }
}

/// As it is shown: in its long form, with its name.
fn of(name: &str, written: &Value) -> Open {
    let mut all = Map::new();
    all.insert("name".to_owned(), name.into());
    match written {
        Value::Object(members) => all.extend(members.clone()),
        places => drop(all.insert("use".to_owned(), places.clone())),
    }
    Open(all)
}

fn no_model(name: &str) -> Objection {
    let name = shown(name);
    Objection::not_found(format!(
        "There is no mapping for `{name}`. See those there are: GET /admin/v1/models"
    ))
}

/// `GET /admin/v1/models`
pub(super) async fn all(ask: Ask<Piece, NoBody>) -> Outcome<List<Open>> {
    let revision = ask.control.revision();
    let whole = effective(&ask.control)?;
    let all = section(&whole, "models").map(|(name, written)| (name.clone(), of(name, written))).collect();
    Ok(Reply::of(list::piece(all, ask.query.limit, ask.query.cursor.as_deref())?).at(revision))
}

/// `GET /admin/v1/models/{name}`
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    let whole = effective(&ask.control)?;
    match whole.get("models").and_then(|models| models.get(ask.word("name"))) {
        Some(written) => Ok(Reply::of(of(ask.word("name"), written)).at(revision)),
        None => Err(no_model(ask.word("name"))),
    }
}

/// `POST /admin/v1/models`
pub(super) async fn create(ask: Ask<Why, Json<Mapping>>) -> Outcome<Changed> {
    let mut settings = ask.body.0.0.0.clone();
    let name = match settings.shift_remove("name") {
        Some(Value::String(name)) if !name.is_empty() => name,
        _ => return Err(Objection::impossible("no_name", "It has no `name`. Give the name callers use.")),
    };
    ask.edit(ask.query.reason.as_ref(), |whole| {
        if whole.get("models").is_some_and(|models| models.get(&name).is_some()) {
            let name = shown(&name);
            return Err(Objection::exists(format!(
                "There is a mapping for `{name}` already. Change it with PATCH."
            )));
        }
        Ok(vec![edit(&name, What::Replace(Value::Object(settings.clone())))])
    })
    .await
}

/// `PUT /admin/v1/models/{name}`
pub(super) async fn replace(ask: Ask<Why, Json<Mapping>>) -> Outcome<Changed> {
    let settings = settings(&ask)?;
    change(&ask, |_| What::Replace(Value::Object(settings.clone()))).await
}

/// `PATCH /admin/v1/models/{name}`
pub(super) async fn patch(ask: Ask<Why, Json<Mapping>>) -> Outcome<Changed> {
    let settings = settings(&ask)?;
    change(&ask, |written| match written {
        Value::Object(_) => What::Set(Value::Object(settings.clone())),
        // In its short form nothing can be laid over it.
        places => {
            let mut whole = Map::from_iter([("use".to_owned(), places.clone())]);
            whole.extend(settings.clone());
            whole.retain(|_, value| !value.is_null());
            What::Replace(Value::Object(whole))
        }
    })
    .await
}

/// `DELETE /admin/v1/models/{name}`
pub(super) async fn remove(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    change(&ask, |_| What::Remove).await
}

fn settings(ask: &Ask<Why, Json<Mapping>>) -> Result<Map<String, Value>, Objection> {
    let mut settings = ask.body.0.0.0.clone();
    match settings.shift_remove("name") {
        Some(other) if other != ask.word("name") => {
            let detail = "A name is not changed. Add the new one, and take the old one away.";
            Err(Objection::impossible("name_differs", detail))
        }
        _ => Ok(settings),
    }
}

async fn change<B: Sync>(ask: &Ask<Why, B>, what: impl Fn(&Value) -> What + Send + Sync) -> Outcome<Changed> {
    let name = ask.word("name");
    ask.edit(ask.query.reason.as_ref(), |whole| {
        match whole.get("models").and_then(|models| models.get(name)) {
            Some(written) => Ok(vec![edit(name, what(written))]),
            None => Err(no_model(name)),
        }
    })
    .await
}

fn edit(name: &str, what: What) -> Edit {
    Edit { path: vec!["models".to_owned(), name.to_owned()], what }
}
