//! The audit trail: who did what, and whether somebody has tampered with it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{AuditFilter, AuditRow};
use utoipa::{IntoParams, ToSchema};

use super::ask::{Ask, NoBody, NoQuery};
use super::exact::Exact;
use super::list::{self, List};
use super::requests::micros;
use super::row::{Outcome, Reply};

/// Which entries are meant. Everything that is not said is anything.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, expecting = "parameters")]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// Of this actor.
    actor: Option<String>,
    /// Of this action, like config.change.
    action: Option<String>,
    /// At this time or later; milliseconds since 1970.
    from: Option<u64>,
    /// Before this time; milliseconds since 1970.
    until: Option<u64>,
    /// How many entries.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
    /// `next` of the piece before.
    cursor: Option<String>,
}

/// Something that somebody did, or tried to.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct Entry {
    /// Its number: one more than that of the entry before.
    number: u64,
    /// When; milliseconds since 1970.
    at_unix_ms: u64,
    /// Who.
    actor: String,
    /// As what.
    role: String,
    /// From where.
    address: String,
    /// What they did.
    action: String,
    /// To what.
    subject: String,
    /// What became of it: done, unchanged, refused or denied.
    outcome: String,
    /// More of it; secrets hidden.
    detail: Exact,
    /// The hash of the entry before.
    previous: String,
    /// Its own.
    hash: String,
}

impl From<AuditRow> for Entry {
    fn from(AuditRow { number, entry, previous, hash }: AuditRow) -> Self {
        Self {
            number,
            at_unix_ms: entry.at_us / 1000,
            actor: entry.actor,
            role: entry.role,
            address: entry.address,
            action: entry.action,
            subject: entry.subject,
            outcome: entry.outcome,
            detail: Exact(serde_json::from_str(&entry.detail).unwrap_or(Value::String(entry.detail))),
            previous,
            hash,
        }
    }
}

/// `GET /admin/v1/audit`
pub(super) async fn all(ask: Ask<Meant, NoBody>) -> Outcome<List<Entry>> {
    let Meant { actor, action, from, until, limit, cursor } = ask.query;
    let limit = list::limit(limit)?;
    let filter = AuditFilter { actor, action, from_us: micros(from), until_us: micros(until) };
    let before = match cursor {
        Some(cursor) => Some(list::number(&list::words::<1>(&cursor)?[0])?.min(i64::MAX.unsigned_abs())),
        None => None,
    };
    let mut rows = ask.control.books().db.audit_page(&filter, before, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| list::cursor(&[&row.number.to_string()]));
    Ok(Reply::of(List { data: rows.into_iter().map(Entry::from).collect(), next }))
}

/// What was found when the trail was looked through.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerified)]
pub(super) struct Verified {
    /// Whether every entry is as it was written.
    whole: bool,
    /// How many entries were looked at.
    entries: u64,
    /// The number of the first that has to be there.
    first: u64,
    /// The number of the last.
    last: u64,
    /// What is wrong, in the order of the numbers.
    broken: Vec<Broken>,
}

/// Entries that are not as they were written.
#[derive(Serialize, ToSchema)]
#[schema(as = BrokenEntries)]
struct Broken {
    /// The number of the first of them.
    number: u64,
    /// The number of the last of them.
    through: u64,
    /// What is wrong.
    what: String,
}

/// `POST /admin/v1/audit/verify`
pub(super) async fn verify(ask: Ask<NoQuery, NoBody>) -> Outcome<Verified> {
    let report = ask.control.books().db.verify_audit().await?;
    let broken = |one: &store::audit::Broken| Broken {
        number: one.number,
        through: one.through,
        what: one.to_string(),
    };
    let verified = Verified {
        whole: report.broken.is_empty(),
        entries: report.rows,
        first: report.first,
        last: report.last,
        broken: report.broken.iter().map(broken).collect(),
    };
    let outcome = if verified.whole { "done" } else { "broken" };
    ask.control
        .audit(
            &ask.actor,
            crate::Deed {
                action: "audit.verify",
                subject: "audit",
                outcome,
                detail: json!({"entries": report.rows}),
            },
        )
        .await;
    Ok(Reply::of(verified))
}
