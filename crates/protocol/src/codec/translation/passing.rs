//! A streamed answer on its way from one wire to the other.

use super::super::ollama::Room;
use super::super::tap::{Progress, usage};
use super::super::{StreamReader, StreamWriter};
use super::{Unusable, malformed};
use crate::dialect::Wire;
use crate::fault::Kind;
use crate::hub::free_text::FreeText;
use crate::hub::schema::Mismatch;
use crate::hub::shape_tool::{ShapeSteps, ShapeTool};
use crate::hub::{Counts, Delta, Request, marks};
use crate::usage::Usage;

/// A streamed answer on its way from one wire to the other.
pub struct Passing {
    reader: Box<dyn StreamReader>,
    writer: Box<dyn StreamWriter>,
    free: FreeText,
    shape: Option<ShapeSteps>,
    /// Where the answer does not keep to its schema. It is told at its end, behind what is counted.
    off: Option<Mismatch>,
    spoken: Wire,
    room: Option<Room>,
    /// The parts whose marks have begun.
    marked: Vec<usize>,
    steps: Vec<Delta>,
    counts: Option<Counts>,
    progress: Progress,
    told: Told,
}

/// What the caller was told of the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Nothing,
    /// The vendor's own error: nothing comes behind it.
    Error,
    End,
}

impl Passing {
    /// Out of the vendor's wire into the caller's, for what was asked, and by which tool.
    pub(super) fn of(
        (spoken, reader, writer): (Wire, Box<dyn StreamReader>, Box<dyn StreamWriter>),
        asked: &Request,
        tool: Option<ShapeTool>,
        room: Option<Room>,
    ) -> Self {
        Self {
            reader,
            writer,
            free: FreeText::of(asked),
            shape: tool.map(ShapeSteps::of),
            off: None,
            spoken,
            room,
            marked: Vec::new(),
            steps: Vec::new(),
            counts: None,
            progress: Progress::Nothing,
            told: Told::Nothing,
        }
    }

    /// What of a piece is for the caller, in its wire.
    ///
    /// # Errors
    /// When it is no stream of the vendor's wire, or the model wrote nothing usable.
    pub fn piece(&mut self, piece: &[u8]) -> Result<Vec<u8>, Unusable> {
        if self.told != Told::Nothing {
            return Ok(Vec::new());
        }
        self.reader.read(piece, &mut self.steps).map_err(Unusable::Unreadable)?;
        self.written(piece)
    }

    /// The connection ended. `None`: the answer had not.
    ///
    /// # Errors
    /// As for [`Self::piece`].
    pub fn end(&mut self) -> Result<Option<Vec<u8>>, Unusable> {
        if self.told != Told::Nothing {
            return Ok(Some(Vec::new()));
        }
        let complete = self.reader.end(&mut self.steps);
        let mut out = self.written(&[])?;
        if self.told == Told::Error {
            return Ok(Some(out));
        }
        if !complete {
            return Ok(None);
        }
        if let Some(say) = self.off.as_ref().map(off_schema) {
            out.extend(self.broken(Kind::UpstreamBadResponse, &say));
            return Ok(Some(out));
        }
        self.told = Told::End;
        self.writer.end(&mut out);
        Ok(Some(out))
    }

    /// What says that the answer broke off, in the caller's wire.
    pub fn broken(&mut self, kind: Kind, say: &str) -> Vec<u8> {
        let mut out = Vec::new();
        self.told = Told::Error;
        self.writer.broken(kind, say, &mut out);
        out
    }

    /// Whether all of the answer has come and is of no use: who has it is not helped by another one.
    pub fn is_spent(&self) -> bool {
        self.off.is_some()
    }

    /// Whether its caller was told that it failed.
    pub fn has_failed(&self) -> bool {
        self.told == Told::Error
    }

    /// What was counted so far.
    pub fn counted(&self) -> Option<Usage> {
        self.counts.map(usage)
    }

    /// How much of the prompt was read, where the vendor surely cut it.
    pub fn cut(&self) -> Option<u64> {
        let read = self.counts?.input;
        self.room.filter(|room| room.is_exceeded(read)).map(|_| read)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The steps that came with a piece.
    fn written(&mut self, piece: &[u8]) -> Result<Vec<u8>, Unusable> {
        let mut out = Vec::new();
        for mut step in std::mem::take(&mut self.steps) {
            self.progress.takes(&step, (self.spoken, piece));
            match &step {
                Delta::Counts(counts) => {
                    self.counts = Some(self.counts.map_or(*counts, |earlier| earlier.and(*counts)))
                }
                Delta::Fault(words) => {
                    self.writer.broken(Kind::UpstreamInterrupted, words, &mut out);
                    self.told = Told::Error;
                    break;
                }
                Delta::Stop(stop) => {
                    if let Some(word) = malformed(Some(stop)) {
                        return Err(Unusable::Malformed(word));
                    }
                }
                _ => {}
            }
            marks::claim_step(&mut step, self.spoken, &mut self.marked);
            for step in self.free.push(step) {
                self.write(step, &mut out);
            }
        }
        Ok(out)
    }

    /// Writes a step, or what it has become where a tool stands for a schema.
    fn write(&mut self, step: Delta, out: &mut Vec<u8>) {
        let Some(shape) = &mut self.shape else { return self.writer.write(step, out) };
        if self.off.is_some() {
            return;
        }
        let mut steps = Vec::new();
        self.off = shape.push(step, &mut steps).err();
        steps.into_iter().for_each(|step| self.writer.write(step, out));
    }
}

/// What the caller of a stream is told whose answer does not keep to its schema.
fn off_schema(mismatch: &Mismatch) -> String {
    format!(
        "The answer does not keep to the schema that was asked for: {mismatch}. What was sent of it is not to be used."
    )
}
