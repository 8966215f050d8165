//! The shared state of several workers: one JSON file.

use std::path::Path;

use serde_json::Value as Json;

use super::instance::{instances, time};
use super::{Left, Unread, unread};

pub(super) fn read(file: &Path) -> Result<Left, Unread> {
    if file.is_symlink() {
        return Err(unread(file, "it is a symbolic link, which is not followed; name the file itself"));
    }
    let text = config::read_text(file).map_err(|why| unread(file, why))?;
    if text.trim().is_empty() {
        return Ok(Left { instances: Vec::new(), older: 0 });
    }
    let value: Json =
        serde_json::from_str(&text).map_err(|error| unread(file, format!("it is no JSON ({error})")))?;
    if !value.is_object() && !value.is_array() {
        return Err(unread(file, "it holds no instances"));
    }
    let written = || std::fs::metadata(file).and_then(|data| data.modified()).ok();
    let time = time(value.get("timestamp")).or_else(written);
    Ok(Left { instances: instances(&value, time), older: 0 })
}
