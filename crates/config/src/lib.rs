//! Floor 1: turns what people wrote, in any number of layers, into one checked, frozen [`Snapshot`].
//!
//! The way, top to bottom: `layer` brings the file, the environment and the flags into one `tree`; `interpolate` fills
//! in `${...}`; `document` reads every value by itself; `resolve` decides what needs several of them. Whatever is wrong
//! on the way is collected as [`Problem`]s and told at once, each with its place and what to do.

mod address;
mod document;
mod edit;
mod frozen;
mod given;
mod hide;
mod interpolate;
mod layer;
mod load;
mod looked;
mod merge;
mod nearest;
mod origin;
mod outline;
mod plain;
mod problem;
mod reader;
mod resolve;
mod rewrite;
mod schema;
mod sealing;
mod sheet;
pub mod snapshot;
mod sources;
mod text_file;
mod tree;
mod usual;
mod watched;
mod whole;
mod yaml;

pub use address::origin;
pub use document::provider::is_provider_name;
pub use edit::{By, Edit, What, edited};
pub use frozen::Frozen;
pub use given::{Found, Given, Stored};
pub use hide::is_setting;
pub use layer::environment::PLACEHOLDER;
pub use layer::file::places;
pub use load::{Loaded, admin, frozen, load, parse, storage};
pub use looked::{Looked, Outcome, looked};
pub use nearest::nearest;
pub use origin::{Layer, Leaf, Origin, Said, Sources};
pub use outline::{Outline, outline};
pub use plain::{Plain, plain, written};
pub use problem::{Place, Problem, Problems};
pub use reader::span;
pub use resolve::storage::state as state_folder;
pub use rewrite::{Migrated, migrate, tidy};
pub use schema::schema;
pub use sealing::{misplaced_references, open_secrets, seal, sealed_names};
pub use sheet::{Difference, Patch, Sheet, sheet};
pub use snapshot::Snapshot;
pub use sources::{effective, sources};
pub use text_file::read_text;
pub use watched::{Watched, watched};
pub use yaml::yaml;
