//! Floor 1: turns what people wrote, in any number of layers, into one checked, frozen [`Snapshot`].

pub mod snapshot;

pub use snapshot::Snapshot;
