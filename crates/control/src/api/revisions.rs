//! Recorded changes of the configuration.

use serde::Serialize;
use serde_json::Value;
use store::RevisionLine;
use utoipa::ToSchema;

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::{Exact, Open};
use super::list::{self, List, Piece};
use super::row::{Outcome, Reply};
use super::shown::Differs;
use crate::Refused;

/// A revision.
#[derive(Serialize, ToSchema)]
pub(super) struct Revision {
    /// Its number.
    number: u64,
    /// When it was made; milliseconds since 1970.
    made_unix_ms: u64,
    /// Who made it.
    actor: String,
    /// By which way: api, command, file, signal, start, import, database or search.
    via: String,
    /// Why, if they said so.
    #[schema(required)]
    reason: Option<String>,
    /// What it says differently than the one before; secrets hidden.
    changed: Exact,
}

impl From<RevisionLine> for Revision {
    fn from(line: RevisionLine) -> Self {
        Self {
            number: line.number,
            made_unix_ms: line.made_us / 1000,
            actor: line.actor,
            via: line.via,
            reason: line.reason,
            changed: Exact(serde_json::from_str(&line.changed).unwrap_or(Value::String(line.changed))),
        }
    }
}

/// `GET /admin/v1/revisions`
pub(super) async fn all(ask: Ask<Piece, NoBody>) -> Outcome<List<Revision>> {
    let limit = list::limit(ask.query.limit)?;
    let before = match &ask.query.cursor {
        Some(cursor) => Some(list::number(&list::words::<1>(cursor)?[0])?),
        None => None,
    };
    let mut lines = ask.control.versions(before, limit + 1).await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more).map(|line| list::cursor(&[&line.number.to_string()]));
    let data = lines.into_iter().map(Revision::from).collect();
    Ok(Reply::of(List { data, next }).at(ask.control.revision()))
}

/// A revision, and what was written then.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeRevision)]
pub(super) struct Whole {
    /// What is known of it.
    revision: Revision,
    /// What was written; secrets hidden.
    config: Open,
}

/// `GET /admin/v1/revisions/{number}`
pub(super) async fn one(ask: Ask<NoQuery, NoBody>) -> Outcome<Whole> {
    let number = ask.number("number")?;
    let config = match ask.control.sheet_of(number).await?.shown() {
        Value::Object(members) => Open(members),
        _ => Open::default(),
    };
    let lines = ask.control.versions(number.checked_add(1), 1).await?;
    match lines.into_iter().next().filter(|line| line.number == number) {
        Some(line) => Ok(Reply::of(Whole { revision: line.into(), config })),
        None => Err(Refused::NoRevision(number).into()),
    }
}

/// What one revision says differently than another.
#[derive(Serialize, ToSchema)]
#[schema(as = RevisionDifference)]
pub(super) struct Difference {
    /// The first.
    from: u64,
    /// The second.
    to: u64,
    /// What differs; secrets hidden.
    differences: Vec<Differs>,
}

/// `GET /admin/v1/revisions/{from}/diff/{to}`
pub(super) async fn difference(ask: Ask<NoQuery, NoBody>) -> Outcome<Difference> {
    let (from, to) = (ask.number("from")?, ask.number("to")?);
    let differences = ask.control.differences_of(from, to).await?;
    let differences = differences.into_iter().map(Differs::from).collect();
    Ok(Reply::of(Difference { from, to, differences }))
}
