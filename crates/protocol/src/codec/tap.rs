//! A streamed answer in its caller's own words, read beside: what it counts, how far it has come, and whether it is complete.
//!
//! For wires whose ends and counts only their own codec finds. Nothing of the bytes is changed; where they cannot be read, nothing is
//! known of the answer, and its framing alone says where it ends.

use serde_json::{Value, json};

use super::json::bytes;
use super::{Mint, StreamReader, To, of};
use crate::dialect::Wire;
use crate::fault::{self, Kind};
use crate::frame::aws_event::Frames;
use crate::hub::{Counts, Delta, Request};
use crate::usage::Usage;

/// Reads one stream beside.
pub struct Tap {
    wire: Wire,
    reader: Box<dyn StreamReader>,
    counts: Option<Counts>,
    progress: Progress,
    /// The vendor told an error.
    failed: bool,
    /// It could not be read: what is not counted is estimated.
    lost: bool,
    /// Whether it was complete when it ended.
    complete: Option<bool>,
}

/// How far a streamed answer has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Progress {
    /// Nothing of it is an answer yet.
    #[default]
    Nothing,
    /// Something of it is: text, a thought, a call, a reason to end.
    Content,
    /// The vendor tells an error in its place: as a JSON body that `Vendor::read_fault` understands.
    Failed(Vec<u8>),
}

impl Progress {
    /// One step of an answer of that wire, which came with this piece.
    pub(super) fn takes(&mut self, step: &Delta, (wire, piece): (Wire, &[u8])) {
        if *self == Self::Nothing {
            *self = match step {
                Delta::Begin(_) | Delta::Counts(_) => Self::Nothing,
                Delta::Fault(words) => Self::Failed(complaint(wire, piece, words)),
                _ => Self::Content,
            };
        }
    }
}

impl Tap {
    /// For a stream of that wire; `None`: its bytes tell as much, which costs less.
    pub fn of(wire: Wire) -> Option<Self> {
        let tapped = counts_apart(wire) || wire == Wire::Gemini;
        tapped.then(|| Self {
            wire,
            reader: of(wire).reader(),
            counts: None,
            progress: Progress::Nothing,
            failed: false,
            lost: false,
            complete: None,
        })
    }

    /// Reads a piece.
    pub fn piece(&mut self, piece: &[u8]) {
        if self.lost {
            return;
        }
        let mut steps = Vec::new();
        if self.reader.read(piece, &mut steps).is_err() {
            self.lost = true;
            // What it has kept of an event without an end is given up.
            self.reader = of(self.wire).reader();
        }
        for step in steps {
            self.progress.takes(&step, (self.wire, piece));
            match step {
                Delta::Counts(counts) => {
                    self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
                }
                Delta::Fault(_) => self.failed = true,
                _ => {}
            }
        }
    }

    /// How far it has come; what cannot be read is content.
    pub fn progress(&self) -> Progress {
        if self.lost { Progress::Content } else { self.progress.clone() }
    }

    /// What was counted so far.
    pub fn counted(&self) -> Option<Usage> {
        self.counts.map(usage)
    }

    /// Nothing more comes: whether the answer says itself that it is complete.
    pub fn is_complete(&mut self) -> bool {
        if self.lost || self.failed {
            return false;
        }
        let Self { reader, complete, .. } = self;
        *complete.get_or_insert_with(|| reader.end(&mut Vec::new()))
    }

    /// Nothing more comes: whether the answer is known to want its end, of which the vendor has said nothing.
    pub fn is_cut(&mut self) -> bool {
        !self.lost && !self.failed && !self.is_complete()
    }

    /// Whether the vendor told an error.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether white space could stand here: nothing has begun that has not ended. Only an array takes it anywhere.
    pub fn is_between(&self) -> bool {
        !self.lost && self.reader.joint().is_some()
    }

    /// What says behind what has come that the answer broke off; `None`: there is no word for it in this place.
    pub fn broken(&self, kind: Kind, say: &str) -> Option<Vec<u8>> {
        let joint = self.reader.joint().filter(|_| !self.lost)?;
        let mut out = joint.as_bytes().to_vec();
        if self.wire == Wire::Gemini {
            out.extend_from_slice(fault::body(kind, say, None, self.wire.dialect()).as_bytes());
            out.push(b']');
        } else {
            let mint = Mint { now: 0, seed: 0 };
            of(self.wire).writer(&To { request: &Request::default(), mint }).broken(kind, say, &mut out);
        }
        Some(out)
    }
}

/// Whether only its codec finds what a wire counts: all others are read by their bytes, which costs less.
fn counts_apart(wire: Wire) -> bool {
    matches!(wire, Wire::Converse | Wire::Cohere | Wire::OllamaChat | Wire::OllamaGenerate)
}

/// What a whole answer of such a wire counts; `None` for every other.
pub(super) fn counted(wire: Wire, body: &[u8]) -> Option<Usage> {
    if !counts_apart(wire) {
        return None;
    }
    of(wire).read_response(body).ok()?.counts.map(usage)
}

/// The counts as they are booked.
pub(super) fn usage(counts: Counts) -> Usage {
    Usage { input: counts.input, output: counts.output, cached: counts.cached, reasoning: counts.thought }
}

/// A vendor's error within a stream as a body of its own: as it came where that is one object, else its words and its name.
fn complaint(wire: Wire, piece: &[u8], words: &str) -> Vec<u8> {
    let name = if wire == Wire::Converse { exception(piece) } else { None };
    let lines = piece.split(|byte| *byte == b'\n').chain([piece]);
    let told =
        lines.filter_map(bare).find(|object| object["error"].is_object() || object["error"].is_string());
    let told = told.unwrap_or_else(|| json!({"error": {"message": words, "code": name}}));
    bytes(&told)
}

/// The one object of a line, an event or an array.
fn bare(text: &[u8]) -> Option<Value> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"data:").unwrap_or(text).trim_ascii();
    let text = text.strip_prefix(b"[").or(text.strip_prefix(b",")).unwrap_or(text);
    let text = text.strip_suffix(b"]").or(text.strip_suffix(b",")).unwrap_or(text);
    serde_json::from_slice(text).ok().filter(Value::is_object)
}

/// The name of the exception that is in these frames.
fn exception(piece: &[u8]) -> Option<String> {
    let mut frames = Frames::default();
    frames.push(piece);
    while let Ok(Some(frame)) = frames.take() {
        if let Some(name) = frame.header(":exception-type").or(frame.header(":error-code")) {
            return Some(name.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(wire: Wire, pieces: &[&str]) -> Tap {
        let mut tap = Tap::of(wire).unwrap();
        pieces.iter().for_each(|piece| tap.piece(piece.as_bytes()));
        tap
    }

    /// What its caller has read when it broke off behind these pieces.
    fn told(wire: Wire, pieces: &[&str]) -> Option<String> {
        let told = heard(wire, pieces).broken(Kind::UpstreamInterrupted, "gone")?;
        Some(pieces.concat() + &String::from_utf8(told).unwrap())
    }

    #[test]
    fn an_array_that_broke_off_is_closed_with_an_error_wherever_that_can_be_put() {
        let one = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        let comma = format!("[{one},");
        let open = format!("[{one}\r\n");
        let all: [&[&str]; 5] = [&[], &["["], &[&open], &[&comma], &[&comma, one]];
        for pieces in all {
            let array = told(Wire::Gemini, pieces).unwrap();
            let read: Value = serde_json::from_str(&array).unwrap();
            let last = read.as_array().unwrap().last().unwrap();
            assert_eq!(last["error"]["message"], "gone", "{array}");
            assert!(heard(Wire::Gemini, pieces).is_cut(), "{array}");
        }
        assert_eq!(told(Wire::Gemini, &["[{\"candidates\""]), None, "within an element there is no place");
        assert_eq!(told(Wire::Gemini, &["data: {}\n\n"]), None, "events have their own way");
    }

    #[test]
    fn one_object_in_no_array_is_a_whole_answer() {
        let one = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
        let cases: [([&str; 2], bool); 6] = [
            ([one, ""], true),
            (["[", &format!("{one}]\n")], true),
            ([&one[..30], &format!("{}\n", &one[30..])], true),
            ([&one[..30], ""], false),
            ([one, one], false),
            ([&format!("[{one}]"), &format!("[{one}]")], false),
        ];
        for (pieces, whole) in cases {
            let mut tap = heard(Wire::Gemini, &pieces);
            assert_eq!((tap.is_complete(), tap.is_cut()), (whole, !whole), "{pieces:?}");
            assert!(!tap.is_between(), "{pieces:?}");
            assert_eq!(told(Wire::Gemini, &pieces), None, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_says_that_an_answer_broke_off() {
        let line = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
        let error = "{\"error\":\"gone\"}\n";
        assert_eq!(told(Wire::OllamaChat, &[line]), Some(format!("{line}{error}")));
        assert_eq!(told(Wire::OllamaChat, &["{\"mess"]), Some(format!("{{\"mess\n{error}")));
    }

    #[test]
    fn an_answer_begins_with_its_first_content_and_not_with_an_error() {
        let start = "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"1\"}\n\n";
        assert_eq!(heard(Wire::Cohere, &[start]).progress(), Progress::Nothing);
        let said = "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"a\"}}}}\n\n";
        assert_eq!(heard(Wire::Cohere, &[start, said]).progress(), Progress::Content);
        let full = r#"[{"error":{"code":429,"message":"full","status":"RESOURCE_EXHAUSTED"}}]"#;
        let Progress::Failed(told) = heard(Wire::Gemini, &[full]).progress() else { panic!() };
        assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["error"]["code"], 429);
        assert!(heard(Wire::Gemini, &[full]).has_failed() && !heard(Wire::Gemini, &[full]).is_cut());
    }

    #[test]
    fn what_cannot_be_read_is_nobodys_to_judge() {
        let mut tap = heard(Wire::OllamaChat, &["no JSON\n"]);
        assert_eq!(tap.progress(), Progress::Content);
        assert!(!tap.is_cut() && !tap.is_complete() && tap.broken(Kind::Internal, "gone").is_none());
    }
}
