//! Settings that are kept elsewhere than in files: one layer for what was imported, one for what was changed at run time.

use super::older;
use crate::given::Stored;
use crate::merge;
use crate::origin::Layer;
use crate::problem::Place;
use crate::reader::Findings;
use crate::tree::{self, Node};

/// What is stored for one layer.
pub(crate) fn read(stored: &[Stored], layer: Layer, below: &Node, findings: &Findings) -> Node {
    let mut root = Node::empty(Place::outside(layer.name()));
    for one in stored.iter().filter(|one| one.layer == layer) {
        let place = Place::outside(&one.place);
        match tree::read(&one.value, &one.place) {
            Ok(mut node) => {
                node.stand_at(&place);
                node.alone = one.alone;
                merge::set(&mut root, &one.path, node, &place);
            }
            Err(problems) => problems.into_iter().for_each(|problem| {
                findings.problem(&one.path.join("."), Some(&place), problem.what, problem.fix);
            }),
        }
        older::lengthen_providers(&mut root, below, findings);
    }
    // It was kept here before it was called otherwise.
    older::patience(&mut root, findings);
    root
}
