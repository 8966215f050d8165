//! What an answer, its message and its events are called: another answer's events get the names of the one the caller has.

use std::ops::Range;

use super::super::super::event::{Step, Tongue, place};
use super::super::Said;
use crate::envelope;

use Step::{First, Member};

/// The names of the caller's answer, each as JSON, and where they stand in an event.
#[derive(Debug)]
pub(super) struct Names {
    rows: Vec<(&'static [Step], String)>,
    /// The caller knows the message by a name.
    item: bool,
    /// The number of the next event, where events are numbered.
    next: Option<u64>,
}

impl Names {
    /// Those of the answer that was sent.
    pub(super) fn of(tongue: Tongue, said: &Said) -> Self {
        let text =
            |name: &Option<String>| name.as_deref().map(|name| serde_json::Value::from(name).to_string());
        let (id, created, item) = (text(&said.id), said.created.map(|at| at.to_string()), text(&said.item));
        let rows: Vec<(&[Step], Option<String>)> = match tongue {
            Tongue::Chat | Tongue::Text => vec![(&[Member("id")], id), (&[Member("created")], created)],
            Tongue::Responses => vec![
                (&[Member("response"), Member("id")], id),
                (&[Member("response"), Member("created_at")], created),
                (&[Member("response"), Member("output"), First, Member("id")], item.clone()),
                (&[Member("item"), Member("id")], item.clone()),
                (&[Member("item_id")], item),
            ],
            // An answer's name stands in its first event only, which is not sent twice.
            Tongue::Messages => Vec::new(),
        };
        let rows = rows.into_iter().filter_map(|(way, name)| Some((way, name?))).collect();
        Self { rows, item: said.item.is_some(), next: said.number.map(|number| number + 1) }
    }

    /// Whether the caller has had the event that opens the message.
    pub(super) fn have_item(&self) -> bool {
        self.item
    }

    /// The edits by which an event bears these names, and the next number.
    pub(super) fn put(&mut self, json: &[u8], edits: &mut Vec<(Range<usize>, String)>) {
        let mut edit = |way: &[Step], name: &str| {
            let place = place(json, way).filter(|place| json.get(place.clone()) != Some(name.as_bytes()));
            edits.extend(place.map(|place| (place, name.to_owned())));
        };
        self.rows.iter().for_each(|(way, name)| edit(way, name));
        if let Some(number) = &mut self.next {
            edit(&[Member("sequence_number")], &number.to_string());
            *number += 1;
        }
    }
}

/// Where the first choice of a chunk says who speaks, with its comma.
pub(super) fn role(json: &[u8]) -> Option<Range<usize>> {
    let delta = place(json, &[Member("choices"), First, Member("delta")])?;
    let role = envelope::member(json.get(delta.clone())?, "role")?.whole;
    Some(delta.start + role.start..delta.start + role.end)
}
