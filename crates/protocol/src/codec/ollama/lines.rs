//! Lines of JSON, out of pieces cut anywhere.

use serde_json::Value;

use crate::codec::{LONGEST, json};
use crate::hub::Unreadable;

/// Lines out of pieces.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
}

impl Lines {
    /// Takes a piece and calls `each` with every line that ends in it. Lines without anything are passed over.
    ///
    /// # Errors
    /// When a line is no JSON object, or too long.
    pub(super) fn push(&mut self, piece: &[u8], mut each: impl FnMut(&Value)) -> Result<(), Unreadable> {
        let mut pieces = piece.split(|byte| *byte == b'\n');
        // What stands behind the last end of a line has not ended.
        let begun = pieces.next_back().unwrap_or_default();
        for end in pieces {
            self.begun.extend_from_slice(end);
            told(&std::mem::take(&mut self.begun), &mut each)?;
        }
        self.begun.extend_from_slice(begun);
        if self.begun.len() > LONGEST {
            return Err(Unreadable::new("A line of the stream is too long."));
        }
        Ok(())
    }

    /// Whether a line has begun that has not ended.
    pub(super) fn is_within(&self) -> bool {
        !self.begun.is_empty()
    }

    /// The stream ended: a last line without its end is taken as it is.
    ///
    /// # Errors
    /// When it is no JSON object: it was cut.
    pub(super) fn end(&mut self, mut each: impl FnMut(&Value)) -> Result<(), Unreadable> {
        told(&std::mem::take(&mut self.begun), &mut each)
    }
}

fn told(line: &[u8], each: &mut impl FnMut(&Value)) -> Result<(), Unreadable> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| Unreadable::new(format!("A line of the stream is not valid JSON: {error}.")))?;
    if !value.is_object() {
        return Err(Unreadable::new("A line of the stream is no JSON object."));
    }
    each(&value);
    Ok(())
}

/// Writes a line.
pub(super) fn write(out: &mut Vec<u8>, line: &Value) {
    json::append(out, line);
    out.push(b'\n');
}
