//! Server-sent events: where one ends, and what it tells us.
//!
//! Source: WHATWG HTML, "Server-sent events": lines end with LF, CR or CRLF, an empty line ends an event. The splitter
//! works on bytes and never assumes that a read ends at an event, a line or a character.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::usage::{self, Usage};

/// Finds the ends of events in a stream that arrives in pieces.
#[derive(Debug)]
pub struct Splitter {
    /// Nothing but a line end has been seen on the current line.
    line_is_empty: bool,
    /// The last byte was CR: a following LF belongs to it.
    after_cr: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        // An empty line before any field ends nothing worth having, but it does no harm either: keep-alives do that.
        Self { line_is_empty: true, after_cr: false }
    }
}

impl Splitter {
    /// Calls `ended` with each offset just behind an event's end within `piece`.
    pub fn push(&mut self, piece: &[u8], mut ended: impl FnMut(usize)) {
        let mut line_from = 0;
        for at in memchr::memchr2_iter(b'\n', b'\r', piece) {
            let empty = self.line_is_empty && at == line_from;
            if piece[at] == b'\n' && self.after_cr && at == line_from {
                // The second half of a CRLF: its line was ended by the CR already.
                self.after_cr = false;
                line_from = at + 1;
                continue;
            }
            self.after_cr = piece[at] == b'\r';
            line_from = at + 1;
            self.line_is_empty = true;
            if empty {
                ended(end_of_line(piece, at));
            }
        }
        if line_from < piece.len() {
            self.line_is_empty = false;
            self.after_cr = false;
        }
    }
}

/// Behind the line end at `at`; a CRLF that lies whole in the piece is taken whole.
fn end_of_line(piece: &[u8], at: usize) -> usize {
    if piece[at] == b'\r' && piece.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 }
}

/// What one event tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// The answer is complete with it: `[DONE]`, the last event of its kind, an error.
    pub ends: bool,
    /// Some choice of the answer is complete (a finish reason); others may not be.
    pub finishes: bool,
    /// It is an error, in place of an answer or of the rest of one.
    pub fails: bool,
    /// The tokens it counts.
    pub usage: Option<Usage>,
    /// Its events carry names (`event:` lines), as those of Responses do.
    pub named: bool,
}

static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\":"));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\":"));
static TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"type\":"));

/// The names of last events: OpenAI's streams (responses, images, transcription, speech, assistants), Anthropic's.
const LAST: &[&[u8]] = &[
    b"response.completed",
    b"response.failed",
    b"response.incomplete",
    b"image_generation.completed",
    b"image_edit.completed",
    b"transcript.text.done",
    b"speech.audio.done",
    b"message_stop",
    b"error",
    b"done",
];

/// Reads one event. A quote inside a model's text is escaped on the wire, so keys are never found in prose.
pub fn read(event: &[u8]) -> Told {
    let mut told = Told::default();
    let event = event.strip_prefix("\u{feff}".as_bytes()).unwrap_or(event);
    for line in event.split(|&b| b == b'\n' || b == b'\r') {
        if let Some(data) = field(line, b"data") {
            read_data(data, &mut told);
        } else if let Some(name) = field(line, b"event") {
            told.named = true;
            told.ends |= LAST.contains(&name);
            told.fails |= name == b"error";
        }
    }
    told
}

fn read_data(data: &[u8], told: &mut Told) {
    if data.starts_with(b"[DONE]") {
        told.ends = true;
        return;
    }
    if let Some(counted) = usage::find(data) {
        told.usage = Some(told.usage.map_or(counted, |earlier| earlier.and(counted)));
    }
    let finish = FINISH.find(data).map(|at| data[at + FINISH.needle().len()..].trim_ascii_start());
    // Some vendors write an empty reason where others write null.
    told.finishes |= finish.is_some_and(|value| value.starts_with(b"\"") && !value.starts_with(b"\"\""));
    let kind = TYPE.find(data).filter(|at| outermost(data, *at));
    let kind = kind.map(|at| data[at + TYPE.needle().len()..].trim_ascii_start());
    let kind = kind.and_then(|value| value.strip_prefix(b"\"")?.split(|&b| b == b'"').next());
    told.ends |= kind.is_some_and(|kind| LAST.contains(&kind));
    told.fails |= kind == Some(b"error");
    let error = ERROR.find(data).filter(|at| outermost(data, *at));
    let error = error.and_then(|at| data[at + ERROR.needle().len()..].trim_ascii_start().first());
    let fails = matches!(error, Some(b'{' | b'"'));
    told.ends |= fails;
    told.fails |= fails;
}

/// Whether the key found belongs to the outermost object.
fn outermost(data: &[u8], at: usize) -> bool {
    data[..at].iter().filter(|&&b| b == b'{').count() == 1
}

/// The value of a line of that field name: one space behind the colon is not part of it.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut splitter, mut from, mut found) = (Splitter::default(), 0, Vec::new());
        for piece in pieces {
            splitter.push(piece, |end| found.push(from + end));
            from += piece.len();
        }
        found
    }

    #[test]
    fn every_line_ending_ends_events() {
        assert_eq!(ends(&[b"data: a\n\ndata: b\n\n"]), [9, 18]);
        assert_eq!(ends(&[b"data: a\r\n\r\ndata: b\r\n\r\n"]), [11, 22]);
        assert_eq!(ends(&[b"data: a\r\rdata: b\r\r"]), [9, 18]);
        assert_eq!(ends(&[b": comment\ndata: a\n\n"]), [19]);
    }

    #[test]
    fn pieces_may_be_cut_anywhere() {
        for text in ["data: a\n\nevent: x\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n"] {
            let whole = ends(&[text.as_bytes()]);
            for cut in 0..text.len() {
                let cut_ends = ends(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]);
                // A CRLF cut in two ends its event at the CR; the LF is the next event's empty beginning.
                assert_eq!(cut_ends.len(), whole.len(), "{text:?} cut at {cut}: {cut_ends:?}");
                for (a, b) in cut_ends.iter().zip(&whole) {
                    assert!(b - a <= 1, "{text:?} cut at {cut}: {cut_ends:?} {whole:?}");
                }
            }
        }
    }

    #[test]
    fn an_event_tells_its_end_its_error_and_its_count() {
        assert!(read(b"data: [DONE]\n\n").ends);
        let finished = read(b"data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n");
        assert!(finished.finishes && !finished.ends, "another choice may still be open");
        assert!(
            !read(b"data: {\"choices\":[{\"finish_reason\":null,\"delta\":{\"content\":\"x\"}}]}\n\n").ends
        );
        assert!(
            !read(b"data: {\"choices\":[{\"finish_reason\":\"\",\"delta\":{\"content\":\"x\"}}]}\n\n")
                .finishes
        );
        assert!(read(b"event: response.completed\ndata: {}\n\n").ends);
        assert!(!read(b"event: response.output_text.done\ndata: {}\n\n").ends);
        assert!(!read(b"event: response.output_item.done\ndata: {\"error\":null}\n\n").ends);
        assert!(read(b"event: transcript.text.done\ndata: {}\n\n").ends);
        let refused = read(b"data: {\"error\":{\"message\":\"no\"}}\n\n");
        assert!(refused.ends && refused.fails);
        assert!(read(b"data: {\"id\":\"x\",\"error\":{\"message\":\"no\"}}\n\n").ends);
        assert!(!read(b"data: {\"choices\":[{\"delta\":{\"error\":\"x\"}}]}\n\n").ends);
        let counted =
            read(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n");
        assert_eq!(counted.usage.map(|usage| (usage.input, usage.output)), Some((1, 2)));
    }
}
