//! leaving
