//! The steps by which a database becomes what this version needs. A step that was released is never changed: the next
//! one is added. Each is one text for both databases.

/// One step.
pub(super) struct Migration {
    pub(super) version: i64,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// All of them, in order.
pub(super) const ALL: &[Migration] = &[
    Migration { version: 1, name: "usage", sql: include_str!("migrations/0001_usage.sql") },
    Migration { version: 2, name: "secrets", sql: include_str!("migrations/0002_secrets.sql") },
    Migration { version: 3, name: "changes", sql: include_str!("migrations/0003_changes.sql") },
    Migration { version: 4, name: "chores", sql: include_str!("migrations/0004_chores.sql") },
    Migration { version: 5, name: "failures", sql: include_str!("migrations/0005_failures.sql") },
    Migration { version: 6, name: "trail", sql: include_str!("migrations/0006_trail.sql") },
    Migration { version: 7, name: "learnt", sql: include_str!("migrations/0007_learnt.sql") },
    Migration { version: 8, name: "responses", sql: include_str!("migrations/0008_responses.sql") },
];

/// What this version knows.
pub(super) fn known() -> i64 {
    ALL.last().map_or(0, |last| last.version)
}
