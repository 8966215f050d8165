//! One conversation between a caller who speaks one wire and a vendor who speaks another.

mod passing;

use serde_json::{Map, Value};

use super::json::bytes;
use super::ollama::Room;
use super::tap::usage;
use super::{Habits, Mint, To, of, shapes};
use crate::dialect::{Dialect, Wire};
use crate::hub::free_text;
use crate::hub::schema::Mismatch;
use crate::hub::shape_tool::{self, ShapeTool};
use crate::hub::{Losses, Request, Response, Stop, Unreadable, Unsayable, marks, scatter};
use crate::kept::Named;
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
    /// Where the vendor cuts what it has no room for, and does not say so.
    room: Option<Room>,
}

/// Why a vendor's answer is of no use to its caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// It is none of the vendor's wire.
    Unreadable(Unreadable),
    /// The model wrote nothing usable.
    Malformed(Unreadable),
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
        Ok(Self {
            asked,
            spoken,
            request: Box::new(request),
            mint,
            counted,
            unmarked,
            tool: None,
            room: None,
        })
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

    /// Says what the answer is called, and whether it is kept: that is the gateway's affair, and the vendor hears nothing of it.
    pub fn names(&mut self, answer: Named) {
        self.request.rest.shift_remove("previous_response_id");
        if answer.kept {
            self.request.rest.shift_remove("store");
        }
        self.request.named = Some(answer);
    }

    /// A stream is wanted as one JSON array, and not as events.
    pub fn in_array(&mut self, array: bool) {
        self.request.array = array && self.request.stream;
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
        let cuts = matches!(self.spoken, Wire::OllamaChat | Wire::OllamaGenerate);
        self.room = cuts.then(|| Room::of(&self.request));
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
            return Err(Unusable::Malformed(word));
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

    /// How much of the prompt was read, where the vendor surely cut it.
    pub fn cut(&self, counted: Usage) -> Option<u64> {
        self.room.filter(|room| room.is_exceeded(counted.input)).map(|_| counted.input)
    }

    fn scattered(&self, response: &Response) -> Vec<u8> {
        let (mut writer, mut out) = (of(self.asked).writer(&self.to()), Vec::new());
        scatter::steps(response).into_iter().for_each(|step| writer.write(step, &mut out));
        writer.end(&mut out);
        out
    }

    /// The vendor's wire.
    pub fn spoken(&self) -> Wire {
        self.spoken
    }

    /// Whether both speak the same wire: it is written anew, and in no other words.
    pub fn is_at_home(&self) -> bool {
        self.asked == self.spoken
    }

    /// The family of the caller's wire.
    pub fn asked(&self) -> Dialect {
        self.asked.dialect()
    }

    /// The vendor's streamed answer.
    pub fn stream(&self) -> Passing {
        let writer = of(self.asked).writer(&self.to());
        Passing::of(
            (self.spoken, of(self.spoken).reader(), writer),
            &self.request,
            self.tool.as_deref().cloned(),
            self.room,
        )
    }

    /// A stream was asked for.
    pub fn streams(&self) -> bool {
        self.request.stream
    }

    /// The `content-type` of what its caller gets.
    pub fn content_type(&self) -> &'static str {
        match (self.request.stream, self.request.array) {
            (true, false) => of(self.asked).stream_type(),
            (true, true) => "application/json; charset=UTF-8",
            (false, _) => "application/json",
        }
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
    Ok(bytes(&body))
}

/// Who thinks is paid for it: its caller is shown what was thought unless it said otherwise.
fn show_thoughts(request: &mut Request) {
    if let Some(reasoning) = request.reasoning.as_mut().filter(|reasoning| !reasoning.is_off()) {
        reasoning.shown.get_or_insert(true);
    }
}

/// Nothing usable was written: an error, and no answer (api-surface 8.1).
fn malformed(stop: Option<&Stop>) -> Option<Unreadable> {
    let Some(Stop::Malformed(word)) = stop else { return None };
    Some(Unreadable::new(format!("The model wrote neither an answer nor a call ({word}).")))
}
