//! How whichever database it is is asked: in the same words a file and a server, and what memory does instead.

use std::future::Future;
use std::pin::Pin;

use super::statements;

/// Statements at work on a connection.
pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = statements::Result<T>> + Send + 'c>>;

/// `ask!(db, read, |memory| done in memory, |sql, on| statements of the module `sql` on the connection `on`)`. With `write`
/// instead of `read` they are one transaction that has the right to write from its beginning.
macro_rules! ask {
    ($db:expr, $how:ident, |$memory:ident| $instead:expr, |$sql:ident, $on:ident| $work:expr $(,)?) => {
        match &$db.base {
            $crate::db::Base::Memory($memory) => Ok($instead),
            $crate::db::Base::Sqlite(sqlite) => {
                use $crate::db::statements::sqlite as $sql;
                sqlite.$how(move |$on| Box::pin(async move { $work.await })).await
            }
            $crate::db::Base::Postgres(postgres) => {
                use $crate::db::statements::postgres as $sql;
                postgres.$how(move |$on| Box::pin(async move { $work.await })).await
            }
        }
    };
}
