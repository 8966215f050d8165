//! How much somebody may ask for: the same three settings, whosever they are.

use crate::reader::table::Shape::{Value, Whole};
use crate::reader::table::{Table, now};
use crate::reader::{RATE, Section as Settings, rate};
use crate::snapshot::Limit;

/// How much somebody may ask for.
pub(crate) const LIMIT: Table = Table {
    noun: "a limit",
    rows: &[
        now("requests", Value(&RATE), "Requests in a time."),
        now("tokens", Value(&RATE), "Tokens in a time, in and out together."),
        now("concurrency", Whole(1), "Calls at once."),
    ],
};

/// Reads how much somebody may ask for.
pub(crate) fn limit(section: Settings<'_>) -> Limit {
    let limit = Limit {
        requests: section.or("requests", |at| at.parse(rate).map(Some), None),
        tokens: section.or("tokens", |at| at.parse(rate).map(Some), None),
        concurrency: section
            .get("concurrency")
            .and_then(|at| at.number(1))
            .map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
    };
    section.close();
    limit
}
