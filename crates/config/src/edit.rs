//! Changing the settings that are kept elsewhere than in files: one row a setting, so that each has its author.

use std::time::SystemTime;

use serde_json::{Map, Value as Json};

use crate::given::Stored;
use crate::origin::Layer;
use crate::sheet::Sheet;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// The words of the setting's path.
    pub path: Vec<String>,
    /// What becomes of it.
    pub what: What,
}

/// What becomes of a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// This value; a map is laid over what is there, and its nulls take settings away (RFC 7396).
    Set(Json),
    /// This value and nothing of what was there.
    Replace(Json),
    /// Nothing is there any more, whatever the files say.
    Remove,
    /// What was changed here is forgotten: what the files say counts again.
    Reset,
}

/// Who makes a change, and when.
#[derive(Clone, Debug)]
pub struct By {
    /// Their name.
    pub author: Option<String>,
    /// When.
    pub time: Option<SystemTime>,
    /// What the change is called in messages: `revision 12`.
    pub place: String,
}

/// The rows of a layer after these changes. `below` is what the weaker layers say: what they do not say need not be taken
/// away. Rows of other layers stay as they are.
pub fn edited(rows: &[Stored], layer: Layer, edits: &[Edit], below: &Sheet, by: &By) -> Vec<Stored> {
    let (ours, others) = rows.iter().cloned().partition(|row| row.layer == layer);
    let mut rows = Rows { rows: ours, layer, below, by };
    for Edit { path, what } in edits {
        match what {
            What::Set(value) => rows.lay(path, value),
            What::Replace(value) => rows.put(path, value.clone(), value.is_object()),
            What::Remove => rows.put(path, Json::Null, false),
            What::Reset => rows.clear(path),
        }
    }
    let mut all: Vec<Stored> = others;
    all.extend(rows.rows);
    all
}

struct Rows<'a> {
    rows: Vec<Stored>,
    layer: Layer,
    below: &'a Sheet,
    by: &'a By,
}

impl Rows<'_> {
    /// Lays a value over what is there, leaf by leaf.
    fn lay(&mut self, path: &[String], value: &Json) {
        match value {
            Json::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    let path: Vec<String> = path.iter().chain([key]).cloned().collect();
                    self.lay(&path, value);
                }
            }
            leaf => self.put(path, leaf.clone(), false),
        }
    }

    fn put(&mut self, path: &[String], value: Json, alone: bool) {
        self.clear(path);
        match self.above(path) {
            // Below one value is nothing; and where all that is there stands in one row, a null in it would be a name with
            // nothing behind it.
            Some(index) if value.is_null() && (self.is_single(index) || self.stands_alone(path)) => return,
            Some(index) if self.is_single(index) => {
                // Nothing was there, or one value: from now on this, and still nothing else.
                let above = self.rows.remove(index);
                let mut value = value;
                for word in path[above.path.len()..].iter().rev() {
                    value = Json::Object(Map::from_iter([(word.clone(), value)]));
                }
                self.add(above.path, value, true);
                return;
            }
            _ if value.is_null() && self.below.at(path).is_none() => return,
            _ => {}
        }
        self.add(path.to_vec(), value, alone);
    }

    fn add(&mut self, path: Vec<String>, value: Json, alone: bool) {
        let By { author, time, place } = self.by.clone();
        self.rows.push(Stored {
            layer: self.layer,
            path,
            value: value.to_string(),
            alone,
            place,
            author,
            time,
        });
    }

    /// Forgets what was said at a path and below it.
    fn clear(&mut self, path: &[String]) {
        self.rows.retain(|row| !row.path.starts_with(path));
        for row in self.rows.iter_mut().filter(|row| path.starts_with(&row.path)) {
            let mut value = read(&row.value);
            if take(&mut value, &path[row.path.len()..]) {
                row.value = value.to_string();
            }
        }
    }

    /// The nearest row above a path.
    fn above(&self, path: &[String]) -> Option<usize> {
        let above = self.rows.iter().enumerate().filter(|(_, row)| path.starts_with(&row.path));
        above.max_by_key(|(_, row)| row.path.len()).map(|(index, _)| index)
    }

    fn is_single(&self, index: usize) -> bool {
        self.rows.get(index).is_some_and(|row| !read(&row.value).is_object())
    }

    fn stands_alone(&self, path: &[String]) -> bool {
        self.rows.iter().any(|row| row.alone && path.starts_with(&row.path))
    }
}

/// A row's value. What is no JSON was written by somebody else, and is one value to us.
fn read(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
}

/// Takes what stands at a path out of a map; whether it was there.
fn take(value: &mut Json, path: &[String]) -> bool {
    let Some((last, way)) = path.split_last() else { return false };
    let inner = way.iter().try_fold(value, |value, word| value.get_mut(word));
    inner.and_then(Json::as_object_mut).is_some_and(|members| members.shift_remove(last).is_some())
}
