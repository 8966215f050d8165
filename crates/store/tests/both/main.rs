//! Every test of the store, on both databases: a file, and a PostgreSQL of its own that these tests start.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

mod audit;
mod foreign;
mod large;
mod once;
mod opening;
mod place;
mod power;
mod records;
mod responses;
mod revisions;
mod secrets;
mod spooling;
mod standings;
mod upkeep;

/// Runs each test of a list once for each database; those behind `in memory, too` there as well.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { super::$test(&$crate::place::Ground::sqlite()); })*
        }
        mod postgres {
            $(#[test] fn $test() { super::$test(&$crate::place::Ground::postgres()); })*
        }
    };
    ($($test:ident),* ; in memory, too: $($everywhere:ident),* $(,)?) => {
        $crate::on_both!($($test,)* $($everywhere),*);
        mod memory {
            $(#[test] fn $everywhere() { super::$everywhere(&$crate::place::Ground::memory()); })*
        }
    };
}
