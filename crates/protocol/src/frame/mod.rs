//! frame

pub mod multipart;
