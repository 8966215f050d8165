//! Floor 3: who may change what, by one path.
//!
//! Plain so far: a change is the configuration read anew, checked whole, and swapped in. Recording it as a revision, the
//! admin API and the panel join here.

mod apply;

pub use apply::{Applied, apply};
