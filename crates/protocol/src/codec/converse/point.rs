//! What blocks and outcomes both have: ids of calls, and cache points.

use serde_json::{Value, json};

use super::super::json::Object;
use super::{Pen, unsayable};

/// The id of a call, with letters Bedrock knows: the same for a call and its outcome, and for no other.
pub(super) fn call_id(id: &str, pen: &mut Pen<'_>) -> String {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    if !pen.asks || ((1..=64).contains(&id.len()) && id.chars().all(known)) {
        return id.to_owned();
    }
    pen.losses.add(&unsayable::CALL_ID);
    let begin: String = id.chars().filter(|letter| known(*letter)).take(48).collect();
    format!("{begin}_{:08x}", crc32fast::hash(id.as_bytes()))
}

/// Where a cached beginning ends.
pub(super) fn cache_point(ttl: Option<&str>) -> Value {
    let mut point = Object::default();
    point.put("type", "default").maybe("ttl", ttl);
    json!({"cachePoint": point.done()})
}
