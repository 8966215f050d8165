//! The audit, in SQL.

use sqlx::{QueryBuilder, Row as _};

use super::{Connection, Driver, Row};
use crate::audit::{AuditEntry, AuditFilter, AuditKey, AuditRow, Ends};
use crate::db::statements::{Result, signed, unsigned};

const AGAIN: &str = "INSERT INTO audit_ends (id, before_number, before_hash, last_number, last_hash, seal) VALUES (1, 0, '', 0, '', '') ON CONFLICT (id) DO NOTHING";
const LOCK: &str = "UPDATE audit_ends SET id = id WHERE id = 1 RETURNING before_number, before_hash, last_number, last_hash, seal";
const END: &str = "UPDATE audit_ends SET before_number = $1, before_hash = $2, last_number = $3, last_hash = $4, seal = $5 WHERE id = 1";
/// In one statement, and so of one moment.
const ENDS: &str = "SELECT ends.before_number, ends.before_hash, ends.last_number, ends.last_hash, ends.seal, (SELECT COALESCE(MAX(number), 0) FROM audit) FROM (SELECT 1 AS one) AS always LEFT JOIN audit_ends AS ends ON ends.id = always.one";
const HIGHEST: &str = "SELECT COALESCE(MAX(number), 0) FROM audit";
const ADD: &str = "INSERT INTO audit (number, at_us, actor, role, address, action, subject, outcome, detail, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const SELECT: &str = "SELECT number, at_us, actor, role, address, action, subject, outcome, detail, previous, hash FROM audit WHERE 1 = 1";
/// Rows that are read at once.
const PIECE: i64 = 1_000;

/// Where the chain begins and ends. Until the transaction is over, nobody else gets past this.
pub(in crate::db) async fn lock(on: &mut Connection) -> Result<Ends> {
    // Somebody may have taken the row away: then it says that nothing has begun, which is known to be wrong later.
    sqlx::query::<Driver>(AGAIN).execute(&mut *on).await?;
    ends_of(&sqlx::query::<Driver>(LOCK).fetch_one(on).await?)
}

/// Begins the chain, if nobody has.
pub(in crate::db) async fn begin(on: &mut Connection, key: &AuditKey) -> Result<()> {
    if lock(on).await? == Ends::default() && highest(on).await? == 0 {
        end(on, &Ends::of_nothing(key)).await?;
    }
    Ok(())
}

/// Adds an entry behind these ends, which are locked; its number.
pub(in crate::db) async fn add(
    on: &mut Connection,
    key: &AuditKey,
    ends: Ends,
    entry: AuditEntry,
) -> Result<u64> {
    let (row, ends) = ends.follow(key, highest(on).await?, entry);
    let AuditEntry { at_us, actor, role, address, action, subject, outcome, detail } = &row.entry;
    let add = sqlx::query::<Driver>(ADD).bind(signed(row.number)).bind(signed(*at_us));
    let add = add.bind(actor).bind(role).bind(address).bind(action).bind(subject).bind(outcome);
    add.bind(detail).bind(&row.previous).bind(&row.hash).execute(&mut *on).await?;
    end(on, &ends).await?;
    Ok(row.number)
}

/// Rows before a number that are meant, newest first.
pub(in crate::db) async fn page(
    on: &mut Connection,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditRow>> {
    let mut select = QueryBuilder::<Driver>::new(SELECT);
    let numbers =
        [(" AND number < ", before), (" AND at_us >= ", filter.from_us), (" AND at_us < ", filter.until_us)];
    for (column, value) in numbers {
        if let Some(value) = value {
            select.push(column).push_bind(signed(value));
        }
    }
    for (column, value) in [(" AND actor = ", &filter.actor), (" AND action = ", &filter.action)] {
        if let Some(value) = value {
            select.push(column).push_bind(value);
        }
    }
    select.push(" ORDER BY number DESC LIMIT ").push_bind(signed(limit as u64));
    select.build().fetch_all(on).await?.iter().map(entry).collect()
}

/// Where the chain begins and ends, and the highest number there is.
pub(in crate::db) async fn ends(on: &mut Connection) -> Result<(Ends, u64)> {
    let row = sqlx::query::<Driver>(ENDS).fetch_one(on).await?;
    let ends = match row.try_get::<Option<i64>, _>(0)? {
        Some(_) => ends_of(&row)?,
        None => Ends::default(),
    };
    Ok((ends, unsigned(row.try_get(5)?)))
}

/// The next rows after a number, up to another.
pub(in crate::db) async fn piece(on: &mut Connection, after: u64, through: u64) -> Result<Vec<AuditRow>> {
    let mut select = QueryBuilder::<Driver>::new(SELECT);
    select.push(" AND number > ").push_bind(signed(after));
    select.push(" AND number <= ").push_bind(signed(through));
    select.push(" ORDER BY number LIMIT ").push_bind(PIECE);
    select.build().fetch_all(on).await?.iter().map(entry).collect()
}

/// Deletes some of the rows of before this time; how many.
pub(in crate::db) async fn prune(on: &mut Connection, key: &AuditKey, before_us: u64) -> Result<u64> {
    let ends = lock(on).await?;
    let oldest = piece(on, ends.before, ends.last).await?;
    let (gone, ends) = ends.without(key, &oldest, before_us);
    if gone > 0 {
        let delete = sqlx::query::<Driver>("DELETE FROM audit WHERE number <= $1");
        delete.bind(signed(ends.before)).execute(&mut *on).await?;
        end(on, &ends).await?;
    }
    Ok(gone as u64)
}

async fn highest(on: &mut Connection) -> Result<u64> {
    sqlx::query_scalar::<Driver, i64>(HIGHEST).fetch_one(on).await.map(unsigned)
}

async fn end(on: &mut Connection, ends: &Ends) -> Result<()> {
    let end = sqlx::query::<Driver>(END).bind(signed(ends.before)).bind(&ends.before_hash);
    let end = end.bind(signed(ends.last)).bind(&ends.last_hash).bind(&ends.seal);
    end.execute(on).await.map(|_done| ())
}

fn ends_of(row: &Row) -> Result<Ends> {
    Ok(Ends {
        before: unsigned(row.try_get(0)?),
        before_hash: row.try_get(1)?,
        last: unsigned(row.try_get(2)?),
        last_hash: row.try_get(3)?,
        seal: row.try_get(4)?,
    })
}

fn entry(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        number: unsigned(row.try_get(0)?),
        entry: AuditEntry {
            at_us: unsigned(row.try_get(1)?),
            actor: row.try_get(2)?,
            role: row.try_get(3)?,
            address: row.try_get(4)?,
            action: row.try_get(5)?,
            subject: row.try_get(6)?,
            outcome: row.try_get(7)?,
            detail: row.try_get(8)?,
        },
        previous: row.try_get(9)?,
        hash: row.try_get(10)?,
    })
}
