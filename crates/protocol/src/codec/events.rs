//! Server-sent events of a conversation: read out of pieces cut anywhere, and written.
//!
//! Source: WHATWG HTML, "Server-sent events".

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::LONGEST;
use super::json::append;
use crate::frame::sse::Splitter;
use crate::hub::Unreadable;

/// Events out of pieces.
#[derive(Debug, Default)]
pub(super) struct Events {
    splitter: Splitter,
    /// The beginning of an event whose end has not come.
    begun: Vec<u8>,
}

impl Events {
    /// Takes a piece and calls `each` with the name (empty: none) and the data of every event that ends in it.
    ///
    /// # Errors
    /// The first error of `each`, or an event that is too long, or no UTF-8.
    pub(super) fn push(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(&str, &str) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let Self { splitter, begun } = self;
        let (mut from, mut outcome) = (0, Ok(()));
        splitter.push(piece, |end| {
            let rest = &piece[std::mem::replace(&mut from, end)..end];
            if outcome.is_err() {
                return;
            }
            // Mostly an event comes whole, and is read where it lies.
            outcome = if begun.is_empty() {
                told(rest, &mut each)
            } else {
                begun.extend_from_slice(rest);
                let told = told(begun, &mut each);
                begun.clear();
                told
            };
        });
        outcome?;
        begun.extend_from_slice(&piece[from..]);
        if begun.len() > LONGEST {
            return Err(Unreadable::new("An event of the stream is too long."));
        }
        Ok(())
    }

    /// The stream ended: an event whose empty line never came is taken as it is.
    pub(super) fn end(
        &mut self,
        mut each: impl FnMut(&str, &str) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let event = std::mem::take(&mut self.begun);
        told(&event, &mut each)
    }
}

fn told(event: &[u8], each: &mut impl FnMut(&str, &str) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
    let event = event.strip_prefix("\u{feff}".as_bytes()).unwrap_or(event);
    let event =
        std::str::from_utf8(event).map_err(|_| Unreadable::new("An event of the stream is not UTF-8."))?;
    let (mut name, mut data) = ("", None::<Cow<'_, str>>);
    for line in event.split(['\n', '\r']) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut data) {
            ("event", _) => name = value,
            ("data", None) => data = Some(Cow::Borrowed(value)),
            ("data", Some(data)) => {
                let data = data.to_mut();
                data.push('\n');
                data.push_str(value);
            }
            _ => {}
        }
    }
    match data {
        Some(data) => each(name, &data),
        None => Ok(()),
    }
}

/// The JSON of an event.
pub(super) fn json(data: &str) -> Result<Value, Unreadable> {
    serde_json::from_str(data)
        .map_err(|error| Unreadable::new(format!("An event of the stream is not valid JSON: {error}.")))
}

/// Writes an event without a name.
pub(super) fn write(out: &mut Vec<u8>, data: &impl Serialize) {
    out.extend_from_slice(b"data: ");
    append(out, data);
    out.extend_from_slice(b"\n\n");
}

/// Writes an event with a name.
pub(super) fn write_named(out: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    write(out, data);
}
