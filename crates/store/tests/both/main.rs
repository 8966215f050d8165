//! Every test of the store, on both databases: a file, and a PostgreSQL of its own that these tests start.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

mod foreign;
mod large;
mod opening;
mod place;
mod records;
mod secrets;
mod spooling;
mod upkeep;

/// Runs each test of a list once for each database.
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
}
