//! A kept conversation as its caller reads it: item by item, page by page.

use serde_json::{Value, json};

/// Which page is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    limit: usize,
    /// The oldest first.
    ascending: bool,
    after: Option<String>,
}

impl Wanted {
    /// Reads a query (`limit` from 1 to 100 and usually 20, `order` and `after`); what else stands in it is passed over.
    ///
    /// # Errors
    /// The name of the parameter that is wrong, and why.
    pub fn read(query: Option<&str>) -> Result<Self, (&'static str, &'static str)> {
        let mut wanted = Self { limit: 20, ascending: false, after: None };
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                    wanted.limit = limit.ok_or(("limit", "is a number from 1 to 100"))?;
                }
                "order" => {
                    wanted.ascending = match value {
                        "asc" => true,
                        "desc" => false,
                        _ => return Err(("order", "is `asc` or `desc`")),
                    }
                }
                "after" => wanted.after = Some(value.to_owned()).filter(|after| !after.is_empty()),
                _ => {}
            }
        }
        Ok(wanted)
    }
}

/// A page of items, which come oldest first; `None`: there is none of the id behind which it was to begin.
pub fn page(mut items: Vec<Value>, wanted: &Wanted) -> Option<Value> {
    if !wanted.ascending {
        items.reverse();
    }
    let from = match &wanted.after {
        None => 0,
        Some(after) => items.iter().position(|item| item["id"] == after.as_str())? + 1,
    };
    let rest = items.split_off(from);
    let more = rest.len() > wanted.limit;
    let page: Vec<Value> = rest.into_iter().take(wanted.limit).collect();
    let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
    let (first, last) = (id(page.first()), id(page.last()));
    Some(json!({"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": more}))
}

/// What says that a response is gone.
pub fn deleted(id: &str) -> Value {
    json!({"id": id, "object": "response", "deleted": true})
}
