//! Files as they were at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::origin::Layer;
use crate::problem::Problem;

/// One file's text.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) layer: Layer,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// What files said at one moment.
#[derive(Clone, Default, Debug)]
pub struct Frozen {
    pub(crate) texts: Vec<Text>,
    pub(crate) environment: BTreeMap<String, String>,
    /// What is wrong with what belongs to the file, and what is worth knowing.
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Problem>,
}
