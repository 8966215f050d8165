//! A streamed answer, read.

use serde_json::Value;

use super::super::StreamReader;
use crate::hub::{Begun, Delta, Opening, Stop, Unreadable};

/// Reads lines.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    begun: bool,
    done: bool,
}

impl StreamReader for Reader {
    fn read(&mut self, piece: &[u8], out: &mut Vec<Delta>) -> Result<(), Unreadable> {
        for byte in piece {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                let line = serde_json::from_slice(&line).map_err(|_| Unreadable::new("This is no line."))?;
                self.told(&line, out);
            } else {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<Delta>) -> bool {
        self.done
    }
}

impl Reader {
    fn told(&mut self, line: &Value, out: &mut Vec<Delta>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.extend([Delta::Begin(Begun::default()), Delta::Open(0, Opening::Text)]);
        }
        if let Some(text) = line["say"].as_str() {
            out.push(Delta::Grow(0, text.to_owned()));
        }
        if line["why"].is_string() && !std::mem::replace(&mut self.done, true) {
            out.extend([Delta::Close(0), Delta::Stop(Stop::End)]);
        }
    }
}
