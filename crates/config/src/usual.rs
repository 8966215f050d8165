//! The weakest layer: what holds when nobody says anything, from the tables.

use crate::document::{FILE, provider::PROVIDER};
use crate::problem::Place;
use crate::reader::table::{Shape, Table};
use crate::tree::{Node, Scalar, Value};

/// The defaults of the file, and of each of these providers.
pub(crate) fn defaults<'a>(providers: impl Iterator<Item = &'a str>) -> Node {
    let mut root = section(&FILE);
    let mut all = Node::empty(place());
    for name in providers {
        all.put(name, section(&PROVIDER));
    }
    if !all.entries().is_empty() {
        root.put("providers", all);
    }
    root
}

fn place() -> Place {
    Place::outside("built in")
}

fn section(table: &Table) -> Node {
    let mut node = Node::empty(place());
    for row in table.rows.iter().filter(|row| row.in_use && row.key != "provider_defaults") {
        if let Some(usual) = row.usual {
            let scalar = Scalar { text: usual.to_owned(), ..Scalar::default() };
            node.put(row.key, Node::new(Value::Scalar(scalar), place()));
        } else if let Shape::Section(inner) = row.shape {
            let inner = section(inner);
            if !inner.entries().is_empty() {
                node.put(row.key, inner);
            }
        }
    }
    node
}
