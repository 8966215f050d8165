//! The roof: reads the command line, builds the house, and takes it down.

mod command;
mod house;
mod logging;
mod screen;
mod search;

pub use command::run;
pub use house::{BuildProblem, House};
