//! A streamed answer, written.

use serde_json::json;

use super::super::StreamWriter;
use super::super::json::append;
use crate::fault::Kind;
use crate::hub::Delta;

/// Writes lines.
#[derive(Debug)]
pub(super) struct Writer;

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let line = match delta {
            Delta::Grow(_, text) => json!({"say": text}),
            Delta::Stop(_) => json!({"why": "done"}),
            _ => return,
        };
        append(out, &line);
        out.push(b'\n');
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn broken(&mut self, _: Kind, say: &str, out: &mut Vec<u8>) {
        append(out, &json!({"broke": say}));
        out.push(b'\n');
    }
}
