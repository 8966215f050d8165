//! One conversation between a caller who speaks one wire and a vendor who speaks another.

use serde_json::{Map, Value};

use super::{Habits, Mint, StreamReader, StreamWriter, To, of};
use crate::dialect::{Dialect, Wire};
use crate::fault::Kind;
use crate::hub::free_text::{self, FreeText};
use crate::hub::{Counts, Delta, Losses, Request, Response, Stop, Unreadable, Unsayable, marks, scatter};
use crate::usage::Usage;

/// What is said between them.
#[derive(Debug)]
pub struct Translation {
    /// The caller's.
    asked: Wire,
    /// The vendor's.
    spoken: Wire,
    request: Request,
    mint: Mint,
    /// The caller wants to read what was counted at the end of a stream.
    counted: bool,
    /// Marks of another vendor's were taken out.
    unmarked: bool,
}

/// Marks of a vendor's that only it understands.
static MARKS: Unsayable =
    Unsayable { what: "thinking signature", why: "left out: only the vendor that made it understands it" };

impl Translation {
    /// Reads what a caller asks, for a vendor that calls the model `model`.
    ///
    /// # Errors
    /// When it is no request of the caller's wire.
    pub fn read(
        (asked, spoken): (Wire, Wire),
        body: &[u8],
        model: &str,
        streams: bool,
        mint: Mint,
    ) -> Result<Self, Unreadable> {
        let mut request = of(asked).read_request(body)?;
        model.clone_into(&mut request.model);
        request.stream = streams;
        // It is read on the way, whoever asked for it.
        let counted = std::mem::replace(&mut request.counted, true);
        let unmarked = marks::keep_own(&mut request, spoken, asked == spoken);
        if of(spoken).hides_thoughts() && !of(asked).hides_thoughts() {
            show_thoughts(&mut request);
        }
        Ok(Self { asked, spoken, request, mint, counted, unmarked })
    }

    /// Asks for room for so many tokens, where the vendor wants to be told and the caller did not say.
    pub fn makes_room(&mut self, tokens: u64) {
        if self.spoken != Wire::OllamaChat {
            return;
        }
        let options = self.request.rest.entry("options").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(options) = options {
            options.entry("num_ctx").or_insert_with(|| tokens.into());
        }
    }

    /// Whether the usage chunk at the end of the stream is kept from the caller, who did not ask for it.
    pub fn hides_usage(&self) -> bool {
        self.request.stream && !self.counted && matches!(self.asked, Wire::Chat | Wire::Completions)
    }

    /// The request for the vendor, and what it loses.
    ///
    /// # Errors
    /// When it cannot be asked without what the vendor's wire cannot say.
    pub fn request(&self, habits: Habits) -> Result<(Vec<u8>, Losses), Unreadable> {
        let mut losses = Losses::default();
        losses.add_if(self.unmarked, &MARKS);
        let body = of(self.spoken).write_request(&self.request, habits, &mut losses)?;
        Ok((body, losses))
    }

    /// The vendor's whole answer, as its caller reads it: in its wire, as a stream if it asked for one; and what it counted.
    ///
    /// # Errors
    /// When it is no answer of the vendor's wire, or nothing usable is in it.
    pub fn response(&self, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Unreadable> {
        let mut response = of(self.spoken).read_response(body)?;
        marks::claim(&mut response, self.spoken);
        free_text::unwrap(&mut response, &free_text::names(&self.request));
        if let Some(word) = response.answers.iter().find_map(|answer| malformed(answer.stop.as_ref())) {
            return Err(Unreadable::new(word));
        }
        let usage = response.counts.map(usage);
        Ok((
            if self.request.stream {
                self.scattered(&response)
            } else {
                of(self.asked).write_response(&response, &self.to())
            },
            usage,
        ))
    }

    fn scattered(&self, response: &Response) -> Vec<u8> {
        let (mut writer, mut out) = (of(self.asked).writer(&self.to()), Vec::new());
        scatter::steps(response).into_iter().for_each(|step| writer.write(step, &mut out));
        writer.end(&mut out);
        out
    }

    /// The family of the caller's wire.
    pub fn asked(&self) -> Dialect {
        self.asked.dialect()
    }

    /// The vendor's streamed answer.
    pub fn stream(&self) -> Passing {
        Passing {
            reader: of(self.spoken).reader(),
            writer: of(self.asked).writer(&self.to()),
            free: FreeText::of(&self.request),
            spoken: self.spoken,
            marked: Vec::new(),
            steps: Vec::new(),
            counts: None,
            told: Told::Nothing,
        }
    }

    /// A stream was asked for.
    pub fn streams(&self) -> bool {
        self.request.stream
    }

    /// The `content-type` of what its caller gets.
    pub fn content_type(&self) -> &'static str {
        if self.request.stream { of(self.asked).stream_type() } else { "application/json" }
    }

    /// What its caller gets is server-sent events.
    pub fn sends_events(&self) -> bool {
        self.request.stream && self.content_type().starts_with("text/event-stream")
    }

    fn to(&self) -> To<'_> {
        To { request: &self.request, mint: self.mint }
    }
}

/// Who thinks is paid for it: its caller is shown what was thought unless it said otherwise.
fn show_thoughts(request: &mut Request) {
    if let Some(reasoning) = request.reasoning.as_mut().filter(|reasoning| !reasoning.is_off()) {
        reasoning.shown.get_or_insert(true);
    }
}

/// A streamed answer on its way from one wire to the other.
pub struct Passing {
    reader: Box<dyn StreamReader>,
    writer: Box<dyn StreamWriter>,
    free: FreeText,
    spoken: Wire,
    /// The parts whose marks have begun.
    marked: Vec<usize>,
    steps: Vec<Delta>,
    counts: Option<Counts>,
    told: Told,
}

/// A streamed answer in its caller's own words, read beside for what it counts.
pub struct Tap {
    reader: Box<dyn StreamReader>,
    counts: Option<Counts>,
    /// It could not be read: what is not counted is estimated.
    lost: bool,
}

impl Tap {
    /// For an answer of a wire whose counts are not found as `usage` in its bytes.
    pub fn of(wire: Wire) -> Option<Self> {
        counts_apart(wire).then(|| Self { reader: of(wire).reader(), counts: None, lost: false })
    }

    /// Reads a piece.
    pub fn piece(&mut self, piece: &[u8]) {
        let mut steps = Vec::new();
        self.lost = self.lost || self.reader.read(piece, &mut steps).is_err();
        for step in steps {
            if let Delta::Counts(counts) = step {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
        }
    }

    /// What was counted so far.
    pub fn counted(&self) -> Option<Usage> {
        self.counts.map(usage)
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

/// What the caller was told of the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Nothing,
    /// The vendor's own error: nothing comes behind it.
    Error,
    End,
}

impl Passing {
    /// What of a piece is for the caller, in its wire.
    ///
    /// # Errors
    /// When it is no stream of the vendor's wire, or the model wrote nothing usable.
    pub fn piece(&mut self, piece: &[u8]) -> Result<Vec<u8>, Unreadable> {
        if self.told != Told::Nothing {
            return Ok(Vec::new());
        }
        self.reader.read(piece, &mut self.steps)?;
        self.written()
    }

    /// The connection ended. `None`: the answer had not.
    ///
    /// # Errors
    /// As for [`Self::piece`].
    pub fn end(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        if self.told != Told::Nothing {
            return Ok(Some(Vec::new()));
        }
        let complete = self.reader.end(&mut self.steps);
        let mut out = self.written()?;
        if self.told == Told::Error {
            return Ok(Some(out));
        }
        if !complete {
            return Ok(None);
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

    /// What was counted so far.
    pub fn counted(&self) -> Option<Usage> {
        self.counts.map(usage)
    }

    fn written(&mut self) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::new();
        for mut step in std::mem::take(&mut self.steps) {
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
                        return Err(Unreadable::new(word));
                    }
                }
                _ => {}
            }
            marks::claim_step(&mut step, self.spoken, &mut self.marked);
            for step in self.free.push(step) {
                self.writer.write(step, &mut out);
            }
        }
        Ok(out)
    }
}

/// Nothing usable was written: an error, and no answer (api-surface 8.1).
fn malformed(stop: Option<&Stop>) -> Option<String> {
    match stop {
        Some(Stop::Malformed(word)) => {
            Some(format!("The model wrote neither an answer nor a call ({word})."))
        }
        _ => None,
    }
}

/// The counts as they are booked.
fn usage(counts: Counts) -> Usage {
    Usage { input: counts.input, output: counts.output, cached: counts.cached, reasoning: counts.thought }
}
