//! The layers, weakest first: variables others set, what the environment lets us find, the file and those beside it,
//! `OPENAI_PROXY__A__B` variables, flags.
//!
//! Each has one file here and becomes the same tree, so that every later step knows only one way in. This is also the
//! one folder of the crate that may call a vendor by its name.

mod dotenv;
pub(crate) mod environment;
pub(crate) mod file;
pub(crate) mod folder;
pub(crate) mod kinds;
pub(crate) mod older;
pub(crate) mod stack;
mod stored;
