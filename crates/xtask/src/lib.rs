//! The workshop beside the house: what a developer runs by hand and the build runs for everybody.
//!
//! Nothing in the product imports this crate, and it imports nothing of the product: it reads the sources as text,
//! so that it still speaks when they do not compile.

pub mod licenses;
pub mod tidy;
