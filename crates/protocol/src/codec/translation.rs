//! One conversation between a caller who speaks one wire and a vendor who speaks another.

mod passing;

use http::StatusCode;
use serde_json::{Map, Value};

use super::{Habits, Mint, StreamReader, To, of, shapes};
use crate::dialect::Wire;
use crate::fault;
use crate::hub::free_text;
use crate::hub::schema::Mismatch;
use crate::hub::shape_tool::{self, ShapeTool};
use crate::hub::{Counts, Delta, Losses, Request, Response, Stop, Unreadable, Unsayable, marks, scatter};
use crate::usage::Usage;

pub use passing::Passing;

/// What is said between them.
#[derive(Debug)]
pub struct Translation {
    /// The caller's.
    asked: Wire,
    /// The vendor's.
    spoken: Wire,
    /// In a place of its own: it is large, and the call waits with it.
    request: Box<Request>,
    mint: Mint,
    /// The caller wants to read what was counted at the end of a stream.
    counted: bool,
    /// Marks of another vendor's were taken out.
    unmarked: bool,
    /// It stands for the schema that was asked for.
    tool: Option<Box<ShapeTool>>,
}

/// Why a vendor's answer is of no use to its caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// It is none of the vendor's wire, or nothing usable is in it.
    Unreadable(Unreadable),
    /// It does not keep to the schema it was asked for in.
    OffSchema(Mismatch),
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
        Ok(Self { asked, spoken, request: Box::new(request), mint, counted, unmarked, tool: None })
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

    /// Whether it asks for a schema that a tool has to stand for.
    pub fn needs_tool(&self, habits: Habits) -> bool {
        shapes::by_tool(self.spoken, &self.request, habits).is_some()
            && ShapeTool::of(&self.request).is_some()
    }

    /// The request for the vendor, and what it loses.
    ///
    /// # Errors
    /// When it cannot be asked without what the vendor's wire cannot say.
    pub fn request(&mut self, habits: Habits) -> Result<(Vec<u8>, Losses), Unreadable> {
        let mut losses = Losses::default();
        losses.add_if(self.unmarked, &MARKS);
        let by_tool = shapes::by_tool(self.spoken, &self.request, habits);
        let offered = by_tool.zip(ShapeTool::of(&self.request)).map(|(forces, tool)| {
            losses.add(&shape_tool::SCHEMA);
            let offered = tool.offer(&self.request, forces);
            self.tool = Some(Box::new(tool));
            offered
        });
        let request = offered.as_ref().unwrap_or(&self.request);
        if self.asked == self.spoken {
            return Ok((with_rest(self.spoken, request.clone(), habits, &mut losses)?, losses));
        }
        let body = of(self.spoken).write_request(request, habits, &mut losses)?;
        Ok((body, losses))
    }

    /// The vendor's whole answer, as its caller reads it: in its wire, as a stream if it asked for one; and what it counted.
    ///
    /// # Errors
    /// When nothing usable is in it.
    pub fn response(&self, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Unusable> {
        let mut response = of(self.spoken).read_response(body).map_err(Unusable::Unreadable)?;
        marks::claim(&mut response, self.spoken);
        free_text::unwrap(&mut response, &free_text::names(&self.request));
        if let Some(word) = response.answers.iter().find_map(|answer| malformed(answer.stop.as_ref())) {
            return Err(Unusable::Unreadable(Unreadable::new(word)));
        }
        if let Some(tool) = &self.tool {
            tool.unwrap(&mut response).map_err(Unusable::OffSchema)?;
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

    /// The vendor's refusal in the caller's words.
    pub fn refusal(&self, status: StatusCode, body: &[u8]) -> String {
        fault::answer(status, body, self.asked.dialect())
    }

    /// A header that goes with it.
    pub fn refusal_header(&self, status: StatusCode) -> Option<(&'static str, &'static str)> {
        fault::header(status, self.asked.dialect())
    }

    /// The vendor's streamed answer.
    pub fn stream(&self) -> Passing {
        let writer = of(self.asked).writer(&self.to());
        Passing::of(
            (self.spoken, of(self.spoken).reader(), writer),
            &self.request,
            self.tool.as_deref().cloned(),
        )
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

/// A request in its caller's own wire: the fields of the body that nobody here has a word for stand in it as they came.
fn with_rest(
    wire: Wire,
    mut request: Request,
    habits: Habits,
    losses: &mut Losses,
) -> Result<Vec<u8>, Unreadable> {
    // Those within others are known by their path.
    let (within, own): (Map<String, Value>, Map<String, Value>) =
        std::mem::take(&mut request.rest).into_iter().partition(|(name, _)| name.contains('.'));
    request.rest = within;
    let written = of(wire).write_request(&request, habits, losses)?;
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&written) else { return Ok(written) };
    for (name, value) in own {
        if body.contains_key(&name) {
            losses.field(&name);
        } else {
            body.insert(name, value);
        }
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

/// Who thinks is paid for it: its caller is shown what was thought unless it said otherwise.
fn show_thoughts(request: &mut Request) {
    if let Some(reasoning) = request.reasoning.as_mut().filter(|reasoning| !reasoning.is_off()) {
        reasoning.shown.get_or_insert(true);
    }
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
pub fn counted(wire: Wire, body: &[u8]) -> Option<Usage> {
    if !counts_apart(wire) {
        return None;
    }
    of(wire).read_response(body).ok()?.counts.map(usage)
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
