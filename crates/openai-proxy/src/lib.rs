//! The roof: reads the command line, builds the house, and takes it down.

mod chores;
mod command;
mod exit;
mod folders;
mod foundation;
mod given;
mod house;
mod instance;
mod logging;
mod occupant;
mod predecessor;
mod report;
mod screen;
mod search;
mod talk;
mod watch;
mod working;

pub use command::run;
pub use foundation::{BuildProblem, Foundation};
pub use house::House;
pub use predecessor::Unread;
