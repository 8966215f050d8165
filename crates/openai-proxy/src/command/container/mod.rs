//! The gateway in a container, by podman or docker, whichever is here. Each command shows with `--print` what it would do.

mod enable;
mod engine;
mod files;
mod kept;
mod keys;
mod recipe;
mod start;
mod status;
mod stop;
mod unit;

pub(super) use enable::{Disable, Enable};
pub(super) use files::Files;
pub(super) use start::Start;
pub(super) use status::Status;
pub(super) use stop::Stop;
