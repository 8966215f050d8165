//! What is done to a database now and then, and when that was.

/// One kind of work, as it is remembered. What is never begun is all zero.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Chore {
    /// Its name.
    pub name: String,
    /// When it was last begun, microseconds since 1970.
    pub begun_us: u64,
    /// When it was last done; before `begun_us`: it is being done, or has failed.
    pub done_us: u64,
    /// How large the database was then.
    pub bytes: u64,
}
