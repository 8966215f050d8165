//! Providers: looked at, added, changed, taken away. The older paths (`instances.rs`) do the same under older names.

use axum::Json;
use config::{Edit, What};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::ask::{Ask, NoBody, Why, shown};
use super::exact::Open;
use super::list::{self, List, Piece};
use super::objection::Objection;
use super::row::{Outcome, Reply};
use super::shown::{Changed, effective, no_provider, provider, section};

/// Older names of settings, and today's.
const RENAMED: [(&str, &str); 2] = [("api_base", "base_url"), ("provider_type", "type")];

/// The settings of a provider, with its name where that is not in the path.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Settings(pub(super) Open);

impl PartialSchema for Settings {
    fn schema() -> RefOr<Schema> {
        let of = |kind: Type, about: &str| ObjectBuilder::new().schema_type(kind).description(Some(about));
        let names = || ObjectBuilder::new().schema_type(Type::String);
        let list = ArrayBuilder::new().items(names()).description(Some("Models it has."));
        let map = of(Type::Object, "Public name: its own name.").additional_properties(Some(
            AdditionalProperties::RefOr(RefOr::T(Schema::from(names().build()))),
        ));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Settings of a provider, in the words of the configuration or in older ones."))
            .property("name", of(Type::String, "Its name."))
            .property("type", of(Type::String, "The kind of service (`provider_type` in older files)."))
            .property("base_url", of(Type::String, "Where it is (`api_base` in older files)."))
            .property(
                "api_key",
                of(Type::String, "Our key for it; never shown again but for its last four letters."),
            )
            .property("api_version", of(Type::String, "The version of its API."))
            .property("priority", of(Type::Integer, "Higher comes first."))
            .property("weight", of(Type::Integer, "Its share among equals."))
            .property("max_tpm", of(Type::Integer, "Tokens a minute."))
            .property("supported_models", list)
            .property("model_deployments", map)
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Settings {
    fn name() -> std::borrow::Cow<'static, str> {
        "ProviderSettings".into()
    }
}

impl Settings {
    /// Name and settings, in today's words.
    pub(super) fn named(&self) -> Result<(String, Map<String, Value>), Objection> {
        let mut settings = self.settings()?;
        match settings.shift_remove("name") {
            Some(Value::String(name)) if !name.is_empty() => Ok((name, settings)),
            _ => Err(Objection::impossible("no_name", "It has no `name`. Give it one.")),
        }
    }

    /// Settings of one whose name is known.
    pub(super) fn of(&self, name: &str) -> Result<Map<String, Value>, Objection> {
        let mut settings = self.settings()?;
        match settings.shift_remove("name") {
            None => Ok(settings),
            Some(same) if same == name => Ok(settings),
            Some(_) => {
                let detail = "A name is not changed. Add it under the new one, and take the old one away.";
                Err(Objection::impossible("name_differs", detail))
            }
        }
    }

    fn settings(&self) -> Result<Map<String, Value>, Objection> {
        let mut settings = self.0.0.clone();
        for (old, new) in RENAMED {
            let Some(value) = settings.shift_remove(old) else { continue };
            if settings.insert(new.to_owned(), value).is_some() {
                let detail =
                    format!("`{old}` is an older spelling of `{new}`, and both are given. Keep `{new}`.");
                return Err(Objection::impossible("given_twice", detail));
            }
        }
        Ok(settings)
    }
}

/// The path of a provider's settings.
pub(super) fn path(name: &str) -> Vec<String> {
    vec!["providers".to_owned(), name.to_owned()]
}

/// Adds providers, all or none.
pub(super) async fn add<Q, B>(
    ask: &Ask<Q, B>,
    reason: Option<&String>,
    new: Vec<(String, Map<String, Value>)>,
) -> Outcome<Changed> {
    let mut names: Vec<&String> = new.iter().map(|(name, _)| name).collect();
    names.sort();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let detail = format!("The name `{}` is given twice. Give each another one.", shown(twice[0]));
        return Err(Objection::impossible("given_twice", detail));
    }
    ask.edit(reason, |whole| {
        let known = |name: &str| whole.get("providers").is_some_and(|all| all.get(name).is_some());
        let there: Vec<String> = new
            .iter()
            .filter(|(name, _)| known(name))
            .map(|(name, _)| format!("`{}`", shown(name)))
            .collect();
        if !there.is_empty() {
            let detail =
                format!("There is {} already. Change it with PATCH, or take another name.", there.join(", "));
            return Err(Objection::exists(detail));
        }
        let edit = |(name, settings): &(String, Map<String, Value>)| Edit {
            path: path(name),
            what: What::Replace(Value::Object(settings.clone())),
        };
        Ok(new.iter().map(edit).collect())
    })
    .await
}

/// Changes a provider that is there.
pub(super) async fn change<Q, B>(
    ask: &Ask<Q, B>,
    reason: Option<&String>,
    name: &str,
    what: What,
) -> Outcome<Changed> {
    ask.edit(reason, |whole| match whole.get("providers").and_then(|all| all.get(name)) {
        Some(_) => Ok(vec![Edit { path: path(name), what: what.clone() }]),
        None => Err(no_provider(name)),
    })
    .await
}

/// A provider as it is shown.
fn of(ask: &Ask<impl Sized, impl Sized>, whole: &Value, name: &str) -> Result<Open, Objection> {
    let mut shown = Map::new();
    shown.insert("name".to_owned(), name.into());
    shown.extend(provider(&ask.control, whole, name)?);
    Ok(Open(shown))
}

/// `GET /admin/v1/providers`
pub(super) async fn all(ask: Ask<Piece, NoBody>) -> Outcome<List<Open>> {
    let revision = ask.control.revision();
    let whole = effective(&ask.control)?;
    let one = |(name, _): (&String, &Value)| of(&ask, &whole, name).map(|shown| (name.clone(), shown));
    let all = section(&whole, "providers").map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(Reply::of(list::piece(all, ask.query.limit, ask.query.cursor.as_deref())?).at(revision))
}

/// `GET /admin/v1/providers/{name}`
pub(super) async fn one(ask: Ask<super::ask::NoQuery, NoBody>) -> Outcome<Open> {
    let revision = ask.control.revision();
    Ok(Reply::of(of(&ask, &effective(&ask.control)?, ask.word("name"))?).at(revision))
}

/// `POST /admin/v1/providers`
pub(super) async fn create(ask: Ask<Why, Json<Settings>>) -> Outcome<Changed> {
    let new = ask.body.named()?;
    add(&ask, ask.query.reason.as_ref(), vec![new]).await
}

/// `PUT /admin/v1/providers/{name}`
pub(super) async fn replace(ask: Ask<Why, Json<Settings>>) -> Outcome<Changed> {
    let settings = ask.body.of(ask.word("name"))?;
    change(&ask, ask.query.reason.as_ref(), ask.word("name"), What::Replace(Value::Object(settings))).await
}

/// `PATCH /admin/v1/providers/{name}`
pub(super) async fn patch(ask: Ask<Why, Json<Settings>>) -> Outcome<Changed> {
    let settings = ask.body.of(ask.word("name"))?;
    change(&ask, ask.query.reason.as_ref(), ask.word("name"), What::Set(Value::Object(settings))).await
}

/// `DELETE /admin/v1/providers/{name}`
pub(super) async fn remove(ask: Ask<Why, NoBody>) -> Outcome<Changed> {
    change(&ask, ask.query.reason.as_ref(), ask.word("name"), What::Remove).await
}
