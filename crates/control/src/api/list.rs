//! Lists: a piece at a time, and an opaque word for where the next piece begins.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::objection::Objection;

/// A piece of a list.
#[derive(Serialize)]
pub(super) struct List<T> {
    /// Its entries.
    pub(super) data: Vec<T>,
    /// Asks for the next piece, as `cursor`; null: this was the last.
    pub(super) next: Option<String>,
}

impl<T: ToSchema> PartialSchema for List<T> {
    fn schema() -> RefOr<Schema> {
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Asks for the next piece, as `cursor`; null: this was the last."));
        ObjectBuilder::new()
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("data")
            .property("next", next)
            .required("next")
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("ListOf{}", T::name()).into()
    }

    fn schemas(into: &mut Vec<(String, RefOr<Schema>)>) {
        into.push((T::name().into_owned(), T::schema()));
        T::schemas(into);
    }
}

/// Which piece is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Piece {
    /// How many entries.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(super) limit: Option<usize>,
    /// `next` of the piece before.
    pub(super) cursor: Option<String>,
}

/// How many entries a piece has when nobody says.
const USUAL: usize = 100;
/// And at most.
pub(super) const MOST: usize = 1000;

/// How many are wanted.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Objection> {
    match asked {
        None => Ok(USUAL),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        Some(_) => Err(Objection::malformed(format!("`limit` is a number from 1 to {MOST}."))),
    }
}

/// A cursor of these words.
pub(super) fn cursor(words: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(words.join("\n"))
}

/// The words of a cursor.
pub(super) fn words<const N: usize>(cursor: &str) -> Result<[String; N], Objection> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let words = text.map(|text| text.split('\n').map(str::to_owned).collect::<Vec<_>>());
    words.and_then(|words| words.try_into().ok()).ok_or_else(no_cursor)
}

/// A number in a cursor.
pub(super) fn number(word: &str) -> Result<u64, Objection> {
    word.parse().map_err(|_| no_cursor())
}

fn no_cursor() -> Objection {
    Objection::malformed(
        "`cursor` takes `next` of the piece before, and nothing else. Leave it away to begin anew.",
    )
}

/// A piece of a list that is whole in memory, in the order of its names.
pub(super) fn piece<T>(
    all: Vec<(String, T)>,
    asked: Option<usize>,
    after: Option<&str>,
) -> Result<List<T>, Objection> {
    let limit = limit(asked)?;
    let after = after.map(words::<1>).transpose()?;
    let begin = match &after {
        // Behind one that is gone: where it would stand is not known, so the list begins anew at its end.
        Some([last]) => all.iter().position(|(name, _)| name == last).map_or(all.len(), |at| at + 1),
        None => 0,
    };
    let more = all.len() > begin + limit;
    let part: Vec<(String, T)> = all.into_iter().skip(begin).take(limit).collect();
    let next = part.last().filter(|_| more).map(|(name, _)| cursor(&[name]));
    Ok(List { data: part.into_iter().map(|(_, one)| one).collect(), next })
}
